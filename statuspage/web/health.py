"""Probes for the machines that watch us."""

from flask import Blueprint, Response
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

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
    return Response("ready\n", mimetype="text/plain")
