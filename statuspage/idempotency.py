"""A write that may be asked for twice is done once: the key a form carries names what it made."""

import hashlib
from datetime import datetime
from typing import TypeVar

from .db import Base, db, lock_name
from .models import IdempotencyKey

Model = TypeVar("Model", bound=Base)


def result(key: str, model: type[Model]) -> Model | None:
    """What an earlier request with this key made, or None; one that is still at it is waited for."""
    if not key:
        return None
    scoped = _scoped(key, model)
    lock_name(scoped)
    found = db.session.get(IdempotencyKey, scoped)
    return db.session.get(model, found.result_id) if found else None


def remember(key: str, made: Base, now: datetime) -> None:
    """Tie the key to what it made, in the same transaction."""
    if key:
        identity: int = made.id  # type: ignore[attr-defined]
        db.session.add(IdempotencyKey(key=_scoped(key, type(made)), result_id=identity, created_at=now))


def _scoped(key: str, model: type[Base]) -> str:
    """One key may serve one write of each kind. Hashed, because clients choose keys of any length."""
    return hashlib.sha256(f"{model.__tablename__}:{key}".encode(errors="replace")).hexdigest()
