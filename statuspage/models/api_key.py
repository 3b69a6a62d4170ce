"""Who else may drive this installation: programs, by key."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified
from ..vocabulary import Scope
from .page import Page
from .staff import StaffUser


class ApiKey(Identified, Base):
    """A program's way in: what it is called, what it may do, and the hash of its secret."""

    __tablename__ = "api_key"

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    name: Mapped[str] = mapped_column(String(120))
    # The readable part of the key: finds the row, and names the key in lists and in the audit.
    handle: Mapped[str] = mapped_column(String(8), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    # Whether it is also taken from the query string, where proxies and histories may keep it.
    allows_query: Mapped[bool] = mapped_column(default=True)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_user.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    used_in_query_at: Mapped[datetime | None]

    page: Mapped[Page] = relationship()
    created_by: Mapped[StaffUser | None] = relationship()

    def may(self, scope: Scope) -> bool:
        """Whether this key carries the scope; every key may read what is public."""
        return scope is Scope.READ or not {scope.value, Scope.ADMIN.value}.isdisjoint(self.scopes)

    def works_at(self, now: datetime) -> bool:
        """Whether this key has been neither revoked nor outlived."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
