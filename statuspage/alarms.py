"""Alarms that do not ride the dead horse: trouble with one channel is told over every other one that is well."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from . import audit, pages, urls, vitals
from .audit import CLOCK
from .channels import channels
from .clock import span_words, utcnow
from .db import db, new_id, reading
from .delivery import messages, outbox
from .delivery.audience import TOLD
from .delivery.dispatcher import Dispatcher
from .models import Alarm, Announcement, Delivery, Role, StaffUser
from .models.delivery import is_waiting
from .vitals import Signs, Trouble
from .vocabulary import AnnouncementKind, DeliveryState, Lane, StaffRole

log = structlog.get_logger(__name__)

REMIND_EVERY = timedelta(minutes=30)
# What is well for this long is over; a relay that comes and goes would ring all day otherwise.
QUIET_FOR = timedelta(seconds=60)

People = Mapping[StaffUser, Mapping[str, str]]


def raise_due(now: datetime, clock: Callable[[], datetime] = utcnow) -> int:
    """Whoever speaks for the page knows what is wrong, is reminded while it lasts, and hears when it is over.

    How many alarms were raised, repeated or called off is returned. Where no engine works, this process sends what
    is in the fast lane itself: an alarm that waits for the engine it is about would never leave.
    """
    with reading():  # all is well nearly always, and then nothing is written
        signs = vitals.read(now)
        found = {trouble.about: trouble for trouble in vitals.troubles(signs)}
        if not found and not open_alarms():
            return 0
    standing, said = {alarm.about: alarm for alarm in open_alarms()}, 0
    for about, trouble in found.items():
        said += _repeat(standing[about], trouble, found, now) if about in standing else _raise(trouble, found, now)
    for about, alarm in standing.items():
        if about not in found:
            said += _call_off(alarm, now)
    db.session.commit()
    if vitals.ENGINE in found:
        _send_fast_lane(signs, clock)
    return said


def open_alarms() -> list[Alarm]:
    """The alarms that are not over, the oldest first."""
    return list(db.session.scalars(select(Alarm).where(Alarm.over_at.is_(None)).order_by(Alarm.id)))


def _raise(trouble: Trouble, found: Collection[str], now: datetime) -> int:
    people = _reachable(_others(found))
    number = _tell(people, "Alarm", trouble.sentence, now)
    alarm = Alarm(
        about=trouble.about,
        reason=trouble.sentence[:500],
        since=trouble.since,
        raised_at=now,
        told_at=now,
        announcement_ids=[number] if number else [],
    )
    db.session.add(alarm)
    db.session.flush()
    audit.record(CLOCK, "alarm.raise", alarm, now, about=trouble.about, people=len(people))
    log.error("alarm.raised", about=trouble.about, reason=trouble.sentence, people=len(people))
    return 1


def _repeat(alarm: Alarm, trouble: Trouble, found: Collection[str], now: datetime) -> int:
    alarm.quiet_since, alarm.reason = None, trouble.sentence[:500]
    if now - alarm.told_at < REMIND_EVERY:
        return 0
    _drop_unsent(alarm, now)
    number = _tell(_reachable(_others(found)), "Alarm, still", trouble.sentence, now)
    alarm.told_at = now
    alarm.announcement_ids = [*alarm.announcement_ids, *([number] if number else [])]
    audit.record(CLOCK, "alarm.repeat", alarm, now, about=alarm.about)
    return 1


def _call_off(alarm: Alarm, now: datetime) -> int:
    """It is over once it has been quiet for a while; whoever heard of it hears that, over the same channels."""
    alarm.quiet_since = alarm.quiet_since or now
    if now - alarm.quiet_since < QUIET_FOR:
        return 0
    alarm.over_at = now
    _drop_unsent(alarm, now)
    told = _told(alarm)
    lasted = span_words(alarm.quiet_since - alarm.since)
    _tell(told, "All clear", f"What was wrong for {lasted} is over. It was: {alarm.reason}", now)
    audit.record(CLOCK, "alarm.over", alarm, now, about=alarm.about, people=len(told))
    log.info("alarm.over", about=alarm.about, lasted=lasted)
    return 1


def _others(found: Collection[str]) -> list[str]:
    """The channels that are well. When the engine is what is wrong, no channel is to blame."""
    return [kind for kind in channels() if kind not in found]


def _reachable(kinds: Iterable[str]) -> People:
    """Comms leads and admins, and where each can be reached over these channels."""
    wanted = (StaffRole.COMMS_LEAD.value, StaffRole.ADMIN.value)
    query = select(StaffUser).where(StaffUser.active, StaffUser.roles.any(Role.name.in_(wanted)))
    usable, found = set(kinds), {}
    for user in db.session.scalars(query.order_by(StaffUser.id)):
        addresses = {"email": user.email, "sms": user.phone}
        if known := {kind: address for kind, address in addresses.items() if address and kind in usable}:
            found[user] = known
    return found


def _told(alarm: Alarm) -> People:
    """Whoever was told of it, where."""
    query = select(Delivery).where(
        Delivery.announcement_id.in_(alarm.announcement_ids), Delivery.state.in_([*TOLD, DeliveryState.LEASED])
    )
    found: dict[StaffUser, dict[str, str]] = {}
    for row in db.session.scalars(query):
        if row.staff_user is not None and row.staff_user.active:
            found.setdefault(row.staff_user, {})[row.channel] = row.recipient
    return found


def _tell(people: People, opening: str, sentence: str, now: datetime) -> int | None:
    """These people are owed these words; the announcement's number comes back, None where nobody can be reached."""
    if not people:
        return None
    public_id, page = new_id(), pages.first()
    announcement = Announcement(
        public_id=public_id,
        page=page,
        kind=AnnouncementKind.ALARM,
        lane=Lane.FAST,
        words=dict(messages.alarm(page, opening, sentence, public_id)),
        expanded_at=now,
        created_at=now,
    )
    outbox.owe_colleagues(announcement, people, now)
    db.session.flush()
    return announcement.id


def _drop_unsent(alarm: Alarm, now: datetime) -> None:
    """What has not left yet is out of date."""
    db.session.execute(
        update(Delivery)
        .where(
            is_waiting,
            Delivery.announcement_id.in_(alarm.announcement_ids),
            Delivery.state == DeliveryState.PENDING,
        )
        .values(state=DeliveryState.SUPERSEDED, reason="A newer message took its place.", settled_at=now)
        .execution_options(synchronize_session=False)
    )


def _send_fast_lane(signs: Signs, clock: Callable[[], datetime]) -> None:
    settings = urls.settings()
    for kind, found in signs.channels.items():
        if kind in channels() and found.breaker is None:
            Dispatcher(channels(), settings.lease, settings.retry, clock=clock).deliver_due(kind, (Lane.FAST,))
