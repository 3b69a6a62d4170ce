"""Who may go where: every route of the panel says its least role, and keeps its word."""

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from statuspage.vocabulary import StaffRole
from tests.conftest import csrf_token

# Who has no session yet comes in here, and the reminder's link is a proof of its own.
OPEN = {
    "security.login",
    "security.logout",
    "admin.sign_in",
    "admin.use_sign_in",
    "admin.compose",
    "admin.reply",
    "admin.preview_reply",
    "admin.chase_by_link",
}
RANK = list(StaffRole)


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every panel route as endpoint, method and a path that leads to nothing."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin") and rule.endpoint not in OPEN:
            path = re.sub(r"<int:\w+>", "999999", rule.rule)
            path = re.sub(r"<severity>", "sev9", path)
            path = re.sub(r"<\w+>", "aaaaaaaaaaaa", path)
            found += [(rule.endpoint, method, path) for method in sorted((rule.methods or set()) & {"GET", "POST"})]
    return found


def test_every_route_declares_its_least_role(app: Flask) -> None:
    undeclared = {name for name, _, _ in routes(app) if not hasattr(app.view_functions[name], "least_role")}

    assert undeclared == set()


def test_strangers_are_asked_to_sign_in_everywhere(app: Flask, client: FlaskClient) -> None:
    token = csrf_token(client, "/admin/login")
    let_in = [
        (method, path)
        for _, method, path in routes(app)
        if "/admin/login"
        not in client.open(path, method=method, data={"csrf_token": token}).headers.get("Location", "")
    ]

    assert let_in == []


@pytest.mark.parametrize("role", StaffRole)
def test_each_role_goes_where_it_may_and_nowhere_else(
    app: Flask, sign_in: Callable[..., SimpleNamespace], role: StaffRole
) -> None:
    browser = sign_in(role).browser
    wrong = []
    for name, method, path in routes(app):
        if name == "admin.sign_out_everywhere":
            continue
        token = csrf_token(browser, "/admin/account")
        status = browser.open(path, method=method, data={"csrf_token": token}).status_code
        least: StaffRole = vars(app.view_functions[name])["least_role"]
        may = RANK.index(role) >= RANK.index(least)
        if (status == 403) == may or status in (400, 401, 405) or status >= 500:
            wrong.append((name, method, status))

    assert wrong == []
