"""The API: public documents (v2) and management (v1), compatible with Statuspage, without rules of its own."""

from collections.abc import Callable
from importlib.metadata import version

from flask import Blueprint, Flask, Response, request
from werkzeug.routing import BaseConverter

from .. import http, urls
from ..clock import utcnow
from ..errors import CandorError, NotFound
from . import access, errors, later, openapi, v1_components, v1_groups, v1_incidents, v1_pages, v1_subscribers, v2
from .operations import ID, Operation, serve, v1
from .wire import as_json

ROOMS = (v1_components, v1_groups, v1_incidents, v1_pages, v1_subscribers)
PREFIXES = ("/v1", "/api/v1")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

management = Blueprint("api", __name__)
management.register_error_handler(CandorError, errors.answer)


class _PublicId(BaseConverter):
    """Twelve letters and digits: neither the words between ids nor a `.json` behind one is taken for one."""

    regex = ID


def init_app(app: Flask) -> None:
    """Give the app its API. Keys prove each request by themselves, so neither forms' tokens nor origins are asked."""
    app.url_map.converters["id"] = _PublicId
    for blueprint in (management, v2.public):
        app.register_blueprint(blueprint)
        app.extensions["csrf"].exempt(blueprint)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(("api.", "api_v2.")):
            http.open_to_others(rule.endpoint)
    for prefix in ("/v1", "/api"):
        http.errors_in_style(prefix, errors.document)


def _add_rules() -> None:
    for operation in v1.operations:
        view = _view(operation)
        path = operation.path.replace("{", "<id:").replace("}", ">")
        for prefix in PREFIXES:
            for ending in ("", ".json"):
                _add(f"{prefix}{path}{ending}", operation.name, view, operation.method)
    for prefix in PREFIXES:
        _add(f"{prefix}/<path:rest>", "elsewhere", _elsewhere, *METHODS)
    _add("/openapi.json", "openapi", _openapi, "GET")


def _add(rule: str, endpoint: str, view: Callable[..., Response], *methods: str) -> None:
    management.add_url_rule(rule, endpoint, view, methods=list(methods), provide_automatic_options=False)


def _view(operation: Operation) -> Callable[..., Response]:
    def view(**ids: str) -> Response:
        return serve(operation, ids)

    view.operation = operation  # type: ignore[attr-defined]
    return view


def _elsewhere(rest: str) -> Response:
    """What is not served: by another method, not yet, or not at all."""
    path = f"/{rest}"
    allowed = {"Allow": ", ".join(v1.allowed(path))}
    if request.method == "OPTIONS":
        return Response(status=204, headers=allowed)
    access.require_key(utcnow())
    if allowed["Allow"]:
        return errors.document(405, f"This address does not take {request.method}.", allowed)
    if later.is_documented(path):
        raise NotFound("This part of the API is not available in Candor yet.")
    raise NotFound("The requested resource could not be found.")


def _openapi() -> Response:
    """What is served, as OpenAPI 3.1."""
    response = as_json(openapi.document(urls.settings().base_url, version("candor-status")))
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


_add_rules()

__all__ = ["init_app"]
