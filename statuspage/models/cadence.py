"""How often people must hear, and who is chased when they do not."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import IncidentRole, ReminderCause, ReminderStep, Severity
from .delivery import Announcement
from .incident import Incident
from .page import Page
from .staff import StaffUser


class CadencePolicy(Identified, Base):
    """The promise that incidents of one severity make: first update, then every interval.

    Responders are reminded `lead` before a promise falls due, when it does, and `lead` after it.
    """

    __tablename__ = "cadence_policy"
    __table_args__ = (UniqueConstraint("page_id", "severity"),)

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    severity: Mapped[Severity] = mapped_column(WordType(Severity))
    first: Mapped[timedelta]
    interval: Mapped[timedelta]
    lead: Mapped[timedelta]
    updated_at: Mapped[datetime]

    page: Mapped[Page] = relationship()


class Reminder(Identified, Base):
    """One person reminded once of one promise; a message may carry several such reminders."""

    __tablename__ = "reminder"
    __table_args__ = (UniqueConstraint("incident_id", "promise_due_at", "cause", "step", "round", "staff_user_id"),)

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    step: Mapped[ReminderStep] = mapped_column(WordType(ReminderStep))
    round: Mapped[int] = mapped_column(default=0)
    role: Mapped[IncidentRole] = mapped_column(WordType(IncidentRole))
    promise_due_at: Mapped[datetime]
    cause: Mapped[ReminderCause] = mapped_column(WordType(ReminderCause), default=ReminderCause.LADDER)
    # When it should have come; it came at `created_at`.
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    # The composer link in this reminder works until it has been used or the promise is settled.
    used_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]

    incident: Mapped[Incident] = relationship()
    staff_user: Mapped[StaffUser] = relationship()
    announcement: Mapped[Announcement] = relationship()
