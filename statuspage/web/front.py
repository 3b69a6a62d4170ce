"""What readers get: made once, and given again for as long as nothing has changed.

Every verb writes an audit row in the commit that changes something, so the newest row's number says whether a document
is still true; all processes see it at once. What time alone changes (a promise that falls due) is at most a second old.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, make_response, request
from sqlalchemy import func, select

from ..db import db
from ..models import AuditEntry

CACHING = "public, max-age=5, s-maxage=5, stale-while-revalidate=60, stale-if-error=86400"
OLDEST = 1.0
MOST = 200


@dataclass(frozen=True)
class Document:
    """A public answer before it is anybody's: no cookie, no token, nothing about who asked."""

    body: str | bytes
    mimetype: str = "text/html"
    modified_at: datetime | None = None


@dataclass
class Front:
    """The documents that one process remembers: for each key the version it was made of, when, and what it is."""

    clock: Callable[[], float] = time.monotonic
    documents: dict[Any, tuple[int, float, Document]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Any, version: int, make: Callable[[], Document]) -> Document:
        """The document of this version; of many who ask for a new one, one makes it and the others wait for it."""
        found = self._find(key, version)
        if found is None:
            with self.lock:
                found = self._find(key, version) or self._make(key, version, make)
        return found

    def _find(self, key: Any, version: int) -> Document | None:
        of, made_at, document = self.documents.get(key, (-1, 0.0, None))
        return document if of == version and self.clock() - made_at < OLDEST else None

    def _make(self, key: Any, version: int, make: Callable[[], Document]) -> Document:
        begun = self.clock()
        document = make()
        if len(self.documents) >= MOST:
            self.documents.clear()
        self.documents[key] = (version, begun, document)
        return document


def init_app(app: Flask) -> None:
    """Give the app its memory of documents."""
    app.extensions["candor.front"] = Front()


def public(*asked: str) -> Callable[[Callable[..., Document]], Callable[..., Response]]:
    """Let a view answer with a document, which depends on its path, these parts of the query, and what is stored."""

    def decorate(make: Callable[..., Document]) -> Callable[..., Response]:
        @wraps(make)
        def view(**path: str) -> Response:
            key = (request.endpoint, *path.values(), *(request.args.get(name, "") for name in asked))
            return answer(key, lambda: make(**path))

        return view

    return decorate


def answer(key: Any, make: Callable[[], Document]) -> Response:
    """The document known by this key, made anew if something has changed."""
    front: Front = current_app.extensions["candor.front"]
    document = front.get(key, _version(), make)
    return cached(document.body, document.mimetype, document.modified_at)


def cached(body: str | bytes, mimetype: str = "text/html", modified_at: datetime | None = None) -> Response:
    """A public answer: cacheable, with a strong ETag over its bytes, 304 to who has it already."""
    response = make_response(body)
    response.mimetype = mimetype
    response.headers["Cache-Control"] = CACHING
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    if modified_at:
        response.last_modified = modified_at
    response.make_conditional(request)
    return response


def _version() -> int:
    """Another one after every change."""
    return db.session.scalar(select(func.max(AuditEntry.id))) or 0
