"""A broken file imports nothing, a broken item nothing of that item; the reason names the line."""

import json
import re

import pytest

from statuspage.errors import Conflict

from . import samples
from .conftest import Import, counts

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>&b;</title></feed>'
)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b"", "file0.txt is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is no text"),
        (b"\xff\xfenox", "UTF-16"),
        (b"{", "line 1 is no JSON"),
        (b'{"incidents": [{"id": 1}\n,,]}', "line 2 is no JSON"),
        (b'{"incidents": []} x', "line 1 goes on after its end"),
        (b'{"incidents": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"pages": 1}', "has no list of either"),
        (b"[1, 2]", "has no list of either"),
        (b"<html><body>404</body></html>", "is no Atom feed"),
        (b"<feed", "line 1 is no XML"),
        (BOMB.encode(), "declares a document type"),
        (b'<?xml version="1.0" encoding="x-nobody"?><feed/>', "unknown encoding"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom">' + b"<a>" * 5000, "nested too deeply"),
        (b"name,colour\nA,red\n", "names neither email nor address"),
        (b"email\n" + b"x" * 200_000, "line 2 has a line that is longer"),
    ],
)
def test_a_broken_file_is_one_sentence(bring: Import, said: bytes, sentence: str) -> None:
    with pytest.raises(Conflict, match=sentence):
        bring(said)

    assert counts()["incident"] == 0


def test_one_broken_file_keeps_all_files_out(bring: Import) -> None:
    with pytest.raises(Conflict, match=r"file1\.txt line 1 is no JSON"):
        bring(samples.v2(incidents=[samples.incident()]), "{")

    assert counts()["incident"] == 0


def test_a_file_of_more_than_the_limit_is_not_read(bring: Import, tmp_path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(101 * 1024 * 1024)

    with pytest.raises(Conflict, match="has 101 MB; 100 MB is the most"):
        bring(big)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "UPPERCASE123"}, "id is not twelve"),
        ({"id": None}, "id is not twelve"),
        ({"name": ""}, "name is empty"),
        ({"name": "x" * 256}, "name has 256 characters"),
        ({"name": "lone \ud800"}, "name has bytes that are no UTF-8"),
        ({"name": 7}, "name is not text"),
        ({"status": "exploded"}, "status is none of"),
        ({"impact": "huge"}, "impact is none of"),
        ({"created_at": "yesterday"}, "created_at is not a time"),
        ({"created_at": "2024-09-16T21:31:02"}, "created_at has no time zone"),
        ({"created_at": "9999-12-31T23:59:59-14:00"}, "outside of all calendars|is in the year"),
        ({"incident_updates": []}, "nothing was said"),
        ({"incident_updates": "none"}, "is not a list"),
        ({"incident_updates": [None]}, "is not an object"),
        ({"components": [{"id": "component001"}]}, "created_at is missing"),
    ],
)
def test_a_broken_incident_is_named_and_the_others_come(bring: Import, change: dict[str, object], reason: str) -> None:
    good = samples.incident(id="incident0009")
    for update in good["incident_updates"]:
        update["id"] = "g" + update["id"][1:]
    report = bring(samples.v2(incidents=[samples.incident() | change, good]))

    [refused] = report.refused
    assert re.search(reason, refused.reason)
    assert refused.place.line > 1
    assert refused.item.startswith("incident 1")
    assert not report.is_whole
    assert counts()["incident"] == 1
    assert counts()["incident_update"] == 2


def test_an_update_that_is_too_long_takes_its_incident_with_it(bring: Import) -> None:
    broken = samples.incident()
    broken["incident_updates"][1]["body"] = "x" * 25_001
    report = bring(samples.v2(incidents=[broken]))

    assert "25,001 characters" in report.refused[0].reason
    assert counts()["incident"] == counts()["incident_update"] == 0


def test_an_id_that_is_taken_stops_the_whole_incident(bring: Import) -> None:
    bring(samples.v2(incidents=[samples.incident()]))
    same_updates = samples.incident(id="incident0009")
    report = bring(samples.v2(incidents=[same_updates]))

    assert "cannot be kept" in report.refused[0].reason
    assert counts()["incident"] == 1


def test_scheduled_maintenances_are_listed_as_what_is_not_here_yet(bring: Import) -> None:
    planned = samples.incident(status="completed", scheduled_for="2024-09-16T21:31:02Z")
    feed = samples.feed(
        samples.entry("planned00001", "Planned", "2026-01-01T07:50:11Z",
                      samples.said("Jan 1 07:50 UTC", "Completed", "Done."))
    )  # fmt: skip
    report = bring(samples.v2(scheduled_maintenances=[planned]), feed)

    assert ["Candor does not keep these yet" in each.reason for each in report.refused] == [True, True]
    assert report.is_whole
    assert counts()["incident"] == 0


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("<p>no updates at all</p>", "names no update"),
        (samples.said("Aug 21 00:37 XYZT", "Resolved", "x").replace("XYZT", "!"), "time cannot be read"),
        (samples.said("Feb 30 00:37 UTC", "Resolved", "x"), "is on no calendar"),
        (samples.said("Aug 21 00:37 UTC", "Exploded", "x"), "status is none of"),
        ("<hr>" + samples.said("Aug 21 00:37 UTC", "Resolved", "x"), "does not write"),
    ],
)
def test_a_broken_entry_of_a_feed_is_named_by_its_line(bring: Import, broken: str, reason: str) -> None:
    good = samples.entry(
        "good00000001", "Good", "2026-08-21T00:37:20Z", samples.said("Aug 21 00:37 UTC", "Resolved", "x")
    )
    bad = samples.entry("bad000000001", "Bad", "2026-08-21T00:37:20Z", broken)
    report = bring(samples.feed(good, bad))

    [refused] = report.refused
    assert reason in refused.reason
    assert (refused.place.line, refused.item) == (5, "entry 2 (bad000000001)")
    assert counts()["incident"] == 1


@pytest.mark.parametrize("dress", [
    lambda said: b"\xef\xbb\xbf" + said.encode(),
    lambda said: said.encode("utf-16"),
    lambda said: said.replace("\n", "\r\n").encode(),
    lambda said: json.dumps(json.loads(said)).encode(),
])  # fmt: skip
def test_json_in_any_usual_dress_is_read(bring: Import, dress) -> None:
    assert bring(dress(samples.v2(incidents=[samples.incident()]))).is_whole
    assert counts()["incident"] == 1
