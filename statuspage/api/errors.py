"""Errors as the vendor's clients look for them: JSON, `message` for people, `error` and `errors` for programs."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from .. import urls
from ..db import db
from ..errors import CandorError, Invalid, TooMany
from .wire import as_json


class Unauthorised(CandorError):
    """No key, or none that works."""

    code = "unauthorised"
    http_status = 401


class Forbidden(CandorError):
    """A key that works and may not do this."""

    code = "forbidden"
    http_status = 403


class Unreadable(CandorError):
    """A request that cannot be read at all."""

    code = "unreadable"
    http_status = 400


class UnknownType(CandorError):
    """A body of a kind that we do not read."""

    code = "unknown_type"
    http_status = 415


class TooLarge(CandorError):
    """More than we take at once."""

    code = "too_large"
    http_status = 413


class BadQuery(Invalid):
    """Query parameters that cannot be understood."""

    code = "bad_query"
    http_status = 400


def answer(error: CandorError) -> Response:
    """The error as an answer. Whatever was half done is undone first."""
    db.session.rollback()
    headers: dict[str, str] = {}
    status = error.http_status
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after)
        status = urls.settings().api_limit_status
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = 'Bearer realm="Candor"'
    return document(status, str(error), headers, error.problems if isinstance(error, Invalid) else None)


def document(
    status: int, sentence: str, headers: Mapping[str, Any] | None = None, problems: Mapping[str, str] | None = None
) -> Response:
    """One error document; with problems each names its field."""
    body: dict[str, Any] = {"error": sentence[:2000], "message": sentence[:2000]}
    if problems:
        named = [f"{field}: {problem}" if field else problem for field, problem in list(problems.items())[:50]]
        body |= {"error": named, "message": "; ".join(named)[:2000]}
        body["errors"] = dict(list(problems.items())[:50])
    response = as_json(body, status)
    response.headers.update(dict(headers or {}))
    return response
