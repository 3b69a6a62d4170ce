"""The drill: a backup made in the middle of everything, a lost machine, and the way back."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from tests.running import Running, wait_until


def test_a_backup_made_while_everything_writes_brings_everything_back(tmp_path: Path) -> None:
    backup = tmp_path / "drill.tar.gz"
    with Running(tmp_path) as candor:
        candor.command("component", "add", "API")
        candor.command("subscriber", "add", "--email", "reader@example.com")
        incident = candor.command("incident", "open", "--title", "Payments fail", "--body", "Looking.",
                                  "--component", "API=major_outage")  # fmt: skip
        with Writers(candor, incident) as writers:
            wait_until(lambda: len(writers.said) >= 3, "Nobody wrote anything")
            before = list(writers.said)
            candor.command("backup", str(backup))
        assert len(writers.said) > len(before)
        assert refusal(candor, backup) == "Candor is running here. Stop it, and restore then."

    shutil.rmtree(tmp_path / "instance")
    again = Running(tmp_path)
    again.command("restore", str(backup))
    with again:
        kept = [update["id"] for update in again.incident(incident)["updates"]]

        assert set(before) <= set(kept[1:]) <= set(writers.said)
        assert "Payments fail" in again.get("/")
        assert again.command("db", "check") == "The database has today's schema."


class Writers:
    """Two who post updates without a pause, each through a process of its own, until the block ends."""

    def __init__(self, candor: Running, incident: str) -> None:
        self.candor, self.incident = candor, incident
        self.said: list[str] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=[name]) for name in ("Ana", "Bo")]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _write(self, name: str) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            words = f"{name}'s update {number}."
            self.said.append(self.candor.command("incident", "update", self.incident, "--body", words))


def refusal(candor: Running, backup: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wsgi", "restore", str(backup)],
        env=candor.environment, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent.parent,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr.strip()
