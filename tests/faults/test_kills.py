"""A few random kills in every run; `python -m tests.faults.kills --kills 200` is the whole of it."""

import json
import random
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("kind", "workers"), [("sqlite", 1), ("postgres", 4)])
def test_workers_killed_at_random_lose_nobody_and_repeat_within_their_window(kind, workers):
    kills, seed = 4, random.SystemRandom().randrange(10**6)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", "--database", kind, "--kills", str(kills), "--recipients",
         "2000", "--workers", str(workers), "--seed", str(seed)],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    tally = json.loads(done.stdout)
    print(f"\n{tally}")

    assert tally["kills"] == kills
    assert (tally["lost"], tally["unsettled"], tally["other_ids"]) == (0, 0, 0)
    assert tally["duplicates"] <= kills * tally["window"]
    assert tally["broken"] > 0, "no kill landed while a message was on the wire"
