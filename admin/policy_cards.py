"""A policy as a picture and in words, for those who have to keep it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from statuspage.cadence.naming import recipient_words
from statuspage.cadence.policy import Cadence
from statuspage.cadence.soundness import Fault
from statuspage.cadence.steps import LadderStep
from statuspage.channels import label_of
from statuspage.clock import span_text, span_words
from statuspage.vocabulary import DeadlineKind, IncidentType, ReminderStep, Severity

TONES = {ReminderStep.DUE_SOON: "info", ReminderStep.DUE: "degraded", ReminderStep.OVERDUE: "major"}
NOTHING = timedelta(0)


@dataclass(frozen=True)
class Mark:
    """One moment in the picture: how far along in percent, what stands below it, and how loud it is."""

    at: float
    words: str
    tone: str
    number: int = 0


@dataclass(frozen=True)
class Moment:
    """One moment of the ladder in words, with everyone it reaches."""

    number: int
    when: str
    who: tuple[str, ...]
    tone: str


@dataclass(frozen=True)
class Card:
    """One policy as its room shows it."""

    severity: Severity
    type: IncidentType | None
    cadence: Cadence
    spoken: Sequence[Mark]
    climbed: Sequence[Mark]
    moments: Sequence[Moment]
    faults: Sequence[str]

    @property
    def name(self) -> str:
        """What the card is called."""
        return f"{self.severity.label}, {self.type.label.lower()}" if self.type else self.severity.label

    @property
    def where(self) -> str:
        """Where it is changed."""
        return f"/admin/policies/{self.severity.value}" + (f"?type={self.type.value}" if self.type else "")

    @property
    def spoken_words(self) -> str:
        """The upper line of the picture, for who does not see it."""
        return (
            f"First update within {span_words(self.cadence.first)}, then one every {span_words(self.cadence.interval)}."
        )

    @property
    def climbed_words(self) -> str:
        """The lower line of the picture, for who does not see it."""
        steps = "; ".join(f"{each.when}: {', '.join(each.who)}" for each in self.moments)
        return f"Around each promised time: {steps}; then again every {span_words(self.cadence.repeats_every)}."

    @property
    def phases(self) -> list[str]:
        """The phases with an interval of their own."""
        return [f"{phase.label}: every {span_words(span)}" for phase, span in self.cadence.phases.items()]

    @property
    def deadlines(self) -> list[str]:
        """The deadlines in words."""
        kinds = {DeadlineKind.AUTHORITY: "report, kept off the page", DeadlineKind.CUSTOMERS: "word to customers"}
        return [
            f"{each.name} within {span_words(each.after)} ({kinds[each.kind]}; {recipient_words(each.owner.word)})"
            for each in self.cadence.deadlines
        ]


def card(severity: Severity, of_type: IncidentType | None, cadence: Cadence, faults: Sequence[Fault]) -> Card:
    """The policy's card."""
    mine = [fault.sentence for fault in faults if (fault.severity, fault.type) == (severity, of_type)]
    moments = _moments(cadence)
    return Card(severity, of_type, cadence, _spoken(cadence), _climbed(cadence), moments, mine)


def when(after: timedelta) -> str:
    """A step's time in words, from the promised one."""
    if not after:
        return "at the time"
    return f"{span_words(abs(after))} {'before' if after < NOTHING else 'after'}"


def _moments(cadence: Cadence) -> list[Moment]:
    return [
        Moment(number, when(after), tuple(_who(each) for each in steps), TONES[steps[0].step])
        for number, (after, steps) in enumerate(_by_time(cadence), 1)
    ]


def _by_time(cadence: Cadence) -> list[tuple[timedelta, list[LadderStep]]]:
    return [(after, list(steps)) for after, steps in groupby(cadence.steps, key=lambda each: each.after)]


def _who(step: LadderStep) -> str:
    who = recipient_words(step.to.word)
    return f"{who} by {' and '.join(label_of(each) for each in step.channels)}" if step.channels else who


def _spoken(cadence: Cadence) -> list[Mark]:
    """Not to scale: what matters is what follows what."""
    first, every = span_text(cadence.first), span_text(cadence.interval)
    words = ("declared", first, f"+{every}", f"+{every}")
    return [Mark(at, said, "ok" if number else "neutral") for number, (at, said) in enumerate(_along(words))]


def _climbed(cadence: Cadence) -> list[Mark]:
    found = _by_time(cadence)
    words = [_short(after) for after, _ in found]
    tones = [TONES[steps[0].step] for _, steps in found]
    return [
        Mark(at, said, tone, number)
        for number, ((at, said), tone) in enumerate(zip(_along(words), tones, strict=True), 1)
    ]


def _short(after: timedelta) -> str:
    sign = "\u2212" if after < NOTHING else "+"
    return f"{sign}{span_text(abs(after))}" if after else "due"


def _along(words: Sequence[str]) -> list[tuple[float, str]]:
    """Evenly along the line, with room for the words at both ends."""
    step = 84 / max(1, len(words) - 1)
    return [(round(8 + number * step, 2), said) for number, said in enumerate(words)]
