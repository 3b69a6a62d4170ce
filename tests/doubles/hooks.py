"""Somebody's endpoint, or a chat's."""

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any, Self

from .manners import DROP, PATIENCE


@dataclass
class Hooked:
    """One POST that a hook got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HookAnswer:
    """One scripted answer of a hook.

    `seconds` pass before it; `size` pads the body; `is_zipped` packs it; `drip` sends the body a byte at a time, with
    so many seconds between; `words` DROP hangs up, "(garbage)" answers with no HTTP at all.
    """

    status: int = 200
    words: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0
    is_zipped: bool = False
    drip: float = 0.0


class HookDouble:
    """Somebody's endpoint, or a chat's: `with HookDouble() as hook: ... hook.url`.

    `answers` scripts the answers for one path, used up one by one but for the last; `received` holds what came.
    With `echoes`, a challenge is answered as an endpoint should. `most_at_once` is how many it had in hand together.
    """

    def __init__(self, *, echoes: bool = False, tls: SSLContext | None = None) -> None:
        self.echoes = echoes
        self.received: list[Hooked] = []
        self.answers: dict[str, list[HookAnswer]] = {}
        self.connections = self.at_once = self.most_at_once = 0
        self._tls = tls
        self._changed = threading.Condition()
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        self._server = _ManyServer(("127.0.0.1", 0), self._handler())
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, *answers: HookAnswer) -> str:
        """Script a path; its whole address comes back."""
        self.answers[path] = list(answers)
        return self.url + path

    def wait_for(self, count: int, timeout: float = PATIENCE) -> None:
        """Return once so many posts have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, timeout), (
                f"{len(self.received)} of {count} posts came"
            )

    def _answer_for(self, hooked: Hooked) -> HookAnswer:
        scripted = self.answers.get(hooked.path, [])
        if scripted:
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if self.echoes and b"endpoint.verify" in hooked.body:
            return HookAnswer(words=json.dumps({"challenge": hooked.json["challenge"]}))
        return HookAnswer()

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hooked = Hooked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                with double._changed:
                    double.received.append(hooked)
                    double.at_once += 1
                    double.most_at_once = max(double.most_at_once, double.at_once)
                    double._changed.notify_all()
                try:
                    with contextlib.suppress(OSError):
                        self._act(double._answer_for(hooked))
                finally:
                    with double._changed:
                        double.at_once -= 1
                        double._changed.notify_all()

            do_GET = do_POST  # noqa: N815 - the library's name

            def _act(self, answer: HookAnswer) -> None:
                self.close_connection = True
                double._is_over.wait(answer.seconds)
                if answer.words == DROP:
                    return
                if answer.words == "(garbage)":
                    self.wfile.write(b"\x16\x03\x01 what?\r\n\r\n")
                    return
                raw = answer.words.encode() or b"x" * answer.size
                headers = {"Content-Length": str(len(raw)), **answer.headers}
                if answer.is_zipped:
                    raw = gzip.compress(raw)
                    headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(raw))}
                self.send_response_only(answer.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for start in range(0, len(raw), 1 if answer.drip else 65536):
                    self.wfile.write(raw[start : start + (1 if answer.drip else 65536)])
                    self.wfile.flush()
                    if answer.drip and double._is_over.wait(answer.drip):
                        return

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _ManyServer(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the middle is part of the play."""
