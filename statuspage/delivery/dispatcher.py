"""The dispatcher: gives each channel what is due, and writes down each outcome as it comes."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from notifiers import (
    Channel,
    DeliveryError,
    HasSchedule,
    KnowsRepeats,
    Outcome,
    Receipt,
    Reconciles,
    UncertainDeliveryError,
)

from ..clock import utcnow
from ..db import db
from ..vocabulary import Lane
from . import breakers
from .closing import close_next
from .expansion import expand_next
from .feed import ALL_LANES, Feed
from .ledger import Ledger
from .owed import Manners, judge
from .pulse import Beat

log = structlog.get_logger(__name__)

# In flight, or answered for and not yet written down: what a kill at the worst moment makes arrive twice, at most.
WINDOW = 50
# An outcome waits for company no longer than this, and in no greater company.
WRITE_AFTER = timedelta(milliseconds=5)
WRITE_TOGETHER = 40
LONGEST_WAIT = timedelta(minutes=30)


# How long to wait after so many attempts, when the other side wishes for so much.
Pause = Callable[[int, timedelta | None], timedelta]


@dataclass
class Dispatcher:
    """Sends what the ledger owes over the given channels."""

    channels: Mapping[str, Channel]
    lease: timedelta = timedelta(seconds=60)
    retry: timedelta = timedelta(seconds=30)
    window: int = WINDOW
    clock: Callable[[], datetime] = utcnow
    jitter: Callable[[], float] = field(default=random.random)
    is_stopping: Callable[[], bool] = field(default=lambda: False)
    is_out_of_time: Callable[[], bool] = field(default=lambda: False)
    feed: Feed | None = None
    beat: Beat | None = None

    def run_until_idle(self) -> int:
        """Expand and deliver everything that is due now; how many deliveries were taken up is returned."""
        total = 0
        while expand_next(self.clock()) or close_next(self.clock()):
            pass
        while taken := sum(self.deliver_due(channel) for channel in self.channels):
            total += taken
        return total

    def deliver_due(self, channel: str, lanes: Sequence[Lane] = ALL_LANES) -> int:
        """Deliver what is due on this channel until nothing is; how many messages were given to it is returned.

        A channel whose breaker is open is left alone, and asked with one message when its time has come.
        """
        breaker = breakers.find(channel)
        if breaker is not None and breaker.until > self.clock():
            return 0
        live = self.channels[channel]
        feed = Feed(
            live, Ledger(self.clock), lanes, self.lease, self.clock, self.is_stopping, self.window,
            most=1 if breaker is not None else None, is_out_of_time=self.is_out_of_time,
        )  # fmt: skip
        self.feed = feed
        manners = Manners(
            isinstance(live, Reconciles), isinstance(live, KnowsRepeats) and live.knows_repeats,
            len(live.schedule) + 1 if isinstance(live, HasSchedule) else 0,
        )  # fmt: skip
        pause, due_at = self._pauses_of(live), None
        try:
            for outcome in live.deliver(feed):
                self._settle(feed, outcome, manners, pause)
            if feed.failure is not None:
                due_at = self._trip(channel, feed.failure, breaker.failures if breaker else 0)
            elif breaker is not None and feed.taken:
                breakers.close(channel)
        finally:
            feed.end(due_at)
            self.feed = None
        return feed.taken

    def renew(self) -> None:
        """Keep what this worker holds for another lease; called from outside while `deliver_due` runs."""
        if feed := self.feed:
            feed.renew()

    def _settle(self, feed: Feed, outcome: Outcome, manners: Manners, pause: Pause) -> None:
        owed, result, now = feed.take_back(outcome.key), outcome.result, self.clock()
        if self.beat is not None:
            self.beat.at = now
            if isinstance(result, Receipt):
                self.beat.sent_at = now
        if isinstance(result, DeliveryError):
            if result.__cause__:
                log.warning("delivery.trouble", channel=feed.channel.kind, cause=repr(result.__cause__))
            if result.is_channel_wide:
                feed.failure = result
                if owed.way is not None and not isinstance(result, UncertainDeliveryError):
                    return  # it never left, and stays in its shard
        ledger = feed.ledger
        ledger.note(owed, judge(result, owed, manners, pause))
        if len(ledger.pending) >= WRITE_TOGETHER or ledger.is_older_than(WRITE_AFTER, now):
            ledger.write()

    def _trip(self, channel: str, failure: DeliveryError, failures: int) -> datetime:
        """Leave the channel in peace for a while; until when is returned."""
        pause = min(
            self._pause(failures, failure.retry_after), max(breakers.LONGEST, failure.retry_after or timedelta(0))
        )
        until = breakers.trip(channel, str(failure), pause, self.clock())
        db.session.commit()
        return until

    def _pauses_of(self, channel: Channel) -> Pause:
        """How long to wait after so many attempts: by the channel's own schedule where it has one."""
        if not isinstance(channel, HasSchedule):
            return self._pause
        schedule = channel.schedule

        def pause(attempts: int, wished: timedelta | None) -> timedelta:
            usual = schedule[min(attempts, len(schedule) - 1)] * (1 + self.jitter() / 10)
            return max(usual, wished) if wished else usual

        return pause

    def _pause(self, attempts: int, wished: timedelta | None) -> timedelta:
        """Exponential backoff with jitter; what the other side asked for is the least."""
        ceiling = min(self.retry * (1 << min(attempts, 20)), LONGEST_WAIT)
        pause: timedelta = ceiling * (0.5 + self.jitter() / 2)
        return max(pause, wished) if wished else pause
