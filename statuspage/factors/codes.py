"""Six digits from an app (TOTP, RFC 6238), and the codes that stand in for a lost device."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import delete, func, select

from .. import audit, limits
from ..audit import Actor
from ..db import db, lock
from ..errors import Conflict, Invalid
from ..models import Authenticator, RecoveryCode, StaffUser
from .proof import NotProven

STEP = 30
TRIES, TRIES_PER = 10, timedelta(minutes=15)
RECOVERY_CODES = 10
MOST = 10
WRONG = "This code is not right, or has been used. Wait for the next one."
# Without what is taken for something else when it is read from paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_uri(user: StaffUser, page_name: str) -> str:
    """The address that an authenticator app scans, with a new secret in it; nothing is stored."""
    return _totp(secrets.token_bytes(20)).get_provisioning_uri(user.email, page_name)


def secret_of(uri: str) -> str:
    """The secret to type where nothing can be scanned, in base 32."""
    return parse_qs(urlsplit(uri).query)["secret"][0]


def enrol(user: StaffUser, uri: str, code: str, name: str, by: Actor, now: datetime) -> Authenticator:  # noqa: PLR0913
    """The colleague has one more authenticator, which has shown that it works; raises Invalid. The caller commits."""
    _count(user, now)
    if len(of(user)) >= MOST:
        raise Conflict(f"You have {MOST} authenticator apps. Remove one first.")
    step = _step_of(uri, code, now)
    if step is None:
        raise Invalid({"code": "These are not the digits that the app shows now. Is the phone's clock right?"})
    app = Authenticator(staff_user_id=user.id, name=name, uri=uri, last_step=step, created_at=now)
    db.session.add(app)
    db.session.flush()
    audit.record(by, "staff.add_authenticator", user, now, name=name)
    return app


def use(user: StaffUser, code: str, now: datetime) -> str:
    """Take a code, of an app or a recovery code, once; says which. Raises NotProven, TooMany. The caller commits."""
    _count(user, now)
    plain = "".join(each for each in code.casefold() if each.isalnum())
    if plain.isdigit() and len(plain) == 6:
        return _use_app(user, plain, now)
    return _use_recovery(user, plain, now)


def of(user: StaffUser) -> list[Authenticator]:
    """The colleague's authenticator apps."""
    return list(db.session.scalars(select(Authenticator).filter_by(staff_user_id=user.id).order_by(Authenticator.id)))


def new_recovery_codes(user: StaffUser, by: Actor, now: datetime) -> list[str]:
    """Ten codes, each good once; earlier ones are good no more. They are shown now and never again. The caller
    commits."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_user_id == user.id))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    db.session.add_all(
        RecoveryCode(staff_user_id=user.id, code_hash=_hash(user, code), created_at=now) for code in codes
    )
    audit.record(by, "staff.new_recovery_codes", user, now)
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


def recovery_left(user: StaffUser) -> int:
    """How many recovery codes are still good."""
    query = select(func.count()).where(RecoveryCode.staff_user_id == user.id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(query) or 0


def _use_app(user: StaffUser, code: str, now: datetime) -> str:
    for app in of(user):
        lock(app)
        step = _step_of(app.uri, code, now)
        if step is not None and step > app.last_step:
            app.last_step, app.used_at = step, now
            return "authenticator"
    raise NotProven(WRONG)


def _use_recovery(user: StaffUser, code: str, now: datetime) -> str:
    row = db.session.scalar(select(RecoveryCode).filter_by(staff_user_id=user.id, code_hash=_hash(user, code)))
    if row is not None:
        lock(row)
    if row is None or row.used_at is not None:
        raise NotProven(WRONG)
    row.used_at = now
    return "recovery code"


def _step_of(uri: str, code: str, now: datetime) -> int | None:
    """The half minute that shows this code: the present one, or a neighbour for clocks that are off; else None."""
    totp, present = _totp_of(uri), int(now.timestamp()) // STEP
    for step in (present, present - 1, present + 1):
        if secrets.compare_digest(totp.generate(step * STEP), "".join(code.split()).encode(errors="replace")):
            return step
    return None


def _totp_of(uri: str) -> TOTP:
    secret = secret_of(uri)
    return _totp(base64.b32decode(secret + "=" * (-len(secret) % 8)))


def _totp(key: bytes) -> TOTP:
    # SHA-1 and six digits are what every app understands; as an HMAC it is sound.
    return TOTP(key, 6, SHA1(), STEP)  # noqa: S303


def _count(user: StaffUser, now: datetime) -> None:
    sentence = "Too many codes were tried. Wait a quarter of an hour, or use a passkey."
    limits.require(f"code:{user.public_id}", TRIES, TRIES_PER, now, sentence)


def _hash(user: StaffUser, code: str) -> str:
    return hashlib.sha256(f"{user.public_id}:{code}".encode(errors="replace")).hexdigest()
