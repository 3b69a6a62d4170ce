"""What a history is measured against: the policies of a page or the built-in ones, as they are or tried otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ..clock import span_words
from ..vocabulary import Severity
from .policy import Cadence
from .replaying import Story


@dataclass(frozen=True)
class Yardstick:
    """A cadence for each severity. `chosen` measures every incident by one; without it each has its own."""

    cadences: Mapping[Severity, Cadence]
    origin: str
    chosen: Severity | None = None

    def cadence_of(self, story: Story) -> Cadence:
        """The cadence by which this incident is measured; one of unknown severity is measured by the strictest."""
        return self.cadences[self.chosen or story.severity or Severity.SEV1]

    def tried(self, first: timedelta | None, interval: timedelta | None) -> "Yardstick":
        """The same with another time to the first update, or another interval.

        Reminders that would come earlier than a whole interval before the promise come that long before it.
        """
        if first is None and interval is None:
            return self
        cadences = {}
        for severity, cadence in self.cadences.items():
            every = interval or cadence.interval
            cadences[severity] = replace(
                cadence,
                first=first or cadence.first,
                interval=every,
                lead=min(cadence.lead, every),
                phases={} if interval else cadence.phases,
            )
        return Yardstick(cadences, f"{self.origin}, tried otherwise", self.chosen)

    @property
    def used(self) -> dict[Severity, Cadence]:
        """The cadences that can apply."""
        return {self.chosen: self.cadences[self.chosen]} if self.chosen else dict(self.cadences)

    @property
    def promised(self) -> str:
        """The interval in words; where severities differ in it, that each has its own."""
        spans = {cadence.interval for cadence in self.used.values()}
        return span_words(min(spans)) if len(spans) == 1 else "the interval of their severity"

    @property
    def sentences(self) -> list[str]:
        """The policy in words, a sentence for each cadence."""
        return [
            f"{severity.label} ({self.origin}): the first update within {span_words(cadence.first)}, then one every "
            f"{span_words(cadence.interval)}{_phases(cadence)}; {_chase(cadence)}."
            for severity, cadence in self.used.items()
        ]

    def facts(self) -> dict[str, Any]:
        """All of it, for JSON, spans in seconds."""
        return {
            "severity": self.chosen.value if self.chosen else "of each incident",
            "origin": self.origin,
            "cadences": {
                severity.value: {
                    name: int(getattr(cadence, name).total_seconds()) for name in ("first", "interval", "lead")
                }
                for severity, cadence in self.used.items()
            },
        }


def _phases(cadence: Cadence) -> str:
    own = [f"{phase.label.lower()} {span_words(span)}" for phase, span in cadence.phases.items()]
    return f" ({', '.join(own)})" if own else ""


def _chase(cadence: Cadence) -> str:
    if cadence.ladder is not None:
        return "reminders by a ladder of its own"
    return f"reminders {span_words(cadence.lead)} before, then, and after that"
