"""Nineteen counties on loopback, each a node on a port of its own, in one process beside the hub that asks them.

    with county_nodes(COUNTIES, slow={"370783"}) as urls: ...      county -> URL
    python -m loadtests.counties                                   how long one answer over all of them takes

Each gives the faces that it is asked for, as a county's node does, without a store behind it: what is measured is the
hub's part. A slow one takes the question and never answers; a dead one is a port at which nobody listens.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.auth import TokenIssuer
from hub.envelope import FaceCipher
from hub.ingest.data import read_table
from hub.observability import configure_logging
from hub.processes import free_ports
from hub.sources import NodeSource, Sources, VaultSource, VaultStore
from ledger.signers import SoftwareSigner
from schema.access import Principal
from schema.context import FaceRequest

__all__ = ["COUNTIES", "county_nodes", "look_up_seconds"]

COUNTIES: Final = tuple(row["code"] for row in read_table("roster"))
_DEAD: Final = 2
_BUDGET_MS: Final = 800
_ROUNDS: Final = 20
_CALLER: Final = Principal(county="370214", client="370214#3", token_id="bench", scopes=frozenset(), expires=0)  # noqa: S106  # the id of none


@contextmanager
def county_nodes(counties: Sequence[str], *, slow: Collection[str] = ()) -> Iterator[dict[str, str]]:
    """Run the nodes of these counties in a process of its own, and give their URLs while the block runs."""
    command = [sys.executable, "-m", "loadtests.counties", "serve", ",".join(counties), ",".join(slow)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the nodes have no output")
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()  # one that never answers would keep it from ending in peace


async def look_up_seconds(urls: dict[str, str], folder: Path, *, budget_ms: int) -> tuple[float, set[str]]:
    """Ask one license of each county in one answer; give its seconds, and the counties that are missing in it."""
    issuer = TokenIssuer(
        SoftwareSigner.generate("Ed25519", secrets.token_bytes),
        issuer="https://hub.example",
        random=secrets.token_bytes,
    )
    clock, vault = (
        (lambda: int(time.time())),
        VaultStore(folder / "vault.sqlite", FaceCipher(bytes(32), secrets.token_bytes), lambda _leaf: True),
    )
    asked = [
        FaceRequest(certificate_identifier=f"license of {county}", county=county, fields=("certificateName",),
                    use_cause="bench", caller=_CALLER)
        for county in urls
    ]  # fmt: skip
    async with httpx2.AsyncClient(trust_env=False) as client:
        nodes = {
            county: NodeSource(county=county, url=url, client=client, issuer=issuer, clock=clock)
            for county, url in urls.items()
        }
        sources = Sources(nodes, VaultSource(vault, clock), clock=clock, deadline_ms=budget_ms)
        start = time.perf_counter()
        answers = await sources.faces(asked)
        seconds = time.perf_counter() - start
    vault.close()
    return seconds, {each.county for each, answer in zip(asked, answers, strict=True) if answer.values is None}


async def _faces(request: Request) -> Response:
    rows = (await request.json())["requests"]
    values = {"certificateName": "营业执照"}
    faces = [{"certificateIdentifier": row["certificateIdentifier"], "values": values, "code": None} for row in rows]
    return JSONResponse({"faces": faces, "asOf": int(time.time())})


async def _silence(_request: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


async def _serve(counties: Sequence[str], slow: Collection[str]) -> None:
    ports = dict(zip(counties, free_ports(len(counties)), strict=True))
    servers = []
    for county, port in ports.items():
        answer: Any = _silence if county in slow else _faces
        app = Starlette(routes=[Route("/records/faces", answer, methods=["POST"])])
        servers.append(uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off", ws="none")))
    running = [asyncio.create_task(server.serve()) for server in servers]
    while not all(server.started for server in servers):  # noqa: ASYNC110  # uvicorn has a flag and no event
        await asyncio.sleep(0.01)
    print(json.dumps({county: f"http://127.0.0.1:{port}" for county, port in ports.items()}), flush=True)
    await asyncio.gather(*running)


def _measure() -> None:
    configure_logging("error")  # that three counties fail is the point
    dead, slow, alive = COUNTIES[:_DEAD], COUNTIES[_DEAD], COUNTIES[_DEAD:]
    with county_nodes(alive, slow={slow}) as urls, TemporaryDirectory() as folder:
        everyone = dict.fromkeys(dead, "http://127.0.0.1:1") | urls
        rounds = [
            asyncio.run(look_up_seconds(everyone, Path(folder), budget_ms=_BUDGET_MS)) for _ in range(_ROUNDS)
        ]  # fmt: skip
    seconds = sorted(each for each, _ in rounds)
    exact = sum(missing == {*dead, slow} for _, missing in rounds)
    print(f"{len(COUNTIES)} counties, {_DEAD} dead, 1 slow, budget {_BUDGET_MS} ms, {_ROUNDS} answers:")
    print(f"median {statistics.median(seconds) * 1000:.0f} ms, slowest {seconds[-1] * 1000:.0f} ms")
    print(f"{exact} of {_ROUNDS} with exactly the {len(COUNTIES) - _DEAD - 1} others")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(sys.argv[2].split(","), set(sys.argv[3].split(","))))
    else:
        _measure()
