"""What participants are told of a drill: injects, and what the public would have been told. The callers commit."""

from datetime import datetime

from .. import text, urls
from ..db import new_id
from ..delivery import messages, outbox
from ..models import Announcement, DrillInject, IncidentUpdate, Page, StaffUser
from ..vocabulary import AnnouncementKind, Lane

MARK = "[DRILL]"
PUBLISHED_ON = ("email", "sms")


def tell_update(update: IncidentUpdate, now: datetime) -> None:
    """Every participant gets the words that subscribers would have got, marked as a drill's."""
    incident = update.incident
    stage = incident.page
    due_at, reason = incident.standing_after(update)
    promise = messages.promise_words(due_at, reason, stage.time_zone, now)
    opening = f"{update.status.label}: {incident.title}"
    people = {
        each.staff_user: {kind: at for kind, at in each.staff_user.addresses.items() if kind in PUBLISHED_ON}
        for each in stage.players
    }
    _tell(stage, people, opening, update.body, now, promise, update)


def tell_inject(stage: Page, title: str, inject: DrillInject, now: datetime) -> None:
    """Participants who asked for it get what has just become known on every channel they have."""
    people = {each.staff_user: each.staff_user.addresses for each in stage.players if each.is_told}
    if people:
        _tell(stage, people, f"{inject.voice.capitalize()}, {title}", inject.words, now)


def _tell(  # noqa: PLR0913 - who is told what, and of which statement
    stage: Page,
    people: dict[StaffUser, dict[str, str]],
    opening: str,
    body: str,
    now: datetime,
    promise: str = "",
    update: IncidentUpdate | None = None,
) -> None:
    public_id, link = new_id(), urls.absolute("/admin/drills")
    subject = opening if MARK in opening else f"{MARK} {opening}"
    plain = text.plain(body)
    sms = f"{MARK} {opening.replace(MARK, '').replace('  ', ' ')}. {text.excerpt(' '.join(plain.split()), 160)}"
    said = messages.render(
        "drill",
        public_id,
        stage,
        subject,
        f"{sms} {promise}".strip().replace("…", "..."),
        opening=opening,
        body_text=plain,
        body_html=text.html(body),
        promise=promise,
        drill_url=link,
    )
    announcement = Announcement(
        public_id=public_id,
        page=stage,
        kind=AnnouncementKind.DRILL,
        lane=Lane.FAST,
        update=update,
        words=dict(said),
        expanded_at=now,
        created_at=now,
    )
    active = {user: addresses for user, addresses in people.items() if user.active}
    outbox.owe_colleagues(announcement, active, now)
