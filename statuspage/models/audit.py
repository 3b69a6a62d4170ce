"""Who did what, when."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base
from .staff import StaffUser


class AuditEntry(Base):
    """One act, written in the same transaction as what it changed and never altered afterwards."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_object", "object_kind", "object_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    # How the actor came in: panel, reminder link, command line, clock, subscriber.
    via: Mapped[str] = mapped_column(String(32))
    act: Mapped[str] = mapped_column(String(64))
    object_kind: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(32))
    detail: Mapped[dict[str, Any]]

    actor: Mapped[StaffUser | None] = relationship()
