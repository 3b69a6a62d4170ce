"""The second step of signing in, for who has a passkey or an authenticator; and signing in by passkey alone."""

from datetime import datetime, timedelta

from flask import Response, flash, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_security import login_user, logout_user

from statuspage import staff
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.errors import CandorError, Conflict, TooMany
from statuspage.factors import passkeys, standing
from statuspage.factors.proof import NotProven
from statuspage.models import StaffUser
from statuspage.vocabulary import StaffRole

from . import auth, forms, proving
from .auth import me, needs
from .views import panel

_HALF, _FRESH = "half_signed_in", "proven_at"
LINK = "sign-in link"
WITHIN = timedelta(minutes=10)
TOO_LATE = "That took more than ten minutes. Please sign in once more."


def after_password(user: StaffUser, onward: str) -> ResponseReturnValue:
    """The password was right."""
    return come_in(user, "password", onward, utcnow())


def come_in(user: StaffUser, via: str, onward: str, now: datetime) -> ResponseReturnValue:
    """The colleague is signed in; who has a second factor, and is not remembered here, is asked for it first."""
    if standing.has_second_factor(user) and not proving.is_remembered(user, now):
        logout_user()
        session[_HALF] = [user.public_id, via, onward, int((now + WITHIN).timestamp())]
        return redirect("/admin/login/second", 303)
    if not auth.is_me(user):
        login_user(user, authn_via=[via])
    proving.note_seen(user, now)
    if via != LINK:  # which has said so itself when it was used up
        staff.note_sign_in(user, via, now)
    return redirect(onward, 303)


@panel.get("/login/second")
def second_step() -> ResponseReturnValue:
    """A passkey or a code is asked for."""
    half = _half(utcnow())
    return _page(half[0]) if half else redirect("/admin/login", 303)


@panel.post("/login/second")
def take_second_step() -> ResponseReturnValue:
    """Who proves themselves is signed in, and remembered in this browser if they wish."""
    now, typed = utcnow(), forms.typed()
    half = _half(now)
    if half is None:
        raise Conflict(TOO_LATE)
    user, via, onward = half
    try:
        way = standing.prove(user, proving.site(), _about(user), typed, now)
    except (NotProven, TooMany) as error:
        return _page(user, error)
    session.pop(_HALF, None)
    login_user(user, authn_via=[via, way])
    note_fresh(user, now)
    staff.note_sign_in(user, f"{via} and {way}", now)
    if way == "recovery code":
        flash("You used a recovery code. Look after your passkeys and apps here.")
    response = make_response(redirect("/admin/account" if way == "recovery code" else onward, 303))
    if typed.get("remember") == "yes":
        proving.remember(response, user, Actor(user, way), now)
    return response


@panel.post("/login/passkey")
def sign_in_by_passkey() -> ResponseReturnValue:
    """A passkey alone lets its owner in: it is two things in one, the device and the finger or the PIN."""
    now, typed = utcnow(), forms.typed()
    passkey = passkeys.answer(proving.site(), "sign-in", typed.get("passkey", ""), now)
    user = passkey.staff_user
    if not user.active:
        raise NotProven("Your access has ended. Ask an admin.")
    login_user(user, authn_via=["passkey"])
    note_fresh(user, now)
    staff.note_sign_in(user, "passkey", now)
    return redirect(auth.way_on(typed.get("next", "")), 303)


@panel.get("/account/prove")
@needs(StaffRole.VIEWER)
def prove_again() -> ResponseReturnValue:
    """A passkey or a code is asked for once more, before an account is changed."""
    return _page(me(), action="/admin/account/prove")


@panel.post("/account/prove")
@needs(StaffRole.VIEWER)
def take_proof_again() -> ResponseReturnValue:
    """Whoever sits here is the one signed in; they go on where they were."""
    now = utcnow()
    try:
        standing.prove(me(), proving.site(), _about(me()), forms.typed(), now)
    except (NotProven, TooMany) as error:
        return _page(me(), error, action="/admin/account/prove")
    note_fresh(me(), now)
    return redirect(auth.way_on(session.pop("proving_for", "/admin/account")), 303)


def ask_again(user: StaffUser, now: datetime) -> ResponseReturnValue | None:
    """The way to prove oneself once more; None for who has done so in the last minutes."""
    who, at = session.get(_FRESH) or ("", 0)
    if who == user.public_id and now.timestamp() < at + WITHIN.total_seconds():
        return None
    session["proving_for"] = request.path if request.method == "GET" else "/admin/account"
    return redirect("/admin/account/prove", 303)


def note_fresh(user: StaffUser, now: datetime) -> None:
    """The colleague has just proven themselves in this session."""
    session[_FRESH] = [user.public_id, int(now.timestamp())]


def passkey_question() -> str:
    """What the sign-in page asks of any passkey; empty where browsers have none."""
    here = proving.site()
    return passkeys.question(here, "sign-in", utcnow()) if here.takes_passkeys else ""


def _half(now: datetime) -> tuple[StaffUser, str, str] | None:
    """Who has taken the first step here, how, and where they were going."""
    kept = session.get(_HALF)
    if not kept or now.timestamp() >= kept[3]:
        return None
    try:
        user = staff.find(kept[0])
    except CandorError:
        return None
    return (user, kept[1], kept[2]) if user.active else None


def _page(user: StaffUser, error: CandorError | None = None, action: str = "/admin/login/second") -> Response:
    ways = proving.ways_of(user, _about(user), utcnow())
    values = {"ways": ways, "problem": str(error) if error else "", "action": action}
    response = make_response(render_template("admin/second.html", user=user, **values))
    response.status_code = error.http_status if error else 200
    return response


def _about(user: StaffUser) -> str:
    return f"sign-in:{user.public_id}"
