"""The people who sign in: who they are, what they may do, and the one-time way in."""

import hashlib
import secrets
from datetime import datetime, timedelta

from flask_security import hash_password, verify_password
from sqlalchemy import delete, func, select

from . import audit
from .audit import Actor
from .db import db, lock, lock_name
from .errors import Conflict, Invalid, NotFound
from .factors import devices
from .models import Incident, Role, SignInLink, StaffSession, StaffUser
from .vocabulary import IncidentRole, StaffRole

LINK_FOR = timedelta(hours=24)
PASSWORD_LEAST, PASSWORD_MOST = 12, 1024


def add(  # noqa: PLR0913 - a form has as many fields
    email: str, role: StaffRole, by: Actor, now: datetime, name: str = "", phone: str = "", push_url: str = ""
) -> StaffUser:
    """A new colleague, without a password yet; a one-time link lets them in."""
    lock_name("staff")
    if db.session.scalar(select(StaffUser).filter_by(email=email)):
        raise Conflict(f"{email} has an account already. Use “reset” for a new sign-in link.")
    user = StaffUser(
        email=email,
        name=name,
        phone=phone,
        push_url=push_url,
        active=True,
        fs_uniquifier=secrets.token_hex(32),
        created_at=now,
    )
    user.roles = [_role(role)]
    db.session.add(user)
    db.session.flush()
    audit.record(by, "staff.add", user, now, role=role.value)
    db.session.commit()
    return user


def edit(  # noqa: PLR0913 - a form has as many fields
    user: StaffUser, name: str, phone: str, role: StaffRole, is_active: bool, by: Actor, now: datetime
) -> None:
    """The colleague's name, phone, role and access are as given; a lost role or access ends every session."""
    lock_name("staff")
    lock(user)
    loses_admin = user.staff_role is StaffRole.ADMIN and user.active and not (is_active and role is StaffRole.ADMIN)
    if loses_admin and _count_admins() == 1:
        raise Conflict("This is the last admin. Make somebody else an admin first.")
    has_changed_access = role is not user.staff_role or is_active != user.active
    user.name, user.phone, user.roles, user.active = name, phone, [_role(role)], is_active
    if has_changed_access:
        _sign_out_everywhere(user)
    audit.record(by, "staff.edit", user, now, role=role.value, active=is_active)
    db.session.commit()


def set_push_url(user: StaffUser, push_url: str, by: Actor, now: datetime) -> None:
    """Reminders go to this push service or pager too; to none when it is empty."""
    user.push_url = push_url
    audit.record(by, "staff.set_push_url", user, now, has_one=bool(push_url))
    db.session.commit()


def new_sign_in_link(user: StaffUser, by: Actor, now: datetime) -> str:
    """A fresh one-time secret for the sign-in page; earlier unused ones stop working."""
    db.session.execute(delete(SignInLink).where(SignInLink.staff_user_id == user.id, SignInLink.used_at.is_(None)))
    secret = secrets.token_urlsafe(32)
    db.session.add(SignInLink(staff_user=user, secret_hash=_hash(secret), created_at=now, expires_at=now + LINK_FOR))
    audit.record(by, "staff.sign_in_link", user, now)
    db.session.commit()
    return secret


def peek_sign_in_link(secret: str, now: datetime) -> StaffUser | None:
    """Whom the one-time link would let in, if it still works. Opening it does not use it up."""
    link = _link(secret, now)
    return link.staff_user if link else None


def use_sign_in_link(secret: str, now: datetime) -> StaffUser:
    """The person whom the link lets in; it works only this once. Raises NotFound."""
    lock_name(f"sign-in:{_hash(secret)}")
    link = _link(secret, now)
    if link is None:
        raise NotFound("This sign-in link has been used or is too old. Ask for a new one.")
    link.used_at = now
    link.staff_user.signed_in_at = now
    audit.record(Actor(link.staff_user, "sign-in link"), "staff.sign_in", link.staff_user, now)
    db.session.commit()
    return link.staff_user


