"""A drill's script: plain lines that anybody can write. Pure: text in, facts or a sentence out.

Severity: sev2
About: Two people, a database, and impatient customers.

+0 alert: 40 % of checkouts fail.
+10 tech lead: The failover did not finish.

expect +10 first update
expect +25 monitoring
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from .. import text
from ..errors import Invalid
from ..vocabulary import IncidentStatus, IncidentType, Severity

AnyWord = TypeVar("AnyWord", bound=StrEnum)

LONGEST, MOST_LINES, LAST_MINUTE = 20_000, 200, 24 * 60
VOICE_LIMIT, WORDS_LIMIT = 40, 1000
FIRST_UPDATE = "first update"
_INJECT = re.compile(r"\+ ?(\d{1,5})\s+([^:]+):\s*(.+)")
_EXPECT = re.compile(r"expect \+ ?(\d{1,5})\s+(.+)", re.IGNORECASE)
_FACT = re.compile(r"(severity|type|about)\s*:\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Inject:
    """What participants learn so many minutes into the drill, and from whom."""

    minute: int
    voice: str
    words: str


@dataclass(frozen=True)
class Expectation:
    """What should have been said by a minute: anything at all in public, or a status."""

    minute: int
    status: IncidentStatus | None = None

    @property
    def label(self) -> str:
        """The step as the score sheet names it."""
        return self.status.label if self.status else FIRST_UPDATE.capitalize()


@dataclass(frozen=True)
class Script:
    """What is rehearsed."""

    severity: Severity
    type: IncidentType
    about: str
    injects: tuple[Inject, ...]
    expectations: tuple[Expectation, ...]

    @property
    def minutes(self) -> int:
        """How long it takes in its own time: to the last thing that happens or is expected."""
        known, expected = (each.minute for each in self.injects), (each.minute for each in self.expectations)
        return max(*known, *expected, 0)


def read(source: str) -> Script:
    """The script in these lines; raises Invalid, which names the line that cannot be read."""
    lines = text.block(source[: LONGEST + 1]).split("\n")
    if len(source) > LONGEST or len(lines) > MOST_LINES:
        raise _wrong(f"A script has at most {MOST_LINES} lines and {LONGEST:,} characters.")
    facts: dict[str, str] = {}
    injects: list[Inject] = []
    expectations: list[Expectation] = []
    for number, line in enumerate((each.strip() for each in lines), 1):
        if not line or line.startswith("#"):
            continue
        if found := _EXPECT.fullmatch(line):
            expectations.append(Expectation(_minute(found[1], number), _expected(found[2], number)))
        elif found := _INJECT.fullmatch(line):
            injects.append(_inject(found, number))
        elif found := _FACT.fullmatch(line):
            facts[found[1].lower()] = text.one_line(found[2])
        else:
            raise _wrong(
                f"Line {number} cannot be read. Write “+4 chat: Support has 30 tickets”, “expect +10 first update”, "
                "or “Severity: sev2”."
            )
    if not injects:
        raise _wrong("A script needs one line at least that begins with a minute, like “+0 alert: Checkouts fail”.")
    return Script(
        _word(Severity, facts.get("severity", "sev2"), "severity"),
        _word(IncidentType, facts.get("type", "outage"), "type"),
        text.excerpt(facts.get("about", ""), 300),
        tuple(sorted(injects, key=lambda each: each.minute)),
        tuple(sorted(expectations, key=lambda each: each.minute)),
    )


def _inject(found: re.Match[str], number: int) -> Inject:
    voice, words = text.one_line(found[2]), text.one_line(found[3])
    if len(voice) > VOICE_LIMIT or len(words) > WORDS_LIMIT:
        raise _wrong(
            f"Line {number} is too long: {VOICE_LIMIT} characters for who speaks, {WORDS_LIMIT} for the words."
        )
    return Inject(_minute(found[1], number), voice, words)


def _minute(digits: str, number: int) -> int:
    if int(digits) > LAST_MINUTE:
        raise _wrong(f"Line {number}: a drill lasts a day at most, {LAST_MINUTE} minutes.")
    return int(digits)


def _expected(words: str, number: int) -> IncidentStatus | None:
    wanted = " ".join(words.lower().split())
    if wanted == FIRST_UPDATE:
        return None
    if wanted not in set(IncidentStatus):
        known = ", ".join([FIRST_UPDATE, *IncidentStatus])
        raise _wrong(f"Line {number}: “{text.excerpt(wanted, 40)}” cannot be expected. What can be: {known}.")
    return IncidentStatus(wanted)


def _word(words: type[AnyWord], value: str, what: str) -> AnyWord:
    try:
        return words(value.lower().replace(" ", "_"))
    except ValueError as error:
        raise _wrong(f"“{text.excerpt(value, 40)}” is no {what}. Choose one of: {', '.join(words)}.") from error


def _wrong(sentence: str) -> Invalid:
    return Invalid({"text": sentence})
