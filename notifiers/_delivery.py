"""One call of `deliver`: letters over several connections and relays at once, in one loop that waits for none of them.

A letter is asked for only when there is room for it, and what is known is told before the next is asked for.
"""

import queue
import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ._breaker import Admission
from ._contract import DeliveryError, Outcome, UncertainDeliveryError, unheard
from ._line import Letter, Line, Result
from ._opening import Opening
from ._smtp import silent
from ._station import Station

# Letters asked for and not yet answered: what a crash may double at most.
WINDOW = 50
# How long something ready to be written may wait for company while the caller is slow to give the next letter.
_LONGEST_HELD = 0.0005
# How often to look again when another thread holds what we wait for.
_GLANCE = 0.05
# Opening takes several steps, each with the patience of a command; together never more than so many of them.
_OPENING_PATIENCE = 2
# Connections refused in a row by a relay that serves others of us.
_MOST_REFUSALS = 3
# The relay did not answer for this letter.
_UNANSWERED = {"disconnected", "timeout", "uncertain", "protocol"}


@dataclass(eq=False)
class Desk:
    """What one call of `deliver` has to do with one relay."""

    station: Station
    lines: set[Line] = field(default_factory=set)
    # Lines with room for another letter, empty ones in front.
    free: deque[Line] = field(default_factory=deque)
    openings: dict[Opening, float] = field(default_factory=dict)
    # Whether one letter is to show that the relay works again; and that letter, while a line is opened for it.
    is_trying: bool = False
    held: Letter | None = None
    refusals: int = 0
    rests_until: float = 0.0

    @property
    def is_busy(self) -> bool:
        return any(line.letters for line in self.lines)

    @property
    def is_small(self) -> bool:
        """Whether there are fewer lines than this relay may ever have."""
        return len(self.lines) < self.station.relay.connections

    def may_grow(self, now: float) -> bool:
        """Whether another connection could be opened now."""
        return now >= self.rests_until and self.station.could_open(len(self.lines) + len(self.openings))

    def list_free(self, line: Line) -> None:
        """Note that a line has room."""
        if line.is_listed:
            self.free.remove(line)
        line.is_listed = True
        if line.letters:
            self.free.append(line)
        else:
            self.free.appendleft(line)

    def unlist(self, line: Line) -> None:
        if line.is_listed:
            self.free.remove(line)
            line.is_listed = False


