"""What was answered to a reminder and is not said yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import IncidentStatus, ReplyVia
from .incident import Incident
from .staff import StaffUser

WAITS = "released_at IS NULL AND discarded_at IS NULL"


class ReplyDraft(Identified, Base):
    """Words of a colleague about an incident that wait for one tap: release, or discard.

    `status` and `sequence` are the incident's when it was written, `choices` what was chosen beside the words.
    """

    __tablename__ = "reply_draft"
    __table_args__ = (
        Index("ix_reply_draft_waiting", "incident_id", sqlite_where=text(WAITS), postgresql_where=text(WAITS)),
    )

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    via: Mapped[ReplyVia] = mapped_column(WordType(ReplyVia))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[IncidentStatus] = mapped_column(WordType(IncidentStatus))
    sequence: Mapped[int]
    choices: Mapped[dict[str, Any]]
    # What the carrier calls the message, so that one that comes twice is taken once.
    source: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    discarded_at: Mapped[datetime | None]
    discarded_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))

    incident: Mapped[Incident] = relationship()
    author: Mapped[StaffUser] = relationship(foreign_keys=author_id)
    released_by: Mapped[StaffUser | None] = relationship(foreign_keys=released_by_id)

    @property
    def is_waiting(self) -> bool:
        """Whether it can still be released or discarded."""
        return self.released_at is None and self.discarded_at is None

    @property
    def is_older_than_the_last_word(self) -> bool:
        """Whether something was said since it was written."""
        return self.sequence != self.incident.sequence
