"""A colleague at the panel: a browser that carries its form token along."""

import re
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from statuspage.models import Component, Incident, StaffUser
from tests.conftest import csrf_token


@dataclass
class Desk:
    """A signed-in browser, and who sits at it."""

    browser: FlaskClient
    user: StaffUser
    token: str = field(default="")

    def get(self, path: str, **headers: str) -> TestResponse:
        """Open a page."""
        return self.browser.get(path, headers=headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **typed: Any) -> TestResponse:
        """Send a form."""
        self.token = self.token or csrf_token(self.browser, "/admin/account")
        return self.browser.post(path, data={"csrf_token": self.token, **typed}, headers=headers or {})

    def form(self, path: str) -> dict[str, str]:
        """The composer's hidden fields, as this page draws them."""
        page = self.get(path).text
        return dict(re.findall(r'<input type="hidden" name="(key|seen_sequence|was-\w+)" value="([^"]*)"', page))


def update(incident: Incident, path: str = "updates") -> str:
    """Where an update of this incident is posted."""
    return f"/admin/incidents/{incident.public_id}/{path}"


def choose(component: Component, state: str, was: str = "") -> dict[str, str]:
    """A state chosen for a component in the picker."""
    return {f"component-{component.public_id}": state, f"was-{component.public_id}": was}
