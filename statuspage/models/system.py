"""Facts the machinery keeps about itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Identified

NOT_OVER = "over_at IS NULL"


class Lease(Base):
    """Who holds a duty that only one process may have; `fence` grows with every change of hands."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default="")
    fence: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]


class Heartbeat(Base):
    """One part of a working process: when it last went round, and when its channel last took something.

    `noted_at` is when the process last wrote this: a part whose `beat_at` stays behind it hangs.
    """

    __tablename__ = "heartbeat"

    process: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[str] = mapped_column(String(48), primary_key=True)
    channel: Mapped[str] = mapped_column(String(32), default="")
    beat_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    noted_at: Mapped[datetime]
    # What the channel says of destinations in trouble: destination, state and reason of each.
    troubles: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)


class Alarm(Identified, Base):
    """Something wrong with the machinery, from when it was noticed until it has been over for a while.

    `about` is the channel's kind, or "engine". At most one alarm about the same thing is open.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        Index("uq_alarm_open", "about", unique=True, sqlite_where=text(NOT_OVER), postgresql_where=text(NOT_OVER)),
    )

    about: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(500))
    since: Mapped[datetime]
    raised_at: Mapped[datetime]
    told_at: Mapped[datetime]
    # Everything said about it: the alarm and its reminders.
    announcement_ids: Mapped[list[int]]
    quiet_since: Mapped[datetime | None]
    over_at: Mapped[datetime | None]


class RateCount(Base):
    """How often something was done in one window of time."""

    __tablename__ = "rate_count"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    window_at: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


class IdempotencyKey(Base):
    """A key a form or client sent with a write, and what that write made."""

    __tablename__ = "idempotency_key"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    result_id: Mapped[int]
    created_at: Mapped[datetime]


class Pace(Base):
    """When a sender that may send only so often is free again, in microseconds since 1970.

    A number and not an instant, because either database must add to it in one statement.
    """

    __tablename__ = "pace"

    sender: Mapped[str] = mapped_column(String(64), primary_key=True)
    free_from: Mapped[int] = mapped_column(BigInteger, default=0)


class CarrierReport(Base):
    """What became of one SMS in the networks; kept for an hour, to see when they begin to drop ours as spam."""

    __tablename__ = "carrier_report"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    is_filtered: Mapped[bool]
