"""One's own way in: the one-time link, name, password, and where one is signed in."""

from flask import flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_security import login_user

from statuspage import staff
from statuspage.clock import utcnow
from statuspage.drafts import Reader
from statuspage.errors import Invalid, NotFound
from statuspage.vocabulary import StaffRole

from . import auth, factors, forms, second
from .auth import actor, me, needs
from .views import panel


@panel.get("/sign-in/<secret>")
def sign_in(secret: str) -> str:
    """Whom the link lets in. Opening it changes nothing: scanners open links too."""
    user = staff.peek_sign_in_link(secret, utcnow())
    if user is None:
        raise NotFound("This sign-in link has been used or is too old. Ask an admin for a new one.")
    return render_template("admin/sign_in_link.html", user=user)


@panel.post("/sign-in/<secret>")
def use_sign_in(secret: str) -> ResponseReturnValue:
    """The person is signed in, and the link is used up."""
    user = staff.use_sign_in_link(secret, utcnow())
    if not user.password:
        flash(f"Welcome, {user.display_name}. Set a password now, so that you can come back without a link.")
    return second.come_in(user, second.LINK, "/admin/" if user.password else "/admin/account", utcnow())


@panel.get("/account")
@needs(StaffRole.VIEWER)
def account() -> str:
    """One's own account."""
    return _page({}, {})


@panel.post("/account/name")
@needs(StaffRole.VIEWER)
def rename() -> ResponseReturnValue:
    """One is called this from now on."""
    typed = forms.typed()
    reader = Reader(typed)
    name = reader.line("name", "Write the name that colleagues know you by.", 120)
    if any(reader.problems.values()):
        return _page(typed, reader.problems), Invalid.http_status
    staff.rename(me(), name, actor(), utcnow())
    flash("Your name is saved.")
    return redirect("/admin/account", 303)


@panel.post("/account/report")
@needs(StaffRole.VIEWER)
def wish_report() -> ResponseReturnValue:
    """One gets the monthly report by mail, or no more."""
    is_wanted = forms.typed().get("report") == "yes"
    staff.wish_report(me(), is_wanted, actor(), utcnow())
    flash(
        f"The next monthly report comes to {me().email}."
        if is_wanted
        else "You get no monthly report by mail any more."
    )
    return redirect("/admin/account", 303)


@panel.post("/account/password")
@needs(StaffRole.VIEWER)
def set_password() -> ResponseReturnValue:
    """One signs in with this password from now on; every other browser is signed out."""
    typed, user, now = forms.typed(), me(), utcnow()
    try:
        _check_current(typed.get("current", ""))
        staff.set_password(user, typed.get("password", ""), actor(), now)
    except Invalid as error:
        return _page({}, error.problems), error.http_status
    staff.sign_out_everywhere(user, actor(), now)
    login_user(user, authn_via=["password"])
    flash("Your password is set. Other browsers have been signed out.")
    return redirect("/admin/account", 303)


@panel.post("/account/sign-out-everywhere")
@needs(StaffRole.VIEWER)
def sign_out_everywhere() -> ResponseReturnValue:
    """No browser is signed in as this person any more, this one included."""
    staff.sign_out_everywhere(me(), actor(), utcnow())
    return redirect("/admin/login", 303)


def _check_current(password: str) -> None:
    """A session left open is not enough to take an account over."""
    user = me()
    if not user.password:
        return
    auth.limit_guesses(user.email.casefold(), "Too many attempts. Wait a quarter of an hour.")
    if not staff.has_password(user, password):
        raise Invalid({"current": "This is not your present password."})


def _page(typed: forms.Typed, problems: dict[str, str]) -> str:
    values = {"sessions": staff.sessions_of(me(), utcnow()), "least": staff.PASSWORD_LEAST, **factors.owned(me())}
    return render_template("admin/account.html", typed=typed or {"name": me().name}, problems=problems, **values)
