"""Who may come in: a key in the header, or in the query string where that is allowed; counted, and never logged."""

import re
from datetime import datetime, timedelta

from flask import request

from .. import api_keys, limits, urls
from ..db import db, read_only
from ..models import ApiKey
from ..vocabulary import Scope
from .errors import Forbidden, Unauthorised

_SCHEME = re.compile(r"(?i)(?:oauth|bearer)[ ]+(\S+)[ ]*")
_MINUTE = timedelta(minutes=1)


def require_key(now: datetime) -> ApiKey:
    """The key that this request carries; raises Unauthorised, or TooMany when it has asked too often."""
    text, in_query = _credentials()
    key = api_keys.recognise(text, now)
    if key is None or (in_query and not key.allows_query):
        raise Unauthorised("Could not authenticate. Send a key that works: Authorization: OAuth <key>.")
    db.session.rollback()  # a transaction that only reads must not turn into one that writes
    writing = read_only.set(False)
    try:
        at_most = urls.settings().api_requests_per_minute
        sentence = f"This key has asked {at_most} times within a minute. Wait, then go on."
        limits.require(f"api:{key.handle}", at_most, _MINUTE, now, sentence)
        api_keys.note_use(key, in_query, now)
        db.session.rollback()
    finally:
        read_only.reset(writing)
    return key


def require_scope(key: ApiKey, scope: Scope) -> None:
    """Raise Forbidden unless the key carries the scope."""
    if not key.may(scope):
        raise Forbidden(f"This key lacks the scope “{scope.value}”.")


def _credentials() -> tuple[str, bool]:
    header = request.headers.get("Authorization")
    if header is not None:
        match = _SCHEME.fullmatch(header)
        return (match[1] if match else ""), False
    return request.args.get("api_key", ""), True
