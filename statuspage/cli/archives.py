"""`candor export`, `backup` and `restore`: everything in one file, and back."""

from datetime import datetime
from pathlib import Path

import click

from .. import urls
from ..archiving import backups, exporting, restoring
from ..clock import utcnow
from ._shell import app_context, find_page, inside, show_json

A_FILE = click.Path(path_type=Path, dir_okay=False)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("file", required=False, type=A_FILE)
@click.option("--page", "page_id", default="", metavar="ID", help="Only what belongs to this page.")
@as_json
@inside
def export(file: Path | None, page_id: str, as_json: bool) -> None:
    """Write everything to a zip with one file of JSON lines per table, readable without Candor.

    It holds personal data: addresses of subscribers and colleagues. No secrets, sessions or keys. The file is
    for your eyes alone (mode 0600). Without FILE, candor-export-….zip in this folder.
    """
    now = utcnow()
    path = file or Path(f"candor-export-{_stamp(now)}.zip")
    counts = exporting.export(path, find_page(page_id) if page_id else None, now)
    if as_json:
        show_json({"file": str(path), "tables": counts})
    else:
        click.echo(f"{path}: {sum(counts.values()):,} rows of {len(counts)} tables.")
        click.echo("It holds personal data. Keep it as carefully as the database.", err=True)


@click.command()
@click.argument("file", required=False, type=A_FILE)
@as_json
def backup(file: Path | None, as_json: bool) -> None:
    """Back up database and secret key to one file, while Candor runs. `candor restore` reads it.

    Whoever has the file can read every address and sign in as anyone: it has mode 0600; keep it so, and keep it
    on another machine. Settings from the environment are not in it. Without FILE, it goes to the folder backups
    in the instance folder.
    """
    with app_context():
        now, settings = utcnow(), urls.settings()
        path = file or settings.instance_dir / "backups" / f"candor-backup-{_stamp(now)}.tar.gz"
        manifest = backups.back_up(path, settings, now)
    if as_json:
        show_json({"file": str(path), "made_at": manifest.made_at, "schema": manifest.schema})
    else:
        click.echo(str(path))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@as_json
def restore(file: Path, as_json: bool) -> None:
    """Put a backup in the place of what is here, which is kept in a folder beside it.

    FILE is what `candor backup` made, or the copy of the database that an upgrade made. Stop Candor first:
    nothing is changed while it runs. A backup of a newer Candor is refused.
    """
    with app_context():
        done = restoring.restore(file, urls.settings(), utcnow())
    if as_json:
        show_json({"made_at": done.made_at, "kept": str(done.kept), "needs_upgrade": done.needs_upgrade})
        return
    click.echo(f"Restored{f' as of {done.made_at}' if done.made_at else ''}. What was here is in {done.kept}.")
    if done.needs_upgrade:
        click.echo("The next start brings the schema up to date; so does `candor db upgrade`.")
    if done.other_key:
        click.echo(
            "CANDOR_SECRET_KEY is not the key of this backup: links in messages sent before will not work.", err=True
        )


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}"
