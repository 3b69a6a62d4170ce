"""The dispatcher: claims what is due, reads eligibility again, sends, settles each outcome as it comes."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import bindparam, insert, select, update

from notifiers import (
    Channel,
    DeliveryError,
    Envelope,
    Outcome,
    PermanentDeliveryError,
    Receipt,
    UncertainDeliveryError,
)

from .. import subscribers
from ..clock import utcnow
from ..db import db, reading
from ..models import Attempt, Delivery
from ..vocabulary import DeliveryState, Lane
from . import claims, messages
from .eligibility import refusal
from .expansion import expand_next, supersede_older

log = structlog.get_logger(__name__)

WINDOW = 50
ALL_LANES = (Lane.FAST, Lane.BULK)
LONGEST_WAIT = timedelta(minutes=30)
ASK_AGAIN_AFTER = timedelta(minutes=10)
POISON_TRIES = 3
NOTHING_HELD = datetime.min.replace(tzinfo=UTC)


@dataclass
class Dispatcher:
    """Sends what the ledger owes over the given channels."""

    channels: Mapping[str, Channel]
    lease: timedelta = timedelta(seconds=60)
    retry: timedelta = timedelta(seconds=30)
    clock: Callable[[], datetime] = utcnow
    jitter: Callable[[], float] = field(default=random.random)
    is_stopping: Callable[[], bool] = field(default=lambda: False)
    # What this worker holds at the moment, and until when; renewed from another thread while the wire is slow.
    held: str = ""
    held_until: datetime = NOTHING_HELD

    def run_until_idle(self) -> int:
        """Expand and deliver everything that is due now; how many deliveries were taken up is returned."""
        total = 0
        while expand_next(self.clock()):
            pass
        while taken := sum(self.deliver_due(channel) for channel in self.channels):
            total += taken
        return total

    def deliver_due(self, channel: str, lanes: Sequence[Lane] = ALL_LANES) -> int:
        """Take up one window of due deliveries on this channel; how many is returned."""
        now = self.clock()
        rows = claims.claim(channel, lanes, WINDOW, self.lease, now)
        if not rows:
            return 0
        by_id = {row.id: row for row in rows}
        self.held, self.held_until = rows[0].lease_token, now + self.lease
        captured: list[tuple[Delivery, Receipt]] = []
        try:
            for outcome in self.channels[channel].deliver(self._envelopes(rows)):
                row = by_id[int(outcome.key)]
                if isinstance(outcome.result, Receipt) and outcome.result.is_captured:
                    captured.append((row, outcome.result))
                else:
                    self._settle(row, outcome)
            self._settle_captured(captured)
        finally:
            claims.release(self.held, self.clock())
            self.held = ""
        return len(rows)

    def renew(self) -> None:
        """Keep what this worker holds for another lease; called from outside while `deliver_due` runs."""
        if token := self.held:
            self.held_until = claims.renew(token, self.lease, self.clock())

    def _envelopes(self, rows: list[Delivery]) -> Iterator[Envelope]:
        """The messages still to be sent, each made only when the wire is ready for it."""
        for row in rows:
            if self.clock() >= self.held_until or self.is_stopping():
                return  # the lease is over and somebody else may have the rest by now, or we are asked to end
            if refused := refusal(row, self.clock()):
                self._finish(row, *refused)
                continue
            try:
                message = messages.personal(row)
            except Exception as error:  # one poisoned row must not hold up the others
                log.exception("delivery.unrenderable", delivery=row.id)
                self._settle_poison(row, error)
                continue
            yield Envelope(key=row.id, address=row.address, message=message)

    def _settle(self, row: Delivery, outcome: Outcome) -> None:
        if isinstance(outcome.result, DeliveryError) and outcome.result.__cause__:
            log.warning("delivery.trouble", delivery=row.id, cause=repr(outcome.result.__cause__))
        match outcome.result:
            case Receipt() as receipt:
                self._finish(row, DeliveryState.SENT, receipt.detail, receipt.provider_id)
            case PermanentDeliveryError() as error:
                self._finish(row, DeliveryState.FAILED, str(error))
                if row.subscriber_id is not None:
                    subscribers.stop_after_refusal(row.subscriber_id, error.code, str(error), self.clock())
            case UncertainDeliveryError() as error:
                self._settle_uncertain(row, error)
            case DeliveryError() as error:
                self._try_later(row, str(error), self._pause(row, error.retry_after))

    def _settle_captured(self, captured: list[tuple[Delivery, Receipt]]) -> None:
        """Note in one commit what never left: no kill can make these arrive twice."""
        now = self.clock()
        for row, receipt in captured:
            self._mark(row, DeliveryState.CAPTURED, receipt.detail, "", now)
        db.session.commit()

    def _settle_uncertain(self, row: Delivery, error: UncertainDeliveryError) -> None:
        """It may have arrived. A mail is asked for once more, recognisable by its Message-ID; an SMS never."""
        if row.channel == "email" and not _was_uncertain(row):
            self._try_later(row, str(error), ASK_AGAIN_AFTER, outcome=DeliveryState.UNKNOWN)
        else:
            self._finish(row, DeliveryState.UNKNOWN, str(error))

    def _settle_poison(self, row: Delivery, error: Exception) -> None:
        reason = f"The message could not be put together: {error}"
        if row.attempt_count + 1 >= POISON_TRIES:
            self._finish(row, DeliveryState.FAILED, reason)
        else:
            self._try_later(row, reason, self._pause(row, None))

    def _pause(self, row: Delivery, wished: timedelta | None) -> timedelta:
        """Exponential backoff with jitter; what the other side asked for is the least."""
        ceiling = min(self.retry * (1 << min(row.attempt_count, 20)), LONGEST_WAIT)
        pause: timedelta = ceiling * (0.5 + self.jitter() / 2)
        return max(pause, wished) if wished else pause

    def _try_later(
        self, row: Delivery, reason: str, pause: timedelta, outcome: DeliveryState = DeliveryState.PENDING
    ) -> None:
        now = self.clock()
        self._mark(row, DeliveryState.PENDING, reason, "", now, due_at=now + pause, outcome=outcome)
        if row.incident_id is not None:
            supersede_older(now, Delivery.id == row.id)
        db.session.commit()

    def _finish(self, row: Delivery, state: DeliveryState, reason: str = "", provider_id: str = "") -> None:
        now = self.clock()
        self._mark(row, state, reason, provider_id, now)
        db.session.commit()

    @staticmethod
    def _mark(  # noqa: PLR0913 - one row, all its facts
        row: Delivery,
        state: DeliveryState,
        reason: str,
        provider_id: str,
        now: datetime,
        due_at: datetime | None = None,
        outcome: DeliveryState | None = None,
    ) -> None:
        """Write the outcome, unless the lease has passed to another worker meanwhile."""
        facts = {
            "of": row.id,
            "held": row.lease_token,
            "state": state,
            "reason": reason[:500],
            "provider_id": provider_id,
            "due_at": due_at or row.due_at,
            "settled_at": None if due_at else now,
        }
        connection = db.session.connection()
        if connection.execute(_MARK, facts).rowcount:
            detail = (reason or provider_id)[:500]
            number, ended = row.attempt_count + 1, (outcome or state).value
            connection.execute(
                _ATTEMPT,
                {"delivery_id": row.id, "number": number, "ended_at": now, "outcome": ended, "detail": detail},
            )


def _was_uncertain(row: Delivery) -> bool:
    """Whether an earlier attempt may have arrived."""
    with reading():
        found = select(Attempt.id).where(Attempt.delivery_id == row.id, Attempt.outcome == DeliveryState.UNKNOWN.value)
        return db.session.scalar(found.limit(1)) is not None


# Built once: putting a statement together costs more than running it.
_MARK = (
    update(Delivery)
    .where(Delivery.id == bindparam("of"), Delivery.lease_token == bindparam("held"))
    .values(
        state=bindparam("state"),
        reason=bindparam("reason"),
        provider_id=bindparam("provider_id"),
        due_at=bindparam("due_at"),
        settled_at=bindparam("settled_at"),
        attempt_count=Delivery.attempt_count + 1,
        lease_token="",
        leased_until=None,
    )
)
_ATTEMPT = insert(Attempt)
