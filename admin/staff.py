"""Staff: who signs in, in which role. For admins."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import staff as verbs, urls
from statuspage.channels import channels, clean_address
from statuspage.clock import utcnow
from statuspage.drafts import Reader
from statuspage.errors import Conflict, Invalid
from statuspage.factors import standing
from statuspage.models import StaffUser
from statuspage.vocabulary import StaffRole

from . import forms
from .auth import actor, needs
from .forms import Typed
from .views import panel

NAME_LIMIT = 120


@panel.get("/staff")
@needs(StaffRole.ADMIN)
def staff() -> str:
    """All colleagues."""
    return render_template("admin/staff.html", people=verbs.listed())


@panel.get("/staff/new")
@needs(StaffRole.ADMIN)
def new_colleague() -> str:
    """An empty form."""
    return _form(None, {"role": StaffRole.RESPONDER.value}, {})


@panel.post("/staff")
@needs(StaffRole.ADMIN)
def add_colleague() -> ResponseReturnValue:
    """There is one more colleague; their one-time link is shown now and never again."""
    typed = forms.typed()
    try:
        name, phone, role, email = _read(typed, with_email=True)
        push_url = _push_url(typed)
        user = verbs.add(email, role, actor(), utcnow(), name=name, phone=phone, push_url=push_url)
    except (Invalid, Conflict) as error:
        problems = error.problems if isinstance(error, Invalid) else {"email": str(error)}
        return _form(None, typed, problems), error.http_status
    return _link_page(user)


@panel.get("/staff/<public_id>")
@needs(StaffRole.ADMIN)
def edit_colleague(public_id: str) -> str:
    """One colleague, ready to be changed."""
    user = verbs.find(public_id)
    facts = {"name": user.name, "phone": user.phone, "role": user.staff_role.value}
    return _form(user, facts | {"active": "yes" if user.active else ""}, {})


@panel.post("/staff/<public_id>")
@needs(StaffRole.ADMIN)
def change_colleague(public_id: str) -> ResponseReturnValue:
    """Name, phone, role and access are as given; a lost role or access ends every session."""
    user, typed = verbs.find(public_id), forms.typed()
    try:
        name, phone, role, _ = _read(typed, with_email=False)
        push_url = _push_url(typed)
        verbs.edit(user, name, phone, role, "active" in request.form, actor(), utcnow())
        if push_url or "no_push" in request.form:
            verbs.set_push_url(user, push_url, actor(), utcnow())
    except (Invalid, Conflict) as error:
        problems = error.problems if isinstance(error, Invalid) else {"role": str(error)}
        return _form(user, typed, problems), error.http_status
    flash(f"{user.display_name} is saved.")
    return redirect("/admin/staff", 303)


@panel.post("/staff/<public_id>/link")
@needs(StaffRole.ADMIN)
def new_link(public_id: str) -> str:
    """A fresh one-time way in; earlier ones stop working."""
    user = verbs.find(public_id)
    if not user.active:
        raise Conflict(f"{user.display_name} has no access. Give it back first.")
    return _link_page(user)


@panel.post("/staff/<public_id>/second-factor")
@needs(StaffRole.ADMIN)
def reset_second_factor(public_id: str) -> ResponseReturnValue:
    """The colleague has lost their device: passkeys, apps, codes and remembered devices are forgotten."""
    user = verbs.find(public_id)
    standing.reset(user, actor(), utcnow())
    flash(f"{user.display_name} has no second factor any more. Make a sign-in link if they need one.")
    return redirect(f"/admin/staff/{public_id}", 303)


def _link_page(user: StaffUser) -> str:
    secret = verbs.new_sign_in_link(user, actor(), utcnow())
    return render_template("admin/staff_link.html", user=user, link=urls.sign_in(secret), hours=verbs.LINK_FOR)


def _read(typed: Typed, with_email: bool) -> tuple[str, str, StaffRole, str]:
    reader = Reader(typed)
    name = reader.optional_line("name", NAME_LIMIT)
    role = reader.word("role", StaffRole, StaffRole.VIEWER)
    email = _address(reader, "email", "email") if with_email else ""
    phone = _address(reader, "sms", "phone") if typed.get("phone", "").strip() else ""
    reader.check()
    return name, phone, role, email


def _address(reader: Reader, channel: str, field: str) -> str:
    try:
        return clean_address(channel, reader.typed.get(field, ""), field)
    except Invalid as error:
        reader.problems |= error.problems
        return ""


def _push_url(typed: Typed) -> str:
    """A new address; it is never shown again, so an empty field leaves the one there is alone."""
    url = typed.get("push_url", "").strip()
    if not url:
        return ""
    chat = "slack" if url.startswith("https://hooks.slack") else "teams"
    return clean_address(chat if url.startswith("https://") else "apprise", url, "push_url")


def _form(user: StaffUser | None, typed: Typed, problems: dict[str, str]) -> str:
    has_push = any(kind in channels() for kind in ("apprise", "slack", "teams"))
    has_second = user is not None and standing.has_second_factor(user)
    values = {"typed": typed, "problems": problems, "has_push": has_push, "has_second_factor": has_second}
    return render_template("admin/colleague.html", user=user, **values)
