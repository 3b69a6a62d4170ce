"""The parent's patience with its children."""

import sys

from statuspage.cli._supervisor import HEALTHY_AFTER, Child


def _live_and_die(child: Child, now: float, lived: float = 0.0) -> float:
    """Let it start now and end after a while; how long it must then wait is returned."""
    child.tend(now)
    assert child.process is not None
    child.process.wait()
    child.tend(now + lived)
    return round(child.due_at - now - lived, 3)


def test_a_child_that_keeps_dying_waits_longer_each_time() -> None:
    child, now, pauses = Child("engine", [sys.executable, "-c", ""]), 0.0, []
    for _ in range(4):
        pauses.append(_live_and_die(child, now))
        now = child.due_at

    assert pauses == [0.2, 1.0, 2.0, 5.0]


def test_a_child_that_lived_well_starts_again_at_once() -> None:
    child = Child("engine", [sys.executable, "-c", ""])
    _live_and_die(child, 0.0)

    pause = _live_and_die(child, child.due_at, lived=HEALTHY_AFTER + 1)

    assert pause == 0.2


def test_a_child_is_not_started_before_its_time() -> None:
    child = Child("engine", [sys.executable, "-c", ""], due_at=5.0)

    child.tend(4.9)

    assert child.process is None
