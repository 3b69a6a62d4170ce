"""Probes for the machines that watch us."""

from datetime import datetime

from flask import Blueprint, Response
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from .. import vitals
from ..clock import iso_text, utcnow
from ..db import db
from ..models import Page
from ..schema import is_current

probes = Blueprint("probes", __name__)


@probes.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return Response("ok\n", mimetype="text/plain")


@probes.get("/readyz")
def readyz() -> Response:
    """The database answers, its schema is ours, and there is a page."""
    try:
        db.session.execute(text("SELECT 1"))
        is_ready = is_current() and db.session.scalar(select(Page.id).limit(1)) is not None
    except SQLAlchemyError:
        return Response("The database does not answer.\n", 503, mimetype="text/plain")
    if not is_ready:
        return Response("The database is not set up. Run `candor db upgrade`.\n", 503, mimetype="text/plain")
    return Response("\n".join(["ready", *_machinery(), ""]), mimetype="text/plain")


def _machinery() -> list[str]:
    """Whether engine and clock work; the page is served whether they do or not."""
    signs = vitals.read(utcnow())
    return [
        f"engine: {_seen(vitals.is_engine_alive(signs), signs.engine_seen_at)}",
        f"clock: {_seen(vitals.is_clock_alive(signs), signs.clock_ticked_at)}",
        *(f"trouble: {trouble.about}" for trouble in vitals.troubles(signs)),
    ]


def _seen(is_alive: bool, at: datetime | None) -> str:
    if is_alive:
        return "working"
    return f"not seen since {iso_text(at)}" if at else "not seen"
