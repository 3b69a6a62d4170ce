"""What was imported from a Statuspage page is served back key by key; page id and shortlinks are our own."""

import json
from pathlib import Path
from typing import Any

from statuspage.models import Page
from tests.importing import samples
from tests.importing.conftest import Import, bring

__all__ = ["bring"]

OURS = ("page_id", "shortlink")


def plain(document: Any) -> Any:
    """The document without what is ours."""
    if isinstance(document, dict):
        return {name: plain(value) for name, value in document.items() if name not in OURS}
    return [plain(each) for each in document] if isinstance(document, list) else document


def test_incidents_and_components_are_served_as_they_were(
    bring: Import, page: Page, client: Any, tmp_path: Path
) -> None:
    source, (incidents, components, _feed) = samples.files(tmp_path)
    print(f"\nServed back {source}")
    given = json.loads(incidents.read_text())["incidents"]
    listed = json.loads(components.read_text())["components"]
    bring(incidents, components)
    bring(incidents, components)

    served = client.get("/api/v2/incidents.json").get_json()["incidents"]
    rows = client.get("/api/v2/components.json").get_json()["components"]

    assert plain(served) == plain(given)
    assert [list(each) for each in served] == [list(each) for each in given]
    by_id = {row["id"]: row for row in rows}
    assert [plain(by_id[each["id"]]) for each in listed] == plain(listed)
    assert {row["id"] for row in rows} == {each["id"] for each in listed} | {
        each["id"] for one in given for each in one["components"]
    }


def test_a_group_is_served_as_it_was(bring: Import, page: Page, client: Any) -> None:
    group = samples.component(
        id="group0000001", name="Platform", group=True, components=["component001"], position=0, showcase=False
    )
    child = samples.component(group_id="group0000001")
    bring(samples.v2(components=[group, child]))

    assert plain(client.get("/api/v2/components.json").get_json()["components"]) == plain([group, child])
