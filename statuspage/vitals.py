"""Vital signs: whether engine, clock and channels really work, and what is wrong when they do not.

`read` asks the database, `troubles` is a pure rule over what was read. Metrics, the Health room, alarms and the
dead-man's ping all look at the same signs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from .channels import channels
from .clock import span_words
from .db import db
from .delivery import breakers, waiting
from .delivery.waiting import PATIENCE, Queue
from .models import Delivery, Heartbeat, Incident, Lease, Page
from .vocabulary import DeliveryState, IncidentStatus

ENGINE, CLOCK = "engine", "clock"
# A deploy whose workers never take anything up is noticed this soon (and a process writes its pulse far oftener).
CANARY = timedelta(seconds=30)
RECENT = timedelta(hours=24)
CLOCK_DUTY = "clock"
CLOCK_HOLDS_FOR = timedelta(seconds=6)


@dataclass(frozen=True)
class BreakerOpen:
    """A channel is left in peace: since when, and why."""

    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True)
class Destination:
    """One destination in trouble, as the channel itself tells."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class ChannelSigns:
    """How one channel does: what waits for it, when its senders last went round, when it last took a message."""

    kind: str
    label: str
    queue: Queue
    beat_at: datetime | None = None
    sent_at: datetime | None = None
    breaker: BreakerOpen | None = None
    destinations: tuple[Destination, ...] = ()
    # What goes to many waits; colleagues are still written to.
    paused: BreakerOpen | None = None


@dataclass(frozen=True)
class Signs:
    """Everything at one moment."""

    at: datetime
    channels: Mapping[str, ChannelSigns] = field(default_factory=dict)
    engine_seen_at: datetime | None = None
    unexpanded_since: datetime | None = None
    clock_ticked_at: datetime | None = None
    clock_owner: str = ""
    promises_overdue: int = 0

    @property
    def waiting(self) -> int:
        """How many messages are on their way."""
        return sum(each.queue.count for each in self.channels.values())


@dataclass(frozen=True)
class Trouble:
    """Something wrong: what it is about (a channel, or the engine), since when, and a sentence for the comms lead."""

    about: str
    since: datetime
    sentence: str


def read(now: datetime) -> Signs:
    """The signs as they are."""
    queues, beats = waiting.queues(now), list(db.session.scalars(select(Heartbeat)))
    broken, paused = ({kind: BreakerOpen(each.opened_at, each.until, each.reason) for kind, each in found.items()}
                      for found in (breakers.standing(), breakers.pauses(now)))  # fmt: skip
    clock = db.session.scalar(select(Lease).where(Lease.name == CLOCK_DUTY))
    labels = {kind: channel.label for kind, channel in channels().items()}
    found = {}
    for kind in sorted({*labels, *queues, *broken, *paused, *(beat.channel for beat in beats if beat.channel)}):
        own = [beat for beat in beats if beat.channel == kind]
        found[kind] = ChannelSigns(
            kind,
            labels.get(kind, kind),
            queues.get(kind, Queue(kind)),
            max((beat.beat_at for beat in own), default=None),
            max((beat.sent_at for beat in own if beat.sent_at), default=None),
            broken.get(kind),
            _destinations(own, now),
            paused.get(kind),
        )
    return Signs(
        now,
        found,
        # Who only works out who is told sends nothing.
        engine_seen_at=max((beat.noted_at for beat in beats if beat.channel), default=None),
        unexpanded_since=waiting.unexpanded_since(),
        clock_ticked_at=clock.expires_at - CLOCK_HOLDS_FOR if clock and clock.owner else None,
        clock_owner=clock.owner if clock else "",
        promises_overdue=_promises_overdue(now),
    )


def recent_deliveries(now: datetime) -> dict[DeliveryState, int]:
    """What became of everything said in the last day."""
    is_recent = Delivery.announcement_id > waiting.last_before(now - RECENT)
    query = select(Delivery.state, func.count()).where(is_recent).group_by(Delivery.state)
    return dict(db.session.execute(query).all())


def troubles(signs: Signs) -> list[Trouble]:
    """What is wrong, the worst first. Where no engine works, what waits for a channel is not the channel's fault."""
    found = list(_of_engine(signs))
    for each in signs.channels.values():
        found += _of_channel(each, signs.at, has_engine=not found)
    return found


def is_engine_alive(signs: Signs) -> bool:
    """Whether some process has lately said that it sends."""
    return signs.engine_seen_at is not None and signs.engine_seen_at >= signs.at - CANARY


