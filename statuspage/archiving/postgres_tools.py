"""PostgreSQL's own tools, asked with the address in the environment: a command line can be read by others."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from ..errors import Conflict

MAGIC = b"PGDMP"
PACKAGE = "Install PostgreSQL's client tools (on Debian: apt-get install postgresql-client) in the server's version."
_RESET = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"


def dump(url: URL, target: Path) -> None:
    """The target holds the whole database as it was at one moment, for pg_restore; raises Conflict, and leaves none."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    except Conflict:
        target.unlink()
        raise


def restore(url: URL, source: Path) -> None:
    """The database is what the file says and nothing else, or is left as it was."""
    script = source.with_name(f"{source.name}.sql")
    os.close(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _run(None, "pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(source))
        # One transaction for both: what was there goes only if what comes instead is whole.
        _run(url, "psql", "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1",
             f"--command={_RESET}", f"--file={script}")  # fmt: skip
    finally:
        script.unlink()


def revision(source: Path) -> str:
    """The schema's revision in a dump; raises Conflict where it is no database of Candor's."""
    said = _run(None, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(source))
    found = re.search(r"^COPY .*alembic_version.*\n(\w+)$", said, re.MULTILINE)
    if not found:
        raise Conflict(f"{source.name} is no database of Candor's.")
    return found[1]


def _run(url: URL | None, tool: str, *options: str) -> str:
    program = shutil.which(tool)
    if program is None:
        raise Conflict(f"There is no {tool} here. {PACKAGE}")
    environment = os.environ | (_address(url) if url else {})
    done = subprocess.run([program, *options], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Conflict(f"{tool} says: {' '.join(done.stderr.split())[:500]}")
    return done.stdout


def _address(url: URL) -> dict[str, str]:
    known = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port or url.query.get("port"),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("sslmode"),
        "PGSSLROOTCERT": url.query.get("sslrootcert"),
    }
    return {name: str(value) for name, value in known.items() if value}
