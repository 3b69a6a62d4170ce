"""The monthly report: once for each month, to whoever asked, in the same figures as text and as HTML."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from notifiers import Receipt
from statuspage import components, publishing, reporting, staff
from statuspage.analytics import reading, writing
from statuspage.analytics.figures import figures
from statuspage.analytics.periods import Month
from statuspage.analytics.report import report
from statuspage.db import db
from statuspage.drafts import IncidentDraft, Promise, UpdateDraft
from statuspage.errors import Invalid
from statuspage.jobs import Clock as Ticker
from statuspage.models import Announcement, AuditEntry, Delivery, MonthlyReport
from statuspage.vocabulary import (
    AnnouncementKind,
    Audience,
    ComponentStatus,
    DeliveryState,
    IncidentStatus,
    IncidentType,
    Severity,
    StaffRole,
)
from tests.conftest import BY, NOON
from tests.statuspage.fakes import Clock, FakeChannel, Worker, said

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
# The first moment of April on the page's clock; in UTC it is still March.
APRIL = datetime(2026, 4, 1, tzinfo=BERLIN).astimezone(UTC)
UP, DOWN, PARTLY = ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE, ComponentStatus.PARTIAL_OUTAGE


@pytest.fixture
def berlin(page):
    page.time_zone = "Europe/Berlin"
    page.created_at = NOON - timedelta(days=100)
    db.session.commit()
    return page


@pytest.fixture
def reader(colleague):
    """Somebody who asked for the report, and somebody who did not."""
    colleague(StaffRole.ADMIN)
    ana = colleague(email="ana@example.com")
    staff.wish_report(ana, True, BY, NOON)
    return ana


@pytest.fixture
def march(berlin, api, web):
    """Declared inside on 2 March at noon, told after 10 minutes, late by 15, and over after 85 minutes."""
    components.set_target(api, 99.9, BY, NOON)
    for each in (api, web):
        each.created_at = berlin.created_at
    draft = IncidentDraft(
        "Payments <fail>", IncidentType.DEPLOYMENT, Severity.SEV1,
        UpdateDraft(IncidentStatus.INVESTIGATING, "We look.", audience=Audience.INTERNAL), started_at=NOON - 5 * MINUTE,
    )  # fmt: skip
    incident = publishing.open_incident(berlin, draft, BY, NOON)
    half_an_hour = Promise(within=30 * MINUTE)
    publishing.post_update(incident, said("One", components={api: DOWN}, promise=half_an_hour), BY, NOON + 10 * MINUTE)
    publishing.post_update(
        incident, said("Two", components={api: PARTLY}, promise=half_an_hour), BY, NOON + 55 * MINUTE
    )
    over = said("Over", IncidentStatus.RESOLVED, components={api: UP})
    publishing.post_update(incident, over, BY, NOON + 85 * MINUTE)
    components.set_status(web, DOWN, BY, NOON + 20 * HOUR)
    components.set_status(web, UP, BY, NOON + 21 * HOUR)
    return incident


def month_of(page, text="2026-03"):
    return Month.read(text, page.time_zone)


def figured(page, text="2026-03", now=APRIL):
    return figures(reading.history(page, month_of(page, text), now))


def mails():
    return db.session.scalars(
        select(Delivery).join(Announcement).where(Announcement.kind == AnnouncementKind.REPORT)
    ).all()


class TestFigures:
    def test_uptime_is_what_the_record_of_updates_and_hands_amounts_to(self, march, berlin):
        found = {each.name: each for each in figured(berlin).uptimes}

        # 45 minutes of major and 30 of partial outage, in a March with 743 hours.
        down = 45 * 60 + 0.3 * 30 * 60
        assert found["API"].uptime.down.total_seconds() == down
        assert found["API"].share == pytest.approx(1 - down / (743 * 3600))
        assert found["API"].used == pytest.approx(down / (743 * 3600 / 1000))
        assert found["API"].is_met is False
        assert found["Website"].uptime.major == HOUR
        assert found["Website"].budget is None

    def test_an_incident_taken_off_the_page_still_was_an_outage(self, march, berlin):
        publishing.hide(march, BY, NOON + 90 * MINUTE)

        assert figured(berlin).frequency.total == 0
        assert figured(berlin).uptimes[0].uptime.major == 45 * MINUTE

    def test_another_month_knows_nothing_of_it(self, march, berlin):
        february = figured(berlin, "2026-02")

        assert february.is_empty
        assert [each.share for each in february.uptimes] == [1, 1]

    def test_a_component_that_came_in_the_middle_has_not_enough_history(self, march, berlin):
        new = components.add(berlin, "New", BY, NOON + timedelta(days=8))
        (found,) = [each for each in figured(berlin).uptimes if each.name == new.name]

        assert (found.share, found.since) == (None, NOON + timedelta(days=8))

    def test_the_start_date_that_somebody_gave_counts(self, march, berlin, api):
        api.start_date = (NOON + timedelta(days=3)).date()
        db.session.commit()
        found = figured(berlin).uptimes[0]

        assert (found.since, found.uptime.down) == (datetime(2026, 3, 5, tzinfo=BERLIN), timedelta())

    def test_weeks_and_months_end_with_the_month(self, march, berlin):
        frequency = figured(berlin).frequency

        assert [f"{month:%Y-%m}" for month, _ in frequency.months] == ["2026-03"]
        assert frequency.per_week == pytest.approx(1 / (743 / 168))

    def test_the_files_have_them_for_programs(self, march, berlin):
        rows = list(csv.DictReader(io.StringIO("".join(writing.as_csv(figured(berlin))))))
        told = {
            row["figure"]: (row["value"], row["unit"])
            for row in rows
            if row["group"] == "API" and "upt" in row["section"]
        }
        known = writing.document(figured(berlin))

        assert told["major_outage"] == ("2700.0", "seconds")
        assert told["partial_outage"] == ("1800.0", "seconds")
        assert told["down"] == ("3240.0", "seconds")
        assert told["target_percent"] == ("99.9", "percent")
        assert told["budget"] == ("2674.8", "seconds")
        assert told["budget_used"] == ("1.2113", "share")
        assert known["period"] == {
            "name": "2026-03",
            "since": "2026-02-28T23:00:00Z",
            "until": "2026-03-31T22:00:00Z",
            "time_zone": "Europe/Berlin",
        }
        assert known["uptime"]["components"][1]["is_met"] is None


class TestWords:
    def test_text_and_html_say_the_same(self, march, berlin):
        mail = reporting.words(berlin, month_of(berlin), APRIL)
        seen = " ".join(unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", mail["html"], flags=re.DOTALL)).split())
        rows = [row for section in report(figured(berlin)).sections for row in section.rows]

        assert len(rows) > 15
        for row in rows:
            detail = f" ({row.detail})" if row.detail else ""
            assert f"\n{row.name}: {row.value}{detail}\n" in mail["text"]
            assert " ".join(f"{row.name} {row.detail} {row.value}".split()) in seen

    def test_the_figures_are_those_of_the_month(self, march, berlin):
        text = reporting.words(berlin, month_of(berlin), APRIL)["text"]

        assert "1 incident began in March 2026, and 2 of 3 promised updates came in time. 1 uptime target was" in text
        assert "Promises kept: 67 % (2 of 3 that fell due)" in text
        assert "First public word, median: 15 min (of 1 recorded)" in text
        assert "Time to detect (MTTD), mean: 5 min (of 1 recorded)" in text
        assert "Time to acknowledge (MTTA), mean: 10 min (of 1 recorded)" in text
        assert "Time to resolve (MTTR), mean: 1 h 30 min (of 1 recorded)" in text
        assert "API: 99.878 % (target 99.9 %; down 54 min of 44 min allowed, 121 % used)" in text
        assert "Website: 99.865 % (no target; down 1 h)" in text
        assert "Payments <fail>: 1 h 30 min (SEV1, began 2 Mar, 12:55 CET;" in text

    def test_names_run_nothing_and_a_printer_gets_black_on_white(self, march, berlin):
        html = reporting.words(berlin, month_of(berlin), APRIL)["html"]

        assert "Payments &lt;fail&gt;" in html
        assert "<script" not in html
        assert "@media print" in html

    def test_what_nobody_wrote_down_is_not_recorded(self, berlin):
        text = reporting.words(berlin, month_of(berlin), APRIL)["text"]

        assert "No incident began in March 2026." in text
        assert "Time to acknowledge (MTTA), mean: not recorded" in text
        assert "Promises kept: — (none fell due)" in text


class TestOnce:
    def test_it_leaves_on_the_first_on_the_pages_clock_to_who_asked(self, march, berlin, reader):
        assert reporting.report_due(APRIL - MINUTE) == 0  # February's: made before anybody could have asked
        assert reporting.report_due(APRIL) == 1
        (owed,) = [row for row in mails() if row.created_at == APRIL]

        assert (owed.recipient, owed.channel, owed.staff_user_id) == ("ana@example.com", "email", reader.id)
        assert "March 2026" in owed.announcement.words["email"]["subject"]

    @pytest.fixture(autouse=True)
    def _february_is_done(self, berlin):
        reporting.report_due(NOON - timedelta(days=1))

    def test_again_and_again_it_is_made_once(self, berlin, reader):
        assert [reporting.report_due(APRIL + hours * HOUR) for hours in range(5)] == [1, 0, 0, 0, 0]
        assert len(mails()) == 1

    def test_after_months_of_silence_the_last_month_comes_once(self, berlin, reader):
        june = datetime(2026, 6, 17, tzinfo=UTC)

        assert [reporting.report_due(june), reporting.report_due(june + HOUR)] == [1, 0]
        assert ["May 2026" in each.announcement.words["email"]["subject"] for each in mails()] == [True]

    def test_each_month_has_its_own(self, berlin, reader):
        at = APRIL
        while at < APRIL + timedelta(days=365):
            reporting.report_due(at)
            at += timedelta(hours=8)
        months = list(db.session.scalars(select(MonthlyReport.month).order_by(MonthlyReport.id)))

        assert months == [*[f"2026-{each:02}" for each in range(2, 13)], "2027-01", "2027-02"]
        assert len(mails()) == 12

    def test_the_clock_looks_for_it(self, app, berlin, reader):
        Ticker(app)._report()
        Ticker(app)._report()

        assert len(mails()) == 1

    def test_two_clocks_make_one(self, app, berlin, reader):
        start, made = Barrier(2), []

        def tick():
            with app.app_context():
                start.wait(10)
                made.append(reporting.report_due(APRIL))
                db.session.remove()

        db.session.commit()
        both = [Thread(target=tick) for _ in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join(30)

        assert sorted(made) == [0, 1]
        assert len(mails()) == 1

    def test_where_nobody_asked_nothing_is_owed_and_who_asks_later_gets_the_next(self, berlin, colleague):
        ana = colleague()
        reporting.report_due(APRIL)
        staff.wish_report(ana, True, BY, APRIL + HOUR)

        assert reporting.report_due(APRIL + 2 * HOUR) == 0
        assert reporting.report_due(APRIL + timedelta(days=31)) == 1

    def test_who_has_left_gets_none(self, berlin, reader):
        reader.active = False
        db.session.commit()

        assert reporting.report_due(APRIL) == 0

    def test_it_is_on_record(self, berlin, reader):
        reporting.report_due(APRIL)
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "report.send")).one()

        assert entry.detail == {"month": "2026-03", "people": 1}

    def test_it_arrives_as_it_was_frozen(self, march, api, berlin, reader):
        reporting.report_due(APRIL)
        frozen = mails()[0].announcement.words["email"]
        components.set_target(api, None, BY, APRIL)
        mail = FakeChannel(Receipt("ok"))
        Worker({"email": mail}, Clock(APRIL)).run(minutes=1)
        (message,) = [each for each in mail.messages if "in figures" in each.subject]

        assert (message.text, message.html) == (frozen["text"], frozen["html"])
        assert "target 99.9 %" in message.text
        assert message.unsubscribe_url is None
        assert mails()[0].state is DeliveryState.SENT


def test_a_page_gets_no_report_of_the_time_before_it(page, reader):
    assert page.created_at == NOON
    assert reporting.report_due(NOON + HOUR) == 0
    assert db.session.scalar(select(MonthlyReport)) is None


class TestMonths:
    def test_those_that_are_over_and_on_record(self, berlin):
        assert [each.value for each in reporting.months(berlin, APRIL)] == [
            "2026-03",
            "2026-02",
            "2026-01",
            "2025-12",
            "2025-11",
        ]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("2026-04", "April 2026 is not over. Its report can be made from 1 May 2026 on."),
            ("2019-01", "The record begins on 22 November 2025, after January 2019."),
            ("soon", "Write the month like 2026-10."),
        ],
    )
    def test_others_are_refused_in_a_sentence(self, berlin, text, sentence):
        with pytest.raises(Invalid) as refused:
            reporting.find_month(berlin, text, APRIL)

        assert refused.value.problems == {"month": sentence}
