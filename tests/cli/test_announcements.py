"""`candor announcement`: the receipt from the shell."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from flask import Flask

from notifiers import PermanentDeliveryError
from statuspage.clock import utcnow
from statuspage.delivery.dispatcher import Dispatcher
from tests.statuspage.fakes import FakeChannel

from .conftest import Shell


@pytest.fixture
def said(candor: Shell, inside: Callable[[], Flask]) -> str:
    """The id of an announcement told to Ada, and not to Bob."""
    for name in ("ada", "bob"):
        candor.says("subscriber", "add", "--email", f"{name}@example.com")
    words = ("--title", "Lights out", "--status", "investigating", "--body", "We look into it.")
    incident = candor.says("incident", "open", *words)
    inside()
    refusing = FakeChannel(for_address={"bob@example.com": PermanentDeliveryError("No such mailbox.")})
    Dispatcher({"email": refusing}, clock=utcnow).run_until_idle()
    public_id: str = candor.tells("incident", "show", incident)["updates"][0]["announcement"]["id"]
    return public_id


def test_the_receipt_is_shown(candor: Shell, said: str) -> None:
    known = candor.tells("announcement", "show", said)

    assert (known["owed"], known["states"]) == (2, {"failed": 1, "sent": 1})
    assert set(known["channels"]) == {"email"}
    assert set(known["reached_after_seconds"]) == {"p50", "p95", "last"}
    assert "owed to 2" in candor.says("announcement", "show", said)


def test_announcements_are_listed(candor: Shell, said: str) -> None:
    assert [each["id"] for each in candor.tells("announcement", "list")] == [said]
    assert said in candor.says("announcement", "list")


def test_the_ledger_is_printed_with_whole_addresses(candor: Shell, said: str) -> None:
    rows = list(csv.DictReader(io.StringIO(candor.says("announcement", "export", said, "--csv"))))
    document = json.loads(candor.says("announcement", "export", said, "--json"))

    assert {row["recipient"]: row["state"] for row in rows} == {"ada@example.com": "sent", "bob@example.com": "failed"}
    assert len(document["deliveries"]) == 2


def test_what_failed_is_tried_again(candor: Shell, said: str) -> None:
    assert [candor.says("announcement", "retry", said) for _ in range(2)] == ["1", "0"]


def test_an_unknown_one_is_refused_in_a_sentence(candor: Shell, said: str) -> None:
    assert candor.refuses("announcement", "show", "nosuchthing1") == "There is no such announcement.\n"
