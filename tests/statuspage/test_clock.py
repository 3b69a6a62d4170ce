from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from statuspage.clock import clock_text, day_text, iso_text, moment_text, near_text, parse_span, span_text, span_words

NOVEMBER = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("20s", timedelta(seconds=20)),
        ("30m", timedelta(minutes=30)),
        ("1h", timedelta(hours=1)),
        ("1h30m", timedelta(minutes=90)),
        (" 1H30M5S ", timedelta(hours=1, minutes=30, seconds=5)),
        ("90m", timedelta(minutes=90)),
        ("0s", timedelta()),
    ],
)
def test_span_is_read_as_written(typed, span):
    assert parse_span(typed) == span


@pytest.mark.parametrize(
    "typed", ["", " ", "soon", "30", "m", "1d", "-5m", "1.5h", "30m 1h", "1h,5m", "1m1h", "9" * 5000 + "h"]
)
def test_what_is_no_span_is_refused_in_a_sentence(typed):
    with pytest.raises(ValueError, match="is not a span"):
        parse_span(typed)


@pytest.mark.parametrize("typed", ["8761h", "999999999999m", "99999999999999999999m", "99999999999999999999s"])
def test_span_beyond_a_year_is_refused_in_a_sentence(typed):
    with pytest.raises(ValueError, match="longer than a year"):
        parse_span(typed)


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=300)).map(lambda t: t - t % timedelta(seconds=1)))
def test_span_survives_being_written_and_read(span):
    assert parse_span(span_text(span)) == span


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=45), "45 seconds"),
        (timedelta(minutes=30, seconds=59), "30 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=1, minutes=30), "1 h 30 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3, hours=2, minutes=9), "3 days 2 h"),
    ],
)
def test_span_in_words(span, words):
    assert span_words(span) == words


@pytest.mark.parametrize(
    ("zone", "clock", "moment"),
    [
        ("Europe/Berlin", "14:30 CET", "21 Nov, 14:30 CET"),
        ("Etc/UTC", "13:30 UTC", "21 Nov, 13:30 UTC"),
        ("Australia/Lord_Howe", "00:30 +11", "22 Nov, 00:30 +11"),
    ],
)
def test_time_is_told_in_the_zone_and_names_it(zone, clock, moment):
    assert clock_text(NOVEMBER, zone) == clock
    assert moment_text(NOVEMBER, zone) == moment


def test_clocks_going_back_tell_the_two_half_past_twos_apart():
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    assert clock_text(first, "Europe/Berlin") == "02:30 CEST"
    assert clock_text(second, "Europe/Berlin") == "02:30 CET"


def test_day_is_the_one_in_the_zone():
    assert day_text(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "Europe/Berlin") == "2 March 2026"


def test_iso_is_utc_whatever_came_in():
    tokyo = datetime(2026, 11, 21, 22, 30, tzinfo=UTC).astimezone()

    assert iso_text(tokyo) == "2026-11-21T22:30:00Z"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 3, 2, 13, 30, tzinfo=UTC), "14:30 CET"),
        (datetime(2026, 3, 2, 23, 30, tzinfo=UTC), "3 Mar, 00:30 CET"),
        (datetime(2026, 3, 5, 8, 0, tzinfo=UTC), "5 Mar, 09:00 CET"),
    ],
)
def test_a_time_names_its_day_when_that_is_not_today(at, words):
    assert near_text(at, "Europe/Berlin", datetime(2026, 3, 2, 12, 0, tzinfo=UTC)) == words