def is_clock_alive(signs: Signs) -> bool:
    """Whether some process keeps the clock."""
    return signs.clock_ticked_at is not None and signs.clock_ticked_at >= signs.at - CANARY


def is_working(signs: Signs) -> bool:
    """Whether every channel's senders have gone round within the last minute, and nothing is wrong."""
    rounds = [each.beat_at for each in signs.channels.values() if each.beat_at]
    is_round = bool(rounds) and all(at >= signs.at - PATIENCE for at in rounds)
    return is_round and is_engine_alive(signs) and not troubles(signs)


def _of_engine(signs: Signs) -> Iterator[Trouble]:
    overdue = [each.queue.overdue_since for each in signs.channels.values() if each.queue.overdue_since]
    if signs.unexpanded_since:
        overdue.append(signs.unexpanded_since)
    since = min((at for at in overdue if at < signs.at - CANARY), default=None)
    if since is None:
        return
    if not is_engine_alive(signs):
        seen = signs.engine_seen_at
        gone = f"for {span_words(signs.at - seen)}" if seen else "at all"
        yield Trouble(
            ENGINE, since, f"The engine that sends has not been seen {gone}. The oldest message has waited for "
            f"{span_words(signs.at - since)}."
        )  # fmt: skip
    elif signs.unexpanded_since and signs.unexpanded_since < signs.at - CANARY:
        waited = span_words(signs.at - signs.unexpanded_since)
        yield Trouble(ENGINE, signs.unexpanded_since, f"Nobody has worked out for {waited} who is told an update.")


def _of_channel(channel: ChannelSigns, now: datetime, *, has_engine: bool) -> Iterator[Trouble]:
    queue, breaker, sent_at = channel.queue, channel.breaker, channel.sent_at
    if breaker is not None:
        if breaker.since < now - PATIENCE:
            said = f"{channel.label} has taken nothing for {span_words(now - breaker.since)}: {breaker.reason}"
            yield Trouble(channel.kind, breaker.since, _with_count(said, queue))
        return
    if paused := channel.paused:
        said = f"{channel.label} to subscribers is paused until {paused.until:%H:%M} UTC: {paused.reason}"
        yield Trouble(channel.kind, paused.since, _with_count(said, queue))
        return
    if not has_engine:
        return

    def has_stood(since: datetime | None, span: timedelta, still: datetime) -> bool:
        """It waits for longer than this, and the channel has taken nothing since `still`."""
        return since is not None and since < now - span and (sent_at is None or sent_at < still)

    is_left_alone = has_stood(queue.overdue_since, CANARY, now - CANARY) and not queue.in_hand
    if queue.overdue_since and is_left_alone:
        said = (
            f"Nobody takes up what waits for {channel.label}, the oldest for {span_words(now - queue.overdue_since)}."
        )
        yield Trouble(channel.kind, queue.overdue_since, _with_count(said, queue))
    elif queue.fresh_since and has_stood(queue.fresh_since, PATIENCE, now - PATIENCE):
        yield _stuck(channel, queue.fresh_since, now)
    elif queue.tried_since and has_stood(queue.tried_since, PATIENCE, queue.tried_since):
        yield _stuck(channel, queue.tried_since, now)


def _stuck(channel: ChannelSigns, since: datetime, now: datetime) -> Trouble:
    reason = channel.queue.reason or "the other side has not answered yet."
    said = f"Nothing has got through by {channel.label} for {span_words(now - since)}: {reason}"
    return Trouble(channel.kind, since, _with_count(said, channel.queue))


def _with_count(said: str, queue: Queue) -> str:
    return f"{said.rstrip('. ')}. {_count(queue.count)}." if queue.count else f"{said.rstrip('. ')}."


def _count(messages: int) -> str:
    return "1 message waits" if messages == 1 else f"{messages:,} messages wait"


def _destinations(beats: list[Heartbeat], now: datetime) -> tuple[Destination, ...]:
    """What living processes say, each destination once."""
    told = {
        each["destination"]: Destination(each["destination"], each["state"], each["reason"])
        for beat in beats
        if beat.noted_at >= now - CANARY
        for each in beat.troubles
    }
    return tuple(told[name] for name in sorted(told))


def _promises_overdue(now: datetime) -> int:
    query = select(func.count()).select_from(Incident).join(Page).where(Page.stage_pace.is_(None))
    query = query.where(Incident.status != IncidentStatus.RESOLVED, Incident.next_update_due_at < now)
    return db.session.scalar(query) or 0
