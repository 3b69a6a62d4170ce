"""A program at the API: a client that carries its key along."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from statuspage import api_keys
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import ApiKey, AuditEntry, Component, ComponentGroup, Incident, IncidentUpdate, Page, Subscriber
from statuspage.vocabulary import Scope
from tests.conftest import BY


@dataclass
class Program:
    """Somebody else's program, with a key."""

    client: FlaskClient
    page_id: str
    key: str

    def ask(self, method: str, path: str, **how: Any) -> TestResponse:
        """One request below the page: `ask("GET", "/components")`; a path that begins with /v1 is taken as it is."""
        where = path if path.startswith(("/v1", "/api")) else f"/v1/pages/{self.page_id}{path}"
        headers = {"Authorization": f"OAuth {self.key}", **how.pop("headers", {})}
        return self.client.open(where, method=method, headers=headers, **how)

    def get(self, path: str, **query: Any) -> Any:
        """What is answered to a question."""
        answer = self.ask("GET", path, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def send(self, method: str, path: str, body: Any, **headers: str) -> TestResponse:
        """JSON."""
        return self.ask(method, path, json=body, headers={name.replace("_", "-"): it for name, it in headers.items()})

    def raw(self, method: str, path: str, body: str | bytes, kind: str = "application/json") -> TestResponse:
        """Bytes, whatever they are."""
        return self.ask(method, path, data=body, headers={"Content-Type": kind} if kind else {})


@pytest.fixture
def program(app: Flask, page: Page) -> Callable[..., Program]:
    """A program with a key of these scopes."""

    def start(*scopes: Scope, **how: Any) -> Program:
        _, key = api_keys.add(page, f"test {'+'.join(scopes)}", scopes or (Scope.ADMIN,), BY, utcnow(), **how)
        return Program(app.test_client(), page.public_id, key)

    return start


@pytest.fixture
def robot(program: Callable[..., Program]) -> Program:
    """A program that may do everything."""
    return program(Scope.ADMIN)


@pytest.fixture
def stored(app: Flask) -> Callable[[], dict[str, int]]:
    """How much of everything there is, so that one can say that nothing was stored."""
    models = (Incident, IncidentUpdate, Component, ComponentGroup, Subscriber, AuditEntry, ApiKey)

    def count() -> dict[str, int]:
        db.session.rollback()
        return {each.__tablename__: db.session.scalar(select(func.count()).select_from(each)) or 0 for each in models}

    return count


def parsed(answer: TestResponse) -> Any:
    """The JSON of an answer, read by the letter."""
    return json.loads(answer.data)
