"""Facts the machinery keeps about itself."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base


class Lease(Base):
    """Who holds a duty that only one process may have; `fence` grows with every change of hands."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default="")
    fence: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]


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
