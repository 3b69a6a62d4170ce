"""Pacing: a sender that may send only so often, kept to it over all processes by one row in the database.

The row says from when the sender is free. Who wants to send moves it on by as long as their messages take, and sends
when the moment that they found there has come: whatever the order in which processes ask, no two get the same one.
The moments lie a little further apart than the rate asks for, so that no second sees more than the rate even when a
message is late by as much as `LATENESS`.
"""

import math
import time
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

LATENESS = timedelta(milliseconds=40)
SECOND = timedelta(seconds=1)
# So often a second is the database asked at most, about: faster senders get several messages at a time.
ASKED_PER_SECOND = 50
# A row that is further ahead than this was written by a clock that has been put back since.
FURTHEST = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Rhythm:
    """How a rate is kept: at most so many messages together, and so much time for each of them."""

    group: int
    each: timedelta

    @classmethod
    def of(cls, per_second: float) -> "Rhythm":
        """The rhythm of a rate above 0. A group may be cut by the beginning of a second and counts for one less."""
        if per_second < 1:
            return cls(1, (SECOND + LATENESS) / per_second)
        most = math.floor(per_second)
        group = max(1, most // ASKED_PER_SECOND)
        return cls(group, (SECOND + LATENESS) / (most - group + 1))


def reserve(
    sender: str, wanted: int, per_second: float, clock: Callable[[], datetime] = utcnow
) -> tuple[int, timedelta]:
    """How many of the wanted messages may leave, and in how long; for the rest ask again.

    Writes in a transaction of its own, so never call it inside one that writes.
    """
    granted, starts_at = _reserve(sender, wanted, per_second, clock)
    return granted, max(timedelta(), starts_at - clock())


@dataclass
class Throttle:
    """Lets one worker's messages on a channel leave in its pace; on a channel without one, all at once.

    `sleep` may be an `Event.wait`, so that a process that is asked to end need not wait for its turn.
    """

    channel: Channel
    clock: Callable[[], datetime] = utcnow
    sleep: Callable[[float], object] = time.sleep
    _left: int = field(default=0, init=False)
    _good_until: datetime = field(default=_EPOCH, init=False)

    def take(self, wanted: int) -> int:
        """Sleep until some of these messages may leave, and say how many; they must leave at once."""
        pace = self.channel.pace if isinstance(self.channel, Paced) else None
        if pace is None or wanted < 1:
            return wanted
        granted, lateness = self._take(*pace, wanted)
        if lateness > LATENESS / 2:  # we overslept, and others may be in our second by now
            granted, _ = self._take(*pace, wanted)
        return granted

    def wait(self, wanted: int = 1_000_000) -> None:
        """Sleep until one more message may leave; `wanted` is how many are still to come, as far as is known."""
        if self._left < 1 or self.clock() > self._good_until:
            self._left = self.take(wanted)
            self._good_until = self.clock() + LATENESS / 2
        self._left -= 1

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

    def _take(self, sender: str, per_second: float, wanted: int) -> tuple[int, timedelta]:
        granted, starts_at = _reserve(sender, wanted, per_second, self.clock)
        if (wait := starts_at - self.clock()) > timedelta():
            self.sleep(wait / SECOND)
        return granted, self.clock() - starts_at


def _reserve(sender: str, wanted: int, per_second: float, clock: Callable[[], datetime]) -> tuple[int, datetime]:
    """How many may leave, and when."""
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
