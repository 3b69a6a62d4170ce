"""Drills: rehearsed incidents. Each is played on a stage, a page of its own that nobody outside has an address of."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified
from .incident import Incident
from .page import Page
from .staff import StaffUser

_RUNNING = text("ended_at IS NULL")


class DrillScript(Identified, Base):
    """A script that can be rehearsed, as somebody wrote it; `drills.script` reads it."""

    __tablename__ = "drill_script"
    __table_args__ = (UniqueConstraint("page_id", "name"),)

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    name: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]


class Drill(Identified, Base):
    """One rehearsal: the script as it was when it began, its stage, and the incident that is played there."""

    __tablename__ = "drill"
    __table_args__ = (
        Index("ix_drill_page_started", "page_id", "started_at"),
        # One is played at a time, whatever two people do at once.
        Index("uq_drill_running", "page_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    )

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    stage_id: Mapped[int] = mapped_column(ForeignKey("page.id"), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    script: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    # When the script is over, whether or not the incident is.
    over_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # How it ended, in a sentence.
    ending: Mapped[str] = mapped_column(String(200), default="")

    page: Mapped[Page] = relationship(foreign_keys=[page_id])
    stage: Mapped[Page] = relationship(foreign_keys=[stage_id])
    # The one that is played on the stage.
    incident: Mapped[Incident] = relationship(
        primaryjoin="foreign(Drill.stage_id) == remote(Incident.page_id)", viewonly=True, uselist=False
    )
    started_by: Mapped[StaffUser | None] = relationship()
    injects: Mapped[list["DrillInject"]] = relationship(order_by="DrillInject.id", back_populates="drill")

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None


class DrillInject(Base):
    """What participants learn during a drill, when, and from whom."""

    __tablename__ = "drill_inject"

    id: Mapped[int] = mapped_column(primary_key=True)
    drill_id: Mapped[int] = mapped_column(ForeignKey("drill.id"), index=True)
    # In minutes of the script.
    minute: Mapped[int]
    due_at: Mapped[datetime]
    voice: Mapped[str] = mapped_column(String(40))
    words: Mapped[str] = mapped_column(Text)
    shown_at: Mapped[datetime | None]

    drill: Mapped[Drill] = relationship(back_populates="injects")
