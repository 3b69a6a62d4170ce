"""A document read from a host that means no good."""

import pytest

from notifiers import DeliveryError, Fetcher, fetcher
from notifiers._fetch import LARGEST
from notifiers._http import Poster
from tests.doubles import DROP, HookAnswer, HookDouble

OPEN = Fetcher(is_live=True, poster=Poster(may_be_private=True, total_seconds=5))
GUARDED = Fetcher(is_live=True)


@pytest.fixture
def host():
    with HookDouble() as host:
        yield host


def test_the_document_comes_back_whole(host):
    url = host.on("/feed.ics", HookAnswer(words="BEGIN:VCALENDAR"))

    assert OPEN.fetch(url, "text/calendar") == b"BEGIN:VCALENDAR"
    assert host.received[0].headers["accept"] == "text/calendar"


def test_more_than_a_post_may_answer_is_read(host):
    assert len(OPEN.fetch(host.on("/x", HookAnswer(size=500_000)), "text/calendar")) == 500_000


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (HookAnswer(404), "answered 404"),
        (HookAnswer(302, headers={"Location": "http://169.254.169.254/"}), "Redirects are not followed"),
        (HookAnswer(size=LARGEST + 10), "larger than 2 MB"),
        (HookAnswer(words="short", headers={"Content-Length": "5000"}), "broke off"),
        (HookAnswer(words=DROP), "broke off"),
        (HookAnswer(words="(garbage)"), "broke off"),
    ],
    ids=["missing", "redirect", "large", "cut", "dropped", "garbage"],
)
def test_what_cannot_be_had_is_a_sentence_without_the_address(host, answer, sentence):
    url = host.on("/secret-token", answer)

    with pytest.raises(DeliveryError, match=sentence) as refused:
        OPEN.fetch(url, "text/calendar")
    assert "secret-token" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/x", "https://10.0.0.1/x", "https://localhost/x", "webcal://169.254.169.254/meta"]
)
def test_nothing_inside_is_asked(address):
    with pytest.raises(ValueError, match=r"\.$"):
        GUARDED.clean(address)
    with pytest.raises(DeliveryError, match="no address we may call"):
        GUARDED.fetch(address, "text/calendar")


def test_a_name_that_leads_inside_is_not_called():
    inside = Fetcher(is_live=True, poster=Poster(resolve=lambda _host, _port: ["10.1.2.3"]))

    with pytest.raises(DeliveryError, match="not on the public internet"):
        inside.fetch("https://calendars.example.com/feed", "text/calendar")


def test_webcal_is_https_by_another_name():
    assert GUARDED.clean("webcal://calendars.example.com/feed") == "https://calendars.example.com/feed"


def test_where_posts_are_captured_nothing_is_asked(host):
    captured = fetcher({"CANDOR_BASE_URL": "http://localhost:8000"})

    with pytest.raises(DeliveryError, match="Nothing is asked of other hosts"):
        captured.fetch(host.on("/x"), "text/calendar")
    assert host.received == []
