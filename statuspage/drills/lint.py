"""Simple things to say about words: what readers stumble over, each with how it was meant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_SEGMENTS = 3


@dataclass(frozen=True)
class Said:
    """One public statement: its words, whether it told when the next one comes or why none does, its SMS length."""

    number: int
    body: str
    promises: bool
    is_last: bool
    segments: int


@dataclass(frozen=True)
class Finding:
    """What is odd about a statement, and how it was meant."""

    number: int
    what: str
    meant: str


def findings(said: Sequence[Said]) -> list[Finding]:
    """What is odd about these statements, in their order."""
    found = []
    for before, each in zip([None, *said], said, strict=False):
        if not each.promises and not each.is_last:
            found.append(
                Finding(each.number, "No next update was promised.", "Say when you speak again, even without news.")
            )
        if each.segments > MOST_SEGMENTS:
            found.append(
                Finding(
                    each.number,
                    f"It takes {each.segments} SMS segments, so an SMS breaks off.",
                    f"Put what matters into the first {MOST_SEGMENTS} segments, about 450 characters.",
                )
            )
        if before is not None and _bare(before.body) == _bare(each.body):
            found.append(
                Finding(
                    each.number,
                    "The same words as last time.",
                    "Say what was tried since, or that nothing changed since a named time.",
                )
            )
    return found


def _bare(words: str) -> str:
    return " ".join("".join(each if each.isalnum() else " " for each in words.casefold()).split())
