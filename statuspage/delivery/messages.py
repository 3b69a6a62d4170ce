"""The only outbound rendering: words frozen once per announcement and channel; `letters` makes them personal.

Frozen words carry placeholders of the form `__<announcement id>_<name>__`. The id is drawn at random for each
announcement, so no text written before can contain one by accident or by design.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypedDict
from urllib.parse import urlsplit

import css_inline
from flask import current_app

from .. import replyaddresses, text, urls
from ..clock import moment_text, near_text, span_words
from ..models import Deadline, Incident, IncidentUpdate, Page, ReplyDraft, Subscriber
from ..tokens import Purpose, signer
from ..visibility import PUBLIC, may_see
from ..vocabulary import Audience, IncidentStatus, ReminderStep
from . import chatwords

SMS_LENGTH = 300  # two segments of GSM-7, with a little room for names outside it
PERSONAL = ("manage", "unsubscribe", "confirm", "code", "challenge", "compose")


class Words(TypedDict):
    """What is said on one channel, finished but for what differs per recipient."""

    subject: str
    text: str
    html: str


def incident_update(update: IncidentUpdate, announcement_id: str) -> dict[str, Words]:
    """The words of one public update."""
    incident = update.incident
    return _render(
        "incident_update",
        announcement_id,
        incident.page,
        f"[{incident.page.name}] {incident.title}",
        _sms(incident, update),
        update=update,
        **_about(incident, update),
    )


def current_state(update: IncidentUpdate, announcement_id: str, now: datetime) -> dict[str, Words]:
    """What somebody who signs up in the middle of an incident is told: how it stands now."""
    incident = update.incident
    return _render(
        "current_state",
        announcement_id,
        incident.page,
        f"[{incident.page.name}] {incident.title}",
        _sms(incident, update, now),
        update=update,
        **_about(incident, update, now),
    )


def correction(update: IncidentUpdate, announcement_id: str) -> dict[str, Words]:
    """What those are told who got an update with wrong words: the right ones."""
    incident = update.incident
    return _render(
        "correction",
        announcement_id,
        incident.page,
        f"[{incident.page.name}] Correction: {incident.title}",
        f"Correction. {_sms(incident, update)}",
        update=update,
        **_about(incident, update),
    )


def confirmation(page: Page, announcement_id: str) -> dict[str, Words]:
    """The one message an unconfirmed address gets."""
    code, name = placeholder(announcement_id, "code"), page.name
    sms = f"{code} is your code to confirm SMS updates from {name}. Did not ask for it? Ignore this message."
    return _render("confirmation", announcement_id, page, f"Confirm your subscription to {name}", sms)


def manage_link(page: Page, announcement_id: str) -> dict[str, Words]:
    """For somebody who signs up again: they are subscribed, and here they can change it."""
    link = placeholder(announcement_id, "manage")
    sms = f"You already get SMS updates from {page.name}. Change or stop them: {link}"
    return _render("manage_link", announcement_id, page, f"You are subscribed to {page.name}", sms)


def to_contact(template: str, subscriber: Subscriber, announcement_id: str) -> dict[str, Words]:
    """Mail to whoever looks after an endpoint: confirm it, it is ready, it was stopped. By the template's name."""
    page = subscriber.page
    subject = {
        "endpoint_confirmation": f"Confirm your webhook for {page.name}",
        "endpoint_ready": f"Your webhook for {page.name}",
        "endpoint_stopped": f"We stopped sending to your webhook: {page.name}",
    }[template]
    host = urlsplit(subscriber.address).hostname or "your endpoint"
    return _render(template, announcement_id, page, subject, subject, host=host, reason=subscriber.state_reason)


def reminder(  # noqa: PLR0913 - who, when, and what is odd about it
    incident: Incident, step: ReminderStep, announcement_id: str, now: datetime, opening: str = "", note: str = ""
) -> dict[str, Words]:
    """The nudge to those who owe the next update, with the composer one tap away; `note` says what is odd about it."""
    due_at = incident.next_update_due_at or now
    zone = incident.page.time_zone
    begins = opening or reminder_opening(incident, step, now)
    title = text.excerpt(incident.title, 60)
    sms = f"{begins} (by {near_text(due_at, zone, now)}): {title}. {note}".rstrip()
    sms = f"{sms} Post it: {placeholder(announcement_id, 'compose')}"
    sms += f" or answer {replyaddresses.code(incident.public_id)} and your words."
    last = incident.updates[-1] if incident.updates else None
    return _render(
        "reminder",
        announcement_id,
        incident.page,
        f"{begins}: {incident.title}",
        sms,
        incident=incident,
        opening=begins,
        note=note,
        takes_answers=bool(replyaddresses.address(announcement_id)),
        due=moment_text(due_at, zone),
        last=last,
        last_text=text.plain(last.body) if last else "",
        last_at=moment_text(last.created_at, zone) if last else "",
    )


def deadline(owed: Deadline, announcement_id: str, now: datetime, opening: str, note: str = "") -> dict[str, Words]:
    """The nudge to those who owe a word or a report beside the updates, with where it is settled."""
    incident, link = owed.incident, urls.deadlines(owed.incident.public_id)
    zone = incident.page.time_zone
    title = text.excerpt(incident.title, 60)
    sms = f"{opening} (by {near_text(owed.due_at, zone, now)}): {title}. {note}".rstrip()
    return _render(
        "deadline",
        announcement_id,
        incident.page,
        f"{opening}: {incident.title}",
        f"{sms} Settle it: {link}".replace("…", "..."),
        incident=incident,
        deadline=owed,
        opening=opening,
        note=note,
        due=moment_text(owed.due_at, zone),
        settle_url=link,
    )


