"""Ingest of a county's feed through all checks, beside bare Ed25519 signatures.

Ours: `ingest_feed` from a CSV file to the last committed batch: row checks, seal, journal record, encryption of the
face, record and outbox in SQLite with `synchronous=FULL`. Every row is sealed, which is checked. Beside it: two bare
Ed25519 signatures a row, the least that any program would need for a seal and a record.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub.commands.ingest import sample_normaliser
from hub.county.node import CountyNode
from hub.ingest import ingest_feed
from hub.ingest.feeds import Feed
from hub.ingest.generate import FeedPlan
from ledger.signers import Signer
from loadtests.bench.measuring import Effort, Gate, Pair, Reading, seconds_of
from loadtests.bench.shelf import COUNTY, Shelf
from loadtests.population import write_feed

__all__ = ["measure"]

_ROWS: Final = 4_000
_MESSAGE_BYTES: Final = 1_024


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure the figure `ingest`."""
    shelf, rows = Shelf.found(folder), effort.amount(_ROWS, least=500)
    with shelf.alliance.node(COUNTY) as node:
        rounds = [_round(node, folder, rows, seed) for seed in range(1, effort.rounds + 1)]
    return [
        Reading(
            name="ingest",
            title="ingest through all checks, sealed and on disk",
            unit="rows/s",
            beside="pairs of bare Ed25519 signatures",
            pairs=tuple(pair for pair, _ in rounds),
            gate=Gate(of="ours", sign=">=", bound=2_000),
            note=f"{rows:,} rows a round, one thread; {max(rate for _, rate in rounds):,.0f} rows a second of CPU time",
        )
    ]


def _round(node: CountyNode, folder: Path, rows: int, seed: int) -> tuple[Pair, float]:
    """Take one feed in; give the pair, and the rows a second of CPU time."""
    now = int(time.time())
    normaliser = sample_normaliser(node.county, now)
    plan = FeedPlan(county=node.county, count=rows, as_of=normaliser.today, seed=seed)
    path = write_feed(plan, folder / f"feed-{seed}.csv")
    rejects = path.with_suffix(".rejects.csv")
    start, worked = time.perf_counter(), time.process_time()
    report = ingest_feed(Feed.open(path), node, normaliser, rejects=rejects, clock=lambda: now)
    taken, worked = time.perf_counter() - start, time.process_time() - worked
    if report.sealed != rows:
        raise ValueError(f"{report.sealed} of {rows} rows were sealed: {report.rejects}")
    return Pair(rows / taken, rows / seconds_of(_signatures(node.keys.seal, 2 * rows))), rows / worked


def _signatures(signer: Signer, count: int) -> Callable[[], None]:
    message = bytes(_MESSAGE_BYTES)

    def sign() -> None:
        for _ in range(count):
            signer.sign(message)

    return sign
