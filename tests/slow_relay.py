"""A relay that takes its time over the end of each message, and serves any number of connections meanwhile."""

import asyncio
import contextlib
import threading
from typing import Self


class SlowRelay:
    """`with SlowRelay(0.05) as relay: ... relay.port`: pipelining, and so many seconds before it answers the dot."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.taken = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write(b"220 slow.test\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-slow.test\r\n250 PIPELINING\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 Go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    await asyncio.sleep(self.seconds)
                    self.taken += 1
                    writer.write(b"250 2.0.0 Ok\r\n")
                elif verb == b"QUIT":
                    break
                else:
                    writer.write(b"250 Ok\r\n")
        writer.close()
