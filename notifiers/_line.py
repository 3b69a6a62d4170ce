"""One connection to a relay, never blocking: what was written, what was answered, how far each letter has come.

The stage a letter has reached decides what a broken connection means. Until its last byte was written no relay can
have taken it, and sending it again is safe; after that only the relay's answer can tell.
"""

import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ._contract import DeliveryError, PermanentDeliveryError, Receipt
from ._relay import Relay
from ._smtp import (
    CLOSING,
    Session,
    broken_off,
    read_reply,
    refused,
    relay_wide,
    sender_refused,
    silent,
    uncertain,
)

MOST_TRIES = 3
# How often a letter may be the one at which a relay has had enough of a connection: it can hardly help it.
MOST_FAREWELLS = 10
# Letters under way on one connection: with CHUNKING many, with PIPELINING one behind the other, else one.
CHUNKING_WINDOW = 16
PIPELINING_WINDOW = 2
_READ_SIZE = 65536
_LONGEST_REPLY = 65536
_GO_AHEAD = 354

RSET, MAIL, RCPT, DATA, LAST, NOTHING = range(6)
_WANTS = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Result = Receipt | DeliveryError


@dataclass(slots=True, eq=False)
class Letter:
    """One mail on its way: to whom, from whom, its bytes, and what has been heard of it."""

    key: str | int
    recipient: str
    return_path: str
    raw: bytes
    message_id: str
    # Whether a line may begin with a dot, which is doubled on the wire.
    may_have_dots: bool = True
    tries: int = 0
    trouble: DeliveryError | None = None
    is_accepted_for: bool = False
    # Where in all that is written on this line its last byte stands; 0 while that is not known.
    ends_at: int = 0


