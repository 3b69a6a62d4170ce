"""Twilio as a process of its own, fast enough to measure by: takes each SMS, waits, says yes, and notes when it came.

`python -m tests.bench.twilio PORT MILLISECONDS`; `GET /came` answers with the moments.
"""

import asyncio
import itertools
import json
import sys
import time

CAME: list[float] = []
NUMBERS = itertools.count(1)


async def serve(port: int, pause: float) -> None:
    """Until the process is ended."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                await reader.readexactly(length)
                if head.startswith(b"POST"):
                    CAME.append(time.time())
                    await asyncio.sleep(pause)
                    answer = _say(201, {"sid": f"SM{next(NUMBERS):032x}", "status": "queued"})
                else:
                    answer = _say(200, CAME)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever called has hung up
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def _say(status: int, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]) / 1000))
