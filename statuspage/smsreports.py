"""What the networks report of our SMS, and what follows: for the message, its subscriber, and the whole channel."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, exists, func, select

from notifiers import DeliveryError, PermanentDeliveryError

from . import audit, subscribers
from .audit import PROVIDER
from .db import db, reading
from .delivery import breakers, receipts
from .models import Announcement, Attempt, CarrierReport, Delivery, Subscriber
from .vocabulary import DeliveryState, Lane, SubscriberState

log = structlog.get_logger(__name__)

HOUR = timedelta(hours=1)
FILTERED = "filtered"
LOOK_BACK = 200
# Filtered beyond this share of the last SMS, the network has taken against us. One of a handful may be chance.
TOLERATED = 0.05
HANDFUL = 20
# For so long what goes to many waits then; whoever answers for the page hears of it (vitals, alarms).
PAUSE = timedelta(minutes=30)


@dataclass(frozen=True)
class Report:
    """What the provider says of one SMS: how it stands, in its words, and what its error code means."""

    reference: str
    provider_id: str
    state: DeliveryState
    detail: str
    error: DeliveryError | None = None


@dataclass(frozen=True)
class Filtering:
    """How many of the last SMS were reported on, and how many of those the networks dropped as spam."""

    reported: int
    filtered: int

    @property
    def is_alarming(self) -> bool:
        """Whether more are dropped than chance explains."""
        return self.filtered > TOLERATED * max(self.reported, HANDFUL)

    @property
    def sentence(self) -> str:
        """What is wrong, for the comms lead."""
        return f"Networks dropped {self.filtered} of the last {self.reported} SMS as spam (error 30007)."


def note(report: Report, now: datetime) -> None:
    """Settle the delivery and draw the consequences, once: repeated, late and foreign reports change nothing."""
    if _is_of_an_earlier_try(report):
        db.session.rollback()
        return
    row = receipts.note_callback(report.reference, report.provider_id, report.state, report.detail, now)
    if row is None or report.state not in (DeliveryState.DELIVERED, DeliveryState.BOUNCED):
        return
    _count(report, row, now)
    error = report.error
    if error is None:
        return
    if isinstance(error, PermanentDeliveryError):
        _stop_writing_to(row.subscriber_id, error, now)
    elif error.retry_after is not None and _deserves_another_try(row):
        _try_once_more(row, report, now + error.retry_after)


def filtering(now: datetime) -> Filtering:
    """What the networks did with the last SMS of the past hour."""
    last = (
        select(CarrierReport.is_filtered)
        .where(CarrierReport.at > now - HOUR)
        .order_by(CarrierReport.at.desc(), CarrierReport.id.desc())
        .limit(LOOK_BACK)
    )
    with reading():
        fates = list(db.session.scalars(last))
    return Filtering(len(fates), sum(fates))


def _is_of_an_earlier_try(report: Report) -> bool:
    """Whether this speaks of an SMS that was followed by another try; the lock holds until the row is settled."""
    row = receipts.by_reference(report.reference)
    if row is None or not report.provider_id:
        return False
    mark = Attempt.detail.contains(_mark(report), autoescape=True)
    return bool(db.session.scalar(select(exists().where(Attempt.delivery_id == row.id, mark))))


def _deserves_another_try(row: Delivery) -> bool:
    """The phone was off: one more try, unless that was it or there is newer news, which reaches the phone anyway."""
    bounces = select(func.count()).where(Attempt.delivery_id == row.id, Attempt.outcome == DeliveryState.BOUNCED.value)
    if (db.session.scalar(bounces) or 0) > 1:
        return False
    if row.incident_id is None:
        return True
    newer = exists().where(Announcement.incident_id == row.incident_id, Announcement.sequence > row.sequence)
    return not db.session.scalar(select(newer))


def _try_once_more(row: Delivery, report: Report, at: datetime) -> None:
    attempt = row.attempts[-1]
    attempt.detail = f"{report.detail} {_mark(report)}"[:500]
    row.state, row.due_at, row.provider_id, row.settled_at = DeliveryState.PENDING, at, "", None
    if row.staff_user_id is None:
        row.lane = Lane.RETRY
    db.session.commit()


def _stop_writing_to(subscriber_id: int | None, error: DeliveryError, now: datetime) -> None:
    subscriber = db.session.get(Subscriber, subscriber_id) if subscriber_id is not None else None
    if subscriber and subscriber.state in (SubscriberState.CONFIRMED, SubscriberState.PENDING):
        subscribers.stop_after_refusal(subscriber.id, error.code, str(error), now)


def _count(report: Report, row: Delivery, now: datetime) -> None:
    """Remember how this one fared, and pause the channel when too many are dropped."""
    is_filtered = report.error is not None and report.error.code == FILTERED
    counted = CarrierReport(at=now, is_filtered=is_filtered)
    db.session.add(counted)
    db.session.flush()
    if counted.id % LOOK_BACK == 0:
        db.session.execute(delete(CarrierReport).where(CarrierReport.at < now - HOUR))
    db.session.commit()
    if not is_filtered:
        return
    seen = filtering(now)
    if seen.is_alarming and breakers.pause(row.channel, seen.sentence, PAUSE, now):
        log.error("sms.filtered", filtered=seen.filtered, of=seen.reported)
        audit.record(PROVIDER, "sms.filtered", row.announcement.page, now, filtered=seen.filtered, of=seen.reported)
        db.session.commit()


def _mark(report: Report) -> str:
    return f"[{report.provider_id}]"
