"""The address of a chat or a pager is as good as a key. It is looked for everywhere that anybody can look."""

import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from statuspage import api_keys, pseudonyms, staff, subscriptions, urls
from statuspage.archiving import exporting
from statuspage.cli import subscribers as subscriber_commands
from statuspage.clock import utcnow
from statuspage.db import Base, db
from statuspage.delivery import exporting as ledgers, outbox
from statuspage.delivery.nudges import Nudge
from statuspage.models import Announcement, Delivery, Incident, Page, StaffUser, Subscriber
from statuspage.sealing import seal, shown, unsealed
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import ReminderStep, Scope, StaffRole
from tests.conftest import BY, NOON

from .desk import Desk

SECRET = "Qz7SecretPart"
HOOKS = {
    "slack": f"https://hooks.slack.com/services/T00000000/B00000000/{SECRET}Slack0000",
    "teams": f"https://prod-00.westeurope.logic.azure.com:443/workflows/{SECRET}/triggers/manual/paths/invoke?sig={SECRET}abc",
    "discord": f"https://discord.com/api/webhooks/123456789012345678/{SECRET}Discord",
    "google_chat": f"https://chat.googleapis.com/v1/spaces/AAAA/messages?key={SECRET}k&token={SECRET}t",
    "webhook": f"https://hooks.example.com/{SECRET}/status",
}
PAGER = f"tgram://{SECRET}/12345"


@pytest.fixture
def said(
    page: Page,
    open_incident: Callable[..., Incident],
    dispatch: Callable[..., int],
    colleague: Callable[..., StaffUser],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Announcement]:
    """An update that was told to a chat of each kind and to an endpoint, and a reminder that went to a pager."""
    caplog.set_level(logging.DEBUG)
    for channel, address in HOOKS.items():
        subscriptions.add_attested(page, channel, address, Wishes(), BY, "test", NOON, "ops@example.org")
    incident = open_incident()
    lead = colleague(StaffRole.RESPONDER, "pager@candor.example")
    staff.set_push_url(lead, PAGER, BY, NOON)
    outbox.announce_nudges([outbox.Nudging(lead, [Nudge(incident, ReminderStep.DUE, NOON)])], NOON)
    db.session.commit()
    dispatch()
    yield db.session.scalars(db.select(Announcement).order_by(Announcement.id).limit(1)).one()
    assert SECRET not in caplog.text


def test_the_database_holds_no_address_that_is_a_key(said: Announcement) -> None:
    connection = db.session.connection()
    rows = [
        str(tuple(row))
        for table in Base.metadata.sorted_tables
        for row in connection.exec_driver_sql(f'SELECT * FROM "{table.name}"')
    ]

    assert len(rows) > 20
    assert [row for row in rows if SECRET in row or SECRET.casefold() in row] == []


def test_what_is_sealed_is_found_opened_and_told(said: Announcement, page: Page) -> None:
    found = {each.channel: each.address for each in db.session.scalars(db.select(Subscriber))}
    told = {row.channel: row.recipient for row in db.session.scalars(db.select(Delivery))}

    assert found == HOOKS
    assert told == HOOKS | {"apprise": PAGER, "email": "pager@candor.example"}
    assert all(subscriptions.find(page, channel, address) for channel, address in HOOKS.items())


@pytest.mark.parametrize("role", [StaffRole.ADMIN, StaffRole.COMMS_LEAD])
def test_the_panel_shows_it_to_nobody(at_desk: Callable[..., Desk], said: Announcement, role: StaffRole) -> None:
    desk, path = at_desk(role), f"/admin/announcements/{said.public_id}"
    people = [each.public_id for each in db.session.scalars(db.select(Subscriber))]
    reminder = db.session.scalars(db.select(Announcement).order_by(Announcement.id.desc()).limit(1)).one()
    pages = [
        "/admin/", "/admin/subscribers", "/admin/subscribers?q=slack", "/admin/announcements", "/admin/messages",
        "/admin/health", "/admin/staff", "/admin/journal", path, f"{path}/export.csv", f"{path}/export.json",
        f"/admin/announcements/{reminder.public_id}", f"/admin/announcements/{reminder.public_id}/export.csv",
        *(f"/admin/subscribers/{public_id}" for public_id in people),
    ]  # fmt: skip
    answers = {where: desk.get(where) for where in pages}

    assert [where for where, answer in answers.items() if SECRET in answer.text] == []
    assert "hooks.slack.com/•••" in answers["/admin/subscribers"].text
    assert "hooks.slack.com/•••" in answers[f"{path}/export.csv"].text


