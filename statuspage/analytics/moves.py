"""Who came and went, by the minute, as the record of acts has it."""

from datetime import UTC, datetime

from sqlalchemy import Integer, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from ..audit import SUBSCRIBER
from ..db import db
from ..models import AuditEntry, Page, Subscriber
from .facts import Move, Moves
from .instants import seconds

# People who come by themselves are won; whom a colleague or an import brought is not.
CAME = ("subscriber.confirm", "subscriber.resume")
LEFT = ("subscriber.unsubscribe", "subscriber.unsubscribed")
ERASED = "subscriber.erase"
STOPPED = "subscriber.quarantined"


def between(page: Page, begin: datetime | None, end: datetime) -> tuple[Moves, ...]:
    """The moves of those who had ever confirmed; none where there is nothing to begin with."""
    move = case(
        (AuditEntry.act.in_(CAME), Move.WON.value), (AuditEntry.act == STOPPED, Move.STOPPED.value),
        else_=Move.LOST.value,
    )  # fmt: skip
    earlier = aliased(AuditEntry)
    had_left = exists().where(
        earlier.object_kind == AuditEntry.object_kind,
        earlier.object_id == AuditEntry.object_id,
        earlier.act.in_(LEFT),
        earlier.id < AuditEntry.id,
    )
    # Whole seconds first: a minute must not depend on a float's last digit.
    minute = cast(func.round(seconds(AuditEntry.at)), Integer) // literal(60, literal_execute=True)
    rows = (
        select(minute.label("minute"), move.label("move"))
        .join(Subscriber, Subscriber.public_id == AuditEntry.object_id)
        .where(
            AuditEntry.object_kind == Subscriber.__tablename__,
            or_(
                and_(AuditEntry.act.in_(CAME), AuditEntry.via == SUBSCRIBER.via),
                AuditEntry.act.in_((*LEFT, STOPPED)),
                and_(AuditEntry.act == ERASED, ~had_left),
            ),
            AuditEntry.at >= (begin or end),
            AuditEntry.at <= end,
            Subscriber.page_id == page.id,
            Subscriber.confirmed_at.is_not(None),
        )
        .subquery()
    )
    query = select(rows.c.minute, rows.c.move, func.count()).group_by(rows.c.minute, rows.c.move)
    found = db.session.execute(query.order_by(rows.c.minute, rows.c.move))
    return tuple(Moves(datetime.fromtimestamp(minute * 60, UTC), Move(move), count) for minute, move, count in found)
