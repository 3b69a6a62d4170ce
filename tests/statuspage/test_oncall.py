"""Who is on duty, as a calendar elsewhere says."""

from datetime import timedelta

import pytest

from notifiers import DeliveryError, PermanentDeliveryError
from statuspage.cadence import reminders
from statuspage.db import db
from statuspage.errors import Invalid
from statuspage.models import OnCallFeed, Reminder
from statuspage.oncall import feeds
from statuspage.oncall.matching import people_of
from statuspage.oncall.reading import Unreadable, read
from statuspage.vocabulary import IncidentRole, StaffRole
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts

LEAD = IncidentRole.COMMUNICATIONS_LEAD
URL = "https://calendars.example.com/private/secret-token/feed"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def calendar(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Pager//EN", *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def shift(begins: str, ends: str, summary: str, *more: str) -> str:
    lines = ["BEGIN:VEVENT", f"UID:{summary}{begins}", "DTSTAMP:20260101T000000Z", f"DTSTART{begins}", f"DTEND{ends}"]
    return "\r\n".join([*lines, f"SUMMARY:{summary}", *more, "END:VEVENT"])


PAGERDUTY = shift(
    ":20260302T080000Z", ":20260302T200000Z", "On Call - Ada Lovelace - Primary", "ATTENDEE:mailto:ada@candor.example"
)
OPSGENIE = shift(":20260302T080000Z", ":20260302T200000Z", "bo@candor.example", "DESCRIPTION:Comms_schedule rotation")


class Calendars:
    """Answers for the address that was set, or fails as told."""

    def __init__(self, answer: bytes | DeliveryError = b"") -> None:
        self.answer = answer
        self.asked: list[str] = []

    def clean(self, address: str) -> str:
        if not address.startswith("https://"):
            raise ValueError("Enter the web address, beginning with https://.")
        return address

    def fetch(self, address: str, accept: str) -> bytes:
        self.asked.append(address)
        if isinstance(self.answer, DeliveryError):
            raise self.answer
        return self.answer


@pytest.fixture
def calendars(app):
    found = app.extensions["candor.fetcher"] = Calendars()
    return found


@pytest.fixture
def feed(page, calendars):
    return feeds.set_feed(page, LEAD, URL, BY, NOON)


def between(document: bytes, zone: str = "Etc/UTC", days: int = 14):
    return read(document, zone, NOON - DAY, NOON + days * DAY)


def test_shifts_of_a_pagerduty_calendar_name_people_by_address():
    (found,) = between(calendar(PAGERDUTY))

    assert (found.begins_at.hour, found.ends_at.hour, found.emails) == (8, 20, ("ada@candor.example",))


def test_an_opsgenie_calendar_has_the_address_in_the_summary():
    assert between(calendar(OPSGENIE))[0].emails == ("bo@candor.example",)


def test_a_weekly_rotation_is_read_with_its_exceptions_and_its_zone():
    weekly = shift(
        ";TZID=Europe/Berlin:20260105T090000", ";TZID=Europe/Berlin:20260105T170000", "Ada Lovelace",
        "RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Berlin:20260309T090000",
    )  # fmt: skip
    found = between(calendar(weekly), days=30)

    assert [f"{each.begins_at:%m-%d %H}" for each in found] == ["03-02 08", "03-16 08", "03-23 08", "03-30 07"]


def test_whole_days_are_days_of_the_page():
    (found,) = between(calendar(shift(";VALUE=DATE:20260302", ";VALUE=DATE:20260303", "Ada")), "Europe/Berlin")

    assert (found.begins_at.hour, found.ends_at - found.begins_at) == (23, DAY)


@pytest.mark.parametrize(
    "document",
    [
        b"<html>Sign in</html>",
        b"",
        b"\xff\xfe\x00",
        b"BEGIN:VCALENDAR\r\nEND:VEVENT",
        calendar(PAGERDUTY)[:-40],
        calendar(shift(":20260302T080000Z", ":20260302T200000Z", "x", "RRULE:FREQ=SECONDLY")),
        calendar(shift(":20260302T080000Z", ":20260302T200000Z", "x", "RRULE:FREQ=DAILY;BYHOUR=1,2;BYMINUTE=1,2,3")),
        calendar(shift(":00010302T080000Z", ":00010302T200000Z", "x", "RRULE:FREQ=DAILY")),
        calendar(*[shift(":20260302T080000Z", ":20260302T200000Z", str(number)) for number in range(5001)]),
    ],
    ids=["html", "empty", "binary", "broken", "cut", "secondly", "dense", "ancient", "many"],
)
def test_what_is_no_rota_is_refused_in_a_sentence(document):
    with pytest.raises(Unreadable, match=r"\.$"):
        between(document)


def test_a_whole_name_names_somebody_and_half_of_one_nobody(colleague):
    ada = colleague(email="a.l@candor.example")
    ada.name = "Ann Lee"
    for words, is_meant in (("On Call - Ann Lee - Primary", True), ("Joann Leeds", False), ("Ann", False)):
        (found,) = between(calendar(shift(":20260302T080000Z", ":20260302T200000Z", words)))

        assert people_of(found, [ada]) == ([ada] if is_meant else [])


def test_who_is_on_duty_is_reminded_where_nobody_holds_the_role(feed, calendars, colleague, open_incident):
    for name in ("ada", "bo"):
        colleague(StaffRole.COMMS_LEAD, f"{name}@candor.example")
    calendars.answer = calendar(OPSGENIE)
    feeds.read_due(NOON)
    open_incident()
    reminders.remind_due(NOON + 60 * MINUTE)

    assert [each.staff_user.email for each in db.session.scalars(db.select(Reminder))] == ["bo@candor.example"]


def test_what_was_last_read_holds_for_a_day_and_then_the_role_does(feed, calendars, colleague):
    bo = colleague(StaffRole.COMMS_LEAD, "bo@candor.example")
    always = shift(":20260301T000000Z", ":20260310T000000Z", "bo@candor.example")
    calendars.answer = calendar(always)
    feeds.read_due(NOON)
    calendars.answer = DeliveryError("It answered 503.")
    feeds.read_due(NOON + timedelta(hours=3))
    found = db.session.scalars(db.select(OnCallFeed)).one()

    assert feeds.on_duty(found, NOON + timedelta(hours=23)) == [bo.id]
    assert feeds.on_duty(found, NOON + timedelta(hours=25)) == []
    (said,) = feeds.troubles(NOON + timedelta(hours=3))
    assert said.startswith("The on-call calendar for the communications lead was last read 3 h ago, and what it said")
    assert said.endswith("It answered 503.")
    assert "instead" in feeds.troubles(NOON + timedelta(hours=25))[0]


def test_a_calendar_that_was_never_read_says_so(feed, calendars):
    calendars.answer = PermanentDeliveryError("The host's address is not allowed: it is not on the public internet.")
    feeds.read_due(NOON)

    assert "could not be read yet: The host's address is not allowed" in feeds.troubles(NOON)[0]


def test_a_stranger_on_duty_is_named(feed, calendars):
    calendars.answer = calendar(shift(":20260302T080000Z", ":20260302T200000Z", "Zed Smith"))
    feeds.read_due(NOON)

    assert "names nobody on the staff, but “Zed Smith”" in feeds.troubles(NOON)[0]


def test_a_calendar_is_asked_every_five_minutes_and_not_more(feed, calendars):
    calendars.answer = calendar()
    for minutes in (0, 1, 4, 5):
        feeds.read_due(NOON + minutes * MINUTE)

    assert len(calendars.asked) == 2


def test_one_calendar_that_breaks_stops_no_other(page, feed, calendars, colleague):
    feeds.set_feed(page, IncidentRole.INCIDENT_COMMANDER, URL + "2", BY, NOON)
    bo = colleague(StaffRole.COMMS_LEAD, "bo@candor.example")
    good = calendars.fetch

    def fetch(address, accept):
        if address == URL:
            raise RuntimeError("a fault of ours")
        return good(address, accept)

    calendars.answer, calendars.fetch = calendar(OPSGENIE), fetch
    feeds.read_due(NOON)

    assert feeds.on_duty(feeds.find(page, IncidentRole.INCIDENT_COMMANDER), NOON) == [bo.id]


def test_the_address_is_sealed_and_in_no_record(feed):
    kept = db.session.execute(db.text("SELECT url FROM oncall_feed")).scalar_one()
    said = db.session.execute(db.text("SELECT detail FROM audit_entry WHERE act = 'oncall.set'")).scalar_one()

    assert kept.startswith("sealed:1:")
    assert "secret-token" not in str(said)


def test_an_address_that_is_none_is_refused(page, calendars):
    with pytest.raises(Invalid, match="https"):
        feeds.set_feed(page, LEAD, "ftp://x", BY, NOON)

    assert feeds.listed(page) == []


def test_a_calendar_can_be_taken_away(page, feed):
    feeds.remove_feed(page, LEAD, BY, NOON)
    feeds.remove_feed(page, LEAD, BY, NOON)

    assert feeds.listed(page) == []
    assert acts().count("oncall.remove") == 1
