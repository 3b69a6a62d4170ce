"""One thing looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is: well, well with something to think about, or wrong."""

    OK = "ok"
    HINT = "hint"
    BAD = "BAD"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what was found."""

    what: str
    verdict: Verdict
    found: str

    @property
    def is_good(self) -> bool:
        """Whether nothing must be done."""
        return self.verdict is not Verdict.BAD


def ok(what: str, found: str) -> Finding:
    """All is well."""
    return Finding(what, Verdict.OK, found)


def hint(what: str, found: str) -> Finding:
    """It works, and could be better."""
    return Finding(what, Verdict.HINT, found)


def bad(what: str, found: str) -> Finding:
    """Somebody must do something."""
    return Finding(what, Verdict.BAD, found)
