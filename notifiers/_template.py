"""One message for a whole audience: rendered once, then bytes fitted in for each recipient.

What a mail program reads is what `_mail.write` would have said of the personal message. Whatever makes that
doubtful (a strange address, a value with signs that one place writes in another way) is left to `_mail.write`.
"""

import hashlib
import re
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from . import _mail, _quoted
from ._contract import Message, substituted
from ._mail import Identity, Marks
from ._text import clean_body

Values = Mapping[str, str]

_ATEXT = r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_USUAL_ADDRESS = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*@{_LABEL}(?:\.{_LABEL})*")
# In values, one per line: what a body, a URI or a header would not leave as it is (quoted-printable apart).
_UNUSUAL = re.compile(r"[^A-Za-z0-9:/?#\[\]@!$&'()*+;=%~._\n-]")
# The most a header line takes; the next one is folded.
_LONGEST_HEADER = 990
_CACHED = 16


class Finished(NamedTuple):
    """One mail, ready for the wire: its bytes, its id and where it comes back to."""

    raw: bytes
    message_id: str
    return_path: str
    # False when surely no line begins with a dot.
    may_have_dots: bool = True


class Templates:
    """The templates of the messages in hand. A message is known by being the same object."""

    def __init__(self, identity: Identity, clock: Callable[[], datetime]) -> None:
        self.identity = identity
        self._clock = clock
        # The message itself is kept beside its template, so that its id() stays its own.
        self._known: dict[int, tuple[Message, Template]] = {}
        self._lock = threading.Lock()

    def finish(self, message: Message, address: str, values: Values) -> Finished:
        """The mail for one recipient."""
        known = self._known.get(id(message))
        if known is not None and known[0] is message and known[1].names == tuple(values):
            template = known[1]
        else:
            template = self._prepare(message, values)
        at = message.said_at or self._clock()
        return template.fill(address, values, at) or self.by_hand(substituted(message, values), address, at)

    def by_hand(self, message: Message, address: str, at: datetime) -> Finished:
        """The same, without a template."""
        path = _mail.return_path(message, self.identity)
        mail = _mail.write(message, address, self.identity, at)
        return Finished(_mail.to_wire(mail, address), str(mail["Message-ID"]), path)

    def _prepare(self, message: Message, values: Values) -> "Template":
        template = Template(message, tuple(values), self.identity)
        with self._lock:
            self._known.pop(id(message), None)
            while len(self._known) >= _CACHED:
                del self._known[next(iter(self._known))]
            self._known[id(message)] = message, template
        return template


