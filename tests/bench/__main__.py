"""`make bench`: run every benchmark, or the one named by `ID=`; `BENCH_SCALE` (a factor up to 1) lowers the sizes."""

import json
import os
import platform
import sys
from pathlib import Path

import sqlalchemy

from tests.bench.chase import reminder_lateness, tick
from tests.bench.fanout import fanout_postgres, fanout_sqlite, flat, slow_relay_fanout
from tests.bench.publishing import publish_flat, publish_growth
from tests.bench.reading import page_during_fanout
from tests.bench.sms import sms_rate
from tests.bench.space import space_on_postgres, space_on_sqlite
from tests.bench.wire import slow_relay, wire_vs_source

BENCHES = {
    ("publish-growth",): publish_growth,
    ("publish_flat",): publish_flat,
    ("fanout_sqlite", "fanout_vs_loop", "first_message"): fanout_sqlite,
    ("fanout_postgres",): fanout_postgres,
    ("cost_flat", "memory_flat"): flat,
    ("slow_relay",): slow_relay_fanout,
    ("wire_vs_source", "wire_vs_loop"): wire_vs_source,
    ("slow_wire",): slow_relay,
    ("sms_rate",): sms_rate,
    ("page_during_fanout",): page_during_fanout,
    ("tick",): tick,
    ("reminder_lateness",): reminder_lateness,
    ("row_bytes_sqlite", "subscriber_bytes_sqlite"): space_on_sqlite,
    ("row_bytes_postgres", "subscriber_bytes_postgres"): space_on_postgres,
}


def main() -> None:
    """Print the table, row by row, and write the file."""
    scale = float(os.environ.get("BENCH_SCALE", "1"))
    wanted = os.environ.get("ID") or (sys.argv[1] if len(sys.argv) > 1 else "")
    versions = {"python": platform.python_version(), "sqlalchemy": sqlalchemy.__version__}
    rows = []
    for ids, bench in BENCHES.items():
        if wanted in ("", *ids):
            print(f"{', '.join(ids)} ...", flush=True)
            for row in bench(scale):
                rows.append(row)
                print(f"{row.id:<18} {row.value:>10.3f} {row.unit:<6} reference {row.reference:>10.3f}  "
                      f"ratio {row.ratio:>6.2f}  goal {row.goal}: {'met' if row.met else 'NOT MET'}  ({row.what})",
                      flush=True)  # fmt: skip
            Path("bench.json").write_text(json.dumps([row.as_dict(scale, versions) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
