"""One's own passkeys, authenticator apps, recovery codes and remembered devices."""

from typing import Any

import segno
from flask import Response, flash, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from statuspage import sealing
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Reader
from statuspage.errors import Conflict, Invalid, TooMany
from statuspage.factors import codes, devices, passkeys, standing
from statuspage.factors.proof import NotProven
from statuspage.models import StaffUser
from statuspage.presenting import site_page
from statuspage.vocabulary import StaffRole

from . import forms, proving, second
from .auth import actor, me, needs
from .views import panel

NAME_LIMIT = 80
_OFFERED = "offered_authenticator"


@panel.get("/account/passkeys/new")
@needs(StaffRole.VIEWER)
def new_passkey() -> ResponseReturnValue:
    """Everything ready for this device to make a passkey."""
    return _needs_fresh_proof() or make_response(_passkey_page())


@panel.post("/account/passkeys")
@needs(StaffRole.VIEWER)
def add_passkey() -> ResponseReturnValue:
    """One may prove oneself with this device from now on."""
    if refusal := _needs_fresh_proof():
        return refusal
    typed, user, now = forms.typed(), me(), utcnow()
    try:
        name = _name(typed, proving.device_name(request.user_agent.string))
        passkeys.enrol(user, proving.site(), typed.get("passkey", ""), name, actor(), now)
    except (NotProven, Conflict, Invalid) as error:
        db.session.rollback()
        return _passkey_page(str(error)), error.http_status
    return _enrolled(user, "The passkey is added.")


@panel.get("/account/authenticators/new")
@needs(StaffRole.VIEWER)
def new_authenticator() -> ResponseReturnValue:
    """A code to scan, and a field for what the app shows then."""
    if refusal := _needs_fresh_proof():
        return refusal
    uri = codes.new_uri(me(), site_page().name)
    session[_OFFERED] = sealing.seal(uri)
    return make_response(_app_page(uri))


@panel.post("/account/authenticators")
@needs(StaffRole.VIEWER)
def add_authenticator() -> ResponseReturnValue:
    """One may prove oneself with this app from now on: it has shown that it works."""
    if refusal := _needs_fresh_proof():
        return refusal
    typed, user, now = forms.typed(), me(), utcnow()
    uri = sealing.unsealed(session.get(_OFFERED, ""))
    if not uri:
        return redirect("/admin/account/authenticators/new", 303)
    try:
        codes.enrol(user, uri, typed.get("code", ""), _name(typed, "Authenticator app"), actor(), now)
    except (Invalid, Conflict, TooMany) as error:
        db.session.rollback()
        problems = error.problems if isinstance(error, Invalid) else {"code": str(error)}
        return _app_page(uri, typed, problems), error.http_status
    session.pop(_OFFERED, None)
    return _enrolled(user, "The app is added.")


@panel.post("/account/recovery-codes")
@needs(StaffRole.VIEWER)
def new_recovery_codes() -> ResponseReturnValue:
    """Ten new codes; earlier ones are good no more."""
    if refusal := _needs_fresh_proof():
        return refusal
    if not standing.has_second_factor(me()):
        raise Conflict("Recovery codes stand in for a passkey or an app. Add one first.")
    return _codes_page(me(), "Your earlier codes work no more.")


@panel.post("/account/factors/<kind>/<public_id>/name")
@needs(StaffRole.VIEWER)
def rename_factor(kind: str, public_id: str) -> ResponseReturnValue:
    """It is called this from now on."""
    standing.rename(me(), kind, public_id, _name(forms.typed(), ""), actor(), utcnow())
    flash("The name is saved.")
    return redirect("/admin/account#second-factor", 303)


@panel.post("/account/factors/<kind>/<public_id>/remove")
@needs(StaffRole.VIEWER)
def remove_factor(kind: str, public_id: str) -> ResponseReturnValue:
    """It proves nothing any more."""
    if kind != "device" and (refusal := _needs_fresh_proof()):
        return refusal
    name = standing.remove(me(), kind, public_id, actor(), utcnow())
    flash(f"“{name}” is {'forgotten' if kind == 'device' else 'removed'}.")
    return redirect("/admin/account#second-factor", 303)


def owned(user: StaffUser) -> dict[str, Any]:
    """All that the account room lists."""
    return {
        "passkeys": passkeys.of(user),
        "authenticators": codes.of(user),
        "recovery_left": codes.recovery_left(user),
        "devices": devices.of(user, utcnow()),
        "takes_passkeys": proving.site().takes_passkeys,
    }


def _needs_fresh_proof() -> ResponseReturnValue | None:
    """A session left open is not enough to take an account over: who has a second factor shows it again first."""
    return second.ask_again(me(), utcnow()) if standing.has_second_factor(me()) else None


def _enrolled(user: StaffUser, words: str) -> ResponseReturnValue:
    """The first factor comes with recovery codes."""
    if codes.recovery_left(user):
        db.session.commit()
        flash(words)
        return redirect("/admin/account#second-factor", 303)
    return _codes_page(user, words)


def _codes_page(user: StaffUser, words: str) -> Response:
    fresh = codes.new_recovery_codes(user, actor(), utcnow())
    db.session.commit()
    second.note_fresh(user, utcnow())
    return make_response(render_template("admin/recovery_codes.html", codes=fresh, words=words))


def _passkey_page(problem: str = "") -> str:
    here = proving.site()
    question = passkeys.invitation(me(), here, site_page().name, utcnow()) if here.takes_passkeys else ""
    name = proving.device_name(request.user_agent.string)
    return render_template("admin/passkey_new.html", question=question, name=name, problem=problem)


def _app_page(uri: str, typed: forms.Typed | None = None, problems: dict[str, str] | None = None) -> str:
    picture = segno.make(uri, error="m", micro=False).svg_data_uri(scale=5, border=3, dark="#000", light="#fff")
    secret = codes.secret_of(uri)
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return render_template(
        "admin/authenticator_new.html", picture=picture, secret=groups, typed=typed or {}, problems=problems or {}
    )


def _name(typed: forms.Typed, otherwise: str) -> str:
    reader = Reader(typed)
    name = reader.optional_line("name", NAME_LIMIT) or otherwise
    if not name:
        reader.problems["name"] = "Give it a name that you will know it by."
    reader.check()
    return name
