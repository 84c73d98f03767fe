# SPDX-License-Identifier: Apache-2.0
# Load that runs beside a test in a thread of its own: kept-alive connections, one
# connection per request, and WebSockets that echo. It is paced, checks every answer
# to the byte, and reports each thing that went wrong with its time.
import asyncio
import os
import threading
import time

from support import websocket


class Load:
    """Use as a context manager; afterwards `problems` must be empty."""

    def __init__(self, port, server="a", keepalive=8, oneshot=4, websockets=0, pause=0.01):
        self.port, self.server, self.pause = port, server, pause
        self.keepalive, self.oneshot, self.websockets = keepalive, oneshot, websockets
        self.problems = []
        self.requests = 0
        self.messages = 0
        self.connections = 0
        self._stop = False
        self._began = time.monotonic()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self):
        self._thread.start()
        self._ready.wait(20)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop = True
        self._thread.join(20)

    def problem(self, what):
        self.problems.append(f"{time.monotonic() - self._began:.3f} s: {what}")

    async def _main(self):
        tasks = [self._websocket(i) for i in range(self.websockets)]
        tasks += [self._kept_alive(i) for i in range(self.keepalive)]
        tasks += [self._one_request(i) for i in range(self.oneshot)]
        running = [asyncio.ensure_future(task) for task in tasks]
        await asyncio.sleep(0.3)
        self._ready.set()
        await asyncio.gather(*running)

    async def _connect(self):
        self.connections += 1
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def _exchange(self, reader, writer, target, extra=""):
        """One request; returns the head's text. Raises on anything unexpected."""
        writer.write(f"GET {target} HTTP/1.1\r\nHost: test\r\n{extra}\r\n".encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1")
        if not head.startswith("HTTP/1.1 200 "):
            raise ValueError(f"{target}: {head.splitlines()[0]}")
        length = next((int(line.split(":")[1]) for line in head.lower().splitlines()
                       if line.startswith("content-length:")), None)
        if length is None:
            raise ValueError(f"{target}: no length in {head!r}")
        body = await asyncio.wait_for(reader.readexactly(length), 10)
        if body != f"{self.server} GET {target}\n".encode():
            raise ValueError(f"{target}: got the body {body!r}")
        self.requests += 1
        return head

    async def _kept_alive(self, number):
        serial = 0
        while not self._stop:
            try:
                reader, writer = await self._connect()
                while not self._stop:
                    serial += 1
                    head = await self._exchange(reader, writer, f"/k{number}/{serial}")
                    if "connection: close" in head.lower():
                        self.problem(f"kept-alive connection {number} told to close")
                        break
                    await asyncio.sleep(self.pause)
                writer.close()
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                self.problem(f"kept-alive {number}: {type(error).__name__} {error}")
                await asyncio.sleep(0.05)

    async def _one_request(self, number):
        serial = 0
        while not self._stop:
            serial += 1
            try:
                reader, writer = await self._connect()
                await self._exchange(reader, writer, f"/o{number}/{serial}",
                                     "Connection: close\r\n")
                if await asyncio.wait_for(reader.read(), 5):
                    self.problem(f"one-request {number}: bytes after the answer")
                writer.close()
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                self.problem(f"one-request {number}: {type(error).__name__} {error}")
            await asyncio.sleep(self.pause)

    async def _websocket(self, number):
        try:
            reader, writer = await self._connect()
            writer.write(("GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n").encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            if not head.startswith(b"HTTP/1.1 101 "):
                raise ValueError(head.splitlines()[0].decode("latin-1"))
            serial = 0
            while not self._stop:
                serial += 1
                text = f"{number}/{serial}".encode()
                writer.write(websocket.make_frame(text, mask=os.urandom(4)))
                size = (await asyncio.wait_for(reader.readexactly(2), 10))[1]
                echo = await asyncio.wait_for(reader.readexactly(size), 10)
                if not echo.endswith(b":" + text):
                    raise ValueError(f"echo {echo!r} of {text!r}")
                self.messages += 1
                await asyncio.sleep(0.5)
            writer.close()
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            self.problem(f"WebSocket {number} cut: {type(error).__name__} {error}")
