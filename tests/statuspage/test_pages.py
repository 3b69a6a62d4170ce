import re
from datetime import UTC, date, datetime, timedelta

import pytest

from statuspage import components, pages, publishing
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import IncidentDraft, Promise
from statuspage.pages import PageFacts
from statuspage.visibility import PUBLIC
from statuspage.vocabulary import ComponentStatus, Impact, IncidentStatus, IncidentType, Severity
from statuspage.web import presenters
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

DOWN = ComponentStatus.MAJOR_OUTAGE
RESOLVED = IncidentStatus.RESOLVED

FAR_OFF = datetime(2126, 3, 2, 13, 0, tzinfo=UTC)


@pytest.fixture
def berlin(page):
    """The page lives in Berlin."""
    _edit(page, time_zone="Europe/Berlin")
    return page


def _edit(page, **changed):
    facts = {name: getattr(page, name) for name in PageFacts.__dataclass_fields__} | changed
    pages.edit(page, PageFacts(**facts), BY, NOON)


def begin(page, title="Payments fail", at=NOON, **more):
    draft = IncidentDraft(title, IncidentType.OUTAGE, Severity.SEV2, said("We look.", **more))
    return publishing.open_incident(page, draft, BY, at)


def visible(markup):
    """The words a reader sees, tags gone."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup.split("<main", 1)[-1]))


# What a reader sees


def test_quiet_page_says_when_it_was_last_confirmed(client, berlin, api):
    pages.confirm_all_clear(berlin, BY, datetime(2026, 3, 2, 13, 2, tzinfo=UTC))
    words = visible(client.get("/").text)

    assert "No known incidents" in words
    assert "Last confirmed 2 Mar, 14:02 CET" in words


def test_fresh_installation_has_a_page(client):
    answer = client.get("/")

    assert answer.status_code == 200
    assert "No components are listed yet" in answer.text


def test_open_incident_is_the_first_thing_said(client, page, api):
    begin(page, components={api: DOWN})
    words = visible(client.get("/").text)

    assert words.index("Some systems are down") < words.index("Payments fail") < words.index("We look.")
    assert "No known incidents" not in words
    assert "Last confirmed" not in words


def test_incident_without_weight_is_still_an_open_incident(client, page, api):
    begin(page)
    words = visible(client.get("/").text)

    assert "1 open incident" in words
    assert "Last confirmed" not in words


@pytest.mark.parametrize("path", ["/", "/incidents/{id}"])
def test_promise_is_an_absolute_time_with_its_zone(client, berlin, path):
    incident = begin(berlin)
    incident.next_update_due_at = FAR_OFF
    db.session.commit()
    answer = client.get(path.format(id=incident.public_id)).text

    assert "Next update by 2 Mar, 14:00 CET" in visible(answer)
    assert '<time datetime="2126-03-02T13:00:00Z"' in answer


@pytest.mark.parametrize("path", ["/", "/incidents/{id}", "/history.atom"])
def test_a_time_in_the_past_is_not_called_a_promise(client, berlin, path):
    incident = begin(berlin)

    assert "Next update by" not in client.get(path.format(id=incident.public_id)).text


@pytest.mark.parametrize("path", ["/", "/incidents/{id}"])
def test_no_promise_comes_with_its_reason(client, page, path):
    incident = begin(page, promise=Promise(none_because="The vendor has it."))

    assert "No further update is planned: The vendor has it." in visible(
        client.get(path.format(id=incident.public_id)).text
    )


@pytest.mark.parametrize("is_shown", [True, False])
def test_lateness_shows_only_where_the_page_is_set_so(client, page, is_shown):
    _edit(page, shows_lateness=is_shown)
    incident = begin(page)

    for path in ("/", f"/incidents/{incident.public_id}", "/history.atom"):
        assert ("Update overdue since" in client.get(path).text) is is_shown


def test_resolved_incident_promises_nothing(client, page):
    incident = begin(page)
    publishing.post_update(incident, said(status=RESOLVED), BY, NOON + timedelta(minutes=42))
    words = visible(client.get(f"/incidents/{incident.public_id}").text)

    assert "Next update" not in words
    assert "42 min" in words


def test_markup_holds_no_relative_time(client, page, api):
    now = utcnow()
    incident = begin(page, at=now - timedelta(minutes=5), components={api: DOWN})

    for path in ("/", f"/incidents/{incident.public_id}", "/history", "/history.atom"):
        assert not re.search(r"\b(ago|just now|in \d+ min|yesterday|today)\b", visible(client.get(path).text)), path


def test_corrected_words_show_the_old_ones_under_the_time_they_were_published(client, page):
    incident = begin(page)
    first = incident.updates[0]
    publishing.correct(first, "We look hard.", BY, NOON + timedelta(minutes=7))
    publishing.correct(first, "We look very hard.", BY, NOON + timedelta(minutes=9))
    words = visible(client.get(f"/incidents/{incident.public_id}").text)

    assert "Edited 2 Mar, 12:09 UTC" in words
    assert re.search(r"As published 2 Mar, 12:07 UTC We look hard\. .*As published 2 Mar, 12:00 UTC We look\.", words)


def test_update_shows_what_it_changed(page, api, web):
    incident = begin(page, components={api: DOWN})
    publishing.post_update(incident, said(components={web: DOWN}), BY, NOON)
    view = presenters.one_incident(page, PUBLIC, incident.public_id, NOON)

    assert view.updates[0].changes == [("Website", ComponentStatus.OPERATIONAL, DOWN)]
    assert [component.name for component in view.components] == ["API", "Website"]


def test_group_rolls_up_to_its_worst(page, api):
    components.add(page, "Queue", BY, NOON, group="Platform")
    components.set_status(api, DOWN, BY, NOON)
    [group] = presenters.groups(page, PUBLIC)

    assert (group.name, group.status, len(group.components)) == ("Platform", DOWN, 2)


def test_archived_component_leaves_the_page_and_its_headline(client, page, api):
    components.set_status(api, DOWN, BY, NOON)
    components.archive(api, BY, NOON)

    assert "API" not in visible(client.get("/").text)
    assert presenters.overview_headline(page, PUBLIC).indicator is Impact.NONE


def test_title_from_hell_is_only_text(client, page):
    incident = begin(page, title="</title><script>alert(1)</script>{{7*7}}")

    for path in ("/", f"/incidents/{incident.public_id}", "/history?month=2026-03"):
        assert "<script>alert" not in client.get(path).text
        assert "{{7*7}}" in client.get(path).text


# History


def test_history_goes_by_month_with_the_way_to_the_neighbours(client, page):
    begin(page, title="In January", at=datetime(2026, 1, 15, tzinfo=UTC))
    begin(page, title="In March")
    january, march = client.get("/history?month=2026-01").text, client.get("/history?month=2026-03").text

    assert "In January" in january
    assert "In March" not in january
    assert "/history?month=2026-02" in january
    assert "/history?month=2025-12" not in january
    assert "/history?month=2026-02" in march


def test_month_is_the_one_on_the_page_s_own_calendar(client, berlin):
    begin(berlin, title="Just after midnight in Berlin", at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))

    assert "Just after midnight" in client.get("/history?month=2026-03").text
    assert "Just after midnight" not in client.get("/history?month=2026-02").text


def test_month_that_is_none_is_not_found(client):
    odd = ["2026-13", "2026-00", "26-01", "x", "0000-01", "9999-99", "-1", "2026-1", "%ff%fe", "%00", "2026-01-01"]
    for month in [*odd, "٢٠٢٦-٠١", "x" * 8000]:
        assert client.get(f"/history?month={month}").status_code == 404, month


def test_empty_months_are_calm(client):
    for month in ("2000-01", "2199-12", ""):
        assert client.get(f"/history?month={month}").status_code == 200


def test_quiet_days_stay_in_the_list(page):
    shown = presenters.days(page, [], date(2026, 3, 2), 3)

    assert [day.date for day in shown] == [date(2026, 3, 2), date(2026, 3, 1), date(2026, 2, 28)]


def test_strange_questions_get_the_page(client):
    for query in ("page=-1", "page=1e9", "limit=1e9", "filter[x]=1", "%ff%fe", "%00", "q=" + "x" * 8000):
        assert client.get(f"/?{query}").status_code == 200, query


# Caching


PATHS = ("/", "/history?month=2026-03", "/incidents/{id}", "/history.atom", "/history.rss")


@pytest.mark.parametrize("path", PATHS)
def test_who_has_it_already_is_not_sent_it_again(client, page, path):
    path = path.format(id=begin(page).public_id)
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert not first.headers["ETag"].startswith("W/")


@pytest.mark.parametrize("path", PATHS)
def test_new_words_make_a_new_version(client, page, path):
    incident = begin(page)
    path = path.format(id=incident.public_id)
    etag = client.get(path).headers["ETag"]
    publishing.post_update(incident, said("Over.", status=RESOLVED), BY, NOON + timedelta(minutes=1))

    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_head_tells_the_same_without_the_page(client, page, path):
    path = path.format(id=begin(page).public_id)
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"Range": "bytes=" + ",".join(["0-"] * 1000)}, 200),
        ({"Accept-Encoding": "x"}, 200),
        ({"Accept": "../"}, 200),
        ({"If-Modified-Since": "garbage"}, 200),
    ],
)
def test_odd_headers_get_a_plain_answer(client, headers, status):
    assert client.get("/", headers=headers).status_code == status


def test_staff_and_strangers_are_given_the_same_bytes(client, page, sign_in):
    begin(page)
    db.session.commit()
    staff, stranger = sign_in().browser.get("/"), client.get("/")

    assert staff.data == stranger.data
    assert "Set-Cookie" not in staff.headers
    assert staff.headers["Cache-Control"].startswith("public")


def test_security_contact_is_there_once_the_page_has_one(client, page):
    assert client.get("/.well-known/security.txt").status_code == 404
    _edit(page, support_url="https://example.com/help")

    assert "Contact: https://example.com/help" in client.get("/.well-known/security.txt").text
