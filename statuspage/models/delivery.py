"""The ledger: one thing said, that thing owed to one person, one try."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, LongId, WordType
from ..vocabulary import AnnouncementKind, DeliveryState, Lane
from .incident import Incident, IncidentUpdate
from .page import Page
from .staff import StaffUser
from .subscriber import Subscriber

# Conditions of partial indexes. SQLite uses such an index only for a query that says the same in so many words;
# a bound parameter proves nothing to it. `is_waiting` and `is_held` are those words.
WAITING = "state IN ('pending', 'leased')"
HELD = "lease_token != ''"
OPEN = "closed_at IS NULL"
TO_STAFF = "staff_user_id IS NOT NULL"


class Announcement(Identified, Base):
    """One thing said, its words frozen per channel as they were said.

    `words` maps a channel to its finished words, with placeholders only for what differs per recipient.
    What goes to many is laid out in shards, ranges of subscriber ids; `expanded_to` is how far that has come.
    Nothing leaves before `held_until`, while it is stopped, or ever again once it is withdrawn.
    """

    __tablename__ = "announcement"
    __table_args__ = (
        Index("ix_announcement_unexpanded", "id", sqlite_where=text("expanded_at IS NULL"),
              postgresql_where=text("expanded_at IS NULL")),
    )  # fmt: skip

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    kind: Mapped[AnnouncementKind] = mapped_column(WordType(AnnouncementKind))
    lane: Mapped[Lane] = mapped_column(WordType(Lane))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    update_id: Mapped[int | None] = mapped_column(ForeignKey("incident_update.id"), index=True)
    sequence: Mapped[int] = mapped_column(default=0)
    is_key_moment: Mapped[bool] = mapped_column(default=False)
    component_ids: Mapped[list[int]] = mapped_column(default=list)
    words: Mapped[dict[str, Any]]
    expanded_to: Mapped[int] = mapped_column(default=0)
    expanded_at: Mapped[datetime | None]
    # A correction goes to exactly those who were told what it corrects.
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("announcement.id"), index=True)
    held_until: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    page: Mapped[Page] = relationship()
    incident: Mapped[Incident | None] = relationship()
    update: Mapped[IncidentUpdate | None] = relationship()


class Shard(Base):
    """A range of subscriber ids to whom an announcement is still to be sent on one channel.

    `rank` is the range's number, the same for every announcement: what is newly published overtakes what has come
    to higher ranks already. Everyone up to and including `reached` is in the ledger; so are some beyond, whose
    answers came early. `owed` is how many there were when the range was laid out, `settled` how many of them are in
    the ledger. `is_doubtful`: its last worker died, and some beyond `reached` may have been sent to.
    """

    __tablename__ = "shard"
    __table_args__ = (
        UniqueConstraint("announcement_id", "channel", "rank"),
        Index("ix_shard_open", "channel", "rank", "id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
        Index("ix_shard_order", "incident_id", "rank", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    channel: Mapped[str] = mapped_column(String(32))
    rank: Mapped[int]
    reached: Mapped[int]
    last_id: Mapped[int]
    owed: Mapped[int]
    settled: Mapped[int] = mapped_column(default=0)
    is_doubtful: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(500), default="")
    lease_token: Mapped[str] = mapped_column(String(12), default="")
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    announcement: Mapped[Announcement] = relationship()


class Delivery(Base):
    """An announcement owed to one subscriber or staff user; ends in exactly one final state.

    What goes to many gets its row when it is settled, or when it must be tried again. `address` is kept for staff
    alone: a subscriber's is the subscriber's, so that forgetting it is one act, and a pager's, which is as good as a
    key, is the colleague's. `is_doubtful`: an earlier try may have arrived.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("announcement_id", "subscriber_id"),
        Index("uq_delivery_staff", "announcement_id", "staff_user_id", "channel", unique=True,
              sqlite_where=text(TO_STAFF), postgresql_where=text(TO_STAFF)),
        Index("ix_delivery_waiting", "channel", "lane", "due_at", "id",
              sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index("ix_delivery_order", "subscriber_id", "incident_id", "sequence"),
        Index("ix_delivery_lease", "lease_token", sqlite_where=text(HELD), postgresql_where=text(HELD)),
        # The receipt's own: counts, times and the curve of a million rows are read from it alone.
        Index("ix_delivery_receipt", "announcement_id", "state", "channel", "settled_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(LongId, primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"))
    staff_user_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    channel: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(254), default="")
    is_doubtful: Mapped[bool] = mapped_column(default=False)
    # Copied from the announcement, so that claiming and ordering look at one table.
    lane: Mapped[Lane] = mapped_column(WordType(Lane))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    sequence: Mapped[int] = mapped_column(default=0)
    state: Mapped[DeliveryState] = mapped_column(WordType(DeliveryState), default=DeliveryState.PENDING)
    reason: Mapped[str] = mapped_column(String(500), default="")
    attempt_count: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    lease_token: Mapped[str] = mapped_column(String(12), default="")
    leased_until: Mapped[datetime | None]
    provider_id: Mapped[str] = mapped_column(String(80), default="")
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    announcement: Mapped[Announcement] = relationship()
    subscriber: Mapped[Subscriber | None] = relationship()
    staff_user: Mapped[StaffUser | None] = relationship()
    attempts: Mapped[list["Attempt"]] = relationship(back_populates="delivery", order_by="Attempt.number")

    @property
    def recipient(self) -> str:
        """The address it goes to, as it is now."""
        if self.subscriber is not None:
            return self.subscriber.address_on(self.channel)
        return self.address or (self.staff_user.addresses.get(self.channel, "") if self.staff_user is not None else "")

    @property
    def reference(self) -> str:
        """The message's stable name: the same for every attempt, another for every recipient."""
        whom = f"s{self.subscriber_id}" if self.subscriber_id else f"u{self.staff_user_id}"
        return f"{self.announcement.public_id}-{whom}-{self.channel}"


is_waiting = Delivery.state.in_([literal_column("'pending'"), literal_column("'leased'")])
is_held = Delivery.lease_token != literal_column("''")


class Attempt(Base):
    """One try and how it ended. A first try that succeeded has no row of its own: its delivery says it all."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[int] = mapped_column(LongId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(LongId, ForeignKey("delivery.id"))
    number: Mapped[int]
    ended_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(500), default="")

    delivery: Mapped[Delivery] = relationship(back_populates="attempts")


class Breaker(Base):
    """A channel that would take nothing when it was last tried, and is left in peace until then."""

    __tablename__ = "breaker"

    channel: Mapped[str] = mapped_column(String(32), primary_key=True)
    failures: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500))
    opened_at: Mapped[datetime]
    until: Mapped[datetime]
