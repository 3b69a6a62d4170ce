"""A relay in a process of its own that takes its time over the end of each message: `python -m tests.slow_relay 0.05`.

It prints the port it listens on, and serves any number of connections until it is ended. It costs little itself:
what came together is answered together.
"""

import asyncio
import sys

END = b"\r\n.\r\n"


class Talk(asyncio.Protocol):
    """One connection: pipelining, and so many seconds from the final dot to its answer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.heard = b""
        self.is_in_message = self.is_thinking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 slow.test\r\n")

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self._answer()

    def _answer(self) -> None:
        said = b""
        while not self.is_thinking and (END if self.is_in_message else b"\n") in self.heard:
            if self.is_in_message:
                self.heard = self.heard.split(END, 1)[1]
                self.is_in_message, self.is_thinking = False, True
                asyncio.get_running_loop().call_later(self.seconds, self._take)
                break
            line, self.heard = self.heard.split(b"\n", 1)
            verb = line[:4].upper()
            self.is_in_message = verb == b"DATA"
            said += {
                b"DATA": b"354 Go on\r\n",
                b"EHLO": b"250-slow.test\r\n250 PIPELINING\r\n",
                b"QUIT": b"221 Bye\r\n",
            }.get(verb, b"250 2.0.0 Ok\r\n")
        if said:
            self.transport.write(said)

    def _take(self) -> None:
        self.is_thinking = False
        self.transport.write(b"250 2.0.0 Ok\r\n")
        self._answer()


async def serve(seconds: float) -> None:
    """Listen, say where, and go on until ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Talk(seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
