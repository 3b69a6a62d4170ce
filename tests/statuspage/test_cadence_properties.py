"""What holds for every policy, zone, holiday and clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st

from statuspage.cadence import plain
from statuspage.cadence.checking import problems_of, word_for
from statuspage.cadence.hours import Hours, public_holidays
from statuspage.cadence.policy import Cadence, DeadlineRule, all_rungs, due_rungs, next_update_due
from statuspage.cadence.steps import CHANNELS, COMMANDER, COMMS_LEAD, FALLBACK, MANAGERS, LadderStep
from statuspage.vocabulary import DeadlineKind, DeadlineStart, IncidentStatus, Phase

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
SECOND = timedelta(seconds=1)
calm = settings(deadline=None, max_examples=60)

instants = st.integers(1_700_000_000, 1_860_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
spans = st.integers(1, 7 * 86400).map(lambda seconds: seconds * SECOND)
recipients = st.sampled_from([COMMS_LEAD, COMMANDER, MANAGERS, FALLBACK])
channels = st.lists(st.sampled_from(CHANNELS), unique=True).map(tuple)


@st.composite
def hours(draw):
    opens = draw(st.integers(0, 22))
    closes = draw(st.integers(opens + 1, 23))
    days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    return Hours(
        draw(st.sampled_from(ZONES)), time(opens, draw(st.integers(0, 59))), time(closes, 59), days,
        draw(st.sampled_from(["", "DE", "DE-BE", "US"])),
    )  # fmt: skip


@st.composite
def steps(draw):
    after = draw(st.integers(-3600, 86400)) * SECOND
    return LadderStep(word_for(after), after, draw(recipients), draw(channels))


ladders = st.none() | st.lists(steps(), min_size=1, max_size=8).map(tuple)
rules = st.builds(
    DeadlineRule,
    st.text("abc ", min_size=1, max_size=8),
    spans,
    recipients,
    st.sampled_from(DeadlineStart),
    st.sampled_from(DeadlineKind),
)
cadences = st.builds(
    Cadence,
    spans,
    spans,
    spans,
    phases=st.dictionaries(st.sampled_from(Phase), spans),
    hours=st.none() | hours(),
    ladder=ladders,
    repeat=st.none() | spans,
    deadlines=st.lists(rules, max_size=3).map(tuple),
)


@calm
@given(hours(), instants)
def test_next_opening_is_open_and_never_past(kept, at):
    opening = kept.next_opening(at)

    assert opening >= at
    assert kept.are_open(opening)


@calm
@given(hours(), instants)
def test_nobody_was_at_work_before_the_next_opening(kept, at):
    opening = kept.next_opening(at)

    between = [at + (opening - at) * share / 7 for share in range(7)]
    assert opening == at or not any(kept.are_open(each) for each in between)


@calm
@given(hours(), instants)
def test_who_is_open_is_open_by_the_wall_clock(kept, at):
    local = at.astimezone(ZoneInfo(kept.zone))

    if kept.are_open(at):
        assert local.weekday() in kept.days
        assert local.date() not in public_holidays(kept.holidays)


@calm
@given(cadences, st.sampled_from([IncidentStatus.INVESTIGATING, IncidentStatus.MONITORING]), instants)
def test_promise_is_never_sooner_than_the_interval(cadence, status, now):
    due_at = next_update_due(cadence, status, now)

    assert due_at >= now + cadence.interval_in(Phase(status.value))
    assert cadence.hours is not None or due_at == now + cadence.interval_in(Phase(status.value))


@calm
@given(cadences, instants, instants)
def test_whoever_speaks_later_promises_no_sooner(cadence, one, other):
    sooner, later = sorted((one, other))

    assert cadence.held(sooner) <= cadence.held(later)


@calm
@given(cadences, instants)
def test_without_hours_the_clocks_change_nothing(cadence, due_at):
    assert cadence.hours is not None or cadence.held(due_at) == due_at


@calm
@given(cadences, instants, st.lists(st.integers(-7200, 14 * 86400), max_size=12))
def test_however_the_clock_ticks_each_rung_is_climbed_once(cadence, due_at, ticks):
    """Seen at any ticks, in any order: what has been climbed never depends on when one looked before."""
    seen = {}
    for tick in sorted(ticks):
        for rung in due_rungs(due_at, cadence, due_at + tick * SECOND):
            assert rung.at <= due_at + tick * SECOND
            assert seen.setdefault((rung.place, rung.round), rung) == rung


@calm
@given(cadences, instants, st.integers(-7200, 86400))
def test_what_is_due_is_the_latest_of_everything_climbed(cadence, due_at, seconds):
    now = due_at + seconds * SECOND
    if (seconds * SECOND) // cadence.repeats_every > 5000:
        return
    everything = list(all_rungs(due_at, cadence, now))

    latest = {rung.place: rung for rung in everything}
    assert {rung.place: rung for rung in due_rungs(due_at, cadence, now)} == latest
    assert len({(rung.step, rung.round, rung.place) for rung in everything}) == len(everything)


@calm
@given(cadences)
def test_rounds_of_one_word_never_meet_for_two_moments(cadence):
    found = due_rungs(datetime(2026, 3, 2, tzinfo=UTC), cadence, datetime(2026, 4, 2, tzinfo=UTC))

    moments = {(rung.step, rung.round): rung.at for rung in found}
    assert all(moments[rung.step, rung.round] == rung.at for rung in found)


@calm
@given(cadences)
def test_what_is_written_down_is_read_again(cadence):
    assert plain.read_ladder(plain.ladder_values(cadence.ladder)) == cadence.ladder
    assert plain.read_phases(plain.phase_values(cadence.phases)) == cadence.phases
    assert plain.read_deadlines(plain.deadline_values(cadence.deadlines)) == cadence.deadlines
    assert plain.read_hours(plain.hours_values(cadence.hours)) == cadence.hours


@calm
@given(cadences)
def test_whatever_is_wrong_is_said_in_sentences(cadence):
    assert all(sentence.endswith(".") for sentence in problems_of(cadence).values())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["step", "after", "to"]), inner),
    max_leaves=8,
)


@calm
@given(values)
def test_what_is_no_policy_is_refused_as_that(given_values):
    for read, write in (
        (plain.read_ladder, plain.ladder_values),
        (plain.read_phases, plain.phase_values),
        (plain.read_deadlines, plain.deadline_values),
        (plain.read_hours, plain.hours_values),
    ):
        try:
            found = read(given_values)
        except plain.Unreadable:
            continue
        assert not given_values, "nothing that these values make is a policy"
        assert read(write(found)) == found


def test_christmas_in_berlin_waits_for_the_next_working_day():
    office = Hours("Europe/Berlin", time(9), time(17), holidays="DE-BE")
    eve = datetime(2026, 12, 24, 16, 30, tzinfo=UTC)

    assert office.next_opening(eve).astimezone(ZoneInfo("Europe/Berlin")).date() == date(2026, 12, 28)
    assert not office.are_open(datetime(2026, 12, 25, 12, tzinfo=UTC))


def test_night_of_the_spring_change_opens_by_the_new_clock():
    office = Hours("Europe/Berlin", time(9), time(17), days=(0, 1, 2, 3, 4, 5, 6))

    assert office.next_opening(datetime(2026, 3, 28, 20, tzinfo=UTC)) == datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert office.next_opening(datetime(2026, 3, 27, 20, tzinfo=UTC)) == datetime(2026, 3, 28, 8, tzinfo=UTC)
