"""What an admin decides about the page."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import pages
from statuspage.channels import clean_address, label_of, sign_up_fields
from statuspage.clock import utcnow
from statuspage.drafts import Reader
from statuspage.errors import Invalid
from statuspage.pages import PageFacts
from statuspage.presenting import site_page
from statuspage.settings import check_zone
from statuspage.vocabulary import LinkPolicy, StaffRole

from . import forms
from .auth import actor, needs
from .forms import Typed
from .views import panel


@panel.get("/page")
@needs(StaffRole.ADMIN)
def page_settings() -> str:
    """The page as it is, ready to be changed."""
    page = site_page()
    facts = {name: getattr(page, name) for name in PageFacts.__annotations__}
    return _form(facts | {"shows_lateness": "yes" if page.shows_lateness else ""}, {}, page.public_channels)


@panel.post("/page")
@needs(StaffRole.ADMIN)
def change_page() -> ResponseReturnValue:
    """The page is called, described and signed as given."""
    typed = forms.typed()
    try:
        facts = _read(typed)
    except Invalid as error:
        return _form(typed, error.problems, request.form.getlist("public_channels")), error.http_status
    pages.edit(site_page(), facts, actor(), utcnow())
    flash("The page is saved.")
    return redirect("/admin/page", 303)


def _read(typed: Typed) -> PageFacts:
    reader = Reader(typed)
    facts = PageFacts(
        name=reader.line("name", "Give the page the name that customers know.", 120),
        description=reader.optional_line("description", 500),
        time_zone=_zone(reader),
        support_url=_support_url(reader),
        mail_from_name=reader.optional_line("mail_from_name", 120),
        mail_reply_to=_reply_to(reader),
        mail_footer=reader.optional_line("mail_footer", 500),
        shows_lateness="shows_lateness" in request.form,
        public_channels=_public_channels(reader),
        link_policy=reader.word("link_policy", LinkPolicy, site_page().link_policy),
    )
    reader.check()
    return facts


def _public_channels(reader: Reader) -> list[str]:
    if "public_channels" not in request.form:
        return site_page().public_channels
    chosen = [kind for kind in sign_up_fields() if kind in request.form.getlist("public_channels")]
    if not chosen:
        reader.problems["public_channels"] = "Choose at least one way to subscribe."
    return chosen


def _zone(reader: Reader) -> str:
    name = reader.line("time_zone", "Write a time zone like Europe/Berlin.", 64)
    try:
        return check_zone(name) if name else ""
    except ValueError as error:
        reader.problems["time_zone"] = str(error)
        return ""


def _support_url(reader: Reader) -> str:
    url = reader.optional_line("support_url", 500)
    if url and not url.startswith(("https://", "http://", "mailto:")):
        reader.problems["support_url"] = "Begin the address with https:// or mailto:."
    return url


def _reply_to(reader: Reader) -> str:
    if not reader.typed.get("mail_reply_to", "").strip():
        return ""
    try:
        return clean_address("email", reader.typed["mail_reply_to"], "mail_reply_to")
    except Invalid as error:
        reader.problems |= error.problems
        return ""


def _form(typed: Typed, problems: dict[str, str], chosen: list[str]) -> str:
    offered = [(kind, label_of(kind)) for kind in sign_up_fields()]
    return render_template("admin/page.html", typed=typed, problems=problems, offered=offered, chosen=chosen)
