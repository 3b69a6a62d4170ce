"""The ledger's pen: outcomes are written in groups, each group with the progress of its shard in one commit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from .. import subscribers
from ..db import db, upsert
from ..models import Attempt, Delivery, Shard
from ..vocabulary import DeliveryState, Lane
from .expansion import supersede_older
from .owed import Owed, Verdict
from .shards import Walk

# Built once: putting a statement together costs more than running it.
_MARK = (
    update(Delivery)
    .where(Delivery.id == bindparam("of"), Delivery.lease_token == bindparam("held"))
    .values(
        state=bindparam("state"),
        reason=bindparam("reason"),
        provider_id=bindparam("provider_id"),
        lane=bindparam("lane"),
        is_doubtful=bindparam("is_doubtful"),
        due_at=bindparam("due_at"),
        settled_at=bindparam("settled_at"),
        attempt_count=Delivery.attempt_count + 1,
        lease_token="",
        leased_until=None,
    )
)
_ATTEMPT = insert(Attempt)
_FIRST_ATTEMPT = insert(Attempt).from_select(
    ["delivery_id", "number", "ended_at", "outcome", "detail"],
    select(
        Delivery.id,
        bindparam("number", type_=Attempt.number.type),
        bindparam("ended_at", type_=Attempt.ended_at.type),
        bindparam("outcome", type_=Attempt.outcome.type),
        bindparam("detail", type_=Attempt.detail.type),
    ).where(Delivery.announcement_id == bindparam("about"), Delivery.subscriber_id == bindparam("to")),
)
_ADVANCE = (
    update(Shard)
    .where(Shard.id == bindparam("of"), Shard.lease_token == bindparam("held"))
    .values(
        reached=bindparam("to"),
        settled=Shard.settled + bindparam("more"),
        closed_at=bindparam("at"),
        lease_token=bindparam("token"),
        is_doubtful=bindparam("doubtful"),
        due_at=bindparam("due"),
        reason=bindparam("why"),
    )
)


@dataclass
class Ledger:
    """Collects outcomes and writes them; what is not yet written is what a kill would make arrive twice."""

    clock: Callable[[], datetime]
    pending: list[tuple[Owed, Verdict]] = field(default_factory=list)
    written_at: datetime | None = None

    def note(self, owed: Owed, verdict: Verdict) -> None:
        """The outcome will be in the ledger with the next `write`."""
        self.pending.append((owed, verdict))

    def write(self) -> None:
        """Everything noted so far is in the ledger."""
        if not self.pending:
            return
        noted, self.pending = self.pending, []
        self.written_at = now = self.clock()
        for owed, verdict in noted:
            if owed.row is not None:
                _mark(owed.row, verdict, now)
        ways: dict[int, tuple[Walk, list[tuple[int, Verdict]]]] = {}
        for owed, verdict in noted:
            if owed.way is not None and owed.subscriber_id is not None:
                ways.setdefault(id(owed.way), (owed.way, []))[1].append((owed.subscriber_id, verdict))
        for way, settled in ways.values():
            _append(way, settled, now)
            _advance(way, [number for number, _ in settled], now)
        db.session.commit()
        for owed, verdict in noted:
            if verdict.code and owed.subscriber_id is not None:
                subscribers.stop_after_refusal(owed.subscriber_id, verdict.code, verdict.reason, now)

    def is_older_than(self, span: timedelta) -> bool:
        """Whether nothing has been written for so long."""
        return self.written_at is None or self.clock() - self.written_at > span

    def leave(self, way: Walk, due_at: datetime | None = None, reason: str = "", *, is_doubtful: bool = False) -> None:
        """The shard is free again, from `due_at` on: what is left of it is for whoever takes it next."""
        way.is_left = True
        _advance(way, [], self.clock(), due_at, reason, is_doubtful=is_doubtful, ends=True)
        db.session.commit()


def _mark(row: Delivery, verdict: Verdict, now: datetime) -> None:
    """Write the outcome of a row, unless the lease has passed to another worker meanwhile."""
    connection = db.session.connection()
    reason = verdict.reason[:500]
    facts = {
        "of": row.id,
        "held": row.lease_token,
        "state": verdict.state,
        "reason": reason,
        "provider_id": verdict.provider_id,
        "lane": _lane_after(row, verdict),
        "is_doubtful": verdict.is_doubtful,
        "due_at": now + verdict.pause if verdict.pause else row.due_at,
        "settled_at": None if verdict.pause else now,
    }
    if not connection.execute(_MARK, facts).rowcount:
        return
    if verdict.outcome is not None:
        detail = (reason or verdict.provider_id)[:500]
        number, outcome = row.attempt_count + 1, verdict.outcome.value
        connection.execute(
            _ATTEMPT,
            {"delivery_id": row.id, "number": number, "ended_at": now, "outcome": outcome, "detail": detail},
        )
    if verdict.pause and row.incident_id is not None:
        supersede_older(now, Delivery.id == row.id)


def _lane_after(row: Delivery, verdict: Verdict) -> Lane:
    """What failed goes to the lane of retries; a reminder to a colleague stays where it is."""
    return Lane.RETRY if verdict.pause and row.staff_user_id is None else row.lane


def _append(way: Walk, settled: list[tuple[int, Verdict]], now: datetime) -> None:
    """Lines for those who were met on the way; a line that is already there stands."""
    announcement = way.announcement
    common = {
        "announcement_id": announcement.id,
        "channel": way.shard.channel,
        "address": "",
        "incident_id": announcement.incident_id,
        "sequence": announcement.sequence,
        "lease_token": "",
        "created_at": announcement.created_at,
    }
    rows: list[dict[str, Any]] = [
        {
            **common,
            "subscriber_id": number,
            "lane": Lane.RETRY if verdict.pause is not None else Lane.BULK,
            "state": verdict.state,
            "reason": verdict.reason[:500],
            "provider_id": verdict.provider_id,
            "attempt_count": 0 if verdict.outcome is None else 1,
            "is_doubtful": verdict.is_doubtful,
            "due_at": now if verdict.pause is None else now + verdict.pause,
            "settled_at": None if verdict.pause is not None else now,
        }
        for number, verdict in settled
    ]
    connection = db.session.connection()
    connection.execute(_insert(db.engine.dialect.name), rows)
    failed = [
        {
            "about": announcement.id,
            "to": number,
            "number": 1,
            "ended_at": now,
            "outcome": verdict.outcome.value,
            "detail": verdict.reason[:500],
        }
        for number, verdict in settled
        if verdict.outcome not in (None, DeliveryState.SENT, DeliveryState.CAPTURED)
    ]
    if failed:
        connection.execute(_FIRST_ATTEMPT, failed)


@lru_cache
def _insert(_dialect: str) -> Any:
    return upsert(Delivery).on_conflict_do_nothing()


def _advance(  # noqa: PLR0913 - one row, all its facts
    way: Walk,
    settled: list[int],
    now: datetime,
    due_at: datetime | None = None,
    reason: str = "",
    *,
    is_doubtful: bool = False,
    ends: bool = False,
) -> None:
    reached = way.reach(settled)
    way.is_over = way.is_done or ends or (way.is_left and not way.waiting)
    db.session.connection().execute(
        _ADVANCE,
        {
            "of": way.shard.id,
            "held": way.token,
            "to": reached,
            "more": len(settled),
            "at": now if way.is_done else None,
            "token": "" if way.is_over else way.token,
            "doubtful": is_doubtful or (way.shard.is_doubtful and way.doubtful > 0),
            "due": due_at or way.shard.due_at,
            "why": reason[:500],
        },
    )
