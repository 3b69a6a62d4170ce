"""Wheels carry the scripts of the browser, so that their users need neither node nor a network."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Fetches `static/vendor` before a wheel is built from a checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make sure that the vendored files are there; an editable install leaves that to `make setup`."""
        root = Path(self.root)
        if version != "editable" and not (root / "static/vendor/.stamp").exists():
            subprocess.run([sys.executable, str(root / ".ci/vendor.py")], check=True, cwd=root)
