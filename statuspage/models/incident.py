"""Incidents, what was said about them, and who works on them."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import (
    Audience,
    ComponentStatus,
    Impact,
    IncidentRole,
    IncidentStatus,
    IncidentType,
    Severity,
)
from .component import Component
from .imported import Imported
from .page import Page
from .staff import StaffUser

if TYPE_CHECKING:
    from .cadence import Deadline, Promise


class Incident(Imported, Identified, Base):
    """Something went wrong. Status, impact and promise are derived from its updates by the publishing verbs."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_page_started", "page_id", "started_at"),
        Index("ix_incident_page_status", "page_id", "status"),
        Index("ix_incident_page_created", "page_id", "created_at"),
    )

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    title: Mapped[str] = mapped_column(String(255))
    type: Mapped[IncidentType] = mapped_column(WordType(IncidentType))
    severity: Mapped[Severity] = mapped_column(WordType(Severity))
    status: Mapped[IncidentStatus] = mapped_column(WordType(IncidentStatus))
    impact: Mapped[Impact] = mapped_column(WordType(Impact))
    impact_override: Mapped[Impact | None] = mapped_column(WordType(Impact))
    audience: Mapped[Audience] = mapped_column(WordType(Audience), default=Audience.PUBLIC)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    # The number of the latest update; also the version that a composer must have seen.
    sequence: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    detected_at: Mapped[datetime | None]
    monitoring_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    next_update_due_at: Mapped[datetime | None]
    # When the clock must look whether somebody is to be reminded; None: there is nobody to remind.
    next_look_at: Mapped[datetime | None] = mapped_column(index=True)
    no_promise_reason: Mapped[str] = mapped_column(String(300), default="")
    # Taken out of public sight; staff and the record keep it.
    hidden_at: Mapped[datetime | None]
    # Written down after it was over; nobody was told.
    is_backfilled: Mapped[bool] = mapped_column(default=False)
    # What clients of the API attach and read back; it means nothing to us.
    client_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reminder_intervals: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    page: Mapped[Page] = relationship()
    reporter: Mapped[StaffUser | None] = relationship()
    updates: Mapped[list["IncidentUpdate"]] = relationship(
        back_populates="incident", order_by="IncidentUpdate.sequence"
    )
    assignments: Mapped[list["IncidentAssignment"]] = relationship(
        back_populates="incident", cascade="all, delete-orphan"
    )
    promises: Mapped[list["Promise"]] = relationship(back_populates="incident", order_by="Promise.id")
    deadlines: Mapped[list["Deadline"]] = relationship(back_populates="incident", order_by="Deadline.due_at")

    @property
    def is_open(self) -> bool:
        """Whether people are still waiting for news."""
        return self.status is not IncidentStatus.RESOLVED

    def standing_after(self, update: "IncidentUpdate") -> tuple[datetime | None, str]:
        """When the next update after this statement is promised for, or why not; as moved or withdrawn since."""
        later = any(each.sequence > update.sequence and each.audience is Audience.PUBLIC for each in self.updates)
        if later or not self.is_open:
            return update.next_update_due_at, update.no_promise_reason
        return self.next_update_due_at, self.no_promise_reason

    @property
    def is_hidden(self) -> bool:
        """Whether it has been taken out of public sight."""
        return self.hidden_at is not None

    @property
    def is_rehearsed(self) -> bool:
        """Whether it is part of a drill."""
        return self.page.is_stage


class IncidentUpdate(Identified, Base):
    """One dated statement: status, words, the state of components at that moment, and the promise it made."""

    __tablename__ = "incident_update"
    __table_args__ = (UniqueConstraint("incident_id", "sequence"),)

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    sequence: Mapped[int]
    status: Mapped[IncidentStatus] = mapped_column(WordType(IncidentStatus))
    body: Mapped[str] = mapped_column(Text)
    audience: Mapped[Audience] = mapped_column(WordType(Audience), default=Audience.PUBLIC)
    is_notified: Mapped[bool] = mapped_column(default=True)
    is_key_moment: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    next_update_due_at: Mapped[datetime | None]
    no_promise_reason: Mapped[str] = mapped_column(String(300), default="")

    incident: Mapped[Incident] = relationship(back_populates="updates")
    promises: Mapped[list["Promise"]] = relationship(back_populates="update", order_by="Promise.id")
    author: Mapped[StaffUser | None] = relationship()
    components: Mapped[list["UpdateComponent"]] = relationship(
        back_populates="update", order_by="UpdateComponent.id", lazy="selectin"
    )
    revisions: Mapped[list["UpdateRevision"]] = relationship(
        back_populates="update", order_by="UpdateRevision.replaced_at", lazy="selectin"
    )

    @property
    def promise(self) -> "Promise | None":
        """The promise that this statement made, if it made one."""
        return self.promises[0] if self.promises else None


class UpdateComponent(Base):
    """How one affected component stood before and after an update."""

    __tablename__ = "update_component"
    __table_args__ = (UniqueConstraint("update_id", "component_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(ForeignKey("incident_update.id"))
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id"), index=True)
    old_status: Mapped[ComponentStatus] = mapped_column(WordType(ComponentStatus))
    new_status: Mapped[ComponentStatus] = mapped_column(WordType(ComponentStatus))

    update: Mapped[IncidentUpdate] = relationship(back_populates="components")
    component: Mapped[Component] = relationship(lazy="joined")


class UpdateRevision(Base):
    """Words that were public once and have been corrected since."""

    __tablename__ = "update_revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(ForeignKey("incident_update.id"), index=True)
    body: Mapped[str] = mapped_column(Text)
    replaced_at: Mapped[datetime]
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))

    update: Mapped[IncidentUpdate] = relationship(back_populates="revisions")


class IncidentAssignment(Base):
    """A staff user's role on one incident."""

    __tablename__ = "incident_assignment"
    __table_args__ = (UniqueConstraint("incident_id", "role", "staff_user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    role: Mapped[IncidentRole] = mapped_column(WordType(IncidentRole))

    incident: Mapped[Incident] = relationship(back_populates="assignments")
    staff_user: Mapped[StaffUser] = relationship(lazy="joined")
