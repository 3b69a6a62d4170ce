"""A history measured against a cadence: figures, promises, ladder."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from statuspage.cadence import histories
from statuspage.cadence.policy import DEFAULTS, Cadence
from statuspage.cadence.replaying import History, Replay, Statement, Story, measure, tables, words
from statuspage.cadence.replaying.charts import columns
from statuspage.cadence.replaying.slots import Slot
from statuspage.vocabulary import IncidentStatus, ReminderStep, Severity
from tests import histories as samples

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=365)
SEV1 = DEFAULTS[Severity.SEV1]
OPEN, OVER = IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def story(*at: float, last: IncidentStatus = OVER, public_id: str = "one", known: float | None = None) -> Story:
    """An incident whose updates come at these minutes after noon."""
    statuses = [OPEN] * (len(at) - 1) + [last]
    said = tuple(Statement(NOON + minutes(each), status) for each, status in zip(at, statuses, strict=True))
    return Story(public_id, "Trouble", said, NOON + minutes(known) if known is not None else None)


@pytest.fixture
def against() -> Callable[..., Replay]:
    """Measures stories against a cadence, in the test's own time."""

    def run(*stories: Story, cadence: Cadence = SEV1, zone: str = "UTC", now: datetime = LATER) -> Replay:
        return measure(History("stories", stories), lambda _: cadence, zone, now)

    return run


