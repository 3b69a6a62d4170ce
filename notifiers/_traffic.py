"""Manners towards foreign hosts, shared by all threads of a process.

At most five sockets to one host; a host that failed five times in a row is left alone for longer and longer; hosts
known to be slow share a few places among them, so that they never take all; a hook that asked for a pause gets it.
Whoever finds no place hears `Postponed` at once, or after two seconds at most: nobody waits behind a slow host.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ._contract import Health, Postponed

PER_HOST = 5
PATIENCE = 2.0
TRIPS_AFTER = 5
FIRST_REST, LONGEST_REST = 30.0, 600.0
SLOW_SECONDS = 5.0
SLOW_AT_ONCE = 10
BUSY_FOR = 10.0
MOST_REMEMBERED = 10_000


@dataclass
class _Host:
    running: int = 0
    waiting: int = 0
    failures: int = 0
    resting_until: float = 0.0
    reason: str = ""
    is_slow: bool = False

    @property
    def is_tripped(self) -> bool:
        return self.failures >= TRIPS_AFTER

    @property
    def is_plain(self) -> bool:
        """Whether forgetting it would lose nothing."""
        return not (self.running or self.waiting or self.failures or self.is_slow)


@dataclass
class Traffic:
    """Who may be called now, and what became of those who were."""

    pace: float = 0.0
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    patience: float = PATIENCE
    _hosts: dict[str, _Host] = field(default_factory=dict, init=False)
    _not_before: dict[str, float] = field(default_factory=dict, init=False)
    _slow: int = field(default=0, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False, repr=False)

    @contextmanager
    def turn(self, host: str, hook: str) -> Iterator[None]:
        """A place at this host while the block lasts; raises Postponed when there is none for this hook now."""
        with self._changed:
            known = self._enter(host, hook)
            counted_slow = known.is_slow
            self._slow += counted_slow
        try:
            yield
        finally:
            with self._changed:
                known.running -= 1
                self._slow -= counted_slow
                self._changed.notify_all()

    def worked(self, host: str, seconds: float) -> None:
        """The host answered, well or badly: it is there."""
        with self._changed:
            known = self._host(host)
            known.failures, known.resting_until, known.reason = 0, 0.0, ""
            known.is_slow = seconds > SLOW_SECONDS

    def failed(self, host: str, reason: str, seconds: float) -> None:
        """The host did not answer, or said that it cannot; after a few such it is left alone for a while."""
        with self._changed:
            known = self._host(host)
            known.failures += 1
            known.reason = reason
            known.is_slow = seconds > SLOW_SECONDS
            if known.is_tripped:
                rest = min(FIRST_REST * 2 ** min(known.failures - TRIPS_AFTER, 10), LONGEST_REST)
                known.resting_until = self.clock() + rest * (0.75 + self.jitter() / 2)

    def pause(self, hook: str, span: timedelta) -> None:
        """The hook asked to be left alone for a while."""
        with self._changed:
            self._not_before[hook] = max(self._not_before.get(hook, 0.0), self.clock() + span.total_seconds())

    def health(self) -> tuple[Health, ...]:
        """The hosts that are in trouble."""
        with self._changed:
            now, wall = self.clock(), datetime.now(UTC)
            return tuple(
                Health(
                    host,
                    "open" if known.resting_until > now else "half_open",
                    known.reason,
                    wall + timedelta(seconds=known.resting_until - now) if known.resting_until > now else None,
                )
                for host, known in self._hosts.items()
                if known.is_tripped
            )

    def _enter(self, host: str, hook: str) -> _Host:
        now, known = self.clock(), self._host(host)
        if (early := self._not_before.get(hook, 0.0) - now) > 0:
            raise self._later("This webhook asked us to slow down.", early)
        if known.resting_until > now:
            raise self._later(f"The host is left alone for a while: {known.reason}", known.resting_until - now)
        if known.is_tripped and known.running:
            raise self._later("The host is being tried again, carefully.", BUSY_FOR)
        if known.is_slow and self._slow >= SLOW_AT_ONCE:
            raise self._later("The host is slow, and so are enough others just now.", BUSY_FOR)
        if known.running >= PER_HOST:
            self._wait_for_a_place(known)
        known.running += 1
        if self.pace:
            self._not_before[hook] = self.clock() + self.pace
        return known

    def _wait_for_a_place(self, known: _Host) -> None:
        if known.waiting >= PER_HOST:
            raise self._later("The host is busy with others of our messages.", BUSY_FOR)
        known.waiting += 1
        try:
            if not self._changed.wait_for(lambda: known.running < PER_HOST, self.patience):
                raise self._later("The host is busy with others of our messages.", BUSY_FOR)
        finally:
            known.waiting -= 1

    def _later(self, sentence: str, seconds: float) -> Postponed:
        """With jitter, so that those who were sent away do not come back all at once."""
        return Postponed(sentence, timedelta(seconds=seconds * (1 + self.jitter() / 2)), code="busy")

    def _host(self, host: str) -> _Host:
        if len(self._hosts) > MOST_REMEMBERED:
            self._hosts = {name: known for name, known in self._hosts.items() if not known.is_plain}
        if len(self._not_before) > MOST_REMEMBERED:
            now = self.clock()
            self._not_before = {hook: at for hook, at in self._not_before.items() if at > now}
        return self._hosts.setdefault(host, _Host())
