"""A relay of our own that pipelines, takes chunks, speaks TLS, is slow or breaks off, as a test wants it."""

import contextlib
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

DROP, SILENCE = "(drop)", "(silence)"
PIPELINING = ("PIPELINING", "SIZE 100000000")
CHUNKING = (*PIPELINING, "CHUNKING")
PATIENCE = 20.0

_USUAL = {"DATA": "354 Go on", "end": "250 2.0.0 Ok: queued", "QUIT": "221 Bye"}


@dataclass(frozen=True)
class Moment:
    """Where a relay stands when it is about to answer: a verb, `banner`, `body` or `end`."""

    stage: str
    connection: int
    carried: int
    recipient: str = ""


def _as_usual(moment: Moment) -> str | None:
    return None


@dataclass
class Relay:
    """`with Relay(CHUNKING, answer=...) as relay: ... relay.url`. `answer` may say something unusual, DROP or SILENCE.

    `taken` holds sender, recipient and bytes of each message, written before it is answered for. `packets` holds
    the verbs that came with one read.
    """

    extensions: tuple[str, ...] = PIPELINING
    answer: Callable[[Moment], str | None] = _as_usual
    tls: ssl.SSLContext | None = None
    seconds: float = 0.0
    byte_by_byte: bool = False
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    packets: list[tuple[str, ...]] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_at_once: int = 0

    def __enter__(self) -> Self:
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Gone, with every connection."""
        self._is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        return f"{'smtps' if self.tls else 'smtp'}://127.0.0.1:{port}"

    @property
    def recipients(self) -> list[str]:
        return [recipient for _, recipient, _ in self.taken]

    @property
    def counts(self) -> Counter[str]:
        """How often each recipient got something."""
        return Counter(self.recipients)

    def _accept(self) -> None:
        while not self._is_over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._welcome, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _welcome(self, client: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self.open_now += 1
            self.most_at_once = max(self.most_at_once, self.open_now)
            number = self.connections
        with contextlib.suppress(OSError), client:
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.settimeout(0.05)
                _Talk(self, client, number).run()
        with self._lock:
            self.open_now -= 1


class _Talk:
    """One connection."""

    def __init__(self, relay: Relay, client: socket.socket, number: int) -> None:
        self.relay, self.client, self.number = relay, client, number
        self.carried = 0
        self.sender = self.recipient = ""
        self._in = b""

    def run(self) -> None:
        if not self._say("banner", "220 relay.test"):
            return
        for line in self._lines():
            verb, _, rest = line.decode().partition(" ")
            verb = verb.upper()
            if not self._obey(verb, rest):
                return

    def _obey(self, verb: str, rest: str) -> bool:  # noqa: PLR0911 - a dialogue has as many answers
        if verb == "EHLO":
            lines = ["relay.test", *self.relay.extensions]
            return self._say(verb, "\r\n".join(f"250{'-' if each != lines[-1] else ' '}{each}" for each in lines))
        if verb == "MAIL":
            if self.sender:
                return self._say("", "503 5.5.1 nested MAIL command")
            self.sender, self.recipient = _address(rest), ""
            is_said = self._say(verb)
            self.sender = self.sender if self.said.startswith("250") else ""
            return is_said
        if verb == "RCPT":
            if not self.sender:
                return self._say("", "503 5.5.1 need MAIL")
            self.recipient = _address(rest)
            is_said = self._say(verb)
            self.recipient = self.recipient if self.said.startswith("25") else ""
            return is_said
        if verb == "BDAT":
            raw = self._exactly(int(rest.split(maxsplit=1)[0]))
            if not self.recipient:
                return self._say("", "554 5.5.1 no valid recipients")
            return self._end(raw)
        if verb == "DATA":
            if not self.recipient:
                return self._say("", "554 5.5.1 no valid recipients")
            if not self._say(verb) or self.said[:3] != "354":
                return self.said[:3] != "354" and self.said not in (DROP, SILENCE)
            if self._decide("body") == DROP:
                return False
            return self._end(self._until_dot())
        if verb == "RSET":
            self.sender = self.recipient = ""
        return self._say(verb) and verb != "QUIT"

    def _end(self, raw: bytes) -> bool:
        said = self._decide("end") or _USUAL["end"]
        # A drop may come before the message is on the disk, or after it.
        if said[:1] == "2" or (said == DROP and self.carried % 2):
            with self.relay._lock:
                self.relay.taken.append((self.sender, self.recipient, raw))
        self.carried += 1
        if self.relay.seconds:
            time.sleep(self.relay.seconds)
        self.sender = self.recipient = ""
        return self._utter(said)

    def _decide(self, stage: str) -> str | None:
        return self.relay.answer(Moment(stage, self.number, self.carried, self.recipient))

    def _say(self, stage: str, usual: str = "") -> bool:
        return self._utter((self._decide(stage) if stage else None) or usual or _USUAL.get(stage, "250 2.1.0 Ok"))

    def _utter(self, words: str) -> bool:
        self.said = words
        if words == SILENCE:
            while not self.relay._is_over.is_set() and self._more():
                pass
        if words in (DROP, SILENCE):
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
            return False
        raw = words.encode() + b"\r\n"
        for part in [raw[at : at + 1] for at in range(len(raw))] if self.relay.byte_by_byte else [raw]:
            self.client.sendall(part)
        if words.startswith("421"):
            # Closing with something unread would reset the connection, and the 421 might never be seen.
            self.client.shutdown(socket.SHUT_WR)
            while self._more():
                self._in = b""
            return False
        return True

    # Reading

    def _more(self) -> bool:
        while not self.relay._is_over.is_set():
            try:
                data = self.client.recv(65536)
            except TimeoutError:
                continue
            self._in += data
            verbs = tuple(v for v in (line[:4].decode("latin-1") for line in data.split(b"\r\n")) if v in _VERBS)
            self.relay.packets.append(verbs)
            return bool(data)
        return False

    def _lines(self) -> Iterator[bytes]:
        while True:
            while b"\r\n" not in self._in:
                if not self._more():
                    return
            line, _, self._in = self._in.partition(b"\r\n")
            yield line

    def _exactly(self, size: int) -> bytes:
        while len(self._in) < size:
            if not self._more():
                raise ConnectionResetError
        raw, self._in = self._in[:size], self._in[size:]
        return raw

    def _until_dot(self) -> bytes:
        if self._in.startswith(b".\r\n"):
            self._in = self._in[3:]
            return b""
        while b"\r\n.\r\n" not in self._in:
            if not self._more():
                raise ConnectionResetError
        raw, _, self._in = self._in.partition(b"\r\n.\r\n")
        return (raw + b"\r\n").replace(b"\r\n..", b"\r\n.")


_VERBS = {"MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT"}


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
