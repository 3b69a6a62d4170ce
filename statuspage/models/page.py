"""The status page itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
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
    # When a person last said how things are; green is only as good as that.
    confirmed_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    fallback_contact: Mapped[StaffUser | None] = relationship()

    @property
    def voice(self) -> str:
        """The name under which something is said on this page."""
        return f"voice:{self.id}"
