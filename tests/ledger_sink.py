"""A mail server in a process of its own that writes down each message before it answers for it.

`python -m tests.ledger_sink FILE SECONDS` prints its port. FILE gets a line for each message taken, recipient and
Message-ID, on disk before the 250; and `broken` for each connection that went away while a message was on the wire.
"""

import asyncio
import contextlib
import re
import sys
from pathlib import Path

MESSAGE_ID = re.compile(rb"^message-id: *(\S+)", re.IGNORECASE | re.MULTILINE)


async def serve(file: Path, seconds: float) -> None:
    """So many seconds from the final dot to its answer."""
    ledger = file.open("ab", buffering=0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient, is_on_the_wire = b"", False
        try:
            writer.write(b"220 sink.test\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"QUIT":
                    break
                if verb == b"MAIL":
                    is_on_the_wire = True
                if verb == b"RCPT":
                    recipient = line.partition(b"<")[2].partition(b">")[0]
                if verb == b"DATA":
                    writer.write(b"354 Go on\r\n")
                    mail = await reader.readuntil(b"\r\n.\r\n")
                    await asyncio.sleep(seconds)
                    found = MESSAGE_ID.search(mail)
                    ledger.write(recipient + b" " + (found[1] if found else b"none") + b"\n")
                    is_on_the_wire = False
                writer.write(b"250-sink.test\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 2.0.0 Ok\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        if is_on_the_wire:
            ledger.write(b"broken\n")
        with contextlib.suppress(OSError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2])))
