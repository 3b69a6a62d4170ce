"""A mail server in a process of its own that writes down each message before it answers for it.

`python -m tests.ledger_sink FILE SECONDS [TROUBLE]` prints its port. FILE gets a line for each message taken, recipient
and Message-ID, on disk before the 250; and `broken` for each connection that went away while a message was on the wire.
With a TROUBLE (`Trouble.words`) also `later`, `refused` and `dropped`, each with the recipient who met it.
"""

import asyncio
import contextlib
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

MESSAGE_ID = re.compile(rb"^message-id: *(\S+)", re.IGNORECASE | re.MULTILINE)


class Fate(StrEnum):
    """What a relay does with a recipient."""

    TAKEN = "taken"
    # 450 at the first try.
    LATER = "later"
    # 450 at every try.
    NEVER = "never"
    # 550 5.1.1 at every try.
    REFUSED = "refused"
    # The connection breaks after the final dot of the first try, and before its answer.
    DROPPED = "dropped"


@dataclass(frozen=True)
class Trouble:
    """Which share of recipients meets which fate. Who does is a matter of seed and address alone."""

    seed: int = 0
    later: float = 0.0
    refused: float = 0.0
    dropped: float = 0.0
    # Whose addresses begin so is put off for ever.
    never: str = ""

    def fate(self, recipient: str) -> Fate:
        """What becomes of this recipient's mail."""
        if self.never and recipient.startswith(self.never):
            return Fate.NEVER
        left = int.from_bytes(hashlib.sha256(f"{self.seed}:{recipient}".encode()).digest()[:6]) / 2**48
        for fate in (Fate.LATER, Fate.REFUSED, Fate.DROPPED):
            left -= getattr(self, fate.value)
            if left < 0:
                return fate
        return Fate.TAKEN

    @property
    def words(self) -> str:
        """As the command line takes it."""
        return json.dumps(asdict(self))


class LedgerSink:
    """`with LedgerSink(folder) as sink: ... sink.url` runs one, and reads what it has written down."""

    def __init__(self, folder: Path, seconds: float = 0.0, trouble: Trouble | None = None) -> None:
        self.file, self.seconds, self.trouble = folder / "ledger", seconds, trouble or Trouble()

    def __enter__(self) -> Self:
        words = [sys.executable, "-m", "tests.ledger_sink", str(self.file), str(self.seconds), self.trouble.words]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def url(self) -> str:
        """Where Candor finds it: ten connections, so that several messages are on the wire at once."""
        return f"smtp://127.0.0.1:{self.port}?connections=10"

    @property
    def lines(self) -> list[str]:
        """Everything written down so far, in its order."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def met(self, fate: Fate) -> Counter[str]:
        """Who met this fate, how often."""
        return Counter(words[1] for words in map(str.split, self.lines) if words[0] == fate)

    @property
    def taken(self) -> Counter[tuple[str, str]]:
        """Recipient and Message-ID of what was taken, how often."""
        return Counter(_pair(words) for words in map(str.split, self.lines) if "@" in words[0])

    @property
    def dropped(self) -> Counter[tuple[str, str]]:
        """Recipient and Message-ID of what was whole when the connection broke."""
        return Counter(_pair(words[1:]) for words in map(str.split, self.lines) if words[0] == Fate.DROPPED)


def _pair(words: list[str]) -> tuple[str, str]:
    return words[0], words[1]


class _Talk:
    """One connection."""

    def __init__(self, sink: "_Sink", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink, self.reader, self.writer = sink, reader, writer
        self.recipient, self.is_on_the_wire = "", False

    async def run(self) -> None:
        try:
            self.writer.write(b"220 sink.test\r\n")
            while (line := await self.reader.readline()) and await self._obey(line[:4].upper(), line):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        if self.is_on_the_wire:
            self.sink.note("broken")
        with contextlib.suppress(OSError):
            self.writer.close()

    async def _obey(self, verb: bytes, line: bytes) -> bool:
        if verb == b"QUIT":
            return False
        said = b"250-sink.test\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 2.0.0 Ok\r\n"
        if verb == b"MAIL":
            self.is_on_the_wire = True
        if verb == b"RCPT":
            said = self._meet(line.partition(b"<")[2].partition(b">")[0].decode())
        if verb == b"RSET":
            self.recipient, self.is_on_the_wire = "", False
        if verb == b"DATA":
            if not self.recipient:
                said = b"554 5.5.1 No valid recipients\r\n"
            elif not await self._take():
                return False
        self.writer.write(said)
        return True

    def _meet(self, recipient: str) -> bytes:
        fate, self.recipient = self.sink.fate(recipient), ""
        if fate in (Fate.LATER, Fate.NEVER):
            self.sink.note(f"{fate} {recipient}")
            return b"450 4.2.0 Greylisted, come back in a while\r\n"
        if fate is Fate.REFUSED:
            self.sink.note(f"{fate} {recipient}")
            return b"550 5.1.1 No such mailbox here\r\n"
        self.recipient = recipient
        return b"250 2.1.5 Ok\r\n"

    async def _take(self) -> bool:
        """Read the message and write it down; False when the connection is to break instead of an answer."""
        self.writer.write(b"354 Go on\r\n")
        mail = await self.reader.readuntil(b"\r\n.\r\n")
        await asyncio.sleep(self.sink.seconds)
        found = MESSAGE_ID.search(mail)
        line = f"{self.recipient} {found[1].decode() if found else 'none'}"
        is_dropped = self.sink.fate(self.recipient) is Fate.DROPPED
        self.sink.note(f"{Fate.DROPPED} {line}" if is_dropped else line)
        self.sink.met.add(self.recipient)
        self.recipient, self.is_on_the_wire = "", False
        if is_dropped:
            self.writer.write_eof()
            await self.reader.read()  # closing with something unread would reset the connection
        return not is_dropped


class _Sink:
    def __init__(self, file: Path, seconds: float, trouble: Trouble) -> None:
        self.ledger = file.open("ab", buffering=0)
        self.seconds, self.trouble = seconds, trouble
        # Who has had their first try.
        self.met: set[str] = set()

    def note(self, line: str) -> None:
        self.ledger.write(line.encode() + b"\n")

    def fate(self, recipient: str) -> Fate:
        fate = self.trouble.fate(recipient)
        if fate is Fate.LATER and recipient not in self.met:
            self.met.add(recipient)
            return fate
        return Fate.TAKEN if fate is Fate.LATER or (fate is Fate.DROPPED and recipient in self.met) else fate

    async def serve(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _Talk(self, reader, writer).run()

        server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**20)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    given = Trouble(**json.loads(sys.argv[3])) if len(sys.argv) > 3 else Trouble()
    asyncio.run(_Sink(Path(sys.argv[1]), float(sys.argv[2]), given).serve())
