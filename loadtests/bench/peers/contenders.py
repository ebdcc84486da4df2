"""Who is compared: the gateway, what npm installs, the constant reply; each a server with its requests and answers.

A server's answers are checked for content once, all of them, and kept: in the rounds every answer must be the one that
was right, byte for byte (programs/generator).
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import uvloop

from hub.partner import access_token
from hub.processes import end_with_parent, free_ports
from loadtests.bench.peers.mix import Asked, check_data
from loadtests.bench.peers.world import World
from loadtests.bench.town import ASKING
from loadtests.bench.wire import Request, closed_loop, connected, post

__all__ = ["SERVERS", "Contender", "address", "exchanges_file", "gateway", "node_server", "right_answers"]

SERVERS: Final[Mapping[str, str]] = {
    "bare": "node:http, graphql-jit, driver",
    "yoga": "GraphQL Yoga, hand-written",
    "apollo": "Apollo Server, hand-written",
    "neo4j": "@neo4j/graphql, Apollo Server",
}
"""File of node/ -> what it is."""

_TOKENS: Final = 8  # users have an Authorization header each; no cache may live of one
_CHECKING: Final = (16, 4, 1, 1)  # connections, pass by pass
_LATE: Final = (b'"code":"deadline"', b'"code":"graph_unavailable"')
_PAUSE_S: Final = 2.0

Check = Callable[[Asked, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A running server. tokens: empty where nobody is asked who he is. pid: its process; its children count with it."""

    name: str
    title: str
    url: str
    pid: int
    path: str = "/graphql"
    tokens: tuple[str, ...] = ()

    def requests(self, asked: Sequence[Asked]) -> list[bytes]:
        """Write the requests as they go over the wire, each with the next user's token."""
        tokens = cycle(self.tokens or (None,))
        return [post(self.path, each.body(), media_type="application/json", token=next(tokens)) for each in asked]


def gateway(world: World) -> Contender:
    """Take the hub: the product, with tokens, access rules, limits, access records on disk."""
    town = world.town
    with town.alliance.node(ASKING) as node:
        tokens = tuple(access_token(node, "license.read") for _ in range(_TOKENS))
    return Contender(name="gateway", title="tongban", url=town.url, pid=town.hub.pid, tokens=tokens)


@contextmanager
def node_server(name: str, folder: Path, world: World) -> Iterator[Contender]:
    """Run one of the Node servers over the world's graph. Raises RuntimeError: it did not start."""
    (port,) = free_ports(1)
    graph = world.graph
    environment = {
        **os.environ, "NODE_ENV": "production", "PORT": str(port), "BOLT_URI": graph.uri, "BOLT_USER": graph.user,
        "BOLT_PASSWORD": graph.password, "BOLT_DATABASE": graph.database, "HOLDER_KEY": world.town.holder_key.hex(),
    }  # fmt: skip
    with subprocess.Popen(
        ["node", f"{name}.mjs"], cwd=folder, env=environment, stdout=subprocess.PIPE, preexec_fn=end_with_parent()  # noqa: PLW1509  # two system calls
    ) as process:  # fmt: skip
        try:
            if process.stdout is None or process.stdout.readline().strip() != b"ready":
                raise RuntimeError(f"{name} did not start")
            path = "/" if name in {"apollo", "neo4j"} else "/graphql"
            yield Contender(name=name, title=SERVERS[name], url=f"http://127.0.0.1:{port}", pid=process.pid, path=path)
        finally:
            process.terminate()


def right_answers(contender: Contender, asked: Sequence[Asked], check: Check = check_data) -> list[bytes]:
    """Ask everything once, check each answer for content, and give the answers.

    What the engine did not answer in time, planning it for the first time, is asked again, a few at a time. Raises
    ValueError for an answer that is wrong, or never came.
    """
    found: dict[int, bytes] = {}
    requests = contender.requests(asked)

    def judge(number: int) -> Callable[[bytes], None]:
        def keep(answer: bytes) -> None:
            if any(code in answer for code in _LATE):
                return
            try:
                check(asked[number], orjson.loads(answer))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ValueError(f"{contender.name}: {error}: {answer[:300]!r}") from error
            found[number] = answer.rstrip(b"\n")

        return keep

    async def ask(count: int) -> None:
        left = [number for number in range(len(asked)) if number not in found]
        async with connected(contender.url, count) as connections:
            await closed_loop(connections, [Request(requests[number], judge(number)) for number in left])

    for count in _CHECKING:
        uvloop.run(ask(count))
        if len(found) == len(asked):
            break
        time.sleep(_PAUSE_S)
    if len(found) < len(asked):
        raise ValueError(f"{contender.name}: {len(asked) - len(found)} answers were never in time")
    return [found[number] for number in range(len(asked))]


def exchanges_file(path: Path, requests: Sequence[bytes], answers: Sequence[bytes]) -> Path:
    """Write what the generator sends, and what must come back; an empty answer: anything without errors."""
    lines = [
        orjson.dumps({"request": request.decode(), "answer": answer.decode()})
        for request, answer in zip(requests, answers, strict=True)
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def address(url: str) -> str:
    """Give host and port of a URL."""
    return urlsplit(url).netloc