def reminder_opening(incident: Incident, step: ReminderStep, now: datetime) -> str:
    """How a reminder of this incident begins: what is owed, and how long it still has or has had."""
    due_at = incident.next_update_due_at or now
    what = "First update" if incident.audience is Audience.INTERNAL else "Update"
    distance = span_words(abs(due_at - now))
    if step is ReminderStep.DUE_SOON and now < due_at:
        return f"{what} due in {distance}"
    is_now = step is not ReminderStep.OVERDUE and now - due_at < timedelta(minutes=1)
    return f"{what} due now" if is_now else f"{what} late by {distance}"


def draft_kept(draft: ReplyDraft, can_release: bool, announcement_id: str) -> dict[str, Words]:
    """What somebody who answered a reminder is told: the words are kept, not public yet, and how they become so."""
    incident = draft.incident
    title = text.excerpt(incident.title, 60)
    how = f"Publish it: {placeholder(announcement_id, 'compose')}" if can_release else "A comms lead has to release it."
    return _render(
        "draft_kept",
        announcement_id,
        incident.page,
        f"Draft kept: {incident.title}",
        f"Kept as a draft, not published yet: {title}. {how}",
        incident=incident,
        draft=draft,
        can_release=can_release,
    )


def alarm(page: Page, opening: str, sentence: str, announcement_id: str) -> dict[str, Words]:
    """What those are told who must know that the machinery is in trouble, or out of it again."""
    link = urls.absolute("/admin/health")
    # A reason may be as long as a relay likes; an SMS may not.
    sms = f"{page.name}: {opening}. {text.excerpt(sentence, 160)} {link}".replace("…", "...")
    return _render(
        "alarm",
        announcement_id,
        page,
        f"[{page.name}] {opening}",
        sms,
        opening=opening,
        sentence=sentence,
        health_url=link,
    )


def code_for(subscriber: Subscriber) -> str:
    """The six digits that confirm a phone number; others after every new sign-up."""
    return signer().digits(Purpose.CODE, subscriber.public_id, subscriber.salt)


def _about(incident: Incident, update: IncidentUpdate, now: datetime | None = None) -> dict[str, Any]:
    """What the templates say of an incident, seen with the public's eyes."""
    zone = incident.page.time_zone
    changes = [change for change in update.components if may_see(PUBLIC, change.component)]
    return {
        "incident": incident,
        "body_text": text.plain(update.body),
        "body_html": text.html(update.body),
        "changes": changes,
        "said_at": moment_text(update.created_at, zone),
        "promise": _promise(update, zone, now or update.created_at),
        "incident_url": urls.incident(incident.public_id),
    }


def promise_words(due_at: datetime | None, reason_for_none: str, zone: str, said_at: datetime) -> str:
    """The promise as one sentence; empty when there is neither a time nor a reason."""
    if due_at:
        return f"Next update by {near_text(due_at, zone, said_at)}."
    if reason_for_none:
        return f"No further update is planned: {reason_for_none.rstrip('.')}."
    return ""


def update_sms(  # noqa: PLR0913 - everything an SMS says
    page: Page, incident_id: str, title: str, status: IncidentStatus, body: str, promise: str
) -> str:
    """One statement as an SMS: who, how it stands, the words as far as they fit, and where to read on."""
    link = urls.incident(incident_id)
    head = f"{page.name}: {status.label} - {text.excerpt(title, 70)}."
    tail = " ".join(part for part in (promise, link) if part)
    if status is IncidentStatus.RESOLVED:
        tail = link
    words = text.excerpt(" ".join(text.plain(body).split()), max(40, SMS_LENGTH - len(head) - len(tail) - 2))
    # An ellipsis is outside the SMS alphabet and would halve what fits into a segment.
    return f"{head} {words} {tail}".replace("…", "...").replace("  ", " ").strip()


def _promise(update: IncidentUpdate, zone: str, now: datetime) -> str:
    due_at, reason = update.incident.standing_after(update)
    is_past = due_at is not None and due_at <= now  # no promise any more, and nobody is told of it as one
    return "" if is_past else promise_words(due_at, reason, zone, now)


def _sms(incident: Incident, update: IncidentUpdate, now: datetime | None = None) -> str:
    page, promise = incident.page, _promise(update, incident.page.time_zone, now or update.created_at)
    return update_sms(page, incident.public_id, incident.title, update.status, update.body, promise)


def _render(
    template: str, announcement_id: str, page: Page, subject: str, sms: str, **context: Any
) -> dict[str, Words]:
    """The words for every channel, rendered once; what differs per recipient stands in them as a placeholder."""
    placeholders = {f"{name}_url": placeholder(announcement_id, name) for name in PERSONAL}
    context |= placeholders | {"page": page, "page_url": urls.absolute("/"), "subject": subject}
    environment = current_app.jinja_env
    body = environment.get_template(f"messages/{template}.txt").render(context)
    html = environment.get_template(f"messages/{template}.html").render(context)
    return {
        "email": Words(subject=subject, text=body.strip() + "\n", html=_inliner().inline(html)),
        "sms": Words(subject=subject, text=sms, html=""),
        **{kind: Words(subject=subject, text=text, html="") for kind, text in chatwords.words(template, sms, context)},
    }


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        keep_style_tags=False, keep_at_rules=True, minify_css=True, load_remote_stylesheets=False
    )


def placeholder(announcement_id: str, name: str) -> str:
    """What stands in frozen words for something that differs per recipient."""
    return f"__{announcement_id}_{name}__"


render = _render  # what `nudges` says is said in the same way
