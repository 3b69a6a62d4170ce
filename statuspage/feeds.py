"""RSS and Atom: every incident with its updates inside, under ids that never change."""

from collections.abc import Callable
from datetime import datetime

from feedgen.feed import FeedGenerator
from flask import Blueprint, Flask, render_template

from . import urls
from .clock import utcnow
from .models import Page
from .presenting import site_page
from .visibility import PUBLIC
from .web import presenters
from .web.front import Document, public
from .web.presenters import IncidentView

ENTRIES = 50

feeds = Blueprint("feeds", __name__)


def init_app(app: Flask) -> None:
    """Give the app its feeds."""
    app.register_blueprint(feeds)


@feeds.get("/history.atom")
@public()
def atom() -> Document:
    """The latest incidents as Atom (RFC 4287)."""
    return _answer("application/atom+xml", "/history.atom", lambda feed: feed.atom_str(pretty=True))


@feeds.get("/history.rss")
@public()
def rss() -> Document:
    """The latest incidents as RSS 2.0."""
    return _answer("application/rss+xml", "/history.rss", lambda feed: feed.rss_str(pretty=True))


def _answer(mimetype: str, path: str, write: Callable[[FeedGenerator], bytes]) -> Document:
    page, now = site_page(), utcnow()
    incidents = presenters.latest_incidents(page, PUBLIC, ENTRIES, now)
    changed_at = max((incident.updated_at for incident in incidents), default=page.created_at)
    said = write(_feed(page, incidents, path, mimetype, changed_at))
    return Document(said, mimetype, changed_at, presenters.next_change(page, incidents, now))


def _feed(page: Page, incidents: list[IncidentView], path: str, mimetype: str, changed_at: datetime) -> FeedGenerator:
    feed = FeedGenerator()
    feed.id(urls.absolute("/"))
    feed.title(f"{page.name}: incident history")
    feed.description(page.description or f"Incidents and updates of {page.name}")
    feed.author(name=page.name)
    # RSS takes the last link as its own, so the page itself comes last.
    feed.link(href=urls.absolute(path), rel="self", type=mimetype)
    feed.link(href=urls.absolute("/"), rel="alternate", type="text/html")
    feed.updated(changed_at)
    feed.lastBuildDate(changed_at)
    feed.generator("Candor")
    for incident in incidents:
        _add_entry(feed, page, incident)
    return feed


def _add_entry(feed: FeedGenerator, page: Page, incident: IncidentView) -> None:
    entry = feed.add_entry(order="append")
    entry.id(incident.url)
    entry.guid(incident.url, permalink=True)
    entry.title(f"{incident.status.label}: {incident.title}" if incident.is_open else incident.title)
    entry.link(href=incident.url)
    entry.published(incident.started_at)
    entry.updated(incident.updated_at)
    entry.category(term=incident.impact.value, label=incident.impact.label)
    entry.content(render_template("public/_feed_entry.html", page=page, incident=incident), type="html")
