"""All that one colleague proves themselves with: what there is, what is taken, and how it ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, select

from .. import audit
from ..audit import Actor
from ..db import db
from ..errors import NotFound
from ..models import Authenticator, Passkey, RecoveryCode, RememberedDevice, StaffUser
from . import codes, devices, passkeys
from .passkeys import Site
from .proof import NotProven

KINDS = {"passkey": Passkey, "authenticator": Authenticator, "device": RememberedDevice}


@dataclass(frozen=True)
class Standing:
    """What a colleague has, seen from one site."""

    has_passkey_here: bool
    has_code: bool
    has_any: bool


def of(user: StaffUser, site: Site) -> Standing:
    """What the colleague could prove themselves with in this browser."""
    has_app = bool(codes.of(user))
    keys = passkeys.of(user)
    is_set = has_app or bool(keys)
    return Standing(
        has_passkey_here=site.takes_passkeys and any(each.host == site.host for each in keys),
        has_code=is_set and (has_app or codes.recovery_left(user) > 0),
        has_any=is_set,
    )


def has_second_factor(user: StaffUser) -> bool:
    """Whether the colleague has a passkey or an authenticator."""
    owned = (exists().where(kind.staff_user_id == user.id) for kind in (Passkey, Authenticator))
    return any(db.session.scalar(select(each)) for each in owned)


def prove(user: StaffUser, site: Site, about: str, given: Mapping[str, str], now: datetime) -> str:
    """By what the colleague has proven themselves: a passkey's answer or a code in the form; raises NotProven."""
    if given.get("passkey"):
        passkeys.answer(site, about, given["passkey"], now, user)
        way = "passkey"
    elif given.get("code", "").strip():
        way = codes.use(user, given["code"], now)
    else:
        raise NotProven("Use your passkey, or type the code from your app.")
    audit.record(Actor(user, way), "staff.prove", user, now, about=about.partition(":")[0])
    db.session.commit()
    return way


def remove(user: StaffUser, kind: str, public_id: str, by: Actor, now: datetime) -> str:
    """The colleague proves themselves with this no more; its name comes back. Raises NotFound."""
    row = _find(user, kind, public_id)
    db.session.delete(row)
    db.session.flush()
    audit.record(by, f"staff.remove_{kind}", user, now, name=row.name)
    if kind != "device" and not has_second_factor(user):
        _forget_the_rest(user)
    db.session.commit()
    return row.name


def rename(user: StaffUser, kind: str, public_id: str, name: str, by: Actor, now: datetime) -> None:  # noqa: PLR0913
    """It is called this from now on; raises NotFound."""
    _find(user, kind, public_id).name = name
    audit.record(by, f"staff.rename_{kind}", user, now, name=name)
    db.session.commit()


def reset(user: StaffUser, by: Actor, now: datetime) -> None:
    """The colleague has lost what they had: passkeys, apps, codes and remembered devices are gone."""
    for kind in (Passkey, Authenticator):
        db.session.execute(delete(kind).where(kind.staff_user_id == user.id))
    _forget_the_rest(user)
    audit.record(by, "staff.reset_second_factor", user, now)
    db.session.commit()


def _find(user: StaffUser, kind: str, public_id: str) -> Passkey | Authenticator | RememberedDevice:
    model = KINDS.get(kind)
    found = db.session.scalar(select(model).filter_by(public_id=public_id, staff_user_id=user.id)) if model else None
    if found is None:
        raise NotFound("This is not among yours, or no longer.")
    return found  # type: ignore[return-value]


def _forget_the_rest(user: StaffUser) -> None:
    """Codes and remembered devices stand for something that is gone."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_user_id == user.id))
    devices.forget_all(user)
