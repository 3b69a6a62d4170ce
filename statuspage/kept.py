"""Answers that cost something are kept for a while, the longer the more they cost; cheap ones are asked anew."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app

T = TypeVar("T")

CHEAP = 0.05
MOST = 200
# A screen that asks again and again may cost this share of a processor, whatever it looks at.
SHARE = 0.1
LONGEST = 60.0


class Kept:
    """What one process remembers: (until when, answer) by key. In a process of its own it may be as old as it cost."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._answers: dict[Any, tuple[float, Any]] = {}

    def get(self, key: Any, ask: Callable[[], T]) -> T:
        """The kept answer, or a new one."""
        with self._lock:
            until, answer = self._answers.get(key, (0.0, None))
        begun = self.clock()
        if begun < until:
            kept: T = answer
            return kept
        fresh = ask()
        cost = self.clock() - begun
        if cost > CHEAP:
            with self._lock:
                if len(self._answers) >= MOST:
                    self._answers.clear()
                self._answers[key] = (begun + cost + min(LONGEST, cost / SHARE), fresh)
        return fresh

    def forget(self, key: Any) -> None:
        """It has changed: ask anew."""
        with self._lock:
            self._answers.pop(key, None)


def init_app(app: Flask) -> None:
    """Give the app its memory."""
    app.extensions["candor.kept"] = Kept()


def kept() -> Kept:
    """The running app's memory."""
    found: Kept = current_app.extensions["candor.kept"]
    return found