def set_password(user: StaffUser, password: str, by: Actor, now: datetime) -> None:
    """The colleague signs in with this password from now on; raises Invalid when it is too short or too long."""
    if len(password) < PASSWORD_LEAST:
        raise Invalid({"password": f"Use {PASSWORD_LEAST} characters or more; a short sentence is good."})
    if len(password.encode(errors="replace")) > PASSWORD_MOST:
        raise Invalid({"password": f"Use {PASSWORD_MOST} bytes at most."})
    if _guessable(password, user):
        raise Invalid({"password": "This is among the first that somebody would try. Choose another."})
    user.password = hash_password(password)
    audit.record(by, "staff.set_password", user, now)
    db.session.commit()


def has_password(user: StaffUser, password: str) -> bool:
    """Whether this is the colleague's password."""
    return bool(user.password and len(password) <= PASSWORD_MOST and verify_password(password, user.password))


def rename(user: StaffUser, name: str, by: Actor, now: datetime) -> None:
    """The colleague is called this from now on."""
    user.name = name
    audit.record(by, "staff.rename", user, now)
    db.session.commit()


def wish_report(user: StaffUser, is_wanted: bool, by: Actor, now: datetime) -> None:
    """The colleague gets the monthly report by mail from the next one on, or no more."""
    if user.wants_report is not is_wanted:
        user.wants_report = is_wanted
        audit.record(by, "staff.wish_report", user, now, wanted=is_wanted)
    db.session.commit()


def note_sign_in(user: StaffUser, via: str, now: datetime) -> None:
    """The colleague has signed in, and how is on record."""
    user.signed_in_at = now
    audit.record(Actor(user, via), "staff.sign_in", user, now)
    db.session.commit()


def sessions_of(user: StaffUser, now: datetime) -> list[StaffSession]:
    """Where the colleague is signed in, latest first."""
    query = select(StaffSession).where(StaffSession.staff_user_id == user.id, StaffSession.expires_at > now)
    return list(db.session.scalars(query.order_by(StaffSession.seen_at.desc())))


def sign_out_everywhere(user: StaffUser, by: Actor, now: datetime) -> None:
    """No browser is signed in as this colleague any more."""
    _sign_out_everywhere(user)
    audit.record(by, "staff.sign_out_everywhere", user, now)
    db.session.commit()


def may_publish(user: StaffUser, incident: Incident | None = None) -> bool:
    """Comms leads and admins publish; so do the commander and the comms lead of the incident at hand."""
    if user.staff_role in (StaffRole.COMMS_LEAD, StaffRole.ADMIN):
        return True
    speaking = (IncidentRole.INCIDENT_COMMANDER, IncidentRole.COMMUNICATIONS_LEAD)
    held = incident.assignments if incident else []
    return any(each.staff_user_id == user.id and each.role in speaking for each in held)


def listed() -> list[StaffUser]:
    """All colleagues by address."""
    return list(db.session.scalars(select(StaffUser).order_by(StaffUser.active.desc(), StaffUser.email)))


def find(public_id: str) -> StaffUser:
    """The colleague with this id; raises NotFound."""
    user = db.session.scalar(select(StaffUser).filter_by(public_id=public_id))
    if user is None:
        raise NotFound("There is no such colleague.")
    return user


def find_by_email(email: str) -> StaffUser:
    """The colleague with this address; raises NotFound."""
    user = db.session.scalar(select(StaffUser).filter_by(email=email))
    if user is None:
        raise NotFound(f"Nobody here has the address {email}.")
    return user


def _link(secret: str, now: datetime) -> SignInLink | None:
    link = db.session.scalar(select(SignInLink).filter_by(secret_hash=_hash(secret)))
    is_good = link and link.used_at is None and now < link.expires_at and link.staff_user.active
    return link if is_good else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _role(role: StaffRole) -> Role:
    return db.session.scalars(select(Role).filter_by(name=role.value)).one()


def _count_admins() -> int:
    query = select(func.count()).select_from(StaffUser)
    return (
        db.session.scalar(query.where(StaffUser.active, StaffUser.roles.any(Role.name == StaffRole.ADMIN.value))) or 0
    )


def _sign_out_everywhere(user: StaffUser) -> None:
    devices.forget_all(user)
    user.fs_uniquifier = secrets.token_hex(32)
    db.session.execute(delete(StaffSession).where(StaffSession.staff_user_id == user.id))


def _guessable(password: str, user: StaffUser) -> bool:
    plain = password.casefold().strip()
    obvious = {"passwordpassword", "password1234", "123456789012", "qwertyuiop12", user.email.casefold()}
    return plain in obvious or len(set(plain)) < 4
