"""Pacing: a sender that may send only so often, kept to it over all processes by one row in the database.

The row says from when the sender is free. Who wants to send moves it on by as long as some messages take, and sends
each when the moment that they found for it has come: whatever the order in which processes ask, no two get the same
one. The moments lie a little further apart than the rate asks for, so that no second sees more than the rate even
when a message is late by as much as `LATENESS`. They are asked for ahead, so that a slow database costs none.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import BigInteger, and_, case, literal, update
from sqlalchemy.engine import Connection

from notifiers import Channel, Paced

from .clock import utcnow
from .db import db, upsert
from .models import Pace

T = TypeVar("T")

LATENESS = timedelta(milliseconds=35)
SECOND = timedelta(seconds=1)
# Moments are handed out for so long at a time, at most.
AHEAD = timedelta(milliseconds=100)
# A row that is further ahead than this was written by a clock that has been put back since.
FURTHEST = timedelta(minutes=1)
# Moments missed one after the other until one is taken however late: better a little late than never.
_PATIENCE = 100
_NAP = 0.25
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Rhythm:
    """How a rate is kept: one message after so much time, and so many moments handed out at once."""

    each: timedelta
    group: int

    @classmethod
    def of(cls, per_second: float) -> "Rhythm":
        """The rhythm of a rate above 0."""
        most = math.floor(per_second) if per_second >= 1 else per_second
        return cls((SECOND + LATENESS) / most, max(1, math.floor(most * AHEAD / SECOND)))


def nap(is_stopping: Callable[[], bool]) -> Callable[[float], None]:
    """A sleep that somebody who is asked to end wakes from soon."""

    def sleep(seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not is_stopping():
            time.sleep(min(left, _NAP))

    return sleep


def reserve(
    sender: str, wanted: int, per_second: float, clock: Callable[[], datetime] = utcnow
) -> tuple[int, timedelta]:
    """How many of the wanted messages may leave, one by one in their rhythm, and in how long the first of them.

    For the rest ask again. Writes in a transaction of its own, so never call it inside one that writes.
    """
    granted, starts_at = _reserve(sender, wanted, per_second, clock)
    return granted, max(timedelta(), starts_at - clock())


@dataclass
class Throttle:
    """Lets one worker's messages on a channel leave in its pace; on a channel without one, all at once.

    With `nap` as `sleep`, a process that is asked to end need not wait for its turn: nothing more may leave then.
    """

    channel: Channel
    clock: Callable[[], datetime] = utcnow
    sleep: Callable[[float], object] = time.sleep
    _moments: deque[datetime] = field(default_factory=deque, init=False)

    def wait(self, wanted: int = 1_000_000) -> None:
        """Sleep until one more message may leave; `wanted` is how many are still to come, as far as is known."""
        pace = self.channel.pace if isinstance(self.channel, Paced) else None
        if pace is None:
            return
        for _ in range(_PATIENCE):
            moment = self._next_moment(*pace, wanted)
            if (ahead := moment - self.clock()) > timedelta():
                self.sleep(ahead / SECOND)
            if self.clock() - moment <= LATENESS / 2:
                return  # otherwise we overslept, and others may be in our second by now

    def paced(self, things: Iterable[T]) -> Iterator[T]:
        """The things, each when its message may leave; the next one is made only then."""
        feed = iter(things)
        while True:
            self.wait()
            try:
                thing = next(feed)
            except StopIteration:
                return
            yield thing

    def _next_moment(self, sender: str, per_second: float, wanted: int) -> datetime:
        rhythm = Rhythm.of(per_second)
        if len(self._moments) < min(wanted, rhythm.group):
            granted, starts_at = _reserve(sender, wanted - len(self._moments), per_second, self.clock)
            self._moments.extend(starts_at + number * rhythm.each for number in range(granted))
        return self._moments.popleft()


def _reserve(sender: str, wanted: int, per_second: float, clock: Callable[[], datetime]) -> tuple[int, datetime]:
    """How many may leave, and when the first of them."""
    rhythm = Rhythm.of(per_second)
    granted = max(1, min(wanted, rhythm.group))
    with db.engine.begin() as connection:
        _hold(connection, sender)
        # Read when the row is ours and not before: who waited for the database must not think it is still earlier.
        now = (clock() - _EPOCH) // _MICROSECOND
        starts = _move_on(connection, sender, now, max(1, rhythm.each * granted // _MICROSECOND))
    return granted, _EPOCH + timedelta(microseconds=starts)


def _hold(connection: Connection, sender: str) -> None:
    """The sender's row is there, and ours until we commit."""
    row = upsert(Pace).values(sender=sender[:64], free_from=0)
    connection.execute(row.on_conflict_do_update(index_elements=["sender"], set_={"free_from": Pace.free_from}))


def _move_on(connection: Connection, sender: str, now: int, span: int) -> int:
    """Take the next free moment for as long as `span`; when it begins is returned."""
    moment, furthest = literal(now, BigInteger), now + FURTHEST // _MICROSECOND + 10 * span
    is_ahead = and_(Pace.free_from > moment, Pace.free_from <= literal(furthest, BigInteger))
    begins = case((is_ahead, Pace.free_from), else_=moment)
    moved = update(Pace).where(Pace.sender == sender[:64]).values(free_from=begins + span)
    ends: int = connection.execute(moved.returning(Pace.free_from)).scalar_one()
    return ends - span
