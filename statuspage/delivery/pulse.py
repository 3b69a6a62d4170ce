"""The pulse: what a working process knows of its own work, written down where other processes can see it.

A part beats whenever it goes round or an answer comes in; that costs one assignment. Every few seconds the process
writes all of it down, so that a part that hangs shows beside one that is only idle.
"""

import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete

from notifiers import Channel

from ..db import db, upsert
from ..models import Heartbeat

NOTE_EVERY = timedelta(seconds=5)
FORGET_AFTER = timedelta(hours=1)


def this_process() -> str:
    """The name under which this process works."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


@dataclass
class Beat:
    """One part's own: only its thread writes it."""

    at: datetime
    channel: str = ""
    sent_at: datetime | None = None


@dataclass
class Pulse:
    """The beats of one process, by part."""

    process: str = field(default_factory=this_process)
    beats: dict[str, Beat] = field(default_factory=dict)

    def part(self, name: str, now: datetime, channel: str = "") -> Beat:
        """A part begins to work."""
        beat = self.beats[name] = Beat(now, channel)
        return beat

    def note(self, now: datetime, channels: Mapping[str, Channel] | None = None) -> None:
        """Everybody can see how this process is doing; commits."""
        rows = [
            {
                "process": self.process,
                "part": part,
                "channel": beat.channel,
                "beat_at": beat.at,
                "sent_at": beat.sent_at,
                "noted_at": now,
                "troubles": _troubles((channels or {}).get(beat.channel)),
            }
            for part, beat in list(self.beats.items())
        ]
        if not rows:
            return
        fresh = upsert(Heartbeat)
        columns = ("channel", "beat_at", "sent_at", "noted_at", "troubles")
        db.session.execute(
            fresh.on_conflict_do_update(
                index_elements=["process", "part"], set_={name: fresh.excluded[name] for name in columns}
            ),
            rows,
        )
        db.session.commit()


def forget_old(now: datetime) -> None:
    """Drop what processes wrote that have been gone for long."""
    db.session.execute(delete(Heartbeat).where(Heartbeat.noted_at < now - FORGET_AFTER))
    db.session.commit()


def _troubles(channel: Channel | None) -> list[dict[str, str]]:
    """What a channel that watches its destinations says of those in trouble."""
    health = getattr(channel, "health", None)
    found: Iterable[Any] = health() if callable(health) else ()
    return [
        {"destination": str(each.destination), "state": str(each.state), "reason": str(each.reason)} for each in found
    ]
