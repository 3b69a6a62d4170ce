"""Where the chase of a promise stands still, by whose word, and for how long."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import PauseKind
from .incident import Incident
from .staff import StaffUser

STANDS = "ended_at IS NULL"


class ChasePause(Identified, Base):
    """Somebody has acknowledged a reminder or snoozed it with a reason: nobody else is chased until then.

    It ends early by an update, a hand-over, or another word of the same kind. At most one stands for an incident.
    """

    __tablename__ = "chase_pause"
    __table_args__ = (
        Index("uq_chase_pause_standing", "incident_id", unique=True, sqlite_where=text(STANDS),
              postgresql_where=text(STANDS)),
        Index("ix_chase_pause_incident_id", "incident_id"),
    )  # fmt: skip

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    kind: Mapped[PauseKind] = mapped_column(WordType(PauseKind))
    reason: Mapped[str] = mapped_column(String(300), default="")
    promise_due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    incident: Mapped[Incident] = relationship()
    staff_user: Mapped[StaffUser] = relationship()
