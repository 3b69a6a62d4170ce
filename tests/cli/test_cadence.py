"""`candor cadence replay`."""

import csv
import json
from pathlib import Path

import pytest

from .conftest import Shell

PLANNED = '{"id": "9", "title": "Move", "impact": "maintenance", "updates": [{"at": "2024-03-01T10:00:00Z", "status": "Scheduled"}]}'  # noqa: E501


def _file(folder: Path, *more: str) -> str:
    """One incident with gaps of 40 and 20 minutes, and a maintenance."""
    said = [("10:00", "Investigating"), ("10:40", "Update"), ("11:00", "Resolved")]
    updates = [{"at": f"2024-03-01T{at}:00Z", "status": status} for at, status in said]
    whole = json.dumps({"id": "1", "title": "<b>Disk & sons</b>", "impact": "major", "updates": updates})
    file = folder / "history.jsonl"
    file.write_text("\n".join([whole, PLANNED, *more]))
    return str(file)


def test_newcomer_needs_no_installation_and_gets_none(new_candor: Shell, tmp_path: Path) -> None:
    said = new_candor.says("cadence", "replay", _file(tmp_path))

    assert "1 incident with 3 updates, 1 Mar 2024 to 1 Mar 2024; 1 maintenance left out." in said
    assert "SEV1 (as built in): the first update within 15 min, then one every 30 min" in said
    assert "50 % of the gaps between updates (1 of 2) were longer than 30 min." in said
    assert "In 0 % of the incidents (0 of 1) readers waited more than 1 h in the dark." in said
    assert "The ladder would have sent 4 reminders" in said
    assert [each.name for each in tmp_path.iterdir()] == ["history.jsonl"]


def test_policies_of_the_installation_are_the_measure(candor: Shell, tmp_path: Path) -> None:
    candor.says("policy", "set", "--severity", "sev2", "--interval", "10m", "--lead", "5m")

    told = candor.tells("cadence", "replay", _file(tmp_path), "--policy", "sev2")

    assert told["policy"]["severity"] == "sev2"
    assert told["policy"]["cadences"]["sev2"]["interval"] == 600
    assert told["promises"] == {"made": 2, "kept": 0, "late": 2, "unsettled": 0}


@pytest.mark.parametrize(("interval", "late"), [("40", 0), ("39m", 1), ("15", 2), ("1h", 0)])
def test_another_interval_is_tried(new_candor: Shell, tmp_path: Path, interval: str, late: int) -> None:
    told = new_candor.tells("cadence", "replay", _file(tmp_path), "--interval", interval, "--first", "20")

    assert told["gaps_longer_than_promised"] == late
    assert told["policy"]["cadences"]["sev1"]["first"] == 1200


def test_reminder_comes_at_most_an_interval_before(new_candor: Shell, tmp_path: Path) -> None:
    told = new_candor.tells("cadence", "replay", _file(tmp_path), "--interval", "2")

    assert told["policy"]["cadences"]["sev1"]["lead"] == 120


def test_own_history_is_measured_by_each_incidents_severity(candor: Shell) -> None:
    opening = ("incident", "open", "--title", "Trouble", "--severity", "sev3", "--status", "investigating")
    public_id = candor.says(*opening, "--body", "We look into it.")
    candor.says("incident", "update", public_id, "--status", "resolved", "--body", "Over.")

    told = candor.tells("cadence", "replay")

    assert told["policy"]["severity"] == "of each incident"
    assert (told["incidents"], told["gaps"], told["promises"]["kept"]) == (1, 1, 1)
    assert told["first_update"] == {"recorded": 0, "not_recorded": 1, "in_time": 0, "seconds": None}


def test_csv_has_a_line_for_each_promise(new_candor: Shell, tmp_path: Path) -> None:
    rows = list(csv.DictReader(new_candor.says("cadence", "replay", _file(tmp_path), "--csv").splitlines()))

    assert [(row["gap_seconds"], row["outcome"], row["late_seconds"], row["reminders"]) for row in rows] == [
        ("2400", "late", "600", "4"),
        ("1200", "kept", "0", "0"),
    ]
    assert rows[0]["reminded_after_at"] == "2024-03-01T10:35:00Z"
    assert rows[1]["reminded_before_at"] == ""


def test_page_needs_nothing_beside_itself(new_candor: Shell, tmp_path: Path) -> None:
    out = tmp_path / "report.html"

    result = new_candor("cadence", "replay", _file(tmp_path), "--html", str(out))
    page = out.read_text(encoding="utf-8")

    assert (result.exit_code, result.stderr) == (0, f"The page with the charts: {out}\n")
    assert "<h1>50 % of the gaps between updates (1 of 2) were longer than 30 min.</h1>" in page
    assert "&lt;b&gt;Disk &amp; sons&lt;/b&gt;" in page
    assert "<script" not in page
    assert not [mark for mark in ("src=", "href=", "url(", "@import") if mark in page]


def test_broken_line_is_named_and_the_rest_is_measured(new_candor: Shell, tmp_path: Path) -> None:
    result = new_candor("cadence", "replay", _file(tmp_path, "{broken"), "--json")
    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert result.stderr.startswith("history.jsonl line 3: incident cannot be read: is no JSON: ")
    assert (told["incidents"], [each["line"] for each in told["broken"]]) == (1, [3])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "history.jsonl is empty. Nothing was measured.\n"), ("a,b\n1,2\n", "is no history that can be measured.")],
)
def test_empty_or_foreign_file_is_exit_2(new_candor: Shell, tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "history.jsonl").write_text(content)

    result = new_candor("cadence", "replay", "history.jsonl")

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_future_alone_is_nothing_to_measure(new_candor: Shell, tmp_path: Path) -> None:
    Path("next.jsonl").write_text('{"id": "1", "updates": [{"at": "2099-01-01T00:00:00Z", "status": "Resolved"}]}')

    result = new_candor("cadence", "replay", "next.jsonl")

    assert (result.exit_code, result.stderr) == (2, "next.jsonl tells of the future alone. Nothing was measured.\n")


def test_without_a_history_of_its_own_a_file_is_asked_for(new_candor: Shell, tmp_path: Path) -> None:
    result = new_candor("cadence", "replay")

    assert result.exit_code == 2
    assert result.stderr.startswith("There is no history of our own here yet. Name a file to measure")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("--interval", "0"),
        ("--interval", "31d"),
        ("--interval", "9000h"),
        ("--zone", "Mars/Olympus"),
        ("--policy", "sev9"),
        ("--html", "history.jsonl"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_read(
    new_candor: Shell, tmp_path: Path, wrong: tuple[str, str]
) -> None:
    file = _file(tmp_path)

    result = new_candor("cadence", "replay", file, *wrong)

    assert (result.exit_code, result.stdout) == (2, "")
    assert Path(file).read_text().startswith('{"id": "1"')


def test_hours_are_told_in_the_zone_asked_for(new_candor: Shell, tmp_path: Path) -> None:
    told = new_candor.tells("cadence", "replay", _file(tmp_path), "--zone", "Asia/Tokyo")

    assert [each["hour"] for each in told["by_hour"] if each["gaps"]] == ["19"]
