"""`candor announcement`: what was said to many, and what became of it."""

from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import select

from .. import announcing
from ..audit import COMMAND_LINE
from ..clock import iso_text, utcnow
from ..db import db
from ..delivery import exporting, reach, receipts, retrying, unreported
from ..models import Announcement, Page
from ..vocabulary import AnnouncementKind
from ._shell import on_page, show_json, show_table

TO_MANY = (AnnouncementKind.INCIDENT_UPDATE, AnnouncementKind.CORRECTION)


@click.group()
def announcement() -> None:
    """Who was told, how fast, and what became of the others."""


@announcement.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--last", default=50, type=click.IntRange(1, 10_000), help="So many, the newest first.")
@on_page
def list_(page: Page, as_json: bool, last: int) -> None:
    """List what was said to many, the newest first."""
    query = select(Announcement).where(Announcement.page_id == page.id, Announcement.kind.in_(TO_MANY))
    found = db.session.scalars(query.order_by(Announcement.id.desc()).limit(last))
    heads = [exporting.head(each) for each in found]
    if as_json:
        show_json(heads)
    else:
        show_table([(each["id"], each["said_at"], str(each["owed"]), _states(each["states"])) for each in heads])


@announcement.command()
@click.argument("announcement_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def show(page: Page, announcement_id: str, as_json: bool) -> None:
    """Show the receipt of one announcement: how many in each state, and how fast people were reached."""
    known = _receipt(announcing.find(page, announcement_id))
    if as_json:
        show_json(known)
    else:
        click.echo("\n".join(_lines(known)))


@announcement.command()
@click.argument("announcement_id", metavar="ID")
@click.option("--csv", "form", flag_value="csv", default=True, help="As CSV with a header (the default).")
@click.option("--json", "form", flag_value="json", help="As one JSON document.")
@on_page
def export(page: Page, announcement_id: str, form: str) -> None:
    """Print the ledger of one announcement, a line for each message, with whole addresses."""
    found = announcing.find(page, announcement_id)
    exporting.note_export(found, form, COMMAND_LINE, utcnow())
    lines = exporting.lines(found.id)
    written = exporting.as_csv(lines) if form == "csv" else exporting.as_json(exporting.head(found), lines)
    for piece in written:
        click.echo(piece.replace("\r\n", "\n"), nl=False)


@announcement.command()
@click.argument("announcement_id", metavar="ID")
@on_page
def retry(page: Page, announcement_id: str) -> None:
    """Try again what failed, never what arrived; print how many."""
    found = announcing.find(page, announcement_id)
    click.echo(retrying.retry_failed(found, COMMAND_LINE, utcnow()))


def _receipt(found: Announcement) -> dict[str, Any]:
    channels = receipts.by_channel(found)
    curves, silent = reach.curves(found, channels), unreported.counts(found, utcnow())
    return {
        **exporting.head(found),
        "held_until": _instant(found.held_until),
        "stopped_at": _instant(found.stopped_at),
        "withdrawn_at": _instant(found.withdrawn_at),
        "no_receipt": sum(silent.values()),
        "reached_after_seconds": _times(reach.together(list(curves.values()))),
        "channels": {
            channel: {
                "states": {state.value: count for state, count in states.items()},
                "no_receipt": silent.get(channel, 0),
                "reached_after_seconds": _times(curves.get(channel, reach.Curve())),
            }
            for channel, states in channels.items()
        },
    }


def _times(curve: reach.Curve) -> dict[str, float] | None:
    if not curve.total:
        return None
    return {"p50": round(curve.until(0.5), 3), "p95": round(curve.until(0.95), 3), "last": round(curve.last, 3)}


def _instant(at: Any) -> str | None:
    return iso_text(at) if at else None


def _states(states: dict[str, int]) -> str:
    return " · ".join(f"{count} {state}" for state, count in states.items()) or "nobody told yet"


def _lines(known: dict[str, Any]) -> Iterator[str]:
    yield f"{known['kind']} of {known['said_at']}, owed to {known['owed']}"
    parts = {"all": known, **known["channels"]}
    for name, part in parts.items():
        times = part["reached_after_seconds"]
        reached = (
            f" · half after {times['p50']} s, 95 % after {times['p95']} s, last {times['last']} s" if times else ""
        )
        unheard = f" · {part['no_receipt']} sent, no receipt" if part["no_receipt"] else ""
        yield f"{name}: {_states(part['states'])}{unheard}{reached}"
