"""A replay as lines for a terminal, with bars."""

from collections.abc import Iterable, Iterator, Sequence

from ..cadence.replaying import Replay, words
from ..cadence.replaying.slots import Slot
from ..cadence.yardsticks import Yardstick
from ..clock import span_words
from ..text import excerpt

BAR = 40
KEPT, LATE = "░", "█"


def lines(replay: Replay, yardstick: Yardstick) -> Iterator[str]:
    """The whole report."""
    yield from [replay.history.name, words.whole(replay), *yardstick.sentences]
    yield from _part("Silence", _silence(replay, yardstick))
    if replay.gaps:
        yield from _part(f"How long nobody spoke   {KEPT} in time   {LATE} late", _bars(replay.slots.lengths))
    yield from _part("Promises", filter(None, [words.of_promises(replay), words.of_lateness(replay)]))
    yield from _late(replay)
    yield from _part("Reminders", filter(None, [words.of_reminders(replay), words.of_night(replay)]))
    if replay.gaps:
        yield from _part("Other promises", _tried(replay))
        yield from _part(f"Hour at which the silence began ({replay.zone})", _bars(replay.slots.hours))
        yield from _part("Weekday", _bars(replay.slots.weekdays))
    yield from _part("The worst", _worst(replay))
    yield from _part("Of note", replay.history.notes)


def _part(title: str, said: Iterable[str]) -> Iterator[str]:
    body = list(said)
    if body:
        yield ""
        yield title
        yield from (f"  {line}" for line in body)


def _silence(replay: Replay, yardstick: Yardstick) -> Iterator[str]:
    yield words.of_gaps(replay, yardstick.promised)
    yield words.of_incidents(replay)
    if replay.gaps:
        yield words.of_lengths(replay)
        yield words.of_beyond(replay)
    yield words.of_first_words(replay)


def _bars(slots: Sequence[Slot]) -> Iterator[str]:
    most = max((slot.gaps for slot in slots), default=0) or 1
    width = max(len(slot.name) for slot in slots)
    for slot in slots:
        late = round(BAR * slot.late / most) or (1 if slot.late else 0)
        kept = round(BAR * slot.kept / most) or (1 if slot.kept else 0)
        share = words.percent(slot.share) if slot.gaps else ""
        yield f"{slot.name:<{width}}  {slot.gaps:>6,}  {share:>10}  {LATE * late}{KEPT * kept}".rstrip()


def _late(replay: Replay) -> Iterator[str]:
    for slot in replay.slots.lateness if replay.promises.late else ():
        yield f"  {slot.name:<12}  {slot.gaps:>6,}"


def _tried(replay: Replay) -> Iterator[str]:
    for each in replay.tried:
        share = words.percent(each.longer / len(replay.gaps))
        yield f"an update every {span_words(each.interval):<10}  {each.longer:>6,} late  {share:>10}"


def _worst(replay: Replay) -> Iterator[str]:
    for told in replay.worst:
        day = words.day(told.story.statements[0].at, replay.zone)
        yield (
            f"{day:>11}  {span_words(told.beyond):>14} beyond the promise, longest {span_words(told.longest):<13}  "
            f"{excerpt(told.story.title, 60)}"
        )
