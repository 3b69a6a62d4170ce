"""What every template may use: times with their zone, versioned assets, and the page's name."""

import hashlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, url_for
from markupsafe import Markup

from . import pages, text
from .channels import label_of
from .clock import day_text, iso_text, moment_text, near_text, span_words, utcnow
from .models import Page

_STYLES = {"moment": moment_text, "day": day_text}


def init_app(app: Flask) -> None:
    """Register the filters and globals."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(time_tag=time_tag, asset=asset, site_page=site_page, channel_label=label_of)
    app.jinja_env.filters.update(markdown=text.html, plain=text.plain, span=span_words, iso=iso_text)


def site_page() -> Page:
    """The page this request is about, read once."""
    if "page" not in g:
        g.page = pages.first()
    page: Page = g.page
    return page


def turn_to(page: Page) -> None:
    """From here on this request is about this page: a drill's stage."""
    g.page = page


def time_tag(at: datetime, style: str = "moment", zone: str | None = None) -> Markup:
    """A `<time>` element: absolute, with zone, in the page's zone; script may add how far away it is.

    The style "time" names the day only where it is not today, "moment" always.
    """
    zone = zone or site_page().time_zone
    words = near_text(at, zone, utcnow()) if style == "time" else _STYLES[style](at, zone)
    relative = Markup("") if style == "day" else Markup(" data-relative")
    return Markup('<time datetime="{}"{}>{}</time>').format(iso_text(at), relative, words)


def asset(path: str) -> str:
    """The address of a static file, which changes when its content does."""
    return url_for("static", filename=path, v=_version(str(Path(current_app.static_folder or "") / path)))


@lru_cache(maxsize=256)
def _version(path: str) -> str:
    file = Path(path)
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10] if file.is_file() else "absent"


def context(**values: Any) -> dict[str, Any]:
    """Template values with the page among them."""
    return {"page": site_page(), **values}
