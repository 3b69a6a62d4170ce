"""What must be said is written down in the transaction that made it necessary. The callers commit."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from .. import queueing
from ..db import db, new_id
from ..models import Announcement, Component, Delivery, IncidentUpdate, ReplyDraft, StaffUser, Subscriber
from ..sealing import is_key
from ..vocabulary import AnnouncementKind, Lane
from . import messages, nudges


def announce_update(
    update: IncidentUpdate, components: Iterable[Component], now: datetime, hold: timedelta = timedelta(0)
) -> Announcement:
    """Owe a public update to everyone whom it concerns; the dispatcher works out who that is.

    Nothing leaves before the hold is over.
    """
    return _tell_many(
        AnnouncementKind.INCIDENT_UPDATE,
        update,
        messages.incident_update,
        now,
        sequence=update.sequence,
        is_key_moment=update.is_key_moment,
        component_ids=sorted(component.id for component in components),
        held_until=now + hold if hold else None,
    )


def announce_correction(wrong: Announcement, update: IncidentUpdate, now: datetime) -> Announcement:
    """Owe the better words of an update to exactly those who were told the wrong ones."""
    return _tell_many(
        AnnouncementKind.CORRECTION,
        update,
        messages.correction,
        now,
        sequence=update.sequence,
        is_key_moment=True,
        corrects_id=wrong.id,
    )


def announce_again(withdrawn: Announcement, update: IncidentUpdate, now: datetime) -> Announcement:
    """Owe the better words to everyone else: those whom the withdrawn ones had not reached."""
    return _tell_many(
        AnnouncementKind.INCIDENT_UPDATE,
        update,
        messages.incident_update,
        now,
        sequence=withdrawn.sequence,
        is_key_moment=withdrawn.is_key_moment,
        component_ids=list(withdrawn.component_ids),
    )


def announce_state(subscriber: Subscriber, update: IncidentUpdate, now: datetime) -> None:
    """Tell somebody who has just confirmed how an open incident stands."""
    public_id = new_id()
    announcement = Announcement(
        public_id=public_id,
        page=subscriber.page,
        kind=AnnouncementKind.CURRENT_STATE,
        lane=Lane.FAST,
        incident=update.incident,
        update=update,
        sequence=update.sequence,
        words=dict(messages.current_state(update, public_id, now)),
        expanded_at=now,
        created_at=now,
    )
    _owe(announcement, subscriber, now)


def ask_to_confirm(subscriber: Subscriber, now: datetime) -> None:
    """Send the one message that an unconfirmed address gets."""
    public_id = new_id()
    words = messages.confirmation(subscriber.page, public_id)
    _owe(_for_one(subscriber, AnnouncementKind.CONFIRMATION, public_id, words, now), subscriber, now)


def ask_contact(subscriber: Subscriber, now: datetime) -> None:
    """Ask whoever looks after an endpoint by mail, because the endpoint itself did not answer."""
    _mail_contact("endpoint_confirmation", AnnouncementKind.CONFIRMATION, subscriber, now)


def tell_stopped(subscriber: Subscriber, now: datetime) -> None:
    """Tell whoever looks after an endpoint that nothing is sent there any more, why, and how that is mended."""
    _mail_contact("endpoint_stopped", AnnouncementKind.QUARANTINE, subscriber, now)


def tell_ready(subscriber: Subscriber, now: datetime) -> None:
    """Tell whoever looks after an endpoint that it gets updates from now on, and where its secret is."""
    _mail_contact("endpoint_ready", AnnouncementKind.MANAGE_LINK, subscriber, now)


def send_manage_link(subscriber: Subscriber, now: datetime) -> None:
    """Remind a subscriber who signs up again that they are one."""
    if subscriber.contact:
        tell_ready(subscriber, now)
        return
    public_id = new_id()
    words = messages.manage_link(subscriber.page, public_id)
    _owe(_for_one(subscriber, AnnouncementKind.MANAGE_LINK, public_id, words, now), subscriber, now)


@dataclass(frozen=True)
class Nudging:
    """One person is to be told of these incidents, on the channels wanted as far as they have them.

    Where they have none of those, or none is named, on every channel they have; on no others than `only`.
    """

    user: StaffUser
    nudged: Sequence[nudges.Nudge]
    wanted: Collection[str] = ()
    only: Collection[str] | None = None

    @property
    def answers(self) -> int | None:
        """The number of the incident that an answer would speak about, if it is one promised update alone."""
        first = self.nudged[0]
        return first.incident.id if len(self.nudged) == 1 and first.deadline is None else None

    @property
    def addresses(self) -> dict[str, str]:
        """Where it goes, by channel. Of a drill nobody hears who takes no part in it."""
        if not all(each.incident.page.may_tell(self.user) for each in self.nudged):
            return {}
        known = {kind: at for kind, at in self.user.addresses.items() if self.only is None or kind in self.only}
        return {kind: at for kind, at in known.items() if kind in self.wanted} or known


def announce_nudges(many: Sequence[Nudging], now: datetime) -> list[int]:
    """Owe each of these people one message; the announcements' numbers, in the same order.

    However many there are, it takes three statements.
    """
    told = [(new_id(), each) for each in many]
    announced = [
        {
            "public_id": public_id,
            "page_id": each.nudged[0].incident.page_id,
            "kind": AnnouncementKind.REMINDER,
            "lane": Lane.FAST,
            "incident_id": each.answers,
            "words": nudges.words(each.nudged, public_id, now),
            "expanded_at": now,
            "created_at": now,
        }
        for public_id, each in told
    ]
    # With None as a value like any other: left out, rows of two shapes would take two statements in turns.
    db.session.execute(insert(Announcement).execution_options(render_nulls=True), announced)
    known = select(Announcement.public_id, Announcement.id).where(
        Announcement.public_id.in_([each for each, _ in told])
    )
    numbers = {row.public_id: row.id for row in db.session.execute(known)}
    owed = [
        {
            "announcement_id": numbers[public_id],
            "staff_user_id": each.user.id,
            "channel": channel,
            "address": "" if is_key(address) else address,
            "lane": Lane.FAST,
            "due_at": now,
            "created_at": now,
        }
        for public_id, each in told
        for channel, address in each.addresses.items()
    ]
    if owed:
        db.session.execute(insert(Delivery), owed)
    return [numbers[public_id] for public_id, _ in told]


def confirm_draft(draft: ReplyDraft, channel: str, can_release: bool, now: datetime) -> None:
    """Tell its author that the draft waits, on the way it came, with the link that releases it."""
    public_id = new_id()
    announcement = Announcement(
        public_id=public_id,
        page=draft.incident.page,
        kind=AnnouncementKind.DRAFT,
        lane=Lane.FAST,
        incident=draft.incident,
        words={**messages.draft_kept(draft, can_release, public_id), "reminder_id": draft.public_id},
        expanded_at=now,
        created_at=now,
    )
    address = draft.author.addresses.get(channel)
    if address:
        owe_colleagues(announcement, {draft.author: {channel: address}}, now)


def owe_colleagues(announcement: Announcement, people: Mapping[StaffUser, Mapping[str, str]], now: datetime) -> None:
    """These colleagues are owed it, each on each of these channels. An address that is a key stays their own."""
    db.session.add(announcement)
    for user, addresses in people.items():
        for channel, address in addresses.items():
            db.session.add(
                Delivery(
                    announcement=announcement,
                    staff_user=user,
                    channel=channel,
                    address="" if is_key(address) else address,
                    lane=announcement.lane,
                    due_at=now,
                    created_at=now,
                )
            )


def _mail_contact(template: str, kind: AnnouncementKind, subscriber: Subscriber, now: datetime) -> None:
    public_id = new_id()
    words = messages.to_contact(template, subscriber, public_id)
    _owe(_for_one(subscriber, kind, public_id, words, now), subscriber, now, channel="email")


def _tell_many(
    kind: AnnouncementKind,
    update: IncidentUpdate,
    words: Callable[[IncidentUpdate, str], Mapping[str, messages.Words]],
    now: datetime,
    **facts: Any,
) -> Announcement:
    """What is said of an update to many is written down, with a hint for whoever lays it out."""
    public_id = new_id()
    announcement = Announcement(
        public_id=public_id,
        page=update.incident.page,
        kind=kind,
        lane=Lane.BULK,
        incident=update.incident,
        update=update,
        words=dict(words(update, public_id)),
        created_at=now,
        **facts,
    )
    db.session.add(announcement)
    db.session.flush()
    queueing.hint_announcement(announcement.id)
    return announcement


def _for_one(
    subscriber: Subscriber, kind: AnnouncementKind, public_id: str, words: dict[str, messages.Words], now: datetime
) -> Announcement:
    return Announcement(
        public_id=public_id,
        page=subscriber.page,
        kind=kind,
        lane=Lane.FAST,
        words=dict(words),
        expanded_at=now,
        created_at=now,
    )


def _owe(announcement: Announcement, subscriber: Subscriber, now: datetime, channel: str = "") -> None:
    db.session.add(announcement)
    db.session.add(
        Delivery(
            announcement=announcement,
            subscriber=subscriber,
            channel=channel or subscriber.channel,
            lane=announcement.lane,
            incident_id=announcement.incident.id if announcement.incident else None,
            sequence=announcement.sequence,
            due_at=now,
            created_at=now,
        )
    )