class Round:
    """`outcomes` yields what became of each letter of the source, as soon as it is known."""

    def __init__(
        self,
        stations: Sequence[Station],
        source: Iterator[Letter | Outcome],
        is_out_of_time: Callable[[], bool] = lambda: False,
    ) -> None:
        self._desks = [Desk(station) for station in stations]
        self._source = source
        self._is_out_of_time = is_out_of_time
        self._clock = stations[0].clock
        self._ready: deque[Outcome] = deque()
        self._waiting: deque[Letter] = deque()
        self._unanswered = 0
        self._has_ended = False
        self._fault: Exception | None = None
        self._of_line: dict[Line, Desk] = {}
        # Lines with something to be written, and since when.
        self._due: list[Line] = []
        self._due_since = 0.0
        self._through: queue.SimpleQueue[Opening] = queue.SimpleQueue()
        self._look_again_at = 0.0

    def outcomes(self) -> Iterator[Outcome]:
        """Hand over what the source gives until it ends, and answer for all of it."""
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._ear.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        try:
            while True:
                while self._ready:
                    self._unanswered -= 1
                    yield self._ready.popleft()
                self._fill()
                self._flush()
                if self._ready:
                    continue
                if self._has_ended and not self._unanswered:
                    break
                if self._is_out_of_time():
                    yield from self._unheard()
                    break
                self._turn()
        finally:
            self._end()
        if self._fault is not None:
            raise self._fault

    # Giving out letters

    def _fill(self) -> None:
        while not self._ready and (self._waiting or not (self._has_ended or self._unanswered >= WINDOW)):
            desk = self._choose()
            if desk is None:
                return
            if isinstance(desk, DeliveryError):
                if letter := self._next():
                    self._answer(letter, desk)
                continue
            line = self._free_line(desk)
            if line is None and not self._waiting and not self._may_wait(desk):
                return
            letter = self._next()
            if letter is None:
                continue
            if (line is None or line.letters) and not desk.openings and desk.is_small:
                self._open(desk)
            if line is None and desk.is_trying and desk.openings:
                desk.held = letter  # the others need not wait for it
                continue
            if line is None:
                self._waiting.appendleft(letter)
                return
            line.hand(letter)
            if line.results or not line.has_room:
                self._after(line, desk)
            else:
                desk.list_free(line)
                self._note_due(line)

    def _next(self) -> Letter | None:
        """A letter that waits, else a new one; None when there was none, or none that can be sent."""
        if self._waiting:
            return self._waiting.popleft()
        if self._due and self._clock() - self._due_since > _LONGEST_HELD:
            self._flush()
        try:
            letter = next(self._source)
        except StopIteration:
            self._has_ended = True
            return None
        except Exception as error:  # the caller's own; what is under way is finished first
            self._fault, self._has_ended = error, True
            return None
        self._unanswered += 1
        if isinstance(letter, Outcome):
            self._ready.append(letter)
            return None
        return letter

    def _choose(self) -> Desk | DeliveryError | None:
        """Where the next letter goes; why it goes nowhere; or None when that will be known in a moment."""
        is_known = True
        for desk in self._desks:
            if desk.station.is_well:
                return desk
            admission = desk.station.admit()
            if admission is Admission.YES:
                return desk
            if admission is Admission.ONE:
                desk.is_trying = True
                return desk
            if admission is Admission.LATER:
                if desk.is_trying and not desk.is_busy and desk.held is None:
                    return desk
                is_known = False
        return self._desks[-1].station.standing() if is_known else None

    def _free_line(self, desk: Desk) -> Line | None:
        """The line with the least to do, if any has room."""
        if desk.free and not desk.free[0].letters:
            return desk.free[0]
        if line := desk.station.take_idle():
            self._welcome(desk, line)
        return desk.free[0] if desk.free else None

    def _may_wait(self, desk: Desk) -> bool:
        """Whether one letter may be asked for though no line has room: a line will come for it."""
        return not desk.lines or bool(desk.openings) or desk.may_grow(self._clock())

    def _answer(self, letter: Letter, result: Result) -> None:
        self._ready.append(Outcome(letter.key, result))

    # Opening

    def _open(self, desk: Desk) -> None:
        now = self._clock()
        if now < desk.rests_until or not desk.station.may_open(len(desk.lines) + len(desk.openings)):
            return
        opening = Opening(desk.station, self._ring)
        desk.openings[opening] = now + desk.station.relay.command_timeout * _OPENING_PATIENCE
        self._look_again_at = min(self._look_again_at, desk.openings[opening])
        opening.begin()

    def _ring(self, opening: Opening) -> None:
        """From the opening's own thread."""
        self._through.put(opening)
        self._bell.send(b"!")

    def _take_opened(self) -> None:
        with suppress(OSError):
            self._ear.recv(4096)
        while not self._through.empty():
            opening = self._through.get()
            desk = next((desk for desk in self._desks if opening in desk.openings), None)
            if desk is None:
                continue
            if opening.session is None:
                assert opening.error is not None
                self._not_opened(desk, opening, opening.error)
                continue
            del desk.openings[opening]
            desk.refusals = 0
            line = desk.station.opened(opening.session)
            self._welcome(desk, line)
            if desk.held is not None:
                line.hand(desk.held)
                desk.held = None
                self._after(line, desk)

    def _not_opened(self, desk: Desk, opening: Opening, error: DeliveryError) -> None:
        """A relay that serves us on other lines wants fewer of them; one that serves us on none is in trouble."""
        del desk.openings[opening]
        if desk.held is not None:
            self._waiting.appendleft(desk.held)
            desk.held = None
        if not desk.station.not_opened():
            self._trip(desk, error)
            return
        desk.station.ease()
        desk.refusals += 1
        desk.rests_until = self._clock() + 2.0**desk.refusals / 4
        if not desk.lines and desk.refusals >= _MOST_REFUSALS and self._waiting:
            self._answer(self._waiting.popleft(), DeliveryError(str(error), code=error.code))
            desk.refusals = 0

    def _welcome(self, desk: Desk, line: Line) -> None:
        desk.lines.add(line)
        self._of_line[line] = desk
        self._selector.register(line.sock, selectors.EVENT_READ, line)
        line.is_listed = line.is_watched = False
        desk.list_free(line)

    # The loop

    def _turn(self) -> None:
        wait = min(self._look_again_at - self._clock(), 1.0)
        if self._waiting and wait > _GLANCE and not any(desk.openings or desk.is_busy for desk in self._desks):
            wait = _GLANCE
        for key, mask in self._selector.select(max(wait, 0.0)):
            line = key.data
            if line is None:
                self._take_opened()
                continue
            if mask & selectors.EVENT_WRITE:
                self._note_due(line)
            if mask & selectors.EVENT_READ and not line.is_closed:
                line.read()
            self._after(line, self._of_line[line])
        now = self._clock()
        if now >= self._look_again_at:
            self._look_for_silence(now)

    def _note_due(self, line: Line) -> None:
        if not line.is_due:
            if not self._due:
                self._due_since = self._clock()
            line.is_due = True
            self._due.append(line)

    def _flush(self) -> None:
        """Write on every line that has something to say."""
        while self._due:
            lines, self._due = self._due, []
            for line in lines:
                line.is_due = False
                if line.is_closed:
                    continue
                line.flush()
                if line.is_closed or line.wants_to_write != line.is_watched:
                    self._after_writing(line)

    def _after_writing(self, line: Line) -> None:
        if line.is_closed:
            self._after(line, self._of_line[line])
            return
        line.is_watched = line.wants_to_write
        more = selectors.EVENT_WRITE if line.is_watched else 0
        self._selector.modify(line.sock, selectors.EVENT_READ | more, line)

    def _look_for_silence(self, now: float) -> None:
        soonest = now + 1.0
        for desk in self._desks:
            soonest = min(soonest, now + desk.station.relay.command_timeout)
            for line in list(desk.lines):
                if now >= line.deadline:
                    others = max((each.heard_at for each in desk.lines if each is not line), default=0.0)
                    line.give_up(is_alone=others > line.heard_at)
                    self._after(line, desk)
                else:
                    soonest = min(soonest, line.deadline)
            for opening, deadline in list(desk.openings.items()):
                if now >= deadline:
                    opening.give_up()
                    relay = desk.station.relay
                    self._not_opened(desk, opening, silent(relay, relay.command_timeout, is_channel_wide=True))
                else:
                    soonest = min(soonest, deadline)
        self._look_again_at = soonest

    def _after(self, line: Line, desk: Desk) -> None:
        """See what became of the letters of a line, and whether it takes more."""
        if line.results:
            for letter, result in line.results:
                self._settle(desk, letter, result)
            line.results.clear()
        if line.returned:
            self._waiting.extendleft(reversed(line.returned))
            line.returned.clear()
        if not line.is_closed and not line.letters and (line.is_worn or desk.station.is_overfull):
            line.leave()
        if line.is_closed:
            self._forget(line, desk)
            return
        if line.has_room:
            desk.list_free(line)
        else:
            desk.unlist(line)
        if line.wants_to_write and not line.is_watched:
            self._note_due(line)

    def _settle(self, desk: Desk, letter: Letter, result: Result) -> None:
        """Tell the outcome, unless the trouble is the relay's and another one may still take the letter."""
        if not isinstance(result, DeliveryError):
            self._works(desk)
        elif result.is_channel_wide:
            self._trip(desk, result)
            is_last = all(each.station.is_out for each in self._desks)
            if not is_last and not isinstance(result, UncertainDeliveryError):
                self._waiting.append(letter)
                return
            result.is_channel_wide = is_last
        elif result.code not in _UNANSWERED:
            self._works(desk)
        elif desk.is_trying:
            self._trip(desk, result)
        self._answer(letter, result)

    def _works(self, desk: Desk) -> None:
        desk.station.note_success()
        desk.is_trying = False

    def _trip(self, desk: Desk, error: DeliveryError) -> None:
        """Leave this relay in peace; what has not begun there is free to go elsewhere."""
        desk.station.trip(error)
        desk.is_trying = False
        for line in desk.lines:
            line.recall()
            self._waiting.extend(line.returned)
            line.returned.clear()

    def _forget(self, line: Line, desk: Desk) -> None:
        desk.unlist(line)
        desk.lines.discard(line)
        del self._of_line[line]
        with suppress(KeyError, ValueError, OSError):
            self._selector.unregister(line.descriptor)
        desk.station.gone()
        if line.was_told_to_close:
            desk.station.ease()

    def _unheard(self) -> Iterator[Outcome]:
        """What may have been taken without a word; all other letters in hand have certainly not been."""
        for line in self._of_line:
            for letter in line.unheard():
                yield Outcome(letter.key, unheard())

    def _end(self) -> None:
        """Keep what may serve the next call, and hang up where a letter is still under way."""
        for desk in self._desks:
            for opening in desk.openings:
                opening.leave()
            for line in desk.lines:
                if line.letters:
                    line.drop()
                desk.station.give_idle(line)
            if desk.is_trying:
                desk.station.release()
        while not self._through.empty():  # came through at the last moment, and was not yet looked at
            opening = self._through.get()
            if opening.session is not None:
                opening.station.give_idle(opening.station.opened(opening.session))
            else:
                opening.station.not_opened()
        self._selector.close()
        self._bell.close()
        self._ear.close()
