"""`/openapi.json`: made from the table of operations and the shapes that check what clients send."""

from functools import lru_cache
from types import GenericAlias
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ..vocabulary import Scope
from . import answers, shapes, v2
from .operations import Operation, v1

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
_ID = {"type": "string", "pattern": "^[a-z0-9]{12}$"}
_ERRORS = {
    400: "Bad request: the body or the query cannot be read",
    401: "Could not authenticate",
    403: "The key lacks the scope",
    404: "The requested resource could not be found",
    409: "A rule of the service says no; the message says what to do instead",
    413: "More than we take at once",
    415: "A kind of body that we do not read",
    422: "Unprocessable entity; each field is named",
    429: "Asked too often; Retry-After says when to go on",
}
_INTRODUCTION = """\
Compatible with Atlassian Statuspage: the public documents (v2) and, of the management API (v1), what is listed here.

Every path of v1 also works with `.json` behind it and under `/api/v1`. Every write also takes the same as a form
(`application/x-www-form-urlencoded`) with bracketed names: `incident[name]=…`, `incident[component_ids][]=…`,
`incident[components][<id>]=…`; an empty field there is one left out.

The scopes in each operation's security say what a key must carry. `admin` may do everything, and every key may read.
"""


@lru_cache(maxsize=4)
def document(base_url: str, version: str) -> Schema:
    """The whole document (OpenAPI 3.1) for an installation at this address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Candor", "version": version, "description": _INTRODUCTION},
        "servers": [{"url": base_url}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "header": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`OAuth <key>`."},
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "api_key", "description": "May be off per key."},
            },
        },
    }


def _paths() -> Schema:
    paths: Schema = {}
    for operation in v1.operations:
        paths.setdefault(f"/v1{operation.path}", {})[operation.method.lower()] = _operation(operation)
    for each in v2.DOCUMENTS:
        paths[f"/api/v2/{each.path}"] = {"get": _public(each)}
    paths["/api/v2/subscribers.json"] = {
        "post": {
            "operationId": "sign_up",
            "tags": ["public"],
            "summary": "Ask to be told; the answer is alike for known and unknown addresses",
            "security": [],
            "requestBody": _body(shapes.PublicSubscriber),
            "responses": {"201": _json("The request waits", answers.Subscribed), **_errors(400, 413, 415, 422, 429)},
        }
    }
    paths["/api/v2/subscribers/{subscriber_id}.json"] = {
        "delete": {
            "operationId": "give_up",
            "tags": ["public"],
            "summary": "Withdraw a request to be told",
            "security": [],
            "parameters": [_path_parameter("subscriber_id")],
            "responses": {
                "200": {"description": "Always", "content": {"application/json": {"schema": {"const": True}}}},
                **_errors(404),
            },
        }
    }
    return paths


def _operation(operation: Operation) -> Schema:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters = [_path_parameter(name) for name in names]
    if operation.query:
        parameters += _query_parameters(operation.query)
    codes = {401, 403, 429} | ({404} if names else set()) | ({400} if operation.query else set())
    if operation.method != "GET":
        parameters.append(_once())
        codes |= {400, 409, 413}
    if operation.body:
        codes |= {415, 422}
    found: Schema = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{name: [_scope(operation)]} for name in ("header", "bearer", "query")],
        "parameters": parameters,
        "responses": {str(int(operation.status)): _success(operation), **_errors(*codes)},
    }
    if operation.body:
        found["requestBody"] = _body(operation.body)
    return found


def _scope(operation: Operation) -> str:
    is_read = operation.scope is Scope.READ and operation.method == "GET"
    return operation.scope.value if is_read or operation.scope is not Scope.READ else "publish or config"


def _public(each: v2.PublicDocument) -> Schema:
    return {
        "operationId": each.name,
        "tags": ["public"],
        "summary": each.summary,
        "security": [],
        "responses": {
            "200": _json("The document", each.answer),
            "304": {"description": "It has not changed since the ETag given"},
        },
    }


def _success(operation: Operation) -> Schema:
    if operation.answer is None:
        return {"description": operation.summary}
    return _json(operation.summary, operation.answer)


def _json(description: str, answer: Any) -> Schema:
    if get_origin(answer) is list or isinstance(answer, GenericAlias):
        schema: Schema = {"type": "array", "items": _reference(get_args(answer)[0])}
    else:
        schema = _reference(answer)
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _body(model: type[BaseModel]) -> Schema:
    is_needed = any(each.is_required() for each in model.model_fields.values())
    return {"required": is_needed, "content": {"application/json": {"schema": _reference(model)}}}


def _errors(*codes: int) -> Schema:
    found: Schema = {}
    for code in sorted(codes):
        found[str(code)] = _json(_ERRORS[code], answers.Error)
        if code == 429:
            found["429"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
            found["420"] = _json("As 429, where the installation chose so", answers.Error)
    return found


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": _ID}


def _query_parameters(model: type[BaseModel]) -> list[Schema]:
    known = model.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            **({"description": text} if (text := schema.pop("description", "")) else {}),
            "schema": _unnulled({key: value for key, value in schema.items() if key != "title"}),
        }
        for name, schema in known.items()
    ]


def _unnulled(schema: Schema) -> Schema:
    """A query parameter has no null: it is there, or it is not."""
    if "anyOf" not in schema:
        return schema
    (kept,) = [each for each in schema["anyOf"] if each.get("type") != "null"]
    return dict(kept)


def _once() -> Schema:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key on the same path makes the same thing once.",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    }


def _reference(model: Any) -> Schema:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas() -> Schema:
    models: dict[Any, JsonSchemaMode] = {answers.Error: "serialization"}
    for operation in v1.operations:
        if operation.body:
            models[operation.body] = "validation"
        for model in get_args(operation.answer) or ((operation.answer,) if operation.answer else ()):
            models[model] = "serialization"
    models |= {each.answer: "serialization" for each in v2.DOCUMENTS}
    models |= {shapes.PublicSubscriber: "validation", answers.Subscribed: "serialization"}
    _, found = models_json_schema(list(models.items()), ref_template=_REF)
    schemas: Schema = found["$defs"]
    return schemas
