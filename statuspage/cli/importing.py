"""`candor import`: coming from another service."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import click

from .. import text
from ..audit import COMMAND_LINE
from ..clock import utcnow
from ..db import reading
from ..importing.facts import IncidentFacts, SubscriberFacts
from ..importing.statuspage import Attestation, Report, Weighed, import_files
from ..importing.weighing import Fate
from ..models import Page
from ._shell import on_page, show_json

_SIGNS = {Fate.NEW: "+", Fate.CHANGED: "~", Fate.LEFT: "!"}


@click.group("import")
def importing() -> None:
    """Bring history, components and subscribers from another service."""


@importing.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--apply", "applies", is_flag=True, help="Do it. Without this, only say what would be done.")
@click.option("--attested-by", default="", metavar="NAME", help="Who answers for the subscribers' consent.")
@click.option("--evidence", default="", help="Where their consent is kept, for the record.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@on_page
def statuspage(
    page: Page, /, ctx: click.Context, files: tuple[Path, ...], applies: bool, attested_by: str, evidence: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Import a Statuspage page's files: incidents.json, components.json, history.atom, the subscribers' CSV.

    Ids are kept, so that old links to incidents live on. Nobody is notified. Twice is once: what has changed in
    the files since is changed here, unless it was changed here too. What cannot be read is listed, with line
    and reason, and the exit code is then 1.
    """
    who = text.one_line(attested_by)[:100]
    attestation = Attestation(who, text.one_line(evidence)[:120]) if who else None
    with nullcontext() if applies else reading():
        report = import_files(page, list(files), COMMAND_LINE, attestation, utcnow(), applies=applies)
        if as_json:
            show_json(_facts(report))
        else:
            click.echo("\n".join(_lines(report)))
    ctx.exit(0 if report.is_whole else 1)


def _lines(report: Report) -> Iterator[str]:
    if not report.is_applied:
        yield "Nothing is changed yet. This is what --apply would do:"
    for kind, fates in report.counts().items():
        if any(fates.values()):
            yield f"  {kind + 's':<12}" + ", ".join(f"{number:,} {fate}" for fate, number in fates.items())
    for each in report.weighed:
        said = _said(each)
        if said:
            yield f"{_SIGNS.get(each.verdict.fate, '=')} {each.kind} {said}"
    for note in report.notes:
        yield f"  {note}"
    for refused in report.refused:
        verdict = "cannot be read" if refused.is_broken else "is not imported"
        yield f"! {refused.place}: {refused.item} {verdict}: {refused.reason}"


def _said(each: Weighed) -> str:
    """What is worth a line: all that is new or changed but people, and all that has a reason."""
    facts, verdict = each.found.facts, each.verdict
    if isinstance(facts, SubscriberFacts):
        return f"of {each.found.place}: {verdict.reason}" if verdict.reason else ""
    if verdict.fate is Fate.SAME and not verdict.reason:
        return ""
    name = facts.title if isinstance(facts, IncidentFacts) else facts.name
    count = f" ({len(facts.updates)} updates, {facts.started_at:%Y-%m-%d})" if isinstance(facts, IncidentFacts) else ""
    return f"{facts.id} {name}{count}" + (f": {verdict.reason}" if verdict.reason else "")


def _facts(report: Report) -> dict[str, object]:
    return {
        "applied": report.is_applied,
        "counts": report.counts(),
        "items": [
            {
                "kind": each.kind,
                "id": each.found.facts.id,
                "file": each.found.place.file,
                "line": each.found.place.line,
                "fate": each.verdict.fate.value,
                "reason": each.verdict.reason,
            }
            for each in report.weighed
        ],
        "refused": [
            {
                "file": each.place.file,
                "line": each.place.line,
                "item": each.item,
                "reason": each.reason,
                "broken": each.is_broken,
            }
            for each in report.refused
        ],
        "notes": report.notes,
    }
