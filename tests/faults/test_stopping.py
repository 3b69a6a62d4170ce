"""Stop in the middle of a crowd: nothing leased afterwards leaves, and better words reach exactly whom they should."""

from collections import Counter

import pytest

from statuspage import announcing, publishing
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery.dispatcher import WINDOW
from statuspage.models import Announcement
from tests.bench.place import BY
from tests.faults.stage import Stage
from tests.ledger_sink import LedgerSink
from tests.running import wait_until

# From the final dot to its answer, on each of ten connections for each sender.
SECONDS = 0.01
# For each sender: what is on the wire, and the window that was fetched behind it.
STILL_LEAVES = 2 * WINDOW
SIZES = [2_000, pytest.param(20_000, marks=pytest.mark.long)]
BETTER = "Card payments fail for customers in France alone."


@pytest.mark.parametrize("people", SIZES)
def test_stop_holds_and_the_correction_reaches_exactly_whom_the_wrong_words_had(tmp_path, senders, people, figures):
    with LedgerSink(tmp_path, SECONDS) as sink, Stage(tmp_path, people, sink.url) as stage:
        stage.start(*senders)
        wrong = stage.publish()
        wait_until(lambda: len(sink.lines) > people // 3, "the fan-out did not get going")

        stop(stage, wrong)
        before = len(sink.lines)
        wait_until(lambda: not stage.leased_shards(wrong), "a worker keeps what was stopped")
        after = len(sink.lines)
        correction, again = correct(stage, wrong)
        for announcement in (wrong, correction, again):
            stage.wait(announcement)
        said = {name: {line.message_id.strip("<>"): address for address, line in stage.lines(number).items()}
                for name, number in (("wrong", wrong), ("correction", correction), ("again", again))}  # fmt: skip
        states = stage.states(wrong)
        taken = sink.taken

    got = {name: [to for to, identity in taken.elements() if identity.strip("<>") in ids] for name, ids in said.items()}
    lost = stage.people - set(got["correction"]) - set(got["again"])
    figures(lost=len(lost), duplicates=taken.total() - len(taken), stopped_at=before, left_after=after - before)
    assert people // 3 < before < people
    assert after - before <= STILL_LEAVES * max(1, senders.count("worker"))
    assert len(got["wrong"]) == after
    assert states == {"sent": after, "withdrawn": people - after}
    assert Counter(got["correction"]) == Counter(got["wrong"])
    assert Counter(got["again"]) == dict.fromkeys(stage.people - set(got["wrong"]), 1)
    assert set(taken.values()) == {1}
    assert lost == set()


def stop(stage: Stage, announcement_id: int) -> None:
    with stage.app.app_context():
        announcing.stop(db.session.get_one(Announcement, announcement_id), BY, utcnow())
        db.session.remove()


def correct(stage: Stage, announcement_id: int) -> tuple[int, int]:
    """Mend the words; the announcements to those who were told the wrong ones, and to everybody else."""
    with stage.app.app_context():
        update = db.session.get_one(Announcement, announcement_id).update
        assert update is not None
        publishing.correct(update, BETTER, BY, utcnow(), tells=True)
        db.session.remove()
    correction, again = stage.announcements()[-2:]
    return correction, again
