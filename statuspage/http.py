"""The door: which hosts we answer for, which requests may write, and the headers on every answer."""

import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, abort, current_app, g, request
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from . import urls
from .db import read_only, will_pass
from .errors import CandorError, TooMany
from .settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
BUSY_FOR = 5
# In one form.
MOST_FIELDS = 2000
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Machines ask these by whatever name they know us.
PROBES = ("/healthz", "/readyz", "/metrics")
# Routes that others may post to: they prove themselves by a signature or a token of their own.
_open_endpoints: set[str] = set()
# How errors look below these paths, where those who ask are programs.
_styles: dict[str, Callable[[int, str, dict[str, str]], Response]] = {}


class HostGuard:
    """Answers 400 to requests for a host that is not ours, before anything else sees them.

    It also says whether a request only reads. That must be known before the session is opened: a reader who began
    as a writer would hold up everybody else until the answer is done.
    """

    def __init__(self, wsgi: Callable[..., Iterable[bytes]], settings: Settings) -> None:
        self.wsgi = wsgi
        self.allowed = allowed_hosts(settings)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pass on what is meant for us."""
        host = environ.get("HTTP_HOST", "")
        is_ours = _HOST.fullmatch(host) and _hostname(host) in self.allowed
        if not is_ours and environ.get("PATH_INFO") not in PROBES:
            start_response("400 Bad Request", _REFUSAL_HEADERS)
            return [b"This address is not one of ours. Check the Host, or CANDOR_BASE_URL.\n"]
        token = read_only.set(environ.get("REQUEST_METHOD") in SAFE_METHODS)
        try:
            return self.wsgi(environ, start_response)
        finally:
            read_only.reset(token)


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """The host names we answer for: the base URL's own, and this machine's when that is one of them."""
    own = _hostname(urlsplit(settings.base_url).netloc)
    return frozenset({own} | (LOOPBACK if own in LOOPBACK else set()))


def guard(app: Flask, settings: Settings) -> None:
    """Put the door in front of the app."""
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.wsgi_app = HostGuard(app.wsgi_app, settings)  # type: ignore[method-assign]
    app.config.update(
        MAX_CONTENT_LENGTH=512 * 1024,
        MAX_FORM_PARTS=MOST_FIELDS,
        SESSION_COOKIE_NAME="__Host-sid" if settings.is_https else "sid",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.before_request(_begin)
    app.before_request(_refuse_cross_site)
    app.before_request(_refuse_crowded_form)
    app.after_request(_add_headers)
    app.register_error_handler(CandorError, _candor_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SQLAlchemyError, _database_error)
    app.register_error_handler(Exception, _unexpected)


def open_to_others(endpoint: str) -> None:
    """Let other sites and programs post to this endpoint; it proves each request by itself."""
    _open_endpoints.add(endpoint)


def errors_in_style(prefix: str, style: Callable[[int, str, dict[str, str]], Response]) -> None:
    """Below this path errors are answered by `style(status, sentence, headers)`, not as pages."""
    _styles[prefix] = style


def error_page(status: int, sentence: str, **headers: Any) -> Response:
    """An error as a page, never kept by caches. It asks neither session nor database, which may be what failed."""
    for prefix, style in _styles.items():
        if f"{request.path}/".startswith(f"{prefix}/"):
            return style(status, sentence, {name.replace("_", "-"): str(value) for name, value in headers.items()})
    page = current_app.jinja_env.get_template("errors/error.html")
    response = Response(page.render(code=status, sentence=sentence), status)
    response.headers["Cache-Control"] = "no-store"
    response.headers.update({name.replace("_", "-"): str(value) for name, value in headers.items()})
    return response


def _begin() -> None:
    g.request_id = secrets.token_hex(8)
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _refuse_cross_site() -> None:
    """Browsers say where a write comes from; one from elsewhere is refused (the token is checked besides)."""
    if request.method in SAFE_METHODS or request.endpoint in _open_endpoints:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "null")
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        # Pages that send no referrer send the Origin "null"; for these the token alone decides.
        is_ours = origin == "null" or origin.partition("://")[2] == request.host
    if not is_ours:
        abort(403, "This form was sent from another site.")


def _refuse_crowded_form() -> None:
    """MAX_FORM_PARTS holds for forms in parts alone; one in a single line is counted here."""
    if request.method in SAFE_METHODS or request.endpoint in _open_endpoints:
        return
    if len(request.form) > MOST_FIELDS:
        abort(413)


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    headers.setdefault("Permissions-Policy", "geolocation=(), camera=(), microphone=(), payment=()")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-site")
    headers.setdefault("X-Frame-Options", "DENY")
    headers["X-Request-Id"] = g.get("request_id", "")
    if request.scheme == "https" or urls.settings().is_https:
        headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
    if request.endpoint not in ("static", None):
        headers.setdefault("Cache-Control", "no-store")
        took = round((time.monotonic() - g.started) * 1000, 1) if "started" in g else None
        log.info("request", method=request.method, route=str(request.url_rule), status=response.status_code, ms=took)
    return response


def _candor_error(error: CandorError) -> Response:
    extra = {"Retry_After": error.retry_after} if isinstance(error, TooMany) else {}
    return error_page(error.http_status, str(error), **extra)


def _database_error(error: SQLAlchemyError) -> Response:
    """What is about the moment is answered as such; all else is our own fault."""
    if will_pass(error):
        log.warning("request.database_busy", route=str(request.url_rule), why=repr(error))
        return error_page(503, "The database is busy or away. Nothing was half done; try again.", Retry_After=BUSY_FOR)
    if isinstance(error, IntegrityError):
        log.warning("request.collided", route=str(request.url_rule), why=repr(error.orig))
        return error_page(409, "Somebody did the same at the same moment. Look at what they did, then try again.")
    return _unexpected(error)


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    code = error.code or 500
    if 300 <= code < 400:
        return error.get_response()  # type: ignore[return-value]
    sentence = _SENTENCES.get(code) or error.description or "Something is wrong with this request."
    if code == 403 and error.description and "another site" in error.description:
        sentence = error.description
    extra = (
        {"Allow": ", ".join(sorted(error.valid_methods or ()))}
        if code == 405 and hasattr(error, "valid_methods")
        else {}
    )
    return error_page(code, sentence, **extra)


def _unexpected(_error: Exception) -> Response:
    log.exception("request.failed", route=str(request.url_rule))
    return error_page(
        500, f"Something broke on our side. Nothing was half done. Reference: {g.get('request_id', '-')}."
    )


def _hostname(netloc: str) -> str:
    host = netloc.rpartition("@")[2].lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_REFUSAL_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
]
_SENTENCES = {
    400: "This request could not be understood.",
    403: "You may not do this.",
    404: "There is nothing at this address.",
    405: "This address does not take that kind of request.",
    413: "That is more than we can take at once.",
    415: "We cannot read this kind of content.",
}
