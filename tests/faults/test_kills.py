"""A few random kills in every run, and two hundred for each database in `make faults`."""

import json
import subprocess
import sys

import pytest

KILLS = [
    ("sqlite", 1, 4, 2_000),
    # Ranges of a thousand: enough for all four to have work.
    ("postgres", 4, 4, 4_000),
    pytest.param("sqlite", 1, 200, 6_000, marks=pytest.mark.long),
    pytest.param("postgres", 4, 200, 6_000, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("kind", "workers", "kills", "people"), KILLS)
def test_workers_killed_at_random_lose_nobody_and_repeat_within_their_window(
    kind, workers, kills, people, seed, figures
):
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", "--database", kind, "--kills", str(kills), "--recipients",
         str(people), "--workers", str(workers), "--seed", str(seed)],
        capture_output=True, text=True, check=False, timeout=120 + 15 * kills,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    tally = json.loads(done.stdout)
    figures(**{name: tally[name] for name in ("kills", "lost", "duplicates", "broken")})

    assert tally["kills"] == kills
    assert (tally["lost"], tally["unsettled"], tally["other_ids"]) == (0, 0, 0)
    assert tally["duplicates"] <= kills * tally["window"]
    # Cut in the middle, or taken by the sink and not yet written down.
    assert tally["broken"] + tally["duplicates"] > 0, "no kill landed while a message was on the wire"