def test_it_cannot_be_guessed_letter_by_letter(at_desk: Callable[..., Desk], said: Announcement) -> None:
    desk = at_desk(StaffRole.COMMS_LEAD)

    assert "hooks.slack.com" not in desk.get(f"/admin/subscribers?q={SECRET[:4]}", {"HX-Request": "true"}).text
    assert "hooks.slack.com" in desk.get("/admin/subscribers?q=hooks.slack", {"HX-Request": "true"}).text


def test_the_api_shows_no_chat(client: FlaskClient, page: Page, said: Announcement) -> None:
    _, key = api_keys.add(page, "test", (Scope.ADMIN,), BY, utcnow())
    answers = [
        client.get(f"/v1/pages/{page.public_id}/subscribers{query}", headers={"Authorization": f"OAuth {key}"})
        for query in ("", f"?q={SECRET[:4]}", "?type=slack")
    ]
    told = [row for answer in answers for row in answer.json or [] if row["mode"] != "webhook"]

    assert told
    assert SECRET not in json.dumps(told)


def test_no_export_holds_it(app: Flask, said: Announcement, page: Page, tmp_path: Path) -> None:
    exporting.export(tmp_path / "all.zip", None, NOON)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        written = "".join(archive.read(name).decode() for name in archive.namelist())
    ledger = "".join(ledgers.as_csv(ledgers.lines(said.id)))
    listed = app.test_cli_runner().invoke(subscriber_commands.subscriber, ["list"]).output

    assert SECRET not in written + ledger
    assert "hooks.slack.com/•••" in written
    assert "ops@example.org" in written
    assert [line for line in listed.splitlines() if SECRET in line and "webhook" not in line] == []


def test_no_export_holds_a_secret(said: Announcement, page: Page, tmp_path: Path) -> None:
    subscriber = db.session.scalars(db.select(Subscriber).filter_by(channel="webhook")).one()
    key, made = api_keys.add(page, "test", (Scope.ADMIN,), BY, utcnow())
    link = staff.new_sign_in_link(staff.add("new@candor.example", StaffRole.ADMIN, BY, NOON), BY, utcnow())
    exporting.export(tmp_path / "all.zip", None, NOON)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        written = "".join(archive.read(name).decode() for name in archive.namelist())
    secrets = [
        *subscriptions.secrets_of(subscriber, NOON), subscriber.salt, made, key.secret_hash, link,
        urls.settings().resolved_secret_key(),
    ]  # fmt: skip

    assert [secret for secret in secrets if secret in written] == []


def test_erasing_takes_contact_and_secret_along(said: Announcement, page: Page) -> None:
    subscriber = subscriptions.find(page, "webhook", HOOKS["webhook"])
    assert subscriber
    before = subscriptions.secrets_of(subscriber, NOON)
    subscriptions.rotate_secret(subscriber, BY, NOON)
    pseudonyms.erase(subscriber, BY, NOON)

    assert (subscriber.address, subscriber.contact) == ("", "")
    assert len(subscriptions.secrets_of(subscriber, NOON)) == 1
    assert not set(before) & set(subscriptions.secrets_of(subscriber, NOON))
    assert pseudonyms.has_left(page, "webhook", HOOKS["webhook"])


def test_another_installations_seal_stays_shut(app: Flask) -> None:
    kept = seal(HOOKS["slack"])
    app.extensions["candor.signer"] = type(app.extensions["candor.signer"])("k" * 48)

    assert unsealed(kept) == kept
    assert SECRET not in kept


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ada@example.com", "ada@example.com"),
        ("+4915112345678", "+4915112345678"),
        ("https://hooks.slack.com/services/T0/B0/abcxyz", "hooks.slack.com/•••xyz"),
        ("pover://user@token", "pover://•••"),
    ],
)
def test_of_a_key_only_so_much_is_shown_that_its_owner_knows_it(address: str, told: str) -> None:
    assert shown(address) == told
