"""The `candor` command. `wsgi.py` hands in the app factory as the context's object; the verbs are the panel's own."""

import click

from . import (
    analytics,
    announcements,
    api_keys,
    archives,
    bounces,
    cadence,
    components,
    database,
    demo,
    doctor,
    drills,
    importing,
    incidents,
    page,
    policies,
    serving,
    subscribers,
    users,
)
from ._shell import Sentences


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="candor-status", prog_name="candor")
def cli() -> None:
    """Candor: a status page that says it once, to everyone, and notices when nobody speaks.

    Settings come from CANDOR_… variables or candor.toml. Without --page a command means the first page.
    """


for command in (
    serving.run,
    serving.web,
    serving.worker,
    serving.scheduler,
    serving.engine,
    demo.demo,
    doctor.doctor,
    database.database,
    page.page,
    users.user,
    api_keys.apikey,
    policies.policy,
    cadence.cadence,
    drills.drill,
    components.component,
    subscribers.subscriber,
    incidents.incident,
    announcements.announcement,
    analytics.analytics,
    bounces.bounces,
    importing.importing,
    archives.export,
    archives.backup,
    archives.restore,
):
    cli.add_command(command)

__all__ = ["cli"]
