"""Nobody outlives who started them: when the parent is gone a process ends, and a restart finds its port free."""

import os
import signal
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.25


def end_with_parent(grace: float) -> None:
    """Watch standard input, a pipe that only our parent holds open, and end when it closes."""
    _watch(lambda: bool(os.read(0, 1)), grace)


def end_with_process(pid: int, grace: float) -> None:
    """Watch who our parent is, and end when it is no longer this process."""

    def is_there() -> bool:
        time.sleep(POLL_SECONDS)
        return os.getppid() == pid

    _watch(is_there, grace)


def end_within(grace: float) -> None:
    """End after so many seconds at the latest, whatever hangs: leases bring back what was in hand."""

    def wait() -> None:
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=wait, name="deadline", daemon=True).start()


def _watch(is_parent_there: Callable[[], bool], grace: float) -> None:
    def watch() -> None:
        while is_parent_there():
            pass
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
