"""`candor …` in a process of its own that need not import everything first: it is forked by one that has.

A command spends most of its time on importing. What it does afterwards is the same, with its own environment, its own
connections and its own end; the services under test are started as their users start them.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

PATIENCE = 120.0
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int | None
    said: str
    complained: str


def run(words: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run one command to its end."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["wsgi", "tests.warm"])
    with tempfile.TemporaryDirectory(prefix="candor-said-") as name:
        out, err = Path(name) / "out", Path(name) / "err"
        process = context.Process(target=_be, args=(list(words), dict(environment), str(out), str(err)), daemon=True)
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
        done = Done(process.exitcode, out.read_text(errors="replace"), err.read_text(errors="replace"))
        process.close()
    return done


def _be(words: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Become the command."""
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["candor", *words]
    from wsgi import main

    main()
