"""Candor as a user runs it: real processes on a free port, an instance folder of its own, the real command."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests import warm
from tests.doubles import free_port

PATIENCE = 60.0


FEW = ("web", "scheduler", "worker", "worker")
SEVERAL = ("web", "scheduler", "scheduler", "worker", "worker", "worker", "worker")


class Running:
    """`with Running(tmp_path, CANDOR_SMTP_URL=…) as candor:` starts `candor run` and waits until it answers.

    With `SEVERAL` commands it is instead what several machines would run: web, two schedulers and four workers.
    """

    def __init__(self, folder: Path, commands: Sequence[str] = ("run",), **settings: str) -> None:
        self.commands = commands
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
        self.environment = inherited | {
            "CANDOR_INSTANCE_DIR": str(folder / "instance"),
            "CANDOR_DATABASE_URL": os.environ.get("CANDOR_DATABASE_URL", ""),
            "CANDOR_PORT": str(self.port),
            "CANDOR_BASE_URL": self.url,
            "CANDOR_LEASE_SECONDS": "2",
            "CANDOR_RETRY_SECONDS": "1",
            "CANDOR_WEB_WORKERS": "1",
            "CANDOR_HOLD_SECONDS": "0",
            "CANDOR_LOG_LEVEL": "warning",
            **settings,
        }
        self.log = folder / "candor.log"
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The first of the processes, which answers."""
        return self.processes[0] if self.processes else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if any(process.poll() is None for process in self.processes):
            self.stop()

    def start(self) -> None:
        """Start the processes and wait until the page is ready."""
        self.processes = [self._begin(command) for command in self.commands]
        wait_until(self._is_ready, "Candor did not become ready", lambda: self.log.read_text(errors="replace")[-2000:])

    def stop(self) -> int:
        """SIGTERM, as a service manager does it; the exit code."""
        assert self.processes
        for process in self.processes:
            process.terminate()
        return max(abs(process.wait(PATIENCE)) for process in self.processes)

    def stop_all(self) -> int:
        """SIGTERM to every process at once, as systemd does by default; the exit code."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGTERM)
        return self.process.wait(2 * PATIENCE)

    def kill(self) -> None:
        """Kill -9 of every process at once: the machine's power, as far as a process can tell."""
        for process in self.processes:
            kill(process)

    def _begin(self, command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "wsgi", command],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).parent.parent,
            )

    def replace(self, number: int) -> None:
        """Kill -9 of one process, and another in its place."""
        kill(self.processes[number])
        self.processes[number] = self._begin(self.commands[number])

    def command(self, *words: str) -> str:
        """Run `candor …` beside the running service; what it printed."""
        done = warm.run(words, self.environment)
        assert done.code == 0, f"candor {' '.join(words)}\n{done.said}{done.complained}"
        return done.said.strip()

    def incident(self, public_id: str) -> dict[str, Any]:
        """`candor incident show --json`."""
        shown: dict[str, Any] = json.loads(self.command("incident", "show", public_id, "--json"))
        return shown

    def get(self, path: str) -> str:
        """The body of a page."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            body: bytes = answer.read()
        return body.decode()

    def _is_ready(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError(f"Candor ended: {self.log.read_text(errors='replace')[-2000:]}")
        try:
            return "ready" in self.get("/readyz")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9 of a process with all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)


def wait_until(
    is_true: Callable[[], bool],
    otherwise: str,
    evidence: Callable[[], str] = lambda: "",
    patience: float = PATIENCE,
) -> None:
    """Return as soon as the condition holds; fail with the sentence and the evidence when patience ends."""
    deadline = time.monotonic() + patience
    while not is_true():
        assert time.monotonic() < deadline, f"{otherwise}. {evidence()}"
        time.sleep(0.05)
