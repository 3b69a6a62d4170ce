"""Signing in, and what each role may do in the panel."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, abort, make_response, redirect, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import Security, SQLAlchemySessionUserDatastore, current_user, user_authenticated
from htmx_flask import Htmx, request

from statuspage import limits, staff
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Incident, Role, StaffUser
from statuspage.vocabulary import StaffRole

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[..., Any]
# What becomes of somebody who has given the right password and was going somewhere.
LetIn = Callable[[StaffUser, str], ResponseReturnValue]

TRIES, TRIES_PER = 10, timedelta(minutes=15)
RANK = list(StaffRole)

log = structlog.get_logger(__name__)


def init_app(app: Flask, let_in: LetIn) -> None:
    """Set up sign-in: argon2id, our own pages, limits on guessing, and what follows the right password."""
    app.config.update(
        SECURITY_BLUEPRINT_NAME="security",
        SECURITY_URL_PREFIX="/admin",
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - a name
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_PASSWORD_SALT="unused: argon2id makes its own",  # noqa: S106
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
        SECURITY_MSG_GENERIC_AUTHN_FAILED=("Address and password do not match. Check both.", "error"),
        # No second round of proof, and so no page of the library's own for it.
        SECURITY_STATIC_FOLDER=None,
        SECURITY_FRESHNESS=timedelta(minutes=-1),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    Htmx(app)
    datastore = SQLAlchemySessionUserDatastore(db.session, StaffUser, Role)
    security = Security(app, datastore)
    security.unauthn_handler(ask_to_sign_in)  # type: ignore[arg-type]
    # Only a session, which can be listed and revoked, says who is here; the library's tokens do not.
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]
    user_authenticated.connect(_renew_session, app)
    views = app.view_functions
    views["security.login"] = _limited(views["security.login"], let_in)
    views["security.logout"] = _forgetful(views["security.logout"])


def needs(least: StaffRole) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """Let only staff with at least this role into a view; everybody else is asked to sign in, or told no."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            if not current_user.is_authenticated:
                return ask_to_sign_in()
            if not has_role(least):
                abort(403)
            return view(*args, **kwargs)

        guarded.least_role = least  # type: ignore[attr-defined]
        return guarded

    return decorate


def me() -> StaffUser:
    """Who is signed in."""
    user: StaffUser = current_user._get_current_object()
    return user


def is_me(user: StaffUser) -> bool:
    """Whether this colleague is the one signed in here."""
    return bool(current_user.is_authenticated) and me().id == user.id


def way_on(target: str) -> str:
    """Where somebody was going, if that is a page of the panel; else its first."""
    parts = urlsplit(target)
    is_ours = not parts.scheme and not parts.netloc and target.startswith("/admin/") and "\\" not in target
    return target if is_ours else "/admin/"


def has_role(least: StaffRole) -> bool:
    """Whether somebody is signed in who has at least this role."""
    return bool(current_user.is_authenticated) and RANK.index(me().staff_role) >= RANK.index(least)


def actor(via: str = "panel") -> Actor:
    """Who is signed in, as the domain wants to know it."""
    return Actor(me(), via)


def require_publish(incident: Incident | None = None) -> None:
    """Answer 403 unless the person signed in may publish (about this incident)."""
    if not staff.may_publish(me(), incident):
        abort(403)


def ask_to_sign_in(*_args: Any, **_kwargs: Any) -> ResponseReturnValue:
    """The way to the sign-in page and back here; a fragment is told so in a header that htmx follows."""
    target = url_for("security.login", next=_way_back())
    if request.htmx:
        return "", 401, {"HX-Redirect": target}
    return redirect(target, 303)


def limit_guesses(account: str, sentence: str) -> None:
    """Count one more guess for the account and for the visitor; raises TooMany."""
    now, network = utcnow(), limits.network_of(request.remote_addr or "")
    limits.require(f"sign-in:{account}:{network}", TRIES, TRIES_PER, now, sentence)
    limits.require(f"sign-in:{network}", TRIES * 5, TRIES_PER, now, sentence)


def _way_back() -> str:
    """Where a person was: the page they look at, never a fragment of it."""
    if request.htmx:
        return urlsplit(request.htmx.current_url or "").path or "/admin/"
    return request.full_path.rstrip("?") if request.method == "GET" else "/admin/"


def _renew_session(*_args: Any, **_kwargs: Any) -> None:
    session.renew()  # type: ignore[attr-defined]


def _limited(login: View, let_in: LetIn) -> View:
    """Count guesses per account and per visitor, in the database, whatever the answer; `let_in` whoever is right."""

    @wraps(login)
    def guarded(*args: Any, **kwargs: Any) -> Response:
        is_guess = request.method == "POST" and not current_user.is_authenticated
        if is_guess:
            account = request.form.get("email", "").strip().casefold()
            limit_guesses(account, "Too many attempts to sign in. Wait 15 minutes, or ask for a sign-in link.")
        response: Response = make_response(login(*args, **kwargs))
        response.headers["Cache-Control"] = "no-store"
        if is_guess and current_user.is_authenticated:
            response = make_response(let_in(me(), response.headers.get("Location", "")))
            response.headers["Cache-Control"] = "no-store"
        elif is_guess and response.status_code == 200:
            log.warning("sign_in.refused")
            response.status_code = 422
        return response

    return guarded


def _forgetful(logout: View) -> View:
    """Let the browser forget what it kept of us."""

    @wraps(logout)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        response: Response = make_response(logout(*args, **kwargs))
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    return guarded


def _as_email(identity: str) -> str | None:
    return identity.strip() if "@" in identity and len(identity) <= 254 else None
