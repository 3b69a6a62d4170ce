"""How often people must hear, and who is chased when they do not."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import DeadlineKind, IncidentType, PromiseOutcome, ReminderCause, ReminderStep, Severity
from .delivery import Announcement
from .incident import Incident, IncidentUpdate
from .page import Page
from .staff import StaffUser


class CadencePolicy(Identified, Base):
    """What incidents of one severity promise, and who is chased; with a type, for incidents of that type alone.

    `phases`, `ladder` and `deadlines` hold plain values, which `cadence.plain` writes and reads.
    """

    __tablename__ = "cadence_policy"
    __table_args__ = (
        UniqueConstraint("page_id", "severity", "type"),
        # A constraint lets NULLs stand beside each other: there is one policy for every other type.
        Index(
            "uq_cadence_policy_for_any_type",
            "page_id",
            "severity",
            unique=True,
            sqlite_where=text("type IS NULL"),
            postgresql_where=text("type IS NULL"),
        ),
    )

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    severity: Mapped[Severity] = mapped_column(WordType(Severity))
    type: Mapped[IncidentType | None] = mapped_column(WordType(IncidentType))
    first: Mapped[timedelta]
    interval: Mapped[timedelta]
    lead: Mapped[timedelta]
    phases: Mapped[dict[str, Any]] = mapped_column(default=dict)
    keeps_hours: Mapped[bool] = mapped_column(default=False)
    # None: the ready-made ladder, which follows lead and interval.
    ladder: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    repeat: Mapped[timedelta | None]
    coalescing: Mapped[timedelta] = mapped_column(default=timedelta(0))
    needs_second: Mapped[bool] = mapped_column(default=False)
    deadlines: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    updated_at: Mapped[datetime]

    page: Mapped[Page] = relationship()


class Promise(Identified, Base):
    """That the next update comes by a time. It stands until it is settled, once; nothing rewrites it afterwards.

    The statement that made it is `update`; a promise that was moved makes the next one without a statement.
    """

    __tablename__ = "promise"
    __table_args__ = (
        Index("ix_promise_incident_made", "incident_id", "made_at"),
        # One stands at a time, whatever two processes do at once.
        Index(
            "uq_promise_standing",
            "incident_id",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    update_id: Mapped[int | None] = mapped_column(ForeignKey("incident_update.id"), index=True)
    # The time to the first public update of an incident that is open inside: promised to ourselves, not in public.
    is_first: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    due_at: Mapped[datetime]
    outcome: Mapped[PromiseOutcome | None] = mapped_column(WordType(PromiseOutcome))
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    # By how much it was late; None for every other outcome.
    late_by: Mapped[timedelta | None]
    # Why it was withdrawn or moved.
    reason: Mapped[str] = mapped_column(String(300), default="")

    incident: Mapped[Incident] = relationship(back_populates="promises")
    update: Mapped[IncidentUpdate | None] = relationship(back_populates="promises")
    made_by: Mapped[StaffUser | None] = relationship(foreign_keys=[made_by_id])
    settled_by: Mapped[StaffUser | None] = relationship(foreign_keys=[settled_by_id])


class Deadline(Identified, Base):
    """A word owed, to customers or an authority, by a time and by somebody: done once, or waived."""

    __tablename__ = "deadline"
    __table_args__ = (
        UniqueConstraint("incident_id", "name"),
        Index(
            "ix_deadline_open", "due_at", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")
        ),
    )

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[DeadlineKind] = mapped_column(WordType(DeadlineKind))
    # A recipient's word, as in the ladder.
    owner: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    # It did not apply after all, and `note` says why.
    is_waived: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(String(300), default="")
    # It had been settled by mistake; owed again since then.
    taken_back_at: Mapped[datetime | None]

    incident: Mapped[Incident] = relationship(back_populates="deadlines")
    done_by: Mapped[StaffUser | None] = relationship()
    reminders: Mapped[list["DeadlineReminder"]] = relationship(
        back_populates="deadline", order_by="DeadlineReminder.id"
    )

    def owed_from(self, at: datetime) -> datetime:
        """The moment, or when the deadline was owed again after it."""
        return max(at, self.taken_back_at) if self.taken_back_at else at


class Reminder(Identified, Base):
    """One person reminded once of one promise; a message may carry several such reminders."""

    __tablename__ = "reminder"
    __table_args__ = (
        UniqueConstraint(
            "incident_id", "promise_due_at", "cause", "step", "round", "staff_user_id", name="uq_reminder_once"
        ),
    )

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    step: Mapped[ReminderStep] = mapped_column(WordType(ReminderStep))
    round: Mapped[int] = mapped_column(default=0)
    # As whom this person was reminded: a recipient's word, as in the ladder.
    role: Mapped[str] = mapped_column(String(32))
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


class DeadlineReminder(Base):
    """One person reminded once of one deadline; the message may carry others, and reminders of promises."""

    __tablename__ = "deadline_reminder"
    __table_args__ = (
        UniqueConstraint("deadline_id", "step", "round", "staff_user_id", name="uq_deadline_reminder_once"),
        Index("ix_deadline_reminder_announcement_id", "announcement_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    deadline_id: Mapped[int] = mapped_column(ForeignKey("deadline.id"))
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    step: Mapped[ReminderStep] = mapped_column(WordType(ReminderStep))
    round: Mapped[int] = mapped_column(default=0)
    # The time of the step; it was taken at `created_at`.
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]

    deadline: Mapped[Deadline] = relationship(back_populates="reminders")
    staff_user: Mapped[StaffUser] = relationship()
    announcement: Mapped[Announcement] = relationship()

    @property
    def should_come_at(self) -> datetime:
        """When it should have come: at its time, or when the deadline was owed again."""
        return self.deadline.owed_from(self.due_at)
