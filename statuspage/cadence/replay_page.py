"""A replay as one page that needs nothing beside itself: styles and charts are inside, and no script."""

from datetime import timedelta

from flask import current_app
from markupsafe import Markup

from ..assets import asset_root
from .replaying import Replay, charts, words
from .yardsticks import Yardstick

STYLES = ("base.css", "report.css")


def render(replay: Replay, yardstick: Yardstick) -> str:
    """The page as HTML."""
    intervals = {cadence.interval for cadence in yardstick.used.values()}
    minutes = min(intervals) / timedelta(minutes=1) if len(intervals) == 1 else None
    return current_app.jinja_env.get_template("reports/replay.html").render(
        replay=replay,
        yardstick=yardstick,
        words=words,
        lengths=charts.by_length(replay, minutes),
        lateness=charts.by_lateness(replay),
        hours=charts.by_hour(replay),
        weekdays=charts.by_weekday(replay),
        strips=[charts.strip(told) for told in replay.worst],
        style=_style(),
    )


def _style() -> Markup:
    folder = asset_root() / "static" / "css"
    return Markup("\n").join(
        Markup((folder / name).read_text(encoding="utf-8"))  # noqa: S704 - our own files, as they are shipped
        for name in STYLES
    )
