"""The `candor` command. `wsgi.py` hands in the app factory as the context's object; the verbs are the panel's own."""

import click

from . import announcements, components, database, demo, doctor, incidents, page, policies, serving, subscribers, users
from ._shell import Sentences


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="candor-status", prog_name="candor")
def cli() -> None:
    """Candor: a status page that says it once, to everyone, and notices when nobody speaks.

    Settings come from CANDOR_… variables or candor.toml. Every command works on the first page.
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
    policies.policy,
    components.component,
    subscribers.subscriber,
    incidents.incident,
    announcements.announcement,
):
    cli.add_command(command)

__all__ = ["cli"]
