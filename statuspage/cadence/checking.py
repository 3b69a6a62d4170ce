"""Whether a policy can be kept at all: pure, a sentence for each thing that cannot."""

from collections.abc import Iterator
from datetime import timedelta

from ..clock import span_words
from ..vocabulary import Phase, ReminderStep
from .policy import Cadence, DeadlineRule
from .steps import LadderStep

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=30)
LONGEST_DEADLINE = timedelta(days=365)
NOTHING, OFTEN_ENOUGH = timedelta(0), timedelta(minutes=1)
MOST_STEPS, MOST_DEADLINES, LONGEST_NAME = 20, 12, 80


def problems_of(cadence: Cadence) -> dict[str, str]:
    """What is wrong, by field; `ladder`, `phases` and `deadlines` are one field each."""
    spans = {"first": cadence.first, "interval": cadence.interval, "lead": cadence.lead, "repeat": cadence.repeat}
    problems = {
        name: "Choose between one second and 30 days."
        for name, span in spans.items()
        if span is not None and not SHORTEST <= span <= LONGEST
    }
    if not NOTHING <= cadence.coalescing <= timedelta(hours=1):
        problems["coalescing"] = "Choose an hour at most."
    if problems:
        return problems
    for field, found in (
        ("phases", _phases(cadence)),
        ("lead", _lead(cadence)),
        ("repeat", _repeat(cadence)),
        ("ladder", _ladder(cadence)),
        ("deadlines", _deadlines(cadence.deadlines)),
    ):
        if sentence := next(found, ""):
            problems[field] = sentence
    return problems


def _phases(cadence: Cadence) -> Iterator[str]:
    for phase, span in cadence.phases.items():
        if not SHORTEST <= span <= LONGEST:
            yield f"{phase.label}: choose between one second and 30 days."


def _lead(cadence: Cadence) -> Iterator[str]:
    shortest, phase = _shortest_interval(cadence)
    if cadence.lead > shortest:
        while_it = f" while {phase.label.lower()}" if phase else ""
        yield (
            f"The interval{while_it} ({span_words(shortest)}) is shorter than the lead time "
            f"({span_words(cadence.lead)}): the first reminder would come before the promise is made."
        )


def _repeat(cadence: Cadence) -> Iterator[str]:
    shortest, _ = _shortest_interval(cadence)
    if cadence.repeat is not None and cadence.repeat < min(OFTEN_ENOUGH, shortest):
        yield "The last step again so soon would bury people in messages. Choose a minute at least."


def _ladder(cadence: Cadence) -> Iterator[str]:
    if cadence.ladder is None:
        return
    if not cadence.ladder:
        yield "A ladder needs a step, or nobody is ever reminded. Add one, or take the ready-made ladder."
    if len(cadence.ladder) > MOST_STEPS:
        yield f"Keep the ladder to {MOST_STEPS} steps."
    shortest, _ = _shortest_interval(cadence)
    for number, step in enumerate(cadence.ladder, 1):
        yield from _step(number, step, shortest)
        if step in cadence.ladder[: number - 1]:
            yield f"Step {number} is there twice. Remove one."


def _step(number: int, step: LadderStep, shortest: timedelta) -> Iterator[str]:
    if -step.after > shortest:
        yield (
            f"Step {number} would remind {span_words(-step.after)} before the time, and an interval is only "
            f"{span_words(shortest)} long."
        )
    if step.after > LONGEST:
        yield f"Step {number} comes more than 30 days after the time."
    if step.step is not word_for(step.after):
        yield f"Step {number} says “{step.step.label.lower()}” at a time that is not."


def _deadlines(rules: tuple[DeadlineRule, ...]) -> Iterator[str]:
    if len(rules) > MOST_DEADLINES:
        yield f"Keep it to {MOST_DEADLINES} deadlines."
    names = [rule.name.casefold() for rule in rules]
    for number, rule in enumerate(rules, 1):
        if not 0 < len(rule.name) <= LONGEST_NAME:
            yield f"Give deadline {number} a name of at most {LONGEST_NAME} characters."
        if rule.name.casefold() in names[: number - 1]:
            yield f"“{rule.name}” is there twice. Give each deadline a name of its own."
        if not SHORTEST <= rule.after <= LONGEST_DEADLINE:
            yield f"“{rule.name}” is due between one second and a year later."


def word_for(after: timedelta) -> ReminderStep:
    """What a step at this distance from the promise is called."""
    if after < NOTHING:
        return ReminderStep.DUE_SOON
    return ReminderStep.OVERDUE if after else ReminderStep.DUE


def _shortest_interval(cadence: Cadence) -> tuple[timedelta, Phase | None]:
    """The shortest interval, and the phase it holds in where that is not every phase."""
    of_phase = min(cadence.phases.items(), key=lambda each: each[1], default=None)
    if of_phase and of_phase[1] < cadence.interval:
        return of_phase[1], of_phase[0]
    return cadence.interval, None
