"""`candor run`, `web`, `worker`, `scheduler` and `engine`: the processes of an installation."""

import ctypes
import gc
import inspect
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import click
from flask import Flask

from .. import pages, postgres, settings as settings_module, urls
from ..db import db, relax_sqlite
from ..delivery.engine import Engine
from ..demo import place
from ..jobs import Clock
from ..settings import Settings
from . import _lifeline, _port
from ._shell import Factory, app_context, app_factory, ensure_schema
from ._supervisor import Supervisor

# Seconds until a process that was asked to end is gone: requests in flight, and messages on the wire, have so long.
WEB_GRACE, ENGINE_GRACE = 8, 9
MOST_THREADS = 32

supervised = click.option("--supervised", "is_supervised", is_flag=True, hidden=True)
on_demo = click.option("--demo", "is_demo", is_flag=True, hidden=True)


@click.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Serve page and panel and deliver messages: web workers and engine under one parent.

    Brings the database up to date first (with CANDOR_AUTO_MIGRATE=0 it refuses an older one instead), replaces
    a process that dies, and ends all of them in order on SIGTERM or Ctrl-C.
    """
    with app_context() as app:
        settings = urls.settings()
        _port.await_free(settings)
        _prepare(app)
    ctx.exit(supervise(settings, partial(show_addresses, settings)))


@click.command()
@supervised
@on_demo
def web(is_supervised: bool, is_demo: bool) -> None:
    """Serve page and panel alone."""
    if is_supervised:
        _lifeline.end_with_parent(WEB_GRACE)
    with app_context(_settings(is_demo)) as app:
        settings = urls.settings()
        if not is_supervised:
            _port.await_free(settings)
        _prepare(app)
    _serve(app_factory(), settings)


@click.command()
@supervised
@on_demo
def engine(is_supervised: bool, is_demo: bool) -> None:
    """Deliver messages, chase promises and keep the clock, alone: worker and scheduler in one."""
    if is_supervised:
        _lifeline.end_with_parent(ENGINE_GRACE)
    with app_context(_settings(is_demo)) as app:
        _work(app, expands=True, sends=True, keeps_clock=True)


@click.command()
def worker() -> None:
    """Deliver messages. Any number of these share the work, on any number of machines, over one PostgreSQL.

    With the extra [workers] a queue wakes them; without it they look by themselves.
    """
    with app_context() as app:
        _work(app, expands=False, sends=True, keeps_clock=False)


@click.command()
def scheduler() -> None:
    """Keep the clock: reminders, what falls due, who is to be told. Of several, one at a time does."""
    with app_context() as app:
        _work(app, expands=True, sends=False, keeps_clock=True)


def supervise(
    settings: Settings, announce: Callable[[], None], options: Sequence[str] = (), keeps: Sequence[int] = ()
) -> int:
    """Run web and engine until asked to end and return the exit code; `announce` once the page answers."""
    program = (sys.executable, inspect.getfile(app_factory()))
    commands = {name: (*program, name, "--supervised", *options) for name in ("web", "engine")}
    return Supervisor(commands, partial(_port.answers, settings), announce, keeps).run()


def _share_memory() -> None:
    """Threads share two heaps; glibc would give each of some thirty one of its own (mallopt(3), M_ARENA_MAX)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-8, 2)


def _work(app: Flask, *, expands: bool, sends: bool, keeps_clock: bool) -> None:
    """Do these of the duties behind the page until asked to end."""
    _share_memory()
    relax_sqlite(db.engine)
    postgres.relax(db.engine, urls.settings().lease)
    _prepare(app)
    engine = Engine(app, urls.settings(), app.extensions["candor.channels"], expands=expands, sends=sends)
    clock = Clock(app) if keeps_clock else None
    engine.hear_signals()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not look through it again and again
    engine.start()
    if clock:
        clock.start()
    engine.wait_for_signal()
    _lifeline.end_within(ENGINE_GRACE)
    engine.begin_to_stop()
    if clock:
        clock.stop()
    engine.stop()


def show_addresses(settings: Settings) -> None:
    """Say where page and panel are."""
    click.echo(f"Page        {settings.base_url}/")
    click.echo(f"Panel       {settings.base_url}/admin/")


def _settings(is_demo: bool) -> Settings | None:
    return place.demo_settings(settings_module.load()) if is_demo else None


def _prepare(app: Flask) -> None:
    """The database is ready to be served, and is not a demo about to write to real people."""
    ensure_schema(urls.settings())
    place.refuse_real_relays(pages.first(), urls.settings(), app.extensions["candor.channels"])
    db.session.remove()


def _serve(factory: Factory, settings: Settings) -> None:
    from granian import Granian  # noqa: PLC0415 - only this process needs a server
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    server = Granian(
        target="candor",
        address=_port.address_of(settings),
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=min(MOST_THREADS, 2 * multiprocessing.cpu_count() + 1),
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=WEB_GRACE,
    )
    # The loader instead of a target's name: a wsgi.py in the working directory is not taken for ours.
    server.serve(target_loader=partial(_worker, factory, settings, os.getpid()), wrap_loader=False)


def _worker(factory: Factory, settings: Settings, server_pid: int) -> Flask:
    """What each web worker serves; it ends with its server."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until the worker's own handlers are there
    _lifeline.end_with_process(server_pid, WEB_GRACE)
    app = factory(settings)
    with app.app_context():
        postgres.hasten(db.engine)
    return app
