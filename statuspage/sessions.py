"""Sessions: strangers carry a small signed cookie, staff a secret whose row is in the database.

A staff session can therefore be listed, revoked and shared by all processes. The row keeps the hash of the
secret only. It ends after 30 minutes without a request, or after 12 hours in any case: long enough for one
incident, short enough for a lost phone.
"""

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from sqlalchemy import delete, select, update

from .clock import utcnow
from .db import db
from .models import StaffSession, StaffUser

IDLE_FOR, AT_MOST_FOR = timedelta(minutes=30), timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
# Pages that refresh themselves say so: a screen left open is nobody at work.
POLL_HEADER = "X-Candor-Poll"
_USER = "_user_id"
_PREFIX = "staff-"


class StaffCookieSession(SecureCookieSession):
    """What the session holds, and the row it came from when it is a staff session."""

    row_id: int | None = None
    secret: str = ""

    def renew(self) -> None:
        """Somebody has just signed in: what they carried before is worth nothing, and a new secret is made."""
        if self.row_id is not None:
            _forget(self.row_id)
        self.row_id, self.secret = None, ""
        self.pop("csrf_token", None)


class SessionInterface(SecureCookieSessionInterface):
    """Keeps signed-in sessions in the database and all others in their cookie."""

    session_class = StaffCookieSession

    def open_session(self, app: Flask, request: Request) -> StaffCookieSession | None:
        """The session of this request; an unknown, ended or tampered cookie is an empty one."""
        value = request.cookies.get(self.get_cookie_name(app), "")
        if value.startswith(_PREFIX):
            is_poll = POLL_HEADER in request.headers
            return self._from_row(value.removeprefix(_PREFIX), utcnow(), is_poll)
        found = super().open_session(app, request)
        if found is None:
            return None
        found.pop(_USER, None)  # only a row may say who is signed in
        return found  # type: ignore[return-value]

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed: to the row of a signed-in session, to the cookie of any other."""
        assert isinstance(session, StaffCookieSession)
        if response.cache_control.public:
            return  # what caches give to everybody must know nobody
        if _USER not in session:
            if session.row_id is not None:
                _forget(session.row_id)
            super().save_session(app, session, response)
            return
        if session.row_id is None:
            session.secret = _create(session, utcnow())
        elif session.modified:
            _store(session)
        else:
            return
        response.set_cookie(
            self.get_cookie_name(app),
            _PREFIX + session.secret,
            httponly=True,
            secure=self.get_cookie_secure(app),
            samesite="Lax",
            path="/",
        )
        response.headers["Cache-Control"] = "no-store"

    def _from_row(self, secret: str, now: datetime, is_poll: bool) -> StaffCookieSession:
        row = db.session.scalar(select(StaffSession).filter_by(secret_hash=_hash(secret)))
        if row is None or row.expires_at <= now or row.seen_at + IDLE_FOR <= now:
            return StaffCookieSession()
        session = StaffCookieSession(json.loads(row.data))
        session.row_id, session.secret = row.id, secret
        session.modified = False
        if now - row.seen_at > TOUCH_EVERY and not is_poll:
            _touch(row.id, now)
        return session


def end_expired(now: datetime) -> None:
    """Drop the rows of sessions that are over."""
    db.session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    db.session.commit()


def _create(session: StaffCookieSession, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    user_id = db.session.scalar(select(StaffUser.id).filter_by(fs_uniquifier=session[_USER]))
    db.session.add(
        StaffSession(
            secret_hash=_hash(secret),
            staff_user_id=user_id,
            data=json.dumps(_plain(session)),
            created_at=now,
            seen_at=now,
            expires_at=now + AT_MOST_FOR,
        )
    )
    db.session.commit()
    return secret


def _store(session: StaffCookieSession) -> None:
    _execute(update(StaffSession).where(StaffSession.id == session.row_id).values(data=json.dumps(_plain(session))))


def _touch(row_id: int, now: datetime) -> None:
    _execute(update(StaffSession).where(StaffSession.id == row_id).values(seen_at=now))


def _forget(row_id: int) -> None:
    _execute(delete(StaffSession).where(StaffSession.id == row_id))


def _execute(statement: Any) -> None:
    """Run one statement in a transaction of its own, whatever the request has open for reading."""
    db.session.rollback()
    db.session.execute(statement)
    db.session.commit()


def _plain(session: StaffCookieSession) -> dict[str, Any]:
    return {
        key: value for key, value in session.items() if isinstance(value, str | int | float | bool | list | dict | None)
    }


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
