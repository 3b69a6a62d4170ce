"""PostgreSQL's own tools, asked with the address in the environment: a command line can be read by others."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from ..errors import Conflict

MAGIC = b"PGDMP"
PACKAGE = "Install PostgreSQL's client tools (on Debian: apt-get install postgresql-client) in the server's version."
_RESET = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"


def dump(url: URL, target: Path) -> None:
    """The target holds the whole database as it was at one moment, for pg_restore."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def restore(url: URL, source: Path) -> None:
    """The database is what the file says and nothing else, or is left as it was."""
    script = source.with_name(f"{source.name}.sql")
    os.close(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _run(url, "pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(source), reads_only=True)
        # The dump makes the schema itself where it was not the usual one; ours is the usual one, emptied first.
        _run(url, "psql", "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1",
             f"--command={_RESET}", f"--file={script}")  # fmt: skip
    finally:
        script.unlink()


def _run(url: URL, tool: str, *options: str, reads_only: bool = False) -> None:
    program = shutil.which(tool)
    if program is None:
        raise Conflict(f"There is no {tool} here. {PACKAGE}")
    address = {
        "PGHOST": url.host or (url.query.get("host") or ""),
        "PGPORT": str(url.port or url.query.get("port") or ""),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
        "PGSSLMODE": url.query.get("sslmode") or "",
        "PGSSLROOTCERT": url.query.get("sslrootcert") or "",
    }
    environment = os.environ | ({} if reads_only else {name: str(value) for name, value in address.items() if value})
    done = subprocess.run([program, *options], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Conflict(f"{tool} says: {' '.join(done.stderr.split())[:500]}")
