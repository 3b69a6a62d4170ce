"""The record of who did what, written in the same transaction as the deed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from .db import db
from .models import AuditEntry, StaffUser


@dataclass(frozen=True)
class Actor:
    """Who acts, and by which way in: panel, reminder, command line, clock, subscriber, provider."""

    user: StaffUser | None
    via: str

    @property
    def user_id(self) -> int | None:
        """The staff user's number; None for machines and visitors."""
        return self.user.id if self.user else None


CLOCK = Actor(None, "clock")
SUBSCRIBER = Actor(None, "subscriber")
PROVIDER = Actor(None, "provider")
COMMAND_LINE = Actor(None, "command line")


def record(by: Actor, act: str, thing: Any, now: datetime, **detail: Any) -> None:
    """Add an entry about `thing`; the caller's commit makes it true. Details hold no addresses and no secrets."""
    db.session.add(
        AuditEntry(
            at=now,
            actor_id=by.user_id,
            via=by.via,
            act=act,
            object_kind=thing.__tablename__,
            object_id=thing.public_id,
            detail=detail,
        )
    )


def record_many(by: Actor, act: str, about: Iterable[tuple[Any, dict[str, Any]]], now: datetime) -> None:
    """As `record`, for many things at once and in one statement."""
    rows = [
        {
            "at": now,
            "actor_id": by.user_id,
            "via": by.via,
            "act": act,
            "object_kind": thing.__tablename__,
            "object_id": thing.public_id,
            "detail": detail,
        }
        for thing, detail in about
    ]
    if rows:
        db.session.execute(insert(AuditEntry), rows)
