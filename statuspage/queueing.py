"""A queue beside the ledger, where PostgreSQL and the extra `[workers]` (Procrastinate) are there.

The ledger is the truth. A job is a hint that somebody should look into it, written in the transaction that made the
work: idle workers are woken by it instead of asking. Whatever becomes of a job, nothing is lost with it: the ledger
is swept for work that no job points to.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Engine, inspect, text

from . import postgres
from .db import db

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.worker import Worker

log = structlog.get_logger(__name__)

EXPAND, DELIVER = "candor.expand", "candor.deliver"
OUTBOX = "outbox"
# One job for so many shards: as many workers may join in.
BATCH = 4
POLL_SECONDS, HEARTBEAT_SECONDS, STALLED_SECONDS, PAUSE_SECONDS = 1.0, 5.0, 20.0, 1.0
LOOK_AGAIN_SECONDS = 60.0
_LISTENING = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'")


def is_installed() -> bool:
    """Whether the extra is there."""
    try:
        import procrastinate  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def is_on() -> bool:
    """Whether jobs are written here: the extra is there, and its tables are."""
    return postgres.is_ours(db.engine) and is_installed() and _has_tables(db.engine)


def install(engine: Engine) -> None:
    """The queue has its tables, in the form that the installed version wants. To be called by one process at a time.

    Where that fails there is no queue, and senders look by themselves.
    """
    if postgres.is_ours(engine) and is_installed():
        try:
            _install(engine)
        except Exception as error:  # the driver, the queue or a right that we lack: none of them keeps us from serving
            log.warning("queue.not_installed", why=" ".join(str(error).split()))
        _looked_at.clear()


def _install(engine: Engine) -> None:
    from procrastinate import schema  # noqa: PLC0415

    steps = {path.name: path for path in schema.migrations_path.glob("*.sql")}
    with engine.connect() as connection:
        is_there = connection.scalar(text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL"))
        done = connection.scalar(text("SELECT obj_description(to_regclass('procrastinate_jobs'))")) or ""
    if not is_there:
        _take_step(engine, schema.SchemaManager.get_schema(), max(steps))
        return
    for name in sorted(name for name in steps if name > done):
        _take_step(engine, steps[name].read_text(encoding="utf-8"), name)


def _take_step(engine: Engine, statements: str, name: str) -> None:
    """One of the queue's own migrations; which was the last is noted where nobody looks who does not have to know."""
    with engine.begin() as connection:
        connection.connection.cursor().execute(statements)
        connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{name}'"))


def hint_announcement(announcement_id: int) -> None:
    """An announcement waits to be laid out. The caller's commit makes it true."""
    if is_on():
        _defer(EXPAND, OUTBOX, [{"announcement": announcement_id}])


