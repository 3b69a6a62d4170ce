"""Uptime from states, checked against a count of every single minute."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from statuspage.analytics.facts import ComponentFacts, History
from statuspage.analytics.periods import Month, Period
from statuspage.analytics.targets import standings
from statuspage.analytics.words import down, target, up
from statuspage.uptime import Change, uptime
from statuspage.vocabulary import ComponentStatus

UP, DEGRADED, PARTIAL, MAJOR, MAINTENANCE = ComponentStatus
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def changes(*told: tuple[timedelta, ComponentStatus], begin=MARCH, state=UP) -> tuple[Change, ...]:
    found = []
    for after, new in told:
        found.append(Change(begin + after, state, new))
        state = new
    return tuple(found)


def minute_by_minute(told, present, begin, end):
    """The plain way: ask of each minute in which state the component was, and count."""
    counts = dict.fromkeys(ComponentStatus, 0)
    at = begin
    while at < end:
        so_far = [each for each in told if each.at <= at]
        state = so_far[-1].new if so_far else told[0].old if told else present
        counts[state] += 1
        at += MINUTE
    return counts


class TestRules:
    def test_a_major_outage_is_down_in_full(self):
        found = uptime(changes((HOUR, MAJOR), (3 * HOUR, UP)), UP, MARCH, MARCH + DAY)

        assert (found.down, found.share) == (2 * HOUR, 1 - 2 / 24)

    def test_a_partial_outage_is_down_by_three_tenths(self):
        found = uptime(changes((HOUR, PARTIAL), (11 * HOUR, UP)), UP, MARCH, MARCH + DAY)

        assert (found.down, found.partial, found.major) == (3 * HOUR, 10 * HOUR, timedelta())

    def test_being_slow_is_not_being_down(self):
        assert uptime(changes((HOUR, DEGRADED)), DEGRADED, MARCH, MARCH + DAY).share == 1

    def test_maintenance_counts_neither_way(self):
        found = uptime(changes((0 * HOUR, MAINTENANCE), (12 * HOUR, MAJOR), (15 * HOUR, UP)), UP, MARCH, MARCH + DAY)

        assert (found.counted, found.maintenance, found.share) == (12 * HOUR, 12 * HOUR, 1 - 3 / 12)

    def test_nothing_but_maintenance_has_no_uptime(self):
        assert uptime((), MAINTENANCE, MARCH, MARCH + DAY).share is None

    def test_without_a_change_it_was_always_as_it_is(self):
        assert uptime((), MAJOR, MARCH, MARCH + DAY).share == 0

    def test_what_it_changed_from_later_is_what_it_was_all_the_time(self):
        later = changes((5 * DAY, UP), state=MAJOR)

        assert uptime(later, UP, MARCH, MARCH + DAY).share == 0

    def test_an_outage_over_both_ends_counts_inside_alone(self):
        told = changes((-HOUR, MAJOR), (30 * HOUR, UP))

        assert uptime(told[1:], UP, MARCH, MARCH + DAY).down == DAY
        assert uptime(told, UP, MARCH, MARCH + DAY).down == DAY

    def test_no_time_has_no_uptime(self):
        assert uptime((), UP, MARCH, MARCH).share is None


@pytest.mark.parametrize("seed", range(25))
def test_any_history_is_what_a_count_of_its_minutes_says(seed):
    chance = Random(seed)
    marks = sorted(chance.sample(range(-1000, 4000), chance.randrange(0, 30)))
    told, state = [], chance.choice(list(ComponentStatus))
    for mark in marks:
        new = chance.choice([each for each in ComponentStatus if each is not state])
        told.append(Change(MARCH + mark * MINUTE, state, new))
        state = new
    end = MARCH + 3000 * MINUTE
    counts = minute_by_minute(told, state, MARCH, end)
    found = uptime(tuple(told), state, MARCH, end)

    assert found.major == counts[MAJOR] * MINUTE
    assert found.partial == counts[PARTIAL] * MINUTE
    assert found.maintenance == counts[MAINTENANCE] * MINUTE
    counted = 3000 - counts[MAINTENANCE]
    if counted:
        assert found.share == pytest.approx(1 - (counts[MAJOR] + 0.3 * counts[PARTIAL]) / counted, abs=1e-12)


class TestMonths:
    @pytest.mark.parametrize(
        ("text", "zone", "hours"),
        [
            ("2026-03", "Europe/Berlin", 31 * 24 - 1),
            ("2026-10", "Europe/Berlin", 31 * 24 + 1),
            ("2026-02", "Europe/Berlin", 28 * 24),
            ("2028-02", "Europe/Berlin", 29 * 24),
            ("2026-03", "America/New_York", 31 * 24 - 1),
            ("2026-11", "America/New_York", 30 * 24 + 1),
            ("2026-04", "Australia/Lord_Howe", 30 * 24 + 0.5),
            ("2026-12", "Etc/UTC", 31 * 24),
        ],
    )
    def test_a_month_is_as_long_as_the_clock_on_the_wall_says(self, text, zone, hours):
        month = Month.read(text, zone)

        assert month.ends_at - month.begins_at == hours * HOUR
        assert month.begins_at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") == f"{text}-01 00:00"
        assert month.after.before == month
        assert Month.of(month.begins_at, zone) == Month.of(month.ends_at - MINUTE, zone) == month
        assert Month.of(month.ends_at, zone) == month.after

    @pytest.mark.parametrize(
        "text", ["", "2026", "2026-13", "2026-00", "26-10", "2026-1", "0000-01", "9999-12", "x", "٢٠٢٦-١٠"]
    )
    def test_what_is_no_month_is_refused(self, text):
        with pytest.raises(ValueError, match="like 2026-10"):
            Month.read(text, "Etc/UTC")

    def test_new_year(self):
        december = Month.read("2026-12", "Etc/UTC")

        assert (december.after.value, december.label) == ("2027-01", "December 2026")


def component(known=MARCH - 400 * DAY, goal=99.9, told=(), status=UP) -> ComponentFacts:
    return ComponentFacts("api", "API", goal, known, status, told)


def standing(period, now, each):
    (found,) = standings(History(period, now, "Europe/Berlin", MARCH - 400 * DAY, components=(each,)))
    return found


class TestTargets:
    @pytest.mark.parametrize(("month", "hours"), [("2026-03", 743), ("2026-10", 745), ("2026-06", 720)])
    def test_the_budget_is_a_share_of_the_months_own_hours(self, month, hours):
        found = Month.read(month, "Europe/Berlin")
        told = changes((HOUR, MAJOR), (HOUR + 20 * MINUTE, UP), begin=found.begins_at)
        standing_ = standing(found, found.ends_at + DAY, component(told=told))

        assert standing_.budget.total_seconds() == pytest.approx(hours * 3600 / 1000)
        assert standing_.used == pytest.approx(20 * 60 / (hours * 3.6))
        assert standing_.share == pytest.approx(1 - 20 / (hours * 60))
        assert standing_.is_met

    def test_an_outage_through_the_night_when_clocks_go_back_lasts_as_long_as_it_did(self):
        october = Month.read("2026-10", "Europe/Berlin")
        berlin = ZoneInfo("Europe/Berlin")
        began, ended = datetime(2026, 10, 25, 1, 0, tzinfo=berlin), datetime(2026, 10, 25, 4, 0, tzinfo=berlin)
        told = (Change(began.astimezone(UTC), UP, MAJOR), Change(ended.astimezone(UTC), MAJOR, UP))

        assert standing(october, october.ends_at, component(told=told)).uptime.down == 4 * HOUR

    def test_what_is_exactly_used_up_is_met_and_a_second_more_is_not(self):
        budget = 30 * DAY / 1000
        found = [
            standing(Period.DAYS_30, MARCH + 30 * DAY, component(told=changes((DAY, MAJOR), (DAY + length, UP)))).is_met
            for length in (budget, budget + timedelta(seconds=1))
        ]

        assert found == [True, False]

    def test_a_component_younger_than_the_period_has_not_enough_history(self):
        found = standing(Period.DAYS_90, MARCH, component(known=MARCH - 40 * DAY))

        assert (found.share, found.used, found.is_met, found.is_whole) == (None, None, None, False)
        assert found.since == MARCH - 40 * DAY
        assert up(found.share) == "not enough history"

    def test_its_downtime_is_counted_all_the_same(self):
        told = changes((-HOUR, MAJOR))
        found = standing(Period.DAYS_90, MARCH, component(known=MARCH - 40 * DAY, told=told, status=MAJOR))

        assert found.uptime.down == HOUR

    def test_over_all_time_it_counts_from_when_it_is_known(self):
        told = changes((-DAY, MAJOR), (-DAY + HOUR, UP))
        found = standing(Period.ALL, MARCH, component(known=MARCH - 10 * DAY, told=told))

        assert found.share == pytest.approx(1 - 1 / 240)

    def test_without_a_target_there_is_an_uptime_and_no_verdict(self):
        found = standing(Period.DAYS_30, MARCH, component(goal=None))

        assert (found.share, found.budget, found.used, found.is_met) == (1, None, None, None)

    def test_what_came_after_the_month_is_not_in_it(self):
        february = Month.read("2026-02", "Europe/Berlin")

        assert standings(History(february, MARCH + DAY, "Europe/Berlin", MARCH, components=(component(MARCH),))) == ()


class TestWords:
    @pytest.mark.parametrize(
        ("share", "words"),
        [(1, "100 %"), (0.9999999, "99.999 %"), (0.999, "99.9 %"), (0.99954, "99.954 %"), (0.5, "50 %"), (0, "0 %")],
    )
    def test_an_uptime_is_never_rounded_up(self, share, words):
        assert up(share) == words

    def test_a_target_reads_as_it_was_set(self):
        assert (target(99.95), target(99.0), target(None)) == ("99.95 %", "99 %", "none")

    def test_no_downtime_is_none(self):
        assert (down(timedelta()), down(90 * MINUTE)) == ("none", "1 h 30 min")
