"""The demo: a believable company, built in seconds, that writes to nobody."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from statuspage import demo, pages, publishing, settings as settings_module
from statuspage.channels import channels
from statuspage.db import db
from statuspage.demo import place
from statuspage.errors import Conflict, SettingsError
from statuspage.models import Announcement, Component, Incident, IncidentUpdate, Promise, Subscriber, UpdateRevision
from statuspage.vocabulary import Audience, IncidentStatus, PromiseOutcome, StaffRole
from tests.cli.conftest import Shell, new_candor, shell  # noqa: F401 - fixtures
from wsgi import create_app

NOW = datetime(2026, 3, 31, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, demo.Made]]:
    """The demo, built once for everyone who only looks."""
    folder = tmp_path_factory.mktemp("demo")
    app = create_app(settings_module.load(instance_dir=folder, log_level="error"))
    with app.app_context():
        made = demo.build(NOW)
    yield app, made
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def company(built: tuple[Flask, demo.Made]) -> Iterator[demo.Made]:
    """What was made, with its app around the test."""
    app, made = built
    with app.app_context():
        yield made
        db.session.remove()


@pytest.fixture
def open_incident(company: demo.Made) -> Incident:
    return db.session.scalars(select(Incident).where(Incident.status != IncidentStatus.RESOLVED)).one()


def test_ninety_days_of_history_are_there(company: demo.Made) -> None:
    started = list(db.session.scalars(select(Incident.started_at).order_by(Incident.started_at)))

    assert 25 <= company.incidents <= 31
    assert timedelta(days=85) < NOW - started[0] < timedelta(days=91)
    assert Counter(db.session.scalars(select(Incident.status)))[IncidentStatus.RESOLVED] == company.incidents - 1


def test_every_incident_was_told_in_several_updates_that_end_in_words(company: demo.Made) -> None:
    counts = [len(incident.updates) for incident in db.session.scalars(select(Incident))]

    assert min(counts) >= 3
    assert max(counts) <= 6


def test_promises_were_kept_with_a_few_exceptions(company: demo.Made) -> None:
    outcomes = Counter(db.session.scalars(select(Promise.outcome)))

    assert 1 <= outcomes[PromiseOutcome.LATE] <= outcomes[PromiseOutcome.KEPT] / 5


def test_there_are_corrections_and_notes_for_colleagues(company: demo.Made) -> None:
    notes = db.session.scalars(select(IncidentUpdate).where(IncidentUpdate.audience == Audience.INTERNAL)).all()

    assert db.session.scalar(select(func.count()).select_from(UpdateRevision)) == 2
    assert {note.incident.audience for note in notes} == {Audience.PUBLIC, Audience.INTERNAL}


def test_the_past_left_everything_green_but_what_is_open(company: demo.Made, open_incident: Incident) -> None:
    touched = publishing.affected(open_incident)

    not_green = [part for part in db.session.scalars(select(Component)) if part.status != "operational"]
    assert {part.name for part in not_green} == {part.name for part in touched}


def test_the_open_incident_is_about_to_break_its_promise(open_incident: Incident) -> None:
    assert open_incident.status is IncidentStatus.IDENTIFIED
    assert len(open_incident.updates) == 3
    assert open_incident.next_update_due_at == NOW + timedelta(minutes=3)
    assert {held.role.value for held in open_incident.assignments} == {"communications_lead", "incident_commander"}


def test_a_few_thousand_subscribers_can_be_written_to_and_belong_to_nobody(company: demo.Made) -> None:
    rows = db.session.execute(select(Subscriber.channel, Subscriber.address)).all()
    sms = [address for channel, address in rows if channel == "sms"]

    assert len(rows) == company.subscribers == 3000
    assert 0.12 < len(sms) / len(rows) < 0.18
    assert all(channels()[channel].clean(address) == address for channel, address in rows)
    assert all("55501" in address or address.endswith((".com", ".org", ".net")) for _, address in rows)
    assert {address.partition("@")[2] for channel, address in rows if channel == "email"} == {
        "example.com",
        "example.org",
        "example.net",
    }


def test_only_the_open_incident_is_owed_to_anyone(open_incident: Incident) -> None:
    owed = db.session.scalars(select(Announcement)).all()

    assert [each.incident_id for each in owed] == [open_incident.id] * 3


def test_there_is_somebody_for_each_role(company: demo.Made) -> None:
    assert [demo.person(role).staff_role for role in StaffRole] == list(StaffRole)


def test_the_page_is_a_demo_for_good(company: demo.Made) -> None:
    page = pages.first()

    assert (page.is_demo, page.time_zone) == (True, "Europe/Berlin")


def test_every_page_of_the_company_can_be_read(built: tuple[Flask, demo.Made], open_incident: Incident) -> None:
    address, client = f"/incidents/{open_incident.public_id}", built[0].test_client()
    db.session.remove()

    answers = [client.get(path) for path in ("/", "/history", address, "/history.atom")]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert all("Parcelwright" in answer.text for answer in answers)


def test_a_demo_is_not_built_into_a_database_in_use(company: demo.Made) -> None:
    with pytest.raises(Conflict, match="empty"):
        demo.build(NOW)


def test_a_demo_refuses_a_real_relay_by_name(company: demo.Made, tmp_path: Path) -> None:
    live = settings_module.load(smtp_url="smtp://127.0.0.1:2525", mail_from="status@example.com", instance_dir=tmp_path)
    with pytest.raises(SettingsError, match="CANDOR_SMTP_URL"):
        place.refuse_real_relays(pages.first(), live, create_app(live).extensions["candor.channels"])


def test_the_demo_has_a_place_of_its_own_and_no_relay(new_candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("CANDOR_SMTP_URL", "smtp://relay.example.com")
    monkeypatch.setenv("CANDOR_MAIL_FROM", "status@example.com")
    monkeypatch.setenv("CANDOR_DATABASE_URL", "sqlite:///real.db")

    said = new_candor.says("demo", "--build-only")

    assert "CANDOR_DATABASE_URL, CANDOR_SMTP_URL, CANDOR_MAIL_FROM" in said.splitlines()[0]
    assert Path("instance/demo/candor.db").exists()
    assert not Path("real.db").exists()
    assert not Path("instance/candor.db").exists()


def test_a_demo_is_made_anew_unless_it_is_kept(new_candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def build(*options: str) -> str:
        """Build it, and give the id of its open incident."""
        new_candor.says("demo", "--build-only", *options)
        with monkeypatch.context() as patch:
            patch.setenv("CANDOR_INSTANCE_DIR", "instance/demo")
            return new_candor.says("incident", "list", "--open").split()[0]

    first, kept, anew = build(), build("--keep"), build()

    assert kept == first
    assert anew != first
