from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import feedparser
import pytest

from statuspage import publishing
from statuspage.db import db
from statuspage.drafts import IncidentDraft, Promise, read_incident
from statuspage.vocabulary import ComponentStatus, IncidentStatus, IncidentType, Severity
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

ATOM, RSS = "/history.atom", "/history.rss"
BASE = "http://127.0.0.1:8000"


@pytest.fixture(params=[ATOM, RSS])
def read(client, request):
    """Reads one of the feeds as a feed reader does."""

    def parse():
        answer = client.get(request.param)
        assert answer.status_code == 200
        ElementTree.fromstring(answer.data)
        feed = feedparser.parse(answer.data)
        assert not feed.bozo, feed.get("bozo_exception")
        return feed

    return parse


def words_of(entry):
    return entry.content[0].value if "content" in entry else entry.summary


def test_empty_feed_is_a_feed(read):
    assert read().entries == []


def test_feed_names_the_page_and_leads_to_it(read):
    feed = read().feed

    assert feed.title == "Status: incident history"
    assert feed.link == f"{BASE}/"


def test_incident_is_one_entry_with_all_its_updates_inside_newest_first(read, open_incident):
    incident = open_incident()
    publishing.post_update(incident, said("It was the cache."), BY, NOON + timedelta(minutes=5))
    [entry] = read().entries

    words = words_of(entry)
    assert words.index("It was the cache.") < words.index("We are looking into it.")
    assert entry.title == "Identified: Payments fail"
    assert entry.link == f"{BASE}/incidents/{incident.public_id}"


def test_id_of_an_incident_never_changes(read, open_incident):
    incident = open_incident()
    before = read().entries[0].id
    publishing.post_update(incident, said(status=IncidentStatus.RESOLVED), BY, NOON + timedelta(days=1))

    assert read().entries[0].id == before == f"{BASE}/incidents/{incident.public_id}"


def test_newest_incident_comes_first(read, open_incident, page):
    open_incident(title="Older")
    draft = IncidentDraft("Newer", IncidentType.OUTAGE, Severity.SEV2, said())
    publishing.open_incident(page, draft, BY, NOON + timedelta(minutes=1))

    assert [entry.title.split(": ")[-1] for entry in read().entries] == ["Newer", "Older"]


def test_feed_ends_after_fifty_incidents(read, open_incident):
    for number in range(51):
        open_incident(title=f"Incident {number}")

    assert len(read().entries) == 50


def test_times_in_a_feed_are_absolute_and_so_is_the_promise(read, open_incident, api):
    incident = open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    incident.next_update_due_at = datetime(2126, 3, 2, 13, 0, tzinfo=UTC)
    db.session.commit()
    words = words_of(read().entries[0])

    assert "Next update by" in words
    assert "13:00 UTC" in words
    assert "Affects: API" in words


def test_reason_for_no_promise_is_in_the_feed(read, open_incident):
    open_incident(promise=Promise(none_because="The vendor has it."))

    assert "No further update is planned: The vendor has it." in words_of(read().entries[0])


@pytest.mark.parametrize(
    "poison",
    [
        "a\x00b\x0bc\x1b",
        "\ud800 lone",
        "]]> & < > \" '",
        "\ufffe\uffff",
        "\u2028\u2029",
        "<script>alert(1)</script>",
        "\U0001f525 fire",
        "\u202eevil",
    ],
)
def test_text_from_hell_leaves_the_feed_whole(read, page, poison):
    typed = {"title": f"Title {poison}", "body": f"Body {poison}"}
    publishing.open_incident(page, read_incident(typed, {}), BY, NOON)
    [entry] = read().entries

    assert "Title" in entry.title
    assert "<script" not in words_of(entry)


def test_corrected_words_move_the_time_of_the_entry(client, open_incident):
    incident = open_incident()
    publishing.correct(incident.updates[0], "Better words.", BY, NOON + timedelta(minutes=9))
    [entry] = feedparser.parse(client.get(ATOM).data).entries

    assert entry.updated == "2026-03-02T12:09:00+00:00"
    assert entry.published == "2026-03-02T12:00:00+00:00"


@pytest.mark.parametrize(("path", "mimetype"), [(ATOM, "application/atom+xml"), (RSS, "application/rss+xml")])
def test_feed_is_served_as_what_it_is(client, path, mimetype):
    assert client.get(path).mimetype == mimetype


@pytest.mark.parametrize("path", [ATOM, RSS])
def test_reader_that_comes_back_is_told_nothing_has_changed(client, open_incident, path):
    open_incident()
    first = client.get(path)

    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get(path, headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304
    assert client.get(path, headers={"If-Modified-Since": "Mon, 02 Mar 2026 11:59:59 GMT"}).status_code == 200


def test_page_permalink_and_feeds_agree(client, read, open_incident):
    incident = open_incident(body="The one true sentence.")
    pages = [client.get(path).text for path in ("/", f"/incidents/{incident.public_id}")]

    assert all("The one true sentence." in page for page in pages)
    assert "The one true sentence." in words_of(read().entries[0])
