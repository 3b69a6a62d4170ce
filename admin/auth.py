"""Signing in, and what each role may do in the panel."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import Security, SQLAlchemySessionUserDatastore, current_user
from htmx_flask import Htmx
from htmx_flask import request as htmx_request

from statuspage import limits, staff
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Incident, Role, StaffUser
from statuspage.vocabulary import StaffRole

P = ParamSpec("P")
R = TypeVar("R")

TRIES, TRIES_PER = 10, timedelta(minutes=15)
RANK = list(StaffRole)


def init_app(app: Flask) -> None:
    """Set up sign-in: argon2id, our own pages, and limits on guessing."""
    app.config.update(
        SECURITY_BLUEPRINT_NAME="security",
        SECURITY_URL_PREFIX="/admin",
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_PASSWORD_SALT="unused: argon2id makes its own",
        SECURITY_PASSWORD_LENGTH_MIN=staff.PASSWORD_LEAST,
        SECURITY_LOGIN_USER_TEMPLATE="admin/sign_in.html",
        SECURITY_POST_LOGIN_VIEW="/admin/",
        SECURITY_POST_LOGOUT_VIEW="/admin/login",
        SECURITY_DEFAULT_REMEMBER_ME=False,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_REDIRECT_VALIDATE_MODE=None,
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"email": {"mapper": _as_email, "case_insensitive": True}}],
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_LOGOUT_METHODS=["POST"],
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    Htmx(app)
    datastore = SQLAlchemySessionUserDatastore(db.session, StaffUser, Role)
    security = Security(app, datastore)
    security.unauthn_handler(_ask_to_sign_in)
    login = app.view_functions["security.login"]
    app.view_functions["security.login"] = _limited(login)


def needs(least: StaffRole) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """Let only staff with at least this role into a view; everybody else is asked to sign in, or told no."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            if not current_user.is_authenticated:
                return _ask_to_sign_in()
            if RANK.index(current_user.staff_role) < RANK.index(least):
                abort(403)
            return view(*args, **kwargs)

        guarded.least_role = least  # type: ignore[attr-defined]
        return guarded

    return decorate


def actor(via: str = "panel") -> Actor:
    """Who is signed in, as the domain wants to know it."""
    return Actor(current_user._get_current_object(), via)


def require_publish(incident: Incident | None = None) -> None:
    """Answer 403 unless the person signed in may publish (about this incident)."""
    if not staff.may_publish(actor().user, incident):  # type: ignore[arg-type]
        abort(403)


def _ask_to_sign_in(*_args: Any, **_kwargs: Any) -> ResponseReturnValue:
    target = url_for("security.login", next=request.full_path if request.method == "GET" else "/admin/")
    if htmx_request.htmx:
        return "", 401, {"HX-Redirect": target}
    return redirect(target, 303)


def _limited(login: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Count guesses per account and per visitor, in the database, whatever the answer."""

    @wraps(login)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if request.method == "POST":
            now = utcnow()
            sentence = "Too many attempts to sign in. Wait a quarter of an hour, or ask an admin for a sign-in link."
            account = request.form.get("email", "").strip().casefold()
            network = limits.network_of(request.remote_addr or "")
            limits.require(f"sign-in:{account}:{network}", TRIES, TRIES_PER, now, sentence)
            limits.require(f"sign-in:{network}", TRIES * 5, TRIES_PER, now, sentence)
        return login(*args, **kwargs)

    return guarded


def _as_email(identity: str) -> str | None:
    return identity.strip() if "@" in identity and len(identity) <= 254 else None
