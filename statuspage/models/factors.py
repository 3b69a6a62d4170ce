"""What a colleague proves themselves with beside a password, and the devices that need not ask again."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified
from ..sealing import Sealed
from .staff import StaffUser


class Passkey(Identified, Base):
    """A key pair on a phone, a laptop or a stick (WebAuthn); the public half is here."""

    __tablename__ = "passkey"

    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    # As the browser names it, base64url. The standard allows 1,023 bytes.
    credential: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(default=0)
    # The host it was made at: it works nowhere else.
    host: Mapped[str] = mapped_column(String(253))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    staff_user: Mapped[StaffUser] = relationship()


class Authenticator(Identified, Base):
    """An app that shows six digits, others every half minute (TOTP, RFC 6238)."""

    __tablename__ = "authenticator"

    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    # As the address that the app scans; it holds the secret, and is kept sealed.
    uri: Mapped[str] = mapped_column(Sealed(1000))
    # The half minute whose digits were used last: they are good once.
    last_step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """Stands in once for a lost device; only its hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RememberedDevice(Identified, Base):
    """A browser in which a colleague has proven themselves; it carries a signed token that names this row."""

    __tablename__ = "remembered_device"

    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_user.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
