"""`python -m hub.readers FD`: what the hub starts; FD is the number of its end of the channel."""

from __future__ import annotations

import socket
import sys
import time

import uvloop

from hub.readers.process import ReaderProcess

__all__: list[str] = []


async def _read(end: socket.socket) -> None:
    await ReaderProcess(end, clock=lambda: int(time.time())).run()


if __name__ == "__main__":
    uvloop.run(_read(socket.socket(fileno=int(sys.argv[1]))))
