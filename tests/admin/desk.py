"""A colleague at the panel: a browser that carries its form token along."""

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

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        """Open a page."""
        return self.browser.get(path, headers=headers or {})

    def post(self, path: str, **typed: Any) -> TestResponse:
        """Send a form."""
        return self._send(path, typed, {})

    def fragment(self, path: str, **typed: Any) -> str:
        """Send a form as htmx does; what it would swap in."""
        return self._send(path, typed, {"HX-Request": "true"}).text

    def _send(self, path: str, typed: dict[str, Any], headers: dict[str, str]) -> TestResponse:
        self.token = self.token or csrf_token(self.browser, "/admin/account")
        return self.browser.post(path, data={"csrf_token": self.token, **typed}, headers=headers)


def update(incident: Incident, path: str = "updates") -> str:
    """Where an update of this incident is posted."""
    return f"/admin/incidents/{incident.public_id}/{path}"


def choose(component: Component, state: str, was: str = "") -> dict[str, str]:
    """A state chosen for a component in the picker."""
    return {f"component-{component.public_id}": state, f"was-{component.public_id}": was}
