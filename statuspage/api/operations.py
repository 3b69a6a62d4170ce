"""What the API can do, as a table: each operation says its path, scope, shapes and answers, and both the routes and
`/openapi.json` are made from that.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from .. import api_keys
from ..audit import Actor
from ..clock import utcnow
from ..db import db
from ..errors import Conflict, Invalid, NotFound
from ..models import ApiKey, Page
from ..vocabulary import Scope
from . import access, bodies, shapes
from .errors import BadQuery, Unreadable
from .wire import as_json

ID = "[a-z0-9]{12}"
_KEY_SHAPE = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class Call:
    """One request as a view wants to know it: checked for key, scope, page and shape."""

    key: ApiKey
    page: Page
    by: Actor
    now: datetime
    ids: Mapping[str, str]
    query: Any
    body: Any
    once: str  # what makes a repeated request the same one; empty when the client does not say


View = Callable[[Call], Any]


@dataclass(frozen=True)
class Operation:
    """One thing that a client can ask for."""

    method: str
    path: str
    view: View
    scope: Scope
    answer: Any = None
    status: int = HTTPStatus.OK
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    tag: str = ""

    @property
    def name(self) -> str:
        """Its endpoint, and its operationId."""
        return f"{self.view.__name__}_by_put" if self.method == "PUT" else self.view.__name__

    @property
    def summary(self) -> str:
        """What it does, in the view's own words."""
        return (self.view.__doc__ or "").strip().splitlines()[0].rstrip(".")

    @property
    def pattern(self) -> re.Pattern[str]:
        """The paths it answers to, below the prefix."""
        return re.compile(re.sub(r"\{\w+\}", ID, self.path) + r"(?:\.json)?")


class Table:
    """All operations, in the order in which they were written down."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def operation(self, method: str, path: str, **facts: Any) -> Callable[[View], View]:
        """Put a view into the table; `PATCH` stands for `PUT` as well, as it does for the vendor."""

        def add(view: View) -> View:
            tag = (view.__module__.rpartition(".")[2]).removeprefix("v1_")
            methods = ("PATCH", "PUT") if method == "PATCH" else (method,)
            self.operations += [Operation(each, path, view, tag=tag, **facts) for each in methods]
            return view

        return add

    def allowed(self, rest: str) -> list[str]:
        """The methods that the path below the prefix takes; none when there is no such path."""
        found = {each.method for each in self.operations if each.pattern.fullmatch(rest)}
        return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())) if found else []


v1 = Table()


def serve(operation: Operation, ids: dict[str, str]) -> Response:
    """Answer one request: key, scope, page, query, body, in this order; then the view."""
    bodies.require_size(request)
    now = utcnow()
    key = access.require_key(now)
    access.require_scope(key, operation.scope)
    if ids.get("page_id", key.page.public_id) != key.page.public_id:
        raise NotFound("The requested resource could not be found.")
    call = Call(
        key=key,
        page=key.page,
        by=api_keys.actor(key),
        now=now,
        ids=ids,
        query=_query(operation.query),
        body=_body(operation.body),
        once=_once(key) if operation.method != "GET" else "",
    )
    return _respond(operation, _carry_out(operation, call))


def _carry_out(operation: Operation, call: Call) -> Any:
    try:
        return operation.view(call)
    except IntegrityError:
        # Another request made the same thing between our look and our write; now we see it.
        db.session.rollback()
    try:
        return operation.view(call)
    except IntegrityError:
        raise Conflict("Another request changed the same thing at the same time. Try again.") from None


def _respond(operation: Operation, made: Any) -> Response:
    if operation.status == HTTPStatus.NO_CONTENT:
        response = Response(status=operation.status)
        del response.headers["Content-Type"]  # a client that reads “JSON” would try to parse nothing
    else:
        response = as_json(made, operation.status)
    response.vary.add("Authorization")
    return response


def _query(model: type[BaseModel] | None) -> Any:
    if model is None:
        return None
    known = {name: value for name, value in request.args.items() if name in model.model_fields}
    if any("\x00" in value for value in known.values()):
        raise BadQuery({"query": "This has a character that cannot be searched for."})
    try:
        return shapes.read(model, known, is_form=True)
    except Invalid as error:
        raise BadQuery(error.problems) from None


def _body(model: type[BaseModel] | None) -> Any:
    if model is None:
        return None
    tree, is_form = bodies.read(request)
    return shapes.read(model, tree, is_form)


def _once(key: ApiKey) -> str:
    """The client's key for this very request; another path or another API key makes it another one."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return ""
    if not _KEY_SHAPE.fullmatch(given):
        raise Unreadable("Give an Idempotency-Key of 1 to 255 visible ASCII characters.")
    path = re.sub(r"^/api(?=/v1/)|\.json$", "", request.path)
    return f"{key.public_id}:{request.method}:{path}:{given}"
