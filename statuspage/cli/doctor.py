"""`candor doctor`: one line for each thing that must be right."""

import click

from ..checkup import Finding, look_at_everything
from ..clock import utcnow
from ._shell import app_factory, show_json, show_table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what is right and what is not, one line each; exit 1 when something is bad.

    Looked at: settings, the instance folder and its disk, database, schema, engine and what waits, the relay with
    TLS and password, Twilio, names and certificate, the clock. Nothing is sent and nothing is made. A hint is
    worth a thought; it is not an error.
    """
    findings = list(look_at_everything(app_factory(), utcnow()))
    if as_json:
        show_json([_facts(each) for each in findings])
    else:
        show_table([(each.what, each.verdict.value, each.found) for each in findings])
    ctx.exit(0 if all(each.is_good for each in findings) else 1)


def _facts(finding: Finding) -> dict[str, object]:
    return {
        "what": finding.what,
        "is_good": finding.is_good,
        "verdict": finding.verdict.value.lower(),
        "found": finding.found,
    }
