"""A relay in a process of its own that takes its time over the end of each message: `python -m tests.slow_relay 0.05`.

It prints the port it listens on, and serves any number of connections until it is ended.
"""

import asyncio
import contextlib
import sys


async def serve(seconds: float) -> None:
    """Pipelining, and so many seconds from the final dot to its answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            writer.write(b"220 slow.test\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"QUIT":
                    break
                if verb == b"DATA":
                    writer.write(b"354 Go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    await asyncio.sleep(seconds)
                writer.write(b"250-slow.test\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 2.0.0 Ok\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
