"""Who signs in to the panel."""

from datetime import datetime

from flask_security import RoleMixin, UserMixin
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified
from ..sealing import Sealed
from ..vocabulary import StaffRole

staff_user_role = Table(
    "staff_user_role",
    Base.metadata,
    Column("staff_user_id", ForeignKey("staff_user.id"), primary_key=True),
    Column("role_id", ForeignKey("staff_role.id"), primary_key=True),
)


class Role(RoleMixin, Base):
    """A staff role; what it may do is decided in code, by name."""

    __tablename__ = "staff_role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    description: Mapped[str] = mapped_column(String(200), default="")


class StaffUser(Identified, UserMixin, Base):
    """A person of ours: signs in, is assigned to incidents, is reminded."""

    __tablename__ = "staff_user"

    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    # A push service or pager as an address of Apprise's, or a chat's webhook; it holds a key and is shown to nobody.
    push_url: Mapped[str] = mapped_column(Sealed(800), default="")
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    # Whether this person has asked for the monthly report by mail.
    wants_report: Mapped[bool] = mapped_column(default=False)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]

    roles: Mapped[list[Role]] = relationship(secondary=staff_user_role, lazy="selectin")  # type: ignore[assignment]

    @property
    def display_name(self) -> str:
        """How colleagues call this person."""
        return self.name or self.email

    @property
    def addresses(self) -> dict[str, str]:
        """Where this person is reminded, by channel."""
        ways = {"email": self.email, "sms": self.phone, _channel_of(self.push_url): self.push_url}
        return {channel: address for channel, address in ways.items() if address}

    @property
    def staff_role(self) -> StaffRole:
        """The strongest role held; `viewer` when there is none."""
        held = {role.name for role in self.roles}
        return next((role for role in reversed(StaffRole) if role.value in held), StaffRole.VIEWER)


def _channel_of(push_url: str) -> str:
    """Over which channel this goes: a chat's own webhook as a card with buttons, everything else by Apprise."""
    if not push_url.startswith("https://"):
        return "apprise"
    return "slack" if push_url.startswith("https://hooks.slack") else "teams"


class SignInLink(Base):
    """A one-time way in; only the hash of its secret is kept."""

    __tablename__ = "sign_in_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    staff_user: Mapped[StaffUser] = relationship()


class StaffSession(Base):
    """One signed-in browser, so that it can be listed and revoked."""

    __tablename__ = "staff_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"), index=True)
    data: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
