"""Publishing must not get slower as history grows."""

import tempfile
from pathlib import Path
from statistics import median

from statuspage import schema, settings
from statuspage.db import db
from tests.bench.rows import Row
from tests.conftest import NOON
from tests.histories import history
from tests.replay import Replay
from wsgi import create_app

MOST = 1.5


def publish_growth(scale: float) -> list[Row]:
    """The last hundred publishes of a long history against the first hundred, in milliseconds each (median)."""
    source, said = history()
    said = said[: max(200, int(len(said) * scale))]
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings.load(instance_dir=Path(folder), log_level="error"))
        with app.app_context():
            schema.upgrade(NOON)
            replay = Replay()
            replay.prepare(said)
            for each in said:
                replay.say(each)
            db.session.remove()
            db.engine.dispose()
    first, last = median(replay.seconds[:100]) * 1000, median(replay.seconds[-100:]) * 1000
    what = f"time per publish, last hundred against first hundred of {len(said)} updates ({source})"
    return [Row("publish-growth", what, last, "ms", first, f"ratio at most {MOST}", last / first <= MOST)]
