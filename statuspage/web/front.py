"""What readers get: made once, and given again for as long as nothing has changed.

Every verb writes an audit row in the commit that changes something, so the newest row's number says whether a document
is still true; all processes see it at once. A document names the moment at which time alone changes it (a promise falls
due, the day turns): nobody gets it after that, here or from a cache in between. Without one it is a second old at most.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, make_response, request
from sqlalchemy import func, select

from ..clock import utcnow
from ..db import db
from ..models import AuditEntry

FRESH, STALE, STALE_IF_ERROR = 5, 60, 86400
OLDEST = 1.0
MOST = 200


@dataclass(frozen=True)
class Document:
    """A public answer before it is anybody's: no cookie, no token, nothing about who asked."""

    body: str | bytes
    mimetype: str = "text/html"
    modified_at: datetime | None = None
    # When time alone makes it wrong.
    changes_at: datetime | None = None


@dataclass
class Front:
    """The documents that one process remembers: for each key the version it was made of, when, and what it is."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utcnow
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
        if document is None or of != version or self.clock() - made_at >= OLDEST:
            return None
        return None if document.changes_at and self.now() >= document.changes_at else document

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
    left = document.changes_at - front.now() if document.changes_at else None
    return cached(document.body, document.mimetype, document.modified_at, left)


def cached(
    body: str | bytes, mimetype: str = "text/html", modified_at: datetime | None = None, left: timedelta | None = None
) -> Response:
    """A public answer: cacheable for as long as it is right, with a strong ETag over its bytes, 304 to who has it."""
    response = make_response(body)
    response.mimetype = mimetype
    response.headers["Cache-Control"] = caching(left)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    if modified_at:
        response.last_modified = modified_at
    response.make_conditional(request)
    return response


def caching(left: timedelta | None) -> str:
    """How long caches may keep what time makes wrong after so long; None: what time leaves alone."""
    seconds = max(0, int(left.total_seconds())) if left is not None else FRESH + STALE
    fresh = min(FRESH, seconds)
    stale = min(STALE, seconds - fresh)
    return f"public, max-age={fresh}, s-maxage={fresh}, stale-while-revalidate={stale}, stale-if-error={STALE_IF_ERROR}"


def _version() -> int:
    """Another one after every change."""
    return db.session.scalar(select(func.max(AuditEntry.id))) or 0
