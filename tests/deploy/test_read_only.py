"""As in the container: everything read-only but the instance folder, and no rights beyond a user's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import Running, wait_until

# A mount namespace of our own; without root, a user namespace that makes one possible.
ALONE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
LOCK_UP = """
set -e
mount --make-rprivate / 2>/dev/null || true
mount --bind "$OPEN" "$OPEN"
mount -o remount,bind,ro /
findmnt -rno TARGET "$CODE" >/dev/null && mount -o remount,bind,ro "$CODE" || true
! touch "$CODE/written" 2>/dev/null
touch "$OPEN/written"
cd "$OPEN"
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
ROOT = Path(__file__).parent.parent.parent


def can_lock_up(folder: Path) -> bool:
    needed = ("unshare", "setpriv", "findmnt")
    if not all(shutil.which(tool) for tool in needed):
        return False
    return subprocess.run(locked_up("true"), env=about(folder), capture_output=True, check=False).returncode == 0


def locked_up(*command: str) -> list[str]:
    return [*ALONE, "sh", "-c", LOCK_UP, "sh", *command]


def about(folder: Path) -> dict[str, str]:
    return os.environ | {"OPEN": str(folder), "CODE": str(ROOT)}


class LockedUp(Running):
    """`candor run` where only the instance folder can be written to."""

    def start(self) -> None:
        """Start it in a mount namespace of its own."""
        folder = Path(self.environment["CANDOR_INSTANCE_DIR"])
        folder.mkdir(mode=0o700)
        command = locked_up(sys.executable, "-m", "wsgi", "run")
        environment = self.environment | about(folder) | self.environment | {"PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self.processes = [
                subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            ]
        wait_until(self._is_ready, "Candor did not become ready", lambda: self.log.read_text()[-2000:])


def test_candor_writes_to_its_instance_folder_alone(tmp_path: Path) -> None:
    if not can_lock_up(tmp_path):
        pytest.skip("this machine allows no mount namespace: the read-only run was not proven here")

    with LockedUp(tmp_path) as candor:
        assert "No known incidents" in candor.get("/")
        found = {path.name for path in (tmp_path / "instance").iterdir()}
        assert candor.stop() == 0

    assert {"candor.db", "secret_key"} <= found
    assert not (ROOT / "written").exists()
