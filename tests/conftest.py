"""The cast: a fresh app on a real database, its page, and a browser of our own for each role.

`pytest --database sqlite|postgres|both` says on which database (or CANDOR_TEST_DATABASE; SQLite by itself). A test
gets one by asking for `app`, `database` (migrated) or `empty_database`: whatever reads the settings then finds it.
With `postgres` the tests that need no database are left out.
"""

import contextvars
import gc
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, text as sql
from werkzeug.test import TestResponse

from statuspage import components, pages, publishing, schema, settings as settings_module, staff, subscriptions
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.db import db, new_id
from statuspage.delivery.dispatcher import Dispatcher
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Component, Incident, Page, StaffUser, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import EventLevel, IncidentStatus, IncidentType, Severity, StaffRole
from tests.abuse import matrix
from tests.houses import Houses
from tests.postgres import Server, Slate
from wsgi import create_app


class Browser(FlaskClient):
    """A client whose requests share neither context nor transaction with the test around them."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        db.session.rollback()
        return contextvars.Context().run(super().open, *args, **kwargs)


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BY = Actor(None, "test")


# With `both` the rooms above the domain are visited on SQLite alone: what differs is asked of the domain below them.
ON_BOTH = ("statuspage", "faults")
SLOW = ("faults", "journeys", "browser", "deploy", "test_schemathesis.py")
DATABASES = {"sqlite": ("sqlite",), "postgres": ("postgres",), "both": ("sqlite", "postgres")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say on which database the tests run."""
    chosen = os.environ.get("CANDOR_TEST_DATABASE") or "sqlite"
    parser.addoption("--database", choices=tuple(DATABASES), default=chosen, help="on which database the tests run")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that touches the database runs on each of those that were asked for."""
    for fixture in ("database", "empty_database"):
        if fixture in metafunc.fixturenames:
            own = [name for name in ("sqlite", "postgres") if metafunc.definition.get_closest_marker(name)]
            names = own or _wanted(metafunc.config.getoption("database"), metafunc.definition.path)
            metafunc.parametrize(fixture, names, indirect=True)


def _wanted(database: str, path: Path) -> tuple[str, ...]:
    is_twice = database != "both" or path.relative_to(Path(__file__).parent).parts[0] in ON_BOTH
    return DATABASES[database] if is_twice else ("sqlite",)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what shows a row of the abuse matrix, for `make abuse`."""
    if matrix.names(item.nodeid):
        item.add_marker("abuse")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of the other database alone, and on PostgreSQL what needs none."""
    wanted = DATABASES[config.getoption("database")]
    left_out = [item for item in items if not set(_databases_of(item, wanted)) & set(wanted)]
    # The stories that take long begin first, so that no worker is left alone with one at the end.
    items.sort(key=lambda item: not set(SLOW) & set(item.path.parts))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_collection_finish() -> None:
    """What will live to the end is not looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _databases_of(item: pytest.Item, wanted: tuple[str, ...]) -> tuple[str, ...]:
    own = tuple(name for name in ("sqlite", "postgres") if item.get_closest_marker(name))
    needs_any = {"database", "empty_database"} & set(getattr(item, "fixturenames", ()))
    return own or (wanted if needs_any else ("sqlite",))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for this process's tests."""
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def slate(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Slate:
    """A database as the first start leaves it; made once, and wiped clean for each test."""
    folder = tmp_path_factory.mktemp("slate")

    def migrate(url: str) -> None:
        app = create_app(settings_module.load(instance_dir=folder, database_url=url, log_level="error"))
        with app.app_context():
            schema.upgrade(NOON)
            db.engine.dispose()

    return Slate(postgres, migrate)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The kind of database under test; the settings say where it is. It is as the first start leaves it."""
    if request.param == "sqlite":
        yield request.param  # in whichever instance folder the test uses
        return
    slate: Slate = request.getfixturevalue("slate")
    monkeypatch.setenv("CANDOR_DATABASE_URL", slate.clean())
    yield request.param


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """As `database`, with nothing in it."""
    if request.param == "sqlite":
        yield request.param
        return
    server: Server = request.getfixturevalue("postgres")
    monkeypatch.setenv("CANDOR_DATABASE_URL", server.create("empty"))
    yield request.param
    server.drop("empty")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder (on SQLite) as the first start leaves it; made once, because migrating takes its time."""
    folder = tmp_path_factory.mktemp("fresh") / "instance"
    app = create_app(settings_module.load(instance_dir=folder, log_level="error"))
    with app.app_context():
        schema.upgrade(NOON)
        db.engine.dispose()
    return folder


@pytest.fixture(scope="session")
def houses(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Houses:
    """The apps of the tests in one process, furnished anew for each."""
    return Houses(fresh, tmp_path_factory.mktemp("houses"), Browser)


@pytest.fixture
def app(request: pytest.FixtureRequest, houses: Houses, database: str) -> Iterator[Flask]:
    """An app on an empty, migrated database of its own."""
    with houses.open(is_own=bool(request.node.get_closest_marker("own_app")), hold_seconds=0) as app:
        yield app


@pytest.fixture
def page(app: Flask) -> Page:
    """The one page of a fresh database."""
    return pages.first()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()


@pytest.fixture
def api(page: Page) -> Component:
    """A component."""
    return components.add(page, "API", BY, NOON, group="Platform")


@pytest.fixture
def web(page: Page) -> Component:
    """Another component."""
    return components.add(page, "Website", BY, NOON)


@pytest.fixture
def subscribe(page: Page) -> Callable[..., Subscriber]:
    """Adds a confirmed subscriber."""

    def add(
        address: str, *wanted: Component, channel: str = "email", level: EventLevel = EventLevel.EVERY_UPDATE
    ) -> Subscriber:
        return subscriptions.add_attested(page, channel, address, Wishes(wanted, level), BY, "test", NOON)

    return add


@pytest.fixture
def crowd(page: Page) -> Callable[[int], int]:
    """Adds confirmed subscribers by the thousand; gives their number."""

    def gather(count: int) -> int:
        rows = [
            {
                "public_id": new_id(),
                "page_id": page.id,
                "channel": "email",
                "address": f"s{number}@example.com",
                "address_key": f"s{number}@example.com",
                "state": "confirmed",
                "confirmed_at": NOON,
                "state_changed_at": NOON,
                "created_at": NOON,
            }
            for number in range(count)
        ]
        db.session.execute(insert(Subscriber), rows)
        db.session.execute(
            sql(
                "INSERT INTO subscription (subscriber_id) SELECT id FROM subscriber WHERE address LIKE 's%@example.com'"
                " AND id NOT IN (SELECT subscriber_id FROM subscription)"
            )
        )
        db.session.commit()
        return count

    return gather


@pytest.fixture
def open_incident(page: Page) -> Callable[..., Incident]:
    """Opens an incident."""

    def open_(*, title: str = "Payments fail", severity: Severity = Severity.SEV2, **update: object) -> Incident:
        said = {"status": IncidentStatus.INVESTIGATING, "body": "We are looking into it."} | update
        draft = IncidentDraft(title, IncidentType.OUTAGE, severity, UpdateDraft(**said))  # type: ignore[arg-type]
        return publishing.open_incident(page, draft, BY, NOON)

    return open_


@pytest.fixture
def colleague(app: Flask) -> Callable[..., StaffUser]:
    """Adds a staff user."""

    def add(role: StaffRole = StaffRole.COMMS_LEAD, email: str = "", phone: str = "") -> StaffUser:
        return staff.add(email or f"{role.value.replace('_', '-')}@candor.example", role, BY, NOON, phone=phone)

    return add


@pytest.fixture
def dispatch(app: Flask) -> Callable[..., int]:
    """Delivers everything that is due at a given time, over the app's own channels or those given."""

    def run(now: datetime = NOON, **channels: object) -> int:
        known = app.extensions["candor.channels"] | channels
        return Dispatcher(known, clock=lambda: now, jitter=lambda: 0.0).run_until_idle()

    return run


@pytest.fixture
def sign_in(app: Flask, colleague: Callable[..., StaffUser]) -> Callable[..., SimpleNamespace]:
    """Signs a fresh browser in with a role; gives the browser and the user."""

    def enter(role: StaffRole = StaffRole.COMMS_LEAD) -> SimpleNamespace:
        user = colleague(role)
        secret = staff.new_sign_in_link(user, BY, utcnow())
        browser = app.test_client()
        browser.get(f"/admin/sign-in/{secret}")
        browser.post(f"/admin/sign-in/{secret}", data={"csrf_token": csrf_token(browser, f"/admin/sign-in/{secret}")})
        return SimpleNamespace(browser=browser, user=user)

    return enter


def csrf_token(browser: FlaskClient, path: str) -> str:
    """The token in the first form of the page at this path."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(path).text)
    assert found, f"no form at {path}"
    return found[1]
