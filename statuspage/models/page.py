"""The status page itself."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import LinkPolicy
from .staff import StaffUser

PUBLIC_CHANNELS = ("email", "sms", "webhook", "slack", "teams")


class Page(Identified, Base):
    """One status page: its name, its zone, and how it signs its mails."""

    __tablename__ = "page"

    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(500), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="Etc/UTC")
    support_url: Mapped[str] = mapped_column(String(500), default="")
    mail_from_name: Mapped[str] = mapped_column(String(120), default="")
    mail_reply_to: Mapped[str] = mapped_column(String(254), default="")
    mail_footer: Mapped[str] = mapped_column(String(500), default="")
    shows_lateness: Mapped[bool] = mapped_column(default=False)
    # When somebody is at work, as `cadence.plain` writes it; None: no policy waits for an opening.
    business_hours: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Who hears of a late promise when the ladder has run out.
    fallback_contact_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    # On which channels strangers may sign up; colleagues may add people on any.
    public_channels: Mapped[list[str]] = mapped_column(default=lambda: list(PUBLIC_CHANNELS))
    link_policy: Mapped[LinkPolicy] = mapped_column(WordType(LinkPolicy), default=LinkPolicy.REMEMBERED)
    is_demo: Mapped[bool] = mapped_column(default=False)
    # On a drill's stage: how many of its minutes pass in one of ours. None: a real page.
    stage_pace: Mapped[float | None] = mapped_column(Float)
    # When a person last said how things are; green is only as good as that.
    confirmed_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    fallback_contact: Mapped[StaffUser | None] = relationship()
    # Who takes part in what is rehearsed here.
    players: Mapped[list["DrillPlayer"]] = relationship(order_by="DrillPlayer.id")

    @property
    def is_stage(self) -> bool:
        """Whether this is a drill's stage: no address outside leads to it, and nobody is subscribed to it."""
        return self.stage_pace is not None

    def may_tell(self, user: StaffUser) -> bool:
        """Whether this colleague may be told of what happens here; of a drill nobody but its participants."""
        return not self.is_stage or any(each.staff_user_id == user.id for each in self.players)

    def paced(self, span: timedelta) -> timedelta:
        """How long this takes here: on a stage time may pass faster."""
        return span / self.stage_pace if self.stage_pace else span

    @property
    def voice(self) -> str:
        """The name under which something is said on this page."""
        return f"voice:{self.id}"


class DrillPlayer(Base):
    """A colleague who takes part in what is rehearsed on a stage, and whether they get its injects as messages."""

    __tablename__ = "drill_player"
    __table_args__ = (UniqueConstraint("stage_id", "staff_user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    stage_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"))
    is_told: Mapped[bool] = mapped_column(default=False)

    staff_user: Mapped[StaffUser] = relationship(lazy="joined")