class Template:
    """The bytes of one message with gaps. `fill` closes them, or answers None where it had better not."""

    def __init__(self, message: Message, names: tuple[str, ...], identity: Identity) -> None:
        self.names = names
        self._message = message
        self._identity = identity
        self._salt = secrets.token_hex(8)
        self._tokens = {name: self._token(number) for number, name in enumerate(names)}
        self._address, self._message_id, self._root, self._boundary, self._date, self._subject = (
            self._token(number) for number in range(len(names), len(names) + 6)
        )
        # How long values may be together: the least room that any of their places has.
        self._room: dict[tuple[str, ...], int] = {}
        self._parts: list[str] = []
        # Where each thing goes: indexes into the parts.
        self._raw_gaps: list[tuple[int, str]] = []
        self._quoted_gaps: list[tuple[int, str]] = []
        self._places: dict[str, list[int]] = defaultdict(list)
        marked = substituted(message, self._tokens)
        self._is_usable = not self._has_token(marked.from_name, marked.reply_to, marked.list_id)
        self._reference = self._text(marked.reference)
        self._thread = self._text(marked.thread) if message.thread else None
        self._return_path = self._text(marked.return_path) if message.return_path else None
        self._sender = "" if message.return_path else _mail.return_path(message, identity)
        self._has_own_subject = self._has_token(marked.subject)
        self._has_rarities = self._has_own_subject or message.said_at is None
        if self._is_usable:
            self._write(marked)
        self._rooms = tuple(self._room.items())
        self._gaps = [index for index, _ in (*self._raw_gaps, *self._quoted_gaps)]
        self._has_dots = "\n." in "".join(part or "x" for part in self._parts)
        # How long values were that were found to fit.
        self._fitting: list[int] = []
        self._ends = f"@{identity.host}>"
        self._of_message = hashlib.sha256(b"message\0")
        self._of_thread = hashlib.sha256(b"thread\0")

    def fill(self, address: str, values: Values, at: datetime) -> Finished | None:
        """The mail to this address; None when only the plain way is sure to write it."""
        if not (self._is_usable and self._suits(address, values)):
            return None
        sender = self._sender
        if self._return_path is not None:
            sender = self._return_path(values)
            if not _USUAL_ADDRESS.fullmatch(sender):
                return None
        of_message = _digest(self._of_message, self._reference(values), address)
        message_id = f"<{of_message}{self._ends}"
        parts = self._parts.copy()
        places = self._places
        parts[places[self._address][0]] = address
        parts[places[self._message_id][0]] = message_id
        boundary = f"=_{of_message}"
        for index in places[self._boundary]:
            parts[index] = boundary
        if self._thread is not None:
            root = f"<{_digest(self._of_thread, self._thread(values), address)}{self._ends}"
            for index in places[self._root]:
                parts[index] = root
        if self._has_rarities:
            self._fit_rarities(parts, values, at)
        for index, name in self._raw_gaps:
            parts[index] = values[name]
        for index, name in self._quoted_gaps:
            parts[index] = _quoted.value(values[name])
        raw = "".join(parts).encode("ascii")
        return Finished(raw, message_id, sender, self._has_dots or self._may_begin_with_dot(parts))

    def _suits(self, address: str, values: Values) -> bool:
        """Whether these values stand everywhere as they are, and fit in."""
        if not _USUAL_ADDRESS.fullmatch(address):
            return False
        lines = "\n".join(["", *values.values(), ""])
        if lines.count("\n") != len(values) + 1 or "\n\n" in lines:
            return False
        if _UNUSUAL.search(lines) or "=?" in lines or "\n?" in lines:
            return False
        lengths = [len(value) for value in values.values()]
        if lengths == self._fitting:
            return True
        for names, room in self._rooms:
            if sum([len(values[name]) for name in names]) > room:
                return False
        self._fitting = lengths
        return True

    def _may_begin_with_dot(self, parts: Sequence[str]) -> bool:
        """Whether a value could bring a line that begins with a dot: at its own beginning, or where it is broken."""
        for index in self._gaps:  # noqa: SIM110 - a generator would cost more than the rest of it
            if parts[index][:1] == "." or "\n." in parts[index]:
                return True
        return False

    def _fit_rarities(self, parts: list[str], values: Values, at: datetime) -> None:
        """A date of its own, and a subject that differs per recipient."""
        for index in self._places[self._date]:
            parts[index] = _mail.date_of(at)
        if self._has_own_subject:
            personal = substituted(Message("", self._message.subject, ""), values)
            line = _mail.subject_line(_mail.subject_of(personal)).decode("ascii")
            for index in self._places[self._subject]:
                parts[index] = line

    # Preparing

    def _write(self, marked: Message) -> None:
        date = _mail.date_of(self._message.said_at) if self._message.said_at else self._date
        made = Marks(f"<{self._message_id}@x.invalid>", "", f"<{self._root}@x.invalid>" if self._thread else "", date)
        to = f"{self._address}@x.invalid"
        subject = self._subject if self._has_own_subject else marked.subject
        dated = replace(marked, subject=subject)
        mail = _mail.compose_headers(dated, to, self._identity, self._with_date(made))
        head = b"".join(_mail.WIRE.fold_binary(name, value) for name, value in mail.items()).decode("ascii")
        head = head.replace(to, self._address).replace(made.message_id, self._message_id)
        if made.thread_root:
            head = head.replace(made.thread_root, self._root)
        if not self._message.said_at:
            head = re.sub(r"(?m)^Date: .*?(?=\r$)", f"Date: {self._date}", head)
        if self._has_own_subject:
            head = re.sub(rf"(?m)^Subject: {self._subject}\r\n", self._subject, head)
        self._limit_uris(marked)
        self._limit_lines(head.split("\r\n"), _LONGEST_HEADER)
        self._add(self._split(f"{head}MIME-Version: 1.0\r\n"), self._raw_gaps)
        if marked.html is None:
            self._add_body("plain", marked.text)
            return
        self._add(
            self._split(f'Content-Type: multipart/alternative;\r\n boundary="{self._boundary}"\r\n\r\n'), self._raw_gaps
        )
        for kind, words in (("plain", marked.text), ("html", marked.html)):
            self._add(self._split(f"--{self._boundary}\r\n"), self._raw_gaps)
            self._add_body(kind, words)
            self._add(["\r\n"], self._raw_gaps)
        self._add(self._split(f"--{self._boundary}--\r\n"), self._raw_gaps)

    def _with_date(self, made: Marks) -> Marks:
        # The header wants a real date; the line is replaced as a whole afterwards.
        return made if self._message.said_at else replace(made, date="Thu, 01 Jan 1970 00:00:00 +0000")

    def _add_body(self, kind: str, words: str) -> None:
        text = clean_body(words)
        text = text if text.endswith("\n") else f"{text}\n"
        pieces = self._split(text)
        lines = ["".join(each) for each in self._lines(text)]
        is_plain = text.isascii() and max(map(len, lines)) <= _mail.LONGEST_LINE
        encoding = "7bit" if is_plain else "quoted-printable"
        head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
        self._add([head], self._raw_gaps)
        if is_plain:
            self._limit_lines(text.split("\n"), _mail.LONGEST_LINE)
            self._add([p.replace("\n", "\r\n") if isinstance(p, str) else p for p in pieces], self._raw_gaps)
        else:
            self._add(_quoted.encode(pieces), self._quoted_gaps)

    def _lines(self, text: str) -> list[list[str]]:
        """Each line's own words, without the gaps."""
        return [[p for p in self._split(line) if isinstance(p, str)] for line in text.split("\n")]

    def _add(self, pieces: Sequence[str | int], gaps: list[tuple[int, str]]) -> None:
        for piece in pieces:
            if isinstance(piece, int):
                if piece < len(self.names):
                    gaps.append((len(self._parts), self.names[piece]))
                else:
                    self._places[self._token(piece)].append(len(self._parts))
                self._parts.append("")
            elif piece:
                self._parts.append(piece)

    def _limit_lines(self, lines: Sequence[str], most: int) -> None:
        """No line may grow beyond what one place takes."""
        for line in lines:
            pieces = self._split(line)
            names = tuple(self.names[p] for p in pieces if isinstance(p, int) and p < len(self.names))
            if names:
                own = sum(len(p) if isinstance(p, str) else 0 for p in pieces)
                self._room[names] = min(most - own, self._room.get(names, most))

    def _limit_uris(self, marked: Message) -> None:
        for uri in (marked.unsubscribe_url, marked.unsubscribe_mailto):
            if not uri or not self._has_token(uri):
                continue
            quoted = _mail.quoted(uri)
            self._limit_lines([quoted], _mail.LONGEST_URI - len("mailto:"))
            # What reads like an encoded word, with some value or without, is left to the plain way.
            is_odd = "=?" in quoted or f"{self._salt}?" in re.sub(r"x[0-9]+q", "", quoted)
            self._is_usable &= not is_odd and len(quoted) <= _mail.LONGEST_URI

    def _text(self, marked: str | None) -> Callable[[Values], str]:
        """What this text says to one recipient."""
        pieces = self._split(marked or "")
        if len(pieces) == 1 and isinstance(pieces[0], int):
            name = self.names[pieces[0]]
            return lambda values: values[name]
        names = self.names
        return lambda values: "".join([values[names[p]] if isinstance(p, int) else p for p in pieces])

    def _split(self, text: str) -> list[str | int]:
        """The text between its tokens, and the tokens as their numbers."""
        found = re.split(rf"q{self._salt}x([0-9]+)q", text)
        pieces: list[str | int] = [int(each) if at % 2 else each for at, each in enumerate(found)]
        return [piece for piece in pieces if piece != ""]

    def _token(self, number: int) -> str:
        return f"q{self._salt}x{number}q"

    def _has_token(self, *texts: str | None) -> bool:
        return any(self._salt in text for text in texts if text)


def _digest(begun: "hashlib._Hash", reference: str, address: str) -> str:
    """As `_mail.digest`, the purpose being in it already."""
    digest = begun.copy()
    digest.update(f"{reference}\0{address}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:40]
