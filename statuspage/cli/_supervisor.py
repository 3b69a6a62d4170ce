"""One parent for the processes of an installation: starts them, replaces what dies, ends them together."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
PAUSES = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_AFTER = 60.0
# A little longer than any of them gives itself.
PATIENCE = 9.5


@dataclass
class Child:
    """One process that should be there. Its standard input is a pipe that closes when we die."""

    name: str
    command: Sequence[str]
    keeps: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started_at: float = 0.0
    due_at: float = 0.0

    def start(self, now: float) -> None:
        """Start it deaf to Ctrl-C, which reaches a whole terminal: we hear it, and end all of them in order."""
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, pass_fds=tuple(self.keeps))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        self.started_at = now

    def tend(self, now: float) -> None:
        """Start it when it is due; when it has died, decide when it is due again."""
        if self.process is None:
            if now >= self.due_at:
                self.start(now)
            return
        code = self.process.poll()
        if code is None:
            return
        self.forget()
        self.deaths = 0 if now - self.started_at > HEALTHY_AFTER else self.deaths
        pause = PAUSES[min(self.deaths, len(PAUSES) - 1)]
        self.deaths += 1
        self.due_at = now + pause
        log.warning("process.ended", process=self.name, code=code, again_in=pause)

    def forget(self) -> None:
        """Close what held it."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


@dataclass
class Supervisor:
    """Runs the given commands until it is asked to end."""

    commands: Mapping[str, Sequence[str]]
    is_ready: Callable[[], bool]
    announce: Callable[[], None]
    keeps: Sequence[int] = ()
    patience: float = PATIENCE
    asked: int = 0

    def run(self) -> int:
        """The exit code: 0 when every process ended when asked, 1 when one had to be killed."""
        children = [Child(name, command, self.keeps) for name, command in self.commands.items()]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        is_announced = False
        try:
            while not self.asked:
                time.sleep(POLL_SECONDS)
                for child in children:
                    child.tend(time.monotonic())
                if not is_announced and self.is_ready():
                    self.announce()
                    is_announced = True
        finally:
            are_gone = self._end(children)
        return 0 if are_gone else 1

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        """The first signal asks for the end, a second one for the end at once. Nothing here may wait for a lock."""
        self.asked += 1

    def _end(self, children: Sequence[Child]) -> bool:
        running = [child.process for child in children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.patience
        while any(process.poll() is None for process in running):
            if time.monotonic() > deadline or self.asked > 1:
                break
            time.sleep(POLL_SECONDS / 2)
        stubborn = [process for process in running if process.poll() is None]
        for process in stubborn:
            process.kill()
            process.wait()
        for child in children:
            child.forget()
        return not stubborn
