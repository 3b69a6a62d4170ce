"""v1: pages."""

from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from .. import pages, urls
from ..errors import Invalid
from ..vocabulary import Scope
from . import answers, resources, shapes
from .documents import Document
from .operations import Call, v1


@v1.operation("GET", "/pages", scope=Scope.READ, answer=list[answers.Page])
def list_pages(call: Call) -> list[Document]:
    """List the pages that this key may see."""
    return [_resource(call)]


@v1.operation("GET", "/pages/{page_id}", scope=Scope.READ, answer=answers.Page)
def get_page(call: Call) -> Document:
    """Get a page."""
    return _resource(call)


@v1.operation("PATCH", "/pages/{page_id}", scope=Scope.CONFIG, answer=answers.Page, body=shapes.PageChange)
def update_page(call: Call) -> Document:
    """Update a page."""
    asked: shapes.PageAttributes = call.body.page
    _refuse_what_is_not_so(asked)
    facts = pages.facts_of(call.page)
    names = {
        "name": asked.name,
        "description": asked.page_description,
        "support_url": asked.support_url,
        "time_zone": asked.time_zone,
        "mail_footer": asked.notifications_email_footer,
    }
    given: dict[str, Any] = {name: value for name, value in names.items() if value is not None}
    wanted = replace(facts, **given)
    if wanted != facts:
        pages.edit(call.page, wanted, call.by, call.now)
    return _resource(call)


def _refuse_what_is_not_so(asked: shapes.PageAttributes) -> None:
    """What would be dangerous to believe is refused rather than ignored."""
    problems = {}
    for name in ("hidden_from_search", "viewers_must_be_team_members"):
        if getattr(asked, name):
            problems[f"page.{name}"] = "This page is public; that cannot be switched off yet."
    if asked.time_zone is not None and asked.time_zone not in available_timezones():
        problems["page.time_zone"] = "is not a time zone; write it like Europe/Vienna."
    if asked.support_url and not asked.support_url.startswith(("https://", "http://", "mailto:")):
        problems["page.support_url"] = "must begin with https://, http:// or mailto:."
    if problems:
        raise Invalid(problems)


def _resource(call: Call) -> Document:
    settings = urls.settings()
    return resources.page_resource(call.page, settings.base_url, settings.mail_from)
