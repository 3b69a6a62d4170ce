"""Figures as people read them. What is not recorded says so, and is never zero."""

from datetime import timedelta
from math import floor

from ..clock import span_words

NOT_RECORDED = "not recorded"
NOT_ENOUGH = "not enough history"


def percent(share: float | None) -> str:
    """A share for people, never rounded up to all or down to nothing."""
    if share is None:
        return "—"
    rounded = round(100 * share)
    if rounded in (0, 100) and share not in (0.0, 1.0):
        return f"{100 * share:.1f} %"
    return f"{rounded} %"


def after(seconds: float | None) -> str:
    """A span for people; "not recorded" where there is none."""
    if seconds is None:
        return NOT_RECORDED
    return soon(seconds) if seconds < 60 else span_words(timedelta(seconds=seconds))


def soon(seconds: float) -> str:
    """A span as short as it is: "0.4 s", "12 s", "3 min", "1 h 10 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return span_words(timedelta(seconds=seconds))


def up(share: float | None) -> str:
    """An uptime: to a thousandth of a percent, and rounded down, so that it never says more than there was."""
    if share is None:
        return NOT_ENOUGH
    return f"{_short(floor(share * 100_000 + 1e-6) / 1000)} %"


def target(percentage: float | None) -> str:
    """A target as it was set."""
    return "none" if percentage is None else f"{_short(percentage)} %"


def down(span: timedelta) -> str:
    """How long something was down, in all."""
    return "none" if not span else after(span.total_seconds())


def _short(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")
