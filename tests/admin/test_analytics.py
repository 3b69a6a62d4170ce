"""Analytics in the panel: what it shows, what it does not claim, and its files."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from admin.charts import HEIGHT, bars, columns
from statuspage import components, publishing
from statuspage.clock import utcnow
from statuspage.drafts import IncidentDraft, Promise, UpdateDraft
from statuspage.models import Component, Page
from statuspage.vocabulary import ComponentStatus, IncidentStatus, IncidentType, Severity, StaffRole
from tests.conftest import BY
from tests.statuspage.fakes import said

from .desk import Desk


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def late_story(page: Page, api: Component) -> None:
    """An hour ago: promised for 20 minutes later, said 12 minutes after that, and over by now."""
    began = utcnow() - timedelta(hours=1)
    first = UpdateDraft(
        IncidentStatus.INVESTIGATING, "We look.", {api: ComponentStatus.PARTIAL_OUTAGE}, Promise(timedelta(minutes=20))
    )
    draft = IncidentDraft("<b>=cmd</b>", IncidentType.DEPLOYMENT, Severity.SEV2, first)
    incident = publishing.open_incident(page, draft, BY, began)
    over = said("Over.", IncidentStatus.RESOLVED, components={api: ComponentStatus.OPERATIONAL})
    publishing.post_update(incident, over, BY, began + timedelta(minutes=32))


def test_an_empty_installation_says_so_and_shows_no_figure(lead: Desk) -> None:
    shown = plain(lead.get("/admin/analytics").text.split('id="main"')[1])

    assert "Nothing yet No incident began in these 90 days." in shown
    assert "%" not in shown
    assert "Promises" not in shown


@pytest.mark.usefixtures("late_story")
class TestRoom:
    def test_a_late_promise_is_seen(self, lead: Desk) -> None:
        shown = plain(lead.get("/admin/analytics").text)

        assert "Promises kept 0 % 0 of 1 that fell due" in shown
        assert "SEV2 1 1 0 1 0 % 12 min" in shown
        assert "API 1 1 0 1 0 % 12 min" in shown
        assert "Time to resolve 32 min mean of 1" in shown

    def test_what_nobody_wrote_down_is_not_recorded_and_never_zero(self, lead: Desk) -> None:
        shown = plain(lead.get("/admin/analytics").text)

        assert "To detect (MTTD) not recorded" in shown
        assert "To acknowledge (MTTA) not recorded" in shown
        assert "First public word — not recorded" in shown
        assert "Nothing yet: nobody was written to about these incidents." in shown
        assert "API 99.992 % none 9 min — —" in shown  # 32 minutes of partial outage in 90 days, no target

    def test_every_chart_says_what_it_shows(self, lead: Desk) -> None:
        labels = re.findall(r'role="img" aria-label="([^"]+)"', lead.get("/admin/analytics").text)

        assert len(labels) == 3
        assert "5 to 15 min: 1" in labels[0]
        assert "(1 of 1)" in labels[1]
        assert labels[2].startswith("Incidents by week: 1 in all")

    def test_uptime_is_held_against_a_target(self, lead: Desk, api: Component) -> None:
        components.set_target(api, 99.99, BY, utcnow())
        html = lead.get("/admin/analytics?period=30").text

        # 32 minutes of partial outage are down by 9 min 36 s; 30 days allow 4 min 19 s of it.
        assert "API 99.977 % 99.99 %, missed 9 min 4 min 222 %" in plain(html)
        assert "each component has been down. API: 222 %." in html

    def test_a_young_component_has_not_enough_history(self, lead: Desk, page: Page) -> None:
        components.add(page, "Young", BY, utcnow() - timedelta(days=3), target=99.9)
        shown = plain(lead.get("/admin/analytics?period=30").text)

        assert re.search(r"Young on record since \d+ \w+ \d{4} not enough history 99.9 % none — —", shown)

    @pytest.mark.parametrize("period", ["30", "90", "365", "all"])
    def test_each_period_is_one_page(self, lead: Desk, period: str) -> None:
        html = lead.get(f"/admin/analytics?period={period}").text

        assert f'href="/admin/analytics?period={period}" aria-current="true"' in html

    def test_a_period_that_is_none_is_the_usual_one(self, lead: Desk) -> None:
        assert 'period=90" aria-current' in lead.get("/admin/analytics?period=1e9").text

    def test_the_files_say_the_same(self, lead: Desk) -> None:
        known = lead.get("/admin/analytics/figures.json?period=30")
        written = lead.get("/admin/analytics/figures.csv?period=30")
        rows = {tuple(row[:3]): row[3] for row in csv.reader(io.StringIO(written.text))}

        assert known.headers["Content-Disposition"] == 'attachment; filename="analytics-30.json"'
        assert written.content_type == "text/csv; charset=utf-8"
        document: dict[str, Any] = known.get_json()
        assert document["promises"]["all"]["lateness"]["longest"] == 720
        assert rows["promises.all.lateness", "", "longest"] == "720.0"
        assert document["period"]["name"] == "30"

    def test_there_is_no_other_kind_of_file(self, lead: Desk) -> None:
        assert lead.get("/admin/analytics/figures.xlsx").status_code == 404

    def test_every_colleague_may_look(self, at_desk: Callable[..., Desk]) -> None:
        assert "Promises kept" in at_desk(StaffRole.VIEWER).get("/admin/analytics").text


def test_strangers_see_no_figures(client: FlaskClient) -> None:
    assert [client.get(path).status_code for path in ("/admin/analytics", "/admin/analytics/figures.json")] == [303] * 2


class TestColumns:
    def test_values_stand_on_top_of_each_other(self) -> None:
        drawn = columns(["a", "b"], [(3, 1), (0, 2)], {1: "Kept", 2: "Late"}, "words")

        assert drawn is not None
        assert [(each.series, each.y, each.height) for each in drawn.pieces] == [
            (1, HEIGHT / 4, HEIGHT * 3 / 4), (2, 0, HEIGHT / 4), (2, HEIGHT / 2, HEIGHT / 2),
        ]  # fmt: skip
        assert [mark for _, mark in drawn.grid] == [0, 2, 4]

    def test_nothing_is_not_drawn(self) -> None:
        assert columns(["a"], [(0,)], {1: "Kept"}, "words") is columns([], [], {1: "Kept"}, "words") is None

    @pytest.mark.parametrize(("most", "top"), [(1, 1), (3, 4), (7, 8), (9, 10), (10, 10), (11, 20), (399, 400)])
    def test_the_axis_ends_at_a_round_number(self, most: int, top: int) -> None:
        drawn = columns(["a"], [(most,)], {1: "Kept"}, "words")

        assert drawn is not None
        assert drawn.grid[-1][1] == top


class TestBars:
    def test_what_is_beyond_the_mark_stands_beyond_it(self) -> None:
        drawn = bars([("a", 0.5), ("b", 2.0)], "words")

        assert drawn is not None
        assert drawn.mark == 50
        assert [(each.within, each.beyond) for each in drawn.bars] == [(25, 0), (50, 50)]

    def test_what_is_far_beyond_is_cut_and_keeps_its_number(self) -> None:
        drawn = bars([("a", 40.0)], "words")

        assert drawn is not None
        assert (drawn.bars[0].share, drawn.bars[0].within + drawn.bars[0].beyond) == (40.0, 100)

    def test_nothing_used_fills_nothing(self) -> None:
        drawn = bars([("a", 0.0)], "words")

        assert drawn is not None
        assert (drawn.mark, drawn.bars[0].within, drawn.bars[0].beyond) == (100, 0, 0)
        assert bars([], "words") is None
