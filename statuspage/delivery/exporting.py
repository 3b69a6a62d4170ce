"""The ledger of one announcement, line by line, for a file: read in pages, so that a long download holds nothing up."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from sqlalchemy import func, select

from .. import audit
from ..audit import Actor
from ..clock import iso_text
from ..db import db, reading
from ..models import Announcement, Attempt, Delivery, StaffUser, Subscriber
from ..sealing import shown as plainly
from . import receipts

PAGE = 1000
COLUMNS = (
    "recipient", "recipient_id", "channel", "state", "reason", "provider_id", "attempts", "said_at", "settled_at",
)  # fmt: skip
# A spreadsheet would run what begins so; a number of a phone may.
_FORMULA = ("=", "-", "@", "\t", "\r", "\n")

Line = dict[str, Any]


def note_export(announcement: Announcement, form: str, by: Actor, now: datetime) -> None:
    """It is on record who took the ledger away."""
    audit.record(by, "announcement.export", announcement, now, form=form)
    db.session.commit()


def head(announcement: Announcement) -> Line:
    """What was said, and what it all adds up to: also those who are still in a queue."""
    progress = receipts.progress(announcement)
    return {
        "id": announcement.public_id,
        "kind": announcement.kind.value,
        "incident": announcement.incident.public_id if announcement.incident else None,
        "said_at": iso_text(announcement.created_at),
        "is_expanded": progress.is_expanded,
        "owed": progress.owed,
        "states": {state.value: count for state, count in progress.states.items()},
    }


def lines(announcement_id: int, shown: Callable[[str], str] = plainly) -> Iterator[Line]:
    """Every line of the ledger in the order of its making; `shown` says how much of an address is told.

    Whoever is still in a queue without a line of their own is not among them. Every page is read in a context of its
    own: whoever writes the answer to the wire may do so in any thread, and long after the request.
    """
    return _lines(_app(), announcement_id, shown)


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def _lines(app: Flask, announcement_id: int, shown: Callable[[str], str]) -> Iterator[Line]:
    bounds = select(func.min(Delivery.id), func.max(Delivery.id)).where(Delivery.announcement_id == announcement_id)
    with app.app_context(), reading():
        first, last = db.session.execute(bounds).one()
    after = (first or 0) - 1
    while last is not None and after < last:
        with app.app_context(), reading():
            found = _page(announcement_id, after, last, shown)
        yield from (line for _, line in found)
        after = found[-1][0] if len(found) == PAGE else last


def as_csv(found: Iterable[Line]) -> Iterator[str]:
    """The lines as CSV with a header."""
    yield csv_line(COLUMNS)
    for line in found:
        yield csv_line([cell(line[name]) for name in COLUMNS])


def as_json(head: dict[str, Any], found: Iterable[Line]) -> Iterator[str]:
    """One JSON document: the facts of `head`, then `deliveries`."""
    yield json.dumps(head, indent=2, ensure_ascii=False)[:-2] + ',\n  "deliveries": ['
    separator = "\n    "
    for line in found:
        yield separator + json.dumps(line, ensure_ascii=False)
        separator = ",\n    "
    yield "\n  ]\n}\n"


def _page(announcement_id: int, after: int, last: int, shown: Callable[[str], str]) -> list[tuple[int, Line]]:
    # By `+ 0` the walk is along the key; by the announcement's index every page would sort what is left.
    query = (
        select(
            Delivery.id, Delivery.channel, Delivery.state, Delivery.reason, Delivery.provider_id,
            Delivery.attempt_count, Delivery.created_at, Delivery.settled_at, Delivery.address,
            Subscriber.address.label("reader"), Subscriber.public_id, StaffUser.public_id.label("colleague"),
        )
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(StaffUser, StaffUser.id == Delivery.staff_user_id)
        .where(Delivery.announcement_id + 0 == announcement_id, Delivery.id > after, Delivery.id <= last)
        .order_by(Delivery.id)
        .limit(PAGE)
    )  # fmt: skip
    rows = db.session.execute(query).all()
    tries = _attempts([row.id for row in rows if row.attempt_count])
    return [
        (
            row.id,
            {
                "recipient": shown(row.reader if row.public_id else row.address),
                "recipient_id": row.public_id or row.colleague or "",
                "channel": row.channel,
                "state": row.state.value,
                "reason": row.reason,
                "provider_id": row.provider_id,
                "attempts": row.attempt_count,
                "said_at": iso_text(row.created_at),
                "settled_at": iso_text(row.settled_at) if row.settled_at else None,
                "tries": tries.get(row.id, []),
            },
        )
        for row in rows
    ]


def _attempts(delivery_ids: list[int]) -> dict[int, list[Line]]:
    """The tries that have a row of their own; a first one that succeeded has none."""
    found: dict[int, list[Line]] = {}
    query = select(Attempt).where(Attempt.delivery_id.in_(delivery_ids)).order_by(Attempt.delivery_id, Attempt.number)
    for each in db.session.scalars(query) if delivery_ids else ():
        tried = {"number": each.number, "ended_at": iso_text(each.ended_at), "outcome": each.outcome}
        found.setdefault(each.delivery_id, []).append({**tried, "detail": each.detail})
    return found


def cell(value: object) -> str:
    """A value as a spreadsheet shows it and never runs it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_line(cells: Iterable[str]) -> str:
    """One line of a CSV file."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
