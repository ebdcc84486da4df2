"""How long one waits for the ledger: a submitter for a witnessed receipt, everybody for a revocation.

Submitters: seals at a steady 250 a second, half of what 64 clients must reach, each answered with its receipt under a
checkpoint that a quorum cosigned. The wait counts from when the request was due. Beside it: one durable commit of a
small row on the same disk, which is the least that anybody can wait for.

Revocation: from the county's command to the first witnessed checkpoint whose status tile says so, read as any verifier
reads it. On the way are the county's outbox (it looks every 250 ms), the group commit and one round of the witnesses.
Beside it: the wait for a seal's receipt in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import httpx2
import uvloop

from hub.ingest.generate import feed_rows
from ledger.status import TILE_ENTRIES, Status
from loadtests.bench.figures.seals import commit_one_by_one, single_seal
from loadtests.bench.measuring import Effort, Gate, Pair, Reading, seconds_of
from loadtests.bench.shelf import COUNTY, sealed_licenses
from loadtests.bench.town import Town
from loadtests.bench.wire import connected, open_loop

__all__ = ["measure"]

_RATE: Final = 250.0
_SEALS: Final = 1_000
_CLIENTS: Final = 64
_COMMITS: Final = 200
_SEED: Final = 200  # other licenses than the other figures
_MS: Final = 1_000.0
_LONGEST_S: Final = 120.0


def measure(effort: Effort, town: Town, folder: Path) -> list[Reading]:
    """Measure the figures `wait-p50`, `wait-p95` and `revocation`."""
    seals = effort.amount(_SEALS, least=100)
    with town.alliance.node(COUNTY) as node:
        entries = [
            each.entry for each in sealed_licenses(node, effort.rounds * seals, now=int(time.time()), seed=_SEED)
        ]
    rounds = [entries[start : start + seals] for start in range(0, len(entries), seals)]
    waits = [uvloop.run(_waits(town, part)) for part in rounds]
    commit = _MS * seconds_of(lambda: commit_one_by_one(folder, _COMMITS)) / _COMMITS
    revoked = [_revocation_s(town, number) for number in range(effort.rounds)]
    middles = [_MS * statistics.median(each) for each in waits]
    return [
        _wait("wait-p50", [_percentile(each, 50) for each in waits], commit, 350),
        _wait("wait-p95", [_percentile(each, 95) for each in waits], commit, 1_000),
        Reading(
            name="revocation",
            title="from the county's command to a witnessed checkpoint that shows the revocation",
            unit="ms",
            beside="wait for a seal's receipt, p50",
            pairs=tuple(Pair(_MS * ours, beside) for ours, beside in zip(revoked, middles, strict=True)),
            gate=Gate(of="ours", sign="<=", bound=60_000),
        ),
    ]


def _wait(name: str, ours: Sequence[float], commit: float, bound: float) -> Reading:
    return Reading(
        name=name,
        title=f"submit to witnessed receipt at {_RATE:.0f} seals a second, {name.removeprefix('wait-')}",
        unit="ms",
        beside="one durable commit",
        pairs=tuple(Pair(each, commit) for each in ours),
        gate=Gate(of="ours", sign="<=", bound=bound),
        note=f"one seal a request, over {_CLIENTS} connections, from when each was due",
    )


async def _waits(town: Town, entries: Sequence[bytes]) -> list[float]:
    async with connected(town.url, _CLIENTS) as connections:
        return await open_loop(connections, [single_seal(entry) for entry in entries], rate=_RATE)


def _percentile(seconds: Sequence[float], percent: int) -> float:
    return _MS * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def _revocation_s(town: Town, number: int) -> float:
    """Revoke one license of the population; give the seconds until a published status tile shows it."""
    plan = next(plan for plan in town.population.plans if plan.county == COUNTY)
    identifier = next(islice(feed_rows(plan), number, None))["ZZBS"]
    with town.alliance.node(COUNTY) as node:
        index = node.outbox.of(identifier)[0].log_index
        if index is None:
            raise ValueError("the license is not logged")
        start = time.perf_counter()
        node.revoke(identifier, "04", int(time.time()))
    asyncio.run(_until_revoked(town.url, index))
    return time.perf_counter() - start


async def _until_revoked(url: str, index: int) -> None:
    number, offset = divmod(index, TILE_ENTRIES)
    async with asyncio.timeout(_LONGEST_S), httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        while True:
            tile = (await client.get(f"/ledger/status/{number}")).raise_for_status().content
            if (tile[offset // 4] >> (2 * (offset % 4))) & 3 == Status.REVOKED:
                return
            await asyncio.sleep(0.02)
