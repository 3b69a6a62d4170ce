"""Readers who do not wait for each other: `python -m tests.bench.readers http://127.0.0.1:8000/ 200 10`.

Each request has its moment on a fixed schedule, and its time counts from that moment, whatever came before it: a page
that stalls makes everybody late who would have come meanwhile. Connections are kept and grow as needed. Printed is
JSON: for each request its moment (seconds since 1970) and how long it took, in the order of the schedule.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE = 60.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Crowd:
    """Readers of one page, and the connections that they share."""

    url: str
    idle: list[Connection] = field(default_factory=list)
    taken: list[tuple[float, float]] = field(default_factory=list)

    async def come(self, rate: int, seconds: float) -> None:
        """So many a second, for so long; returns when everybody has been answered."""
        begin = time.perf_counter() + 0.1
        epoch = time.time() - time.perf_counter()
        async with asyncio.TaskGroup() as readers:
            for number in range(int(rate * seconds)):
                due = begin + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                readers.create_task(self._read(due, epoch))
        for _, writer in self.idle:
            writer.close()

    async def _read(self, due: float, epoch: float) -> None:
        async with asyncio.timeout(PATIENCE):
            connection = await self._ask_on_a_kept_one() or await self._ask_on_a_new_one()
        self.taken.append((epoch + due, time.perf_counter() - due))
        self.idle.append(connection)

    async def _ask_on_a_kept_one(self) -> Connection | None:
        """None where there is none, or where the server has ended it meanwhile: browsers then open another one."""
        try:
            connection = self.idle.pop()
            await self._ask(*connection)
        except (IndexError, asyncio.IncompleteReadError, ConnectionError):
            return None
        return connection

    async def _ask_on_a_new_one(self) -> Connection:
        connection = await self._connect()
        await self._ask(*connection)
        return connection

    async def _connect(self) -> Connection:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self.url)
        writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        status = head[0].split(" ")[1]
        assert status == "200", f"the page answered {status}"
        await reader.readexactly(next(int(line[15:]) for line in head if line.startswith("content-length:")))


def main() -> None:
    """Print what was taken."""
    url, rate, seconds = sys.argv[1:]
    crowd = Crowd(url)
    asyncio.run(crowd.come(int(rate), float(seconds)))
    print(json.dumps(sorted(crowd.taken)))


if __name__ == "__main__":
    main()
