"""Where templates and static files are: inside the wheel, or beside the package in a checkout."""

from pathlib import Path


def asset_root() -> Path:
    """The folder that holds `templates/` and `static/`."""
    here = Path(__file__).resolve().parent
    return here / "_assets" if (here / "_assets").is_dir() else here.parent
