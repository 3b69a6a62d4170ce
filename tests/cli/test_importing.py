"""`candor import statuspage`."""

import json
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from tests.importing import samples

from .conftest import Shell

PEOPLE = "email,components\nana@example.com,\nbo@example.com,Nowhere\n"


def _files(folder: Path) -> list[str]:
    (folder / "incidents.json").write_text(samples.v2(incidents=[samples.incident(), {"id": "x"}]))
    (folder / "people.csv").write_text(PEOPLE)
    return [str(folder / "incidents.json"), str(folder / "people.csv")]


def test_a_preview_says_what_would_be_and_does_nothing(candor: Shell, tmp_path: Path) -> None:
    result = candor("import", "statuspage", *_files(tmp_path))

    assert result.exit_code == 1
    assert "Nothing is changed yet" in result.stdout
    assert "+ incident incident0001 Trouble of major weight (2 updates, 2024-09-16)" in result.stdout
    assert "incident 2 (x) cannot be read: created_at is missing." in result.stdout
    assert "! subscriber of people.csv line 3: There is no component “Nowhere”" in result.stdout
    assert "ana@example.com" not in result.stdout
    assert candor.tells("incident", "list") == []


def test_apply_does_it_and_json_says_what_was_done(candor: Shell, tmp_path: Path) -> None:
    result = candor("import", "statuspage", *_files(tmp_path), "--apply", "--attested-by", "Ana", "--json")
    done = json.loads(result.stdout)

    assert result.exit_code == 1
    assert done["applied"] is True
    assert done["counts"]["incident"] == {"new": 1, "changed": 0, "same": 0, "left": 0}
    assert [each["broken"] for each in done["refused"]] == [True]
    assert [each["id"] for each in candor.tells("incident", "list")] == ["incident0001"]


def test_everything_read_is_success(candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "components.json").write_text(samples.v2(components=[samples.component()]))

    candor.says("import", "statuspage", str(tmp_path / "components.json"), "--apply")

    assert [each["name"] for each in candor.tells("component", "list")] == ["Actions"]


def test_subscribers_need_somebody_who_answers_for_them(candor: Shell, tmp_path: Path) -> None:
    sentence = candor.refuses("import", "statuspage", _files(tmp_path)[1], "--apply")

    assert sentence == "--attested-by: Say who answers for these people's consent.\n"


def test_a_broken_file_is_a_sentence(candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"incidents": [\n}')

    assert candor.refuses("import", "statuspage", str(tmp_path / "broken.json")).startswith(
        "broken.json line 2 is no JSON"
    )


def test_a_page_that_is_not_there_is_refused(candor: Shell, tmp_path: Path) -> None:
    assert "no page with the id “nope”" in candor.refuses("import", "statuspage", *_files(tmp_path), "--page", "nope")


def test_another_page_is_reached_by_its_id(candor: Shell, inside: Callable[[], Flask]) -> None:
    [page] = candor.tells("page", "list")

    candor.says("component", "add", "API", "--page", page["id"])

    assert [each["name"] for each in candor.tells("component", "list", "--page", page["id"])] == ["API"]
