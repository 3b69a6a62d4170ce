"""Whether the machinery works: the facts of `/metrics` as sentences, for those who must act on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import render_template
from sqlalchemy import select

from statuspage import alarms, vitals
from statuspage.clock import span_words, utcnow
from statuspage.db import db
from statuspage.models import Alarm
from statuspage.oncall import feeds
from statuspage.presenting import site_page
from statuspage.vitals import ChannelSigns, Signs
from statuspage.vocabulary import StaffRole

from .auth import needs
from .views import panel

EARLIER_ALARMS = 10


@dataclass(frozen=True)
class Sign:
    """One thing and how it does."""

    name: str
    icon: str
    is_well: bool
    sentences: tuple[str, ...]


@panel.get("/health")
@needs(StaffRole.COMMS_LEAD)
def health() -> str:
    """The room."""
    return render_template("admin/health.html", **shown())


@panel.get("/health/signs")
@needs(StaffRole.COMMS_LEAD)
def health_signs() -> str:
    """Its live part alone."""
    return render_template("admin/_health.html", **shown())


def shown() -> dict[str, Any]:
    """What the room shows."""
    signs = vitals.read(utcnow())
    earlier = select(Alarm).where(Alarm.over_at.is_not(None)).order_by(Alarm.id.desc()).limit(EARLIER_ALARMS)
    return {
        "now": signs.at,
        "warnings": [*warnings(signs), *feeds.troubles(signs.at)],
        "signs": [
            _engine(signs),
            _clock(signs),
            *_on_call(signs),
            *(_channel(each, signs) for each in signs.channels.values()),
        ],
        "alarms": alarms.open_alarms(),
        "earlier": list(db.session.scalars(earlier)),
    }


def warnings(signs: Signs) -> list[str]:
    """What everybody in the panel must know, as sentences; nothing when all is well."""
    found = [trouble.sentence for trouble in vitals.troubles(signs)]
    is_engine_named = any(trouble.about == vitals.ENGINE for trouble in vitals.troubles(signs))
    if not vitals.is_engine_alive(signs) and not is_engine_named:
        found.append("No engine is running: what is published now waits until there is one.")
    if not vitals.is_clock_alive(signs):
        found.append("Nobody keeps the clock: no reminder and no alarm leaves.")
    return found


def _engine(signs: Signs) -> Sign:
    if vitals.is_engine_alive(signs):
        waits = f"{signs.waiting:,} messages are on their way." if signs.waiting else "Nothing waits."
        return Sign("Engine", "send", True, (f"At work, seen {_ago(signs, signs.engine_seen_at)}.", waits))
    last = f"Last seen {_ago(signs, signs.engine_seen_at)}." if signs.engine_seen_at else "Not seen."
    return Sign("Engine", "send", False, (last, "Nothing leaves. Start `candor run`, or `candor engine` alone."))


def _clock(signs: Signs) -> Sign:
    late = signs.promises_overdue
    promises = f"{late} promised {'update is' if late == 1 else 'updates are'} late." if late else "No update is late."
    if vitals.is_clock_alive(signs):
        keeper = f"Kept by {signs.clock_owner}, renewed {_ago(signs, signs.clock_ticked_at)}."
        return Sign("Clock", "clock", True, (keeper, promises))
    return Sign("Clock", "clock", False, ("Nobody keeps it: no reminder and no alarm leaves.", promises))


def _on_call(signs: Signs) -> Iterator[Sign]:
    """The calendars that say who is on duty."""
    for feed in feeds.listed(site_page()):
        trouble = feeds.trouble_of(feed, signs.at)
        last = f"Last read {_ago(signs, feed.read_at)}." if feed.read_at else "Not read yet."
        yield Sign(f"On call: {feed.role.label.lower()}", "phone", not trouble, (trouble, last) if trouble else (last,))


def _channel(channel: ChannelSigns, signs: Signs) -> Sign:
    wrong = [trouble.sentence for trouble in vitals.troubles(signs) if trouble.about == channel.kind]
    icon = {"email": "mail", "sms": "phone"}.get(channel.kind, "send")
    return Sign(channel.label, icon, not wrong and channel.breaker is None, tuple(_said(channel, signs, wrong)))


def _said(channel: ChannelSigns, signs: Signs, wrong: list[str]) -> Iterator[str]:
    yield from wrong
    breaker, queue = channel.breaker, channel.queue
    if breaker and not wrong:
        yield f"Left in peace for a moment: {breaker.reason}"
    if queue.count and wrong:
        yield f"The oldest message has waited for {span_words(signs.at - (queue.since or signs.at))}."
    elif queue.count:
        since = f", the oldest for {span_words(signs.at - queue.since)}" if queue.since else ""
        yield f"{queue.count:,} {'message waits' if queue.count == 1 else 'messages wait'}{since}."
    else:
        yield "Nothing waits."
    yield f"Took a message {_ago(signs, channel.sent_at)}." if channel.sent_at else "No message in the last hour."
    for each in channel.destinations:
        yield f"{each.name} is {each.state}: {each.reason}"


def _ago(signs: Signs, at: Any) -> str:
    return f"{span_words(signs.at - at)} ago"