def hint_shards(announcement_id: int, counts: Mapping[str, int]) -> None:
    """So many shards of an announcement wait on each channel. The caller's commit makes it true."""
    if not is_on():
        return
    for channel, count in counts.items():
        batches = range(-(-count // BATCH))
        _defer(DELIVER, channel, [{"channel": channel, "announcement": announcement_id, "batch": n} for n in batches])


def sweep(channels: Collection[str], *, has_unexpanded: bool) -> int:
    """Hint at work that no waiting job points to: its job was lost, or it has just fallen due. How many is returned.

    Hints for which there is no worker are dropped.
    """
    if not is_on():
        return 0
    waiting = set(db.session.scalars(text("SELECT DISTINCT queue_name FROM procrastinate_jobs WHERE status = 'todo'")))
    missing = [channel for channel in channels if channel not in waiting]
    for channel in missing:
        _defer(DELIVER, channel, [{"channel": channel}])
    if has_unexpanded and OUTBOX not in waiting:
        _defer(EXPAND, OUTBOX, [{}])
        missing.append(OUTBOX)
    db.session.commit()
    return len(missing)


def census() -> tuple[int, int]:
    """How many workers listen, and how many jobs wait."""
    waiting = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
    return db.session.scalar(_LISTENING) or 0, db.session.scalar(waiting) or 0


def forget_unheard() -> None:
    """Without anybody who takes jobs, drop them: the ledger has it all, and a queue for nobody only grows."""
    if is_on() and not db.session.scalar(_LISTENING):
        db.session.execute(text("DELETE FROM procrastinate_jobs WHERE status = 'todo'"))
        db.session.commit()


class Listener:
    """Takes jobs in a thread of its own, each channel's one at a time, and hands them to the given functions."""

    def __init__(self, url: Any, expand: Callable[[], None], deliver: Mapping[str, Callable[[], None]]) -> None:
        self.url, self.expand, self.deliver = url, expand, deliver
        self.thread = threading.Thread(target=self._listen, name="queue")
        self.stopping = threading.Event()
        # What the worker may take next: a channel that is busy here is left to others. The worker reads the list anew
        # for each job.
        self.free = [OUTBOX, *deliver]
        self.turns: dict[str, asyncio.Lock] = {}
        self.worker: Worker | None = None

    def start(self) -> None:
        """Begin to listen."""
        self.thread.start()

    def stop(self) -> None:
        """Take no more, and return when what was taken has been done; the functions must know that they are to end."""
        self.stopping.set()
        while self.thread.is_alive():
            if worker := self.worker:
                worker.stop()  # type: ignore[no-untyped-call]  # again, for one that was just beginning
            self.thread.join(PAUSE_SECONDS)

    def _listen(self) -> None:
        while not self.stopping.is_set():
            try:
                asyncio.run(self._work())
            except Exception as error:  # the database is away; the ledger waits
                log.warning("queue.interrupted", why=repr(error))
            self.stopping.wait(PAUSE_SECONDS)

    async def _work(self) -> None:
        from procrastinate.worker import Worker  # noqa: PLC0415

        self.turns = {name: asyncio.Lock() for name in (OUTBOX, *self.deliver)}
        self.free[:] = [OUTBOX, *self.deliver]
        with ThreadPoolExecutor(len(self.free), thread_name_prefix="queue") as pool:
            app = self._app(pool)
            async with app.open_async():
                self.worker = Worker(
                    app,
                    queues=self.free,
                    concurrency=2 * len(self.free),
                    fetch_job_polling_interval=POLL_SECONDS,
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="always",
                )
                takeover = asyncio.create_task(self._take_over(app))
                try:
                    if not self.stopping.is_set():
                        await self.worker.run()  # type: ignore[no-untyped-call]
                finally:
                    takeover.cancel()
                    self.worker = None

    def _app(self, pool: ThreadPoolExecutor) -> "App":
        from procrastinate import App, PsycopgConnector  # noqa: PLC0415

        app = App(connector=PsycopgConnector(conninfo=postgres.plain(self.url), min_size=1, max_size=4))

        async def run(queue: str, do: Callable[[], None]) -> None:
            async with self.turns[queue]:
                with self._busy(queue):
                    await asyncio.get_running_loop().run_in_executor(pool, do)

        @app.task(name=EXPAND)
        async def expand(announcement: int = 0) -> None:  # noqa: ARG001 - for those who look into the queue
            await run(OUTBOX, self.expand)

        @app.task(name=DELIVER)
        async def deliver(channel: str, announcement: int = 0, batch: int = 0) -> None:  # noqa: ARG001
            if channel in self.deliver:
                await run(channel, self.deliver[channel])

        return app

    @contextmanager
    def _busy(self, queue: str) -> Iterator[None]:
        self.free.remove(queue)
        try:
            yield
        finally:
            self.free.append(queue)

    async def _take_over(self, app: "App") -> None:
        """Jobs of workers that are no longer there wait again."""
        while True:
            await asyncio.sleep(STALLED_SECONDS / 2)
            try:
                for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                    log.warning("queue.taken_over", job=job.id, task=job.task_name)
                    await app.job_manager.retry_job(job)
            except Exception as error:  # another worker was quicker, or the database is away
                log.warning("queue.not_taken_over", why=repr(error))


_looked_at: dict[str, tuple[bool, float]] = {}


def _has_tables(engine: Engine) -> bool:
    """Whether the queue's tables are there; asked once, and again after a while if not."""
    key, now = str(engine.url), time.monotonic()
    has, until = _looked_at.get(key, (False, 0.0))
    if not has and now >= until:
        has = inspect(engine).has_table("procrastinate_jobs")
        _looked_at[key] = (has, now + LOOK_AGAIN_SECONDS)
    return has


def _defer(task: str, queue: str, jobs: list[dict[str, Any]]) -> None:
    """Write jobs on the session's own connection. A queue that is not well must not keep anybody from publishing."""
    if not jobs:
        return
    try:
        with db.session.begin_nested():
            raw = db.session.connection().connection.driver_connection
            _writer().configure_task(task, queue=queue, connection=raw).batch_defer(*jobs)
    except Exception as error:  # it is swept up
        log.warning("queue.unavailable", why=repr(error))


@cache
def _writer() -> "App":
    from procrastinate import App, SyncPsycopgConnector  # noqa: PLC0415

    return App(connector=SyncPsycopgConnector())
