"""The ledger's pen: outcomes are written in groups, each group with the progress of its shard in one commit."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import JSON, Connection, bindparam, cast, column, func, insert, select, true, update
from sqlalchemy.exc import DBAPIError

from .. import subscribers, subscriptions
from ..db import db, patiently, upsert
from ..models import Attempt, Delivery, Shard
from ..prepared import Prepared, stamp
from ..subscribers import PROVEN
from ..vocabulary import DeliveryState, Lane
from .expansion import supersede_older
from .owed import Owed, Verdict
from .walks import Walk

# What the lines of a group have in common.
_COMMON = (
    "announcement_id", "staff_user_id", "channel", "address", "is_doubtful", "lane", "incident_id", "sequence",
    "state", "attempt_count", "due_at", "lease_token", "leased_until", "settled_at", "created_at",
)  # fmt: skip
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
        attempt_count=Delivery.attempt_count + bindparam("tried"),
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


_ADVANCED = ("of", "held", "to", "more", "at", "token", "doubtful", "due", "why")


@dataclass
class Ledger:
    """Collects outcomes and writes them; what is not yet written is what a kill would make arrive twice."""

    clock: Callable[[], datetime]
    pending: list[tuple[Owed, Verdict]] = field(default_factory=list)
    written_at: datetime | None = None

    @cached_property
    def connection(self) -> Connection:
        """A connection of its own: what a session does around each commit would cost more than the commit."""
        return db.engine.connect()

    def note(self, owed: Owed, verdict: Verdict) -> None:
        """The outcome will be in the ledger with the next `write`."""
        self.pending.append((owed, verdict))

    def is_older_than(self, span: timedelta, now: datetime) -> bool:
        """Whether nothing has been written for so long."""
        return self.written_at is None or now - self.written_at > span

    def write(self) -> None:
        """Everything noted so far is in the ledger."""
        if not self.pending:
            return
        noted = list(self.pending)
        self.written_at = now = self.clock()
        for owed, verdict in noted:
            if verdict.code == PROVEN and owed.subscriber_id is not None:
                # Before the answer is on record: a kill in between has the challenge posted again, and nothing lost.
                subscriptions.prove(owed.subscriber_id, now)
        self._in_one_commit(lambda: self._put_down(noted, now))
        self.pending.clear()
        for owed, verdict in noted:
            if verdict.code and owed.subscriber_id is not None:
                subscribers.stop_after_refusal(owed.subscriber_id, verdict.code, verdict.reason, now)

    def leave(self, way: Walk, due_at: datetime | None = None, reason: str = "", *, is_doubtful: bool = False) -> None:
        """The shard is free again, from `due_at` on: what is left of it is for whoever takes it next."""
        way.is_left = True
        reached = way.reach(())
        way.is_over = True
        self._in_one_commit(lambda: self._advance(way, reached, 0, self.clock(), due_at, reason, is_doubtful))

    def close(self) -> None:
        """Give the connection back."""
        if "connection" in vars(self):
            self.connection.close()
            del self.connection

    def _in_one_commit(self, work: Callable[[], None]) -> None:
        """Do it; again on a new connection, as long as the database is busy or away for a moment."""

        def write() -> None:
            try:
                with self.connection.begin():
                    work()
            except DBAPIError:
                self.close()
                raise

        patiently(write)

    def _put_down(self, noted: list[tuple[Owed, Verdict]], now: datetime) -> None:
        ways: dict[int, tuple[Walk, list[tuple[int, Verdict]]]] = {}
        for owed, verdict in noted:
            if owed.row is not None:
                self._mark(owed.row, verdict, now)
            elif owed.way is not None and owed.subscriber_id is not None:
                ways.setdefault(id(owed.way), (owed.way, []))[1].append((owed.subscriber_id, verdict))
        for way, settled in ways.values():
            self._append(way, settled, now)
            reached = way.reach([number for number, _ in settled])
            way.is_over = way.is_done or (way.is_left and not way.waiting)
            self._advance(way, reached, len(settled), now)

    def _mark(self, row: Delivery, verdict: Verdict, now: datetime) -> None:
        """Write the outcome of a row, unless the lease has passed to another worker meanwhile."""
        reason = verdict.reason[:500]
        facts = {
            "of": row.id,
            "held": row.lease_token,
            "state": verdict.state,
            "reason": reason,
            "provider_id": verdict.provider_id,
            "lane": _lane_after(row, verdict),
            "is_doubtful": verdict.is_doubtful,
            "tried": 1 if verdict.outcome is not None or not verdict.pause else 0,
            "due_at": now + verdict.pause if verdict.pause else row.due_at,
            "settled_at": None if verdict.pause else now,
        }
        if not self.connection.execute(_MARK, facts).rowcount:
            return
        if verdict.outcome is not None:
            detail = (reason or verdict.provider_id)[:500]
            number, outcome = row.attempt_count + 1, verdict.outcome.value
            attempt = {"delivery_id": row.id, "number": number, "ended_at": now, "outcome": outcome, "detail": detail}
            self.connection.execute(_ATTEMPT, attempt)
        if verdict.pause and row.incident_id is not None:
            supersede_older(now, Delivery.id == row.id, self.connection)

    def _append(self, way: Walk, settled: list[tuple[int, Verdict]], now: datetime) -> None:
        """Lines for those who were met on the way; a line that is already there stands."""
        dialect, announcement = self.connection.dialect, way.announcement
        at = stamp(now, dialect)
        common = {
            "announcement_id": announcement.id,
            "staff_user_id": None,
            "channel": way.shard.channel,
            "address": "",
            "incident_id": announcement.incident_id,
            "sequence": announcement.sequence,
            "lease_token": "",
            "leased_until": None,
            "created_at": stamp(announcement.created_at, dialect),
        }
        for (state, pause, was_tried, is_doubtful), lines in _alike(settled).items():
            facts = {
                "lane": "bulk" if pause is None else "retry",
                "state": state.value,
                "attempt_count": int(was_tried),
                "is_doubtful": is_doubtful,
                "due_at": at if pause is None else stamp(now + pause, dialect),
                "settled_at": at if pause is None else None,
                "lines": json.dumps(lines),
            }
            _appending(dialect.name).run(self.connection, common | facts)
        if failed := [_first_attempt(announcement.id, number, verdict, now) for number, verdict in settled
                      if verdict.outcome not in _UNREMARKABLE]:  # fmt: skip
            self.connection.execute(_FIRST_ATTEMPT, failed)

    def _advance(  # noqa: PLR0913 - one row, all its facts
        self,
        way: Walk,
        reached: int,
        more: int,
        now: datetime,
        due_at: datetime | None = None,
        reason: str = "",
        is_doubtful: bool = False,
    ) -> None:
        dialect = self.connection.dialect
        _advancing(dialect.name).run(
            self.connection,
            {
                "of": way.shard.id,
                "held": way.token,
                "to": reached,
                "more": more,
                "at": stamp(now if way.is_done else None, dialect),
                "token": "" if way.is_over else way.token,
                "doubtful": is_doubtful or (way.shard.is_doubtful and way.doubtful > 0),
                "due": stamp(due_at or way.shard.due_at, dialect),
                "why": reason[:500],
            },
        )


@lru_cache
def _appending(dialect: str) -> Prepared:
    """A group of lines in one statement: a list of (subscriber, reason, provider's id), and what they share."""
    if dialect == "sqlite":
        given = func.json_each(bindparam("lines")).table_valued(column("value", JSON))
    else:
        given = func.json_array_elements(cast(bindparam("lines"), JSON)).table_valued(column("value", JSON))
    line = given.c.value
    own = {
        "subscriber_id": line[0].as_integer(),
        "reason": line[1].as_string(),
        "provider_id": line[2].as_string(),
    }
    shared = {name: bindparam(name, type_=Delivery.__table__.c[name].type) for name in _COMMON}
    # SQLite reads ON CONFLICT behind a FROM without WHERE as a join.
    lines = select(*own.values(), *shared.values()).select_from(given).where(true())
    statement = upsert(Delivery).from_select([*own, *shared], lines).on_conflict_do_nothing()
    return Prepared(statement, db.engine.dialect, "lines", *_COMMON)


@lru_cache
def _advancing(_dialect: str) -> Prepared:
    return Prepared(_ADVANCE, db.engine.dialect, *_ADVANCED)


_UNREMARKABLE = (None, DeliveryState.SENT, DeliveryState.CAPTURED)


def _alike(
    settled: Sequence[tuple[int, Verdict]],
) -> dict[tuple[DeliveryState, timedelta | None, bool, bool], list[tuple[int, str, str]]]:
    """Lines in groups that differ in nothing but whom they are about, the reason and the provider's id."""
    groups: dict[tuple[DeliveryState, timedelta | None, bool, bool], list[tuple[int, str, str]]] = {}
    for number, verdict in settled:
        kind = verdict.state, verdict.pause, verdict.outcome is not None, verdict.is_doubtful
        groups.setdefault(kind, []).append((number, verdict.reason[:500], verdict.provider_id))
    return groups


def _lane_after(row: Delivery, verdict: Verdict) -> Lane:
    """What failed goes to the lane of retries; a reminder to a colleague stays where it is."""
    return Lane.RETRY if verdict.pause and row.staff_user_id is None else row.lane


def _first_attempt(announcement_id: int, subscriber_id: int, verdict: Verdict, now: datetime) -> dict[str, Any]:
    return {
        "about": announcement_id,
        "to": subscriber_id,
        "number": 1,
        "ended_at": now,
        "outcome": verdict.outcome.value if verdict.outcome else "",
        "detail": verdict.reason[:500],
    }
