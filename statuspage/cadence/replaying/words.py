"""The figures as sentences, the same on the terminal and on the page."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ...clock import span_words
from ...vocabulary import ReminderStep
from .measuring import DARK, Replay, Spread
from .slots import Slot, darkest

# Between these hours most people sleep.
NIGHT = (22, 6)
STEPS = {
    ReminderStep.DUE_SOON: "before the promised time",
    ReminderStep.DUE: "at the promised time",
    ReminderStep.OVERDUE: "after it",
}


def percent(share: float) -> str:
    """A share in whole percent; what is neither none nor all never reads as if it were."""
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def counted(number: int, word: str) -> str:
    """How many of something: "1 update", "1,744 gaps"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def day(at: datetime, zone: str) -> str:
    """The local calendar day, for example "26 Mar 2022"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y}"


def whole(replay: Replay) -> str:
    """What was measured."""
    span = f"{day(replay.began_at, replay.zone)} to {day(replay.last_at, replay.zone)}"
    left_out = replay.history.maintenance
    apart = f"; {counted(left_out, 'maintenance')} left out" if left_out else ""
    return f"{counted(replay.incidents, 'incident')} with {counted(replay.updates, 'update')}, {span}{apart}."


def of_gaps(replay: Replay, promised: str) -> str:
    """How many silences outlasted the promise."""
    if not replay.gaps:
        return "There is no gap between two updates to measure."
    number, share = replay.promises.late, percent(replay.late_share)
    if len(replay.gaps) == 1:
        return f"The one gap between updates was {'longer' if number else 'no longer'} than {promised}."
    return f"{share} of the gaps between updates ({number:,} of {len(replay.gaps):,}) were longer than {promised}."


def of_incidents(replay: Replay) -> str:
    """In how many incidents readers waited long."""
    return (
        f"In {percent(replay.dark_share)} of the incidents ({replay.dark:,} of {replay.incidents:,}) readers waited "
        f"more than {span_words(DARK)} in the dark."
    )


def of_lengths(replay: Replay) -> str:
    """How long the silences were."""
    if replay.lengths is None:
        return ""
    return _spread("The gaps", replay.lengths)


def of_beyond(replay: Replay) -> str:
    """What readers waited in all beyond the promise."""
    return f"Beyond what was promised, readers waited {span_words(replay.beyond)} in all."


def of_first_words(replay: Replay) -> str:
    """How long the first update took, where that is known."""
    first = replay.first
    if first.spread is None:
        return "Time to the first update: not recorded."
    missing = replay.incidents - first.recorded
    unknown = f", not recorded for {missing:,}" if missing else ""
    return (
        f"Time to the first update: half within {span_words(first.spread.median)}, nine in ten within "
        f"{span_words(first.spread.p90)}, at most {span_words(first.spread.longest)} (recorded for "
        f"{counted(first.recorded, 'incident')}{unknown}); {percent(first.in_time / first.recorded)} in time."
    )


def of_promises(replay: Replay) -> str:
    """What would have become of the promises."""
    made = replay.promises
    known = made.kept + made.late
    if not known:
        return f"{counted(made.made, 'promise')} made, none of them settled."
    open_ = f", {made.unsettled:,} not settled yet" if made.unsettled else ""
    return (
        f"{counted(made.made, 'promise')} made: {made.kept:,} kept ({percent(made.kept / known)}), "
        f"{made.late:,} late ({percent(made.late / known)}){open_}."
    )


def of_lateness(replay: Replay) -> str:
    """How late the late ones were."""
    spread = replay.promises.lateness
    return _spread("The late ones were late by", spread, "") if spread else ""


def of_reminders(replay: Replay) -> str:
    """What the ladder would have sent."""
    parts = [f"{count:,} {STEPS[step]}" for step, count in replay.reminders.items()]
    total = sum(replay.reminders.values())
    return f"The ladder would have sent {counted(total, 'reminder')}: {', '.join(parts)}."


def of_night(replay: Replay) -> str:
    """How many of the reminders would have woken somebody."""
    night = sum(slot.reminders for slot in replay.slots.hours if not NIGHT[1] <= int(slot.name) < NIGHT[0])
    return f"{night:,} of them between {NIGHT[0]}:00 and {NIGHT[1]:02d}:00 ({replay.zone})." if night else ""


def of_hours(replay: Replay) -> str:
    """When silence outlasted the promise most often, where there is enough to say so."""
    return _most(replay.slots.hours, f"updates said in the hour from {{}}:00 ({replay.zone})")


def of_weekdays(replay: Replay) -> str:
    """The same for the days of the week."""
    return _most(replay.slots.weekdays, "updates said on a {}")


def _most(slots: Sequence[Slot], after: str) -> str:
    slot = darkest(slots)
    if slot is None or not slot.late:
        return ""
    return (
        f"Silence outlasted the promise most often after {after.format(slot.name)}: "
        f"{percent(slot.share)} of {slot.gaps:,} gaps."
    )


def _spread(subject: str, spread: Spread, verb: str = " took") -> str:
    half, most, longest = map(span_words, (spread.median, spread.p90, spread.longest))
    return f"{subject}{verb} {half} or less in half of the cases, {most} or less in nine of ten, {longest} at most."
