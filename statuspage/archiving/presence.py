"""Whether Candor is running on this instance folder: serving processes hold a lock there for as long as they live."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Conflict

_held: dict[Path, int] = {}


def show(folder: Path) -> None:
    """From now on this process counts as running, until it ends."""
    path = folder.resolve() / "running.lock"
    if path in _held:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Conflict("A backup is being restored here. Start Candor again when that is done.") from error
    _held[path] = descriptor


@contextmanager
def nobody(folder: Path) -> Iterator[None]:
    """Nothing is running on this folder, and nothing starts until the block ends; raises Conflict otherwise."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "running.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Conflict("Candor is running here. Stop it, and restore then.") from error
    finally:
        os.close(descriptor)