def by_hand(lines: list[str]) -> dict[str, Any]:
    """The same figures in plain loops over the raw lines; nothing of the code under test is used."""
    gaps, late, dark, incidents, updates, maintenance, beyond, reminders = [], 0, 0, 0, 0, 0, 0.0, 0
    hours, weekdays = [0] * 24, [0] * 7
    for line in lines:
        row = json.loads(line)
        if row["impact"] == "maintenance":
            maintenance += 1
            continue
        incidents += 1
        updates += len(row["updates"])
        times = [datetime.strptime(each["at"][:19], "%Y-%m-%dT%H:%M:%S") for each in row["updates"]]  # noqa: DTZ007
        is_dark = False
        for number in range(1, len(times)):
            gap = (times[number] - times[number - 1]).total_seconds() / 60
            gaps.append(gap)
            if gap > 30:
                late += 1
                beyond += gap - 30
                hours[times[number - 1].hour] += 1
                weekdays[times[number - 1].weekday()] += 1
            if gap > 60:
                is_dark = True
            for at in (25, 30):  # the comms lead, before and at the time
                reminders += gap > at
            at = 35
            while at < gap:  # both of them, and again every half hour
                reminders += 2 if at < 65 else 3  # then a manager as well, then the fallback contact
                at += 30
        dark += is_dark
    gaps.sort()
    return {
        "incidents": incidents,
        "updates": updates,
        "gaps": len(gaps),
        "late": late,
        "dark": dark,
        "maintenance": maintenance,
        "median": gaps[(len(gaps) + 1) // 2 - 1],
        "p90": gaps[-(-len(gaps) * 9 // 10) - 1],
        "longest": gaps[-1],
        "beyond": beyond,
        "reminders": reminders,
        "hours": hours,
        "weekdays": weekdays,
        "over_an_hour": sum(gap > 60 for gap in gaps),
    }


def test_figures_agree_with_a_count_by_hand(tmp_path: Path, record_property: Callable[[str, object], None]):
    source, lines = samples.raw()
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    expected = by_hand(lines)
    record_property("history", source)
    print(f"\nMeasured {source}.")

    replay = measure(histories.read(file), lambda _: SEV1, "UTC", LATER)

    assert replay.lengths
    assert {
        "incidents": replay.incidents,
        "updates": replay.updates,
        "gaps": len(replay.gaps),
        "late": replay.promises.late,
        "dark": replay.dark,
        "maintenance": replay.history.maintenance,
        "median": replay.lengths.median / minutes(1),
        "p90": replay.lengths.p90 / minutes(1),
        "longest": replay.lengths.longest / minutes(1),
        "beyond": replay.beyond / minutes(1),
        "reminders": sum(replay.reminders.values()),
        "hours": [slot.late for slot in replay.slots.hours],
        "weekdays": [slot.late for slot in replay.slots.weekdays],
        "over_an_hour": next(each.longer for each in replay.tried if each.interval == minutes(60)),
    } == expected
    assert replay.promises.kept == expected["gaps"] - expected["late"]


@pytest.mark.skipif(not samples.REAL.exists(), reason="The real history is not here; a generated one was counted.")
def test_real_history_says_what_silence_costs():
    replay = measure(histories.read(samples.REAL), lambda _: SEV1, "UTC", LATER)

    assert words.of_gaps(replay, "half an hour").startswith("31 % of the gaps between updates")
    assert words.of_incidents(replay).startswith("In 17 % of the incidents")
    assert (replay.incidents, replay.history.maintenance) == (389, 10)
    assert words.of_first_words(replay) == "Time to the first update: not recorded."


@pytest.mark.parametrize(("gap", "late"), [(0, 0), (29, 0), (30, 0), (31, 1)])
def test_promise_is_kept_to_its_last_moment(against: Callable[..., Replay], gap: int, late: int):
    replay = against(story(0, gap))

    assert (replay.promises.kept, replay.promises.late) == (1 - late, late)


def test_nobody_waits_after_the_end(against: Callable[..., Replay]):
    resolved = Statement(NOON + minutes(10), OVER)
    reopened = Statement(NOON + minutes(500), OPEN)
    end = Statement(NOON + minutes(520), OVER)
    replay = against(Story("one", "Trouble", (Statement(NOON, OPEN), resolved, reopened, end)))

    assert [gap.length for gap in replay.gaps] == [minutes(10), minutes(20)]


def test_open_incident_leaves_its_promise_unsettled(against: Callable[..., Replay]):
    replay = against(story(0, 10, last=OPEN))

    assert (replay.promises.made, replay.promises.unsettled, len(replay.gaps)) == (2, 1, 1)
    assert "1 incident is still open: the silence after the last update is not counted." in replay.history.notes


def test_single_update_has_no_gap_and_still_counts(against: Callable[..., Replay]):
    replay = against(story(0), story(0, 90, public_id="two"))

    assert (replay.incidents, len(replay.gaps), replay.dark_share) == (2, 1, 0.5)
    assert "1 incident has a single update, and so no gap." in replay.history.notes


def test_nothing_but_single_updates_has_no_spread(against: Callable[..., Replay]):
    replay = against(story(0))

    assert (replay.lengths, replay.late_share, replay.worst) == (None, 0.0, [])
    assert words.of_gaps(replay, "30 min") == "There is no gap between two updates to measure."


def test_updates_of_the_future_are_left_out(against: Callable[..., Replay]):
    replay = against(story(0, 20, 400), story(600, 700, public_id="two"), now=NOON + minutes(60))

    assert [gap.length for gap in replay.gaps] == [minutes(20)]
    assert replay.history.notes[0] == "3 updates lie in the future, after 2026-03-02 13:00 UTC, and were left out."


def test_incident_told_twice_counts_once(against: Callable[..., Replay]):
    replay = against(story(0, 20), story(0, 20, 90), story(0, 20))

    assert (replay.incidents, replay.updates) == (1, 3)
    assert "2 incidents are told more than once: the telling with more updates counts." in replay.history.notes


def test_ladder_climbs_until_somebody_speaks(against: Callable[..., Replay]):
    [gap] = against(story(0, 100)).gaps

    climbed = [(rung.step, (rung.at - NOON) / minutes(1), rung.to.word) for rung in gap.rungs]

    lead, commander = "communications_lead", "incident_commander"
    assert climbed[:2] == [(ReminderStep.DUE_SOON, 25, lead), (ReminderStep.DUE, 30, lead)]
    upwards = [(ReminderStep.OVERDUE, 65, "staff:admin"), (ReminderStep.OVERDUE, 95, "fallback")]
    assert sorted(climbed[2:]) == sorted(
        [(ReminderStep.OVERDUE, at, role) for at in (35, 65, 95) for role in (commander, lead)] + upwards
    )


@pytest.mark.parametrize(("gap", "reminders"), [(25, 0), (26, 1), (30, 1), (31, 2), (35, 2), (36, 4), (65, 4), (66, 7)])
def test_update_at_the_very_moment_comes_before_its_reminder(against: Callable[..., Replay], gap: int, reminders: int):
    replay = against(story(0, gap))

    assert sum(replay.reminders.values()) == reminders


def test_lateness_is_counted_beyond_the_promise(against: Callable[..., Replay]):
    replay = against(story(0, 35, 80, 200))

    assert replay.beyond == minutes(5 + 15 + 90)
    assert replay.promises.lateness
    assert (replay.promises.lateness.median, replay.promises.lateness.longest) == (minutes(15), minutes(90))
    assert [(slot.name, slot.gaps) for slot in replay.slots.lateness if slot.gaps] == [
        ("up to 5 min", 1),
        ("up to 15 min", 1),
        ("up to 2 h", 1),
    ]


def test_first_update_is_timed_only_where_it_is_on_record(against: Callable[..., Replay]):
    stories = [story(0, 1, public_id="a"), story(10, 11, known=0, public_id="b"), story(40, 41, known=0, public_id="c")]
    replay = against(*stories)

    assert (replay.first.recorded, replay.first.in_time) == (2, 1)
    assert replay.first.spread
    assert (replay.first.spread.median, replay.first.spread.longest) == (minutes(10), minutes(40))
    assert "not recorded for 1" in words.of_first_words(replay)


def test_hours_and_weekdays_are_local(against: Callable[..., Replay]):
    replay = against(story(11 * 60, 11 * 60 + 45), zone="Europe/Berlin")  # 23:00 UTC on a Monday

    assert [slot.name for slot in replay.slots.hours if slot.gaps] == ["00"]
    assert [slot.name for slot in replay.slots.weekdays if slot.late] == ["Tuesday"]


def test_worst_come_first(against: Callable[..., Replay]):
    replay = against(*(story(0, 30 + number, public_id=str(number)) for number in range(15)))

    assert [told.story.id for told in replay.worst] == [str(number) for number in range(14, 4, -1)]


def test_program_gets_none_where_nothing_is_recorded(against: Callable[..., Replay]):
    facts = tables.as_json(against(story(0)), {})

    assert (facts["gap_seconds"], facts["first_update"]["seconds"], facts["late_seconds"]) == (None, None, None)
    assert facts["gaps_longer_than_promised_share"] is None
    json.dumps(facts)


def test_spreadsheet_sees_no_formula(against: Callable[..., Replay]):
    told = story(0, 100)
    replay = against(Story("one", "=HYPERLINK(1)", told.statements))

    header, line = "".join(tables.as_csv(replay)).splitlines()

    assert header.startswith("incident_id,title,severity,said_at,promised_for,next_said_at")
    assert line == (
        "one,'=HYPERLINK(1),,2026-03-02T12:00:00Z,2026-03-02T12:30:00Z,2026-03-02T13:40:00Z,6000,late,4200,"
        "2026-03-02T12:25:00Z,2026-03-02T12:30:00Z,2026-03-02T12:35:00Z,10"
    )


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0 %"), (0.004, "under 1 %"), (0.3068, "31 %"), (0.996, "over 99 %"), (1, "100 %")]
)
def test_share_never_reads_as_none_or_all_when_it_is_not(share: float, said: str):
    assert words.percent(share) == said


@pytest.mark.parametrize("most", [0, 1, 3, 437, 1744, 10**6])
def test_scale_is_round_and_leaves_room(most: int):
    chart = columns([Slot("a", gaps=most, late=most // 2), Slot("b")], ["a", "b"])

    assert chart.grid[-1].number >= most
    assert all(0 <= bar.y <= 160 for column in chart.columns for bar in (column.kept, column.late))