@dataclass(eq=False)
class Line:
    """Letters go in by `hand`; what became of them is found in `results` and, untouched by the relay, `returned`.

    Nothing is written before `flush`, so that the end of one letter and the beginning of the next share a packet.
    """

    relay: Relay
    session: Session
    clock: Callable[[], float]
    # Says whether the break of a line is one too many, and the relay is to be left in peace.
    note_break: Callable[[], bool]
    results: list[tuple[Letter, Result]] = field(default_factory=list)
    returned: list[Letter] = field(default_factory=list)
    is_closed: bool = False
    was_told_to_close: bool = False
    carried: int = 0
    deadline: float = float("inf")
    heard_at: float = 0.0
    idle_since: float = 0.0
    # Kept by whoever minds this line: whether it is listed as having room, and watched for room to write.
    is_listed: bool = False
    is_watched: bool = False
    is_due: bool = False

    def __post_init__(self) -> None:
        able = self.session.extensions
        self.sock: socket.socket = self.session.sock
        self.descriptor = self.sock.fileno()
        self.letters: deque[Letter] = deque()
        self._waiting: deque[Letter] = deque()
        self._expected: deque[tuple[int, Letter]] = deque()
        self._out: list[bytes | memoryview] = []
        self._queued = self._written = 0
        self._in = self.session.early
        self._more: list[bytes] = []
        self._is_blocked = self._needs_reset = False
        self._is_tls = isinstance(self.sock, ssl.SSLSocket)
        self._can_pipeline = "pipelining" in able
        self._can_chunk = self._can_pipeline and "chunking" in able
        self._has_size, self._has_utf8 = "size" in able, "smtputf8" in able
        self._window = CHUNKING_WINDOW if self._can_chunk else PIPELINING_WINDOW if self._can_pipeline else 1
        self._most = self.relay.messages_per_connection
        self.heard_at = self.clock()

    @property
    def has_room(self) -> bool:
        is_worn = self.carried >= self._most
        return len(self.letters) < self._window and not is_worn and not self.is_closed

    @property
    def is_worn(self) -> bool:
        """Whether this connection has carried its share and is to be renewed."""
        return self.carried >= self._most

    @property
    def wants_to_write(self) -> bool:
        return bool(self._out)

    def hand(self, letter: Letter) -> None:
        """Take a letter on; it begins as soon as those before it allow."""
        letter.trouble, letter.is_accepted_for, letter.ends_at = None, False, 0
        self.carried += 1
        self.letters.append(letter)
        self._waiting.append(letter)
        self._begin()

    def unheard(self) -> list[Letter]:
        """The letters that the relay may have taken, and has not said so."""
        return [letter for letter in self.letters if self._is_committed(letter)]

    def recall(self) -> None:
        """Give back what has not begun."""
        for letter in self._waiting:
            self.letters.remove(letter)
            self.returned.append(letter)
        self._waiting.clear()

    # The wire

    def read(self) -> None:
        """Take in what the relay has said, and go on from there."""
        has_news = False
        while not self.is_closed:
            try:
                data = self.sock.recv(_READ_SIZE)
            except _WANTS:
                break
            except OSError:
                data = b""
            if not data:
                self._break()
                return
            has_news |= b"\n" in data
            self._hear(data)
            if not self._is_tls and len(data) < _READ_SIZE:
                break
        # A reply that trickles in byte by byte does not move the deadline.
        if has_news and not self.is_closed:
            self._begin()
            self.heard_at = self.clock()
            self._set_deadline(self.heard_at)

    def flush(self) -> None:
        """Write as much as the socket takes."""
        if self._out:
            out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            try:
                written = self.sock.send(out)
            except _WANTS:
                written = 0
            except OSError:
                # What it said before it went (421, say) may still be there to be read.
                self._out = [out]
                self._hear_the_rest()
                return
            self._written += written
            self._out = [] if written == len(out) else [memoryview(out)[written:]]
            if written or self.deadline == float("inf"):
                self._set_deadline(self.clock())

    def give_up(self, *, is_alone: bool) -> None:
        """The deadline has passed. A silence on this line alone says nothing about the relay."""
        self._close(silent(self.relay, self._patience(), is_channel_wide=not is_alone))

    def leave(self) -> None:
        """Say goodbye; the relay's last word changes nothing."""
        if not self.is_closed:
            self.is_closed = True
            with contextlib.suppress(OSError):
                self.sock.send(b"QUIT\r\n")
            self.sock.close()

    def drop(self) -> None:
        """Hang up in the middle."""
        self.is_closed = True
        self.sock.close()

    def is_fresh(self) -> bool:
        """Whether an idle line is still there: nothing was said on it, and nobody hung up."""
        try:
            self.sock.recv(1)
        except _WANTS:
            return True
        except OSError:
            pass
        return False

    def _set_deadline(self, now: float) -> None:
        self.deadline = now + self._patience() if self._expected or self._out else float("inf")

    def _patience(self) -> float:
        if self._expected:
            stage, letter = self._expected[0]
            if stage >= LAST and letter.ends_at <= self._written:
                return self.relay.final_timeout
        return self.relay.command_timeout

    def _hear_the_rest(self) -> None:
        with contextlib.suppress(OSError):
            while not self.is_closed and (data := self.sock.recv(_READ_SIZE)):
                self._hear(data)
        if not self.is_closed:
            self._break()

    # Speaking

    def _begin(self) -> None:
        while self._waiting and not self._is_blocked and not self.is_closed:
            letter = self._waiting.popleft()
            if letter.recipient.isascii() or self._has_utf8:
                self._say_hello(letter)
            else:
                self._finish(
                    letter,
                    PermanentDeliveryError(
                        "The relay cannot carry addresses with letters outside ASCII.", code="unsupported_address"
                    ),
                )

    def _say_hello(self, letter: Letter) -> None:
        raw = letter.raw
        if self._can_chunk:
            # Behind a letter that may yet be refused only RSET makes sure that this one begins anew.
            if self._needs_reset or len(self._expected):
                self._ask(RSET, letter, b"RSET\r\n")
                self._needs_reset = False
            self._ask(MAIL, letter, self._mail_command(letter))
            self._ask(RCPT, letter, _rcpt_command(letter))
            self._ask(LAST, letter, b"BDAT %d LAST\r\n" % len(raw))
            self._put(raw)
            letter.ends_at = self._queued
            return
        self._is_blocked = True
        if not self._can_pipeline:
            if self._needs_reset:
                self._ask(RSET, letter, b"RSET\r\n")
            else:
                self._ask(MAIL, letter, self._mail_command(letter))
            self._needs_reset = False
            return
        group = self._mail_command(letter) + _rcpt_command(letter) + b"DATA\r\n"
        if self._needs_reset:
            self._ask(RSET, letter, b"RSET\r\n")
            self._needs_reset = False
        self._expected += ((MAIL, letter), (RCPT, letter), (DATA, letter))
        self._put(group)

    def _mail_command(self, letter: Letter) -> bytes:
        size = f" SIZE={len(letter.raw)}" if self._has_size else ""
        utf8 = "" if letter.recipient.isascii() else " SMTPUTF8"
        return f"MAIL FROM:<{letter.return_path}>{size}{utf8}\r\n".encode()

    def _ask(self, stage: int, letter: Letter, command: bytes) -> None:
        self._expected.append((stage, letter))
        self._put(command)

    def _put(self, data: bytes) -> None:
        self._out.append(data)
        self._queued += len(data)

    def _send_words(self, letter: Letter) -> None:
        """The message and its final dot; what comes next may already be said behind them."""
        raw = letter.raw
        if letter.may_have_dots and b"\n." in raw:
            raw = raw.replace(b"\r\n.", b"\r\n..")
        self._put(raw)
        self._ask(LAST, letter, b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n")
        letter.ends_at = self._queued
        # Without PIPELINING the next one waits until this one is answered.
        self._is_blocked = not self._can_pipeline

    # Listening

    def _hear(self, data: bytes) -> None:
        lines = (self._in + data).split(b"\n")
        self._in = lines.pop()
        expected, is_quick = self._expected, self._can_pipeline
        for line in lines:
            # Four answers of five are these; the rest goes the long way.
            if is_quick and line[:4] == b"250 " and expected and not self._more:
                stage, letter = expected[0]
                if stage == MAIL:
                    expected.popleft()
                    continue
                if stage == RCPT:
                    letter.is_accepted_for = True
                    expected.popleft()
                    continue
                if stage == LAST and letter.is_accepted_for:
                    expected.popleft()
                    reply = read_reply(250, line[4:].strip(), letter.recipient)
                    self._finish(letter, Receipt(letter.message_id, str(reply)))
                    continue
            if line[3:4] == b"-" and line[:3].isdigit():
                self._more.append(line[4:])
                continue
            if not line[:3].isdigit() or line[:3] < b"200" or line[3:4] not in b" \r":
                self._break()  # whatever speaks there, it is not SMTP
                return
            text = line[4:]
            if self._more:
                text, self._more = b" ".join([*self._more, text]), []
            self._answered(int(line[:3]), text.strip())
            if self.is_closed:
                return
        if len(self._in) > _LONGEST_REPLY or len(self._more) > 1000:
            self._break()

    def _answered(self, code: int, text: bytes) -> None:
        if not self._expected:
            # Said without being asked: a goodbye, or nonsense.
            self._break()
            return
        stage, letter = self._expected[0]
        if code == CLOSING:
            self._told_to_close(letter, code, text)
            return
        self._expected.popleft()
        if stage == LAST:
            self._last_word(letter, code, text)
        elif stage == MAIL:
            if code != 250:
                letter.trouble = sender_refused(self.relay, read_reply(code, text, letter.recipient))
            self._step(letter, RCPT, _rcpt_command)
        elif stage == RCPT:
            if code in {250, 251}:
                letter.is_accepted_for = True
            else:
                reply = read_reply(code, text, letter.recipient)
                letter.trouble = letter.trouble or refused(self.relay, reply, "this address", is_about_address=True)
            self._step(letter, DATA, lambda _: b"DATA\r\n")
        elif stage == DATA:
            self._go_ahead(letter, code, text)
        elif stage == RSET:
            self._after_reset(letter, code)
        else:  # the empty message that ends a transaction nobody wanted
            self._needs_reset = True
            self._is_blocked = False

    def _step(self, letter: Letter, stage: int, command: Callable[[Letter], bytes]) -> None:
        """Without PIPELINING: the next command, or the end of it."""
        if self._can_pipeline:
            return
        if letter.trouble is None:
            self._ask(stage, letter, command(letter))
        else:
            self._refuse(letter)

    def _after_reset(self, letter: Letter, code: int) -> None:
        if code != 250:
            self._break()
        elif not self._can_pipeline:
            self._ask(MAIL, letter, self._mail_command(letter))

    def _go_ahead(self, letter: Letter, code: int, text: bytes) -> None:
        if code == _GO_AHEAD and letter.trouble is None:
            self._send_words(letter)
            return
        if code != _GO_AHEAD:
            reply = read_reply(code, text, letter.recipient)
            letter.trouble = letter.trouble or refused(self.relay, reply, "this message")
            self._refuse(letter)
            return
        # It waits for a message we do not want to send (RFC 2920, 3.1).
        assert letter.trouble is not None
        if letter.is_accepted_for:
            self._finish(letter, letter.trouble)
            self._close(broken_off(self.relay, is_channel_wide=False))
            return
        self._ask(NOTHING, letter, b".\r\n")
        self._finish(letter, letter.trouble)

    def _refuse(self, letter: Letter) -> None:
        self._needs_reset, self._is_blocked = True, False
        assert letter.trouble is not None
        self._finish(letter, letter.trouble)

    def _last_word(self, letter: Letter, code: int, text: bytes) -> None:
        reply = read_reply(code, text, letter.recipient)
        self._is_blocked = self._is_blocked and self._can_pipeline
        if code == 250 and letter.is_accepted_for:
            self._finish(letter, Receipt(letter.message_id, str(reply)))
            return
        self._needs_reset = self._can_chunk
        self._finish(letter, letter.trouble or refused(self.relay, reply, "this message"))

    def _finish(self, letter: Letter, result: Result) -> None:
        if self.letters and self.letters[0] is letter:
            self.letters.popleft()
        else:
            self.letters.remove(letter)
        self.results.append((letter, result))
        if type(result) is DeliveryError and result.code == "protocol":
            self._close(broken_off(self.relay, is_channel_wide=False))

    # Ending

    def _told_to_close(self, letter: Letter, code: int, text: bytes) -> None:
        """421: nothing behind this answer was looked at, so all of it may be said again elsewhere."""
        is_new = self.carried <= len(self.letters)
        self.was_told_to_close = True
        self.drop()
        reply = read_reply(code, text, letter.recipient)
        for each in list(self.letters):
            each.tries += each is letter
            if each is letter and (is_new or each.tries >= MOST_FAREWELLS):
                wide = relay_wide(self.relay, reply, "would not go on", code="relay_refused")
                self.results.append((each, wide))
            else:
                self.returned.append(each)
        self._forget_all()

    def _break(self) -> None:
        """The connection is gone."""
        if not self.letters:
            self.drop()
            return
        is_untouched = self._is_untouched(self.letters[0])
        is_wide = False if is_untouched else self.note_break()
        self._close(broken_off(self.relay, is_channel_wide=is_wide))

    def _is_untouched(self, first: Letter) -> bool:
        """A relay may close an idle connection at any time; the letter was not looked at yet, so a new one will do."""
        is_used = self.carried > len(self.letters)
        is_unheard = first in self._waiting or (MAIL, first) in self._expected
        return is_used and is_unheard and not self._is_committed(first) and first.tries + 1 < MOST_TRIES

    def _is_committed(self, letter: Letter) -> bool:
        return 0 < letter.ends_at <= self._written

    def _close(self, error: DeliveryError) -> None:
        """End the line; each letter under way learns what that means for it."""
        self.drop()
        first = self.letters[0] if self.letters else None
        spares_first = first is not None and error.code in {"disconnected", "timeout"} and self._is_untouched(first)
        for letter in self.letters:
            if self._is_committed(letter):
                self.results.append((letter, uncertain(error)))
            elif letter is first and not spares_first:
                self.results.append((letter, error))
            else:
                letter.tries += letter is first
                self.returned.append(letter)
        self._forget_all()

    def _forget_all(self) -> None:
        self.letters.clear()
        self._waiting.clear()


def _rcpt_command(letter: Letter) -> bytes:
    return f"RCPT TO:<{letter.recipient}>\r\n".encode()
