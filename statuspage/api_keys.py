"""Keys for programs: shown once, kept as a hash, taken back at once.

A key reads `sp_live_<handle>_<secret>_<checksum>`: the handle finds its row, the secret is 256 random bits, and the
checksum (CRC-32 in base 62) lets scanners of leaked secrets tell a key from noise, and us refuse a mistyped one
without looking anything up.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select

from . import audit
from .audit import Actor
from .db import ID_ALPHABET, db
from .errors import Conflict, Invalid, NotFound
from .models import ApiKey, Page
from .vocabulary import Scope

DEFAULT_LIFE = timedelta(days=365)
NAME_LIMIT = 120
USE_NOTED_EVERY = timedelta(minutes=1)

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HANDLE, _SECRET, _CHECKSUM = 8, 43, 6
_SHAPE = re.compile(rf"sp_(?:live|demo)_([a-z0-9]{{{_HANDLE}}})_[0-9A-Za-z]{{{_SECRET}}}_([0-9A-Za-z]{{{_CHECKSUM}}})")


def add(  # noqa: PLR0913 - a form has as many fields
    page: Page,
    name: str,
    scopes: Collection[Scope],
    by: Actor,
    now: datetime,
    *,
    life: timedelta | None = DEFAULT_LIFE,
    allows_query: bool = True,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is never to be seen again. Without a life it works until it is revoked."""
    if not scopes:
        raise Invalid({"scope": f"Say what the key may do: {', '.join(Scope)}."})
    if any(key.name == name and key.works_at(now) for key in listed(page)):
        raise Conflict(f"There is a working key named {name} already. Revoke it first, or choose another name.")
    handle = "".join(secrets.choice(ID_ALPHABET) for _ in range(_HANDLE))
    text = _spell(handle, "demo" if page.is_demo else "live")
    key = ApiKey(
        page=page,
        name=name,
        handle=handle,
        secret_hash=_hash(text),
        scopes=[scope.value for scope in Scope if scope in scopes],
        allows_query=allows_query,
        created_by_id=by.user_id,
        created_at=now,
        expires_at=now + life if life else None,
    )
    db.session.add(key)
    db.session.flush()
    audit.record(by, "api_key.add", key, now, name=name, handle=handle, scopes=key.scopes)
    db.session.commit()
    return key, text


def revoke(key: ApiKey, by: Actor, now: datetime) -> None:
    """The key opens nothing any more. Asking again changes nothing."""
    if key.revoked_at is not None:
        return
    key.revoked_at = now
    audit.record(by, "api_key.revoke", key, now, name=key.name, handle=key.handle)
    db.session.commit()


def recognise(text: str, now: datetime) -> ApiKey | None:
    """The key with this text, if there is one that still works."""
    match = _SHAPE.fullmatch(text)
    if not match or not hmac.compare_digest(match[2], _checksum(text[: -_CHECKSUM - 1])):
        return None
    key = db.session.scalar(select(ApiKey).filter_by(handle=match[1]))
    is_good = hmac.compare_digest(_hash(text), key.secret_hash if key else _hash(""))
    return key if key and is_good and key.works_at(now) else None


def note_use(key: ApiKey, in_query: bool, now: datetime) -> None:
    """When the key was last used is known to the minute, and when it last stood in a query string."""
    is_news = key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY
    is_query_news = in_query and (key.used_in_query_at is None or now - key.used_in_query_at >= USE_NOTED_EVERY)
    if is_news:
        key.last_used_at = now
    if is_query_news:
        key.used_in_query_at = now
    if is_news or is_query_news:
        db.session.commit()


def actor(key: ApiKey) -> Actor:
    """Who acts when this key is used, as the audit tells it."""
    return Actor(None, f"API key {key.handle}")


def listed(page: Page) -> list[ApiKey]:
    """All keys, newest first; the revoked ones too."""
    return list(db.session.scalars(select(ApiKey).filter_by(page_id=page.id).order_by(ApiKey.id.desc())))


def find(page: Page, wanted: str) -> ApiKey:
    """The key with this id, handle or name; of several with one name the newest that is not revoked."""
    known = [key for key in listed(page) if wanted in (key.public_id, key.handle, key.name)]
    if not known:
        raise NotFound("There is no such key.")
    return next((key for key in known if key.revoked_at is None), known[0])


def _spell(handle: str, kind: str) -> str:
    body = f"sp_{kind}_{handle}_{''.join(secrets.choice(_BASE62) for _ in range(_SECRET))}"
    return f"{body}_{_checksum(body)}"


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits


def _hash(text: str) -> str:
    """High entropy needs no slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()
