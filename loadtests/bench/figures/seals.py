"""Seals through HTTP, witnessed: in bundles of 256 and one at a time, cosigned by five county nodes over HTTP.

Three of them are witnesses, two are auditors, who fetch and replay every entry before they cosign.

The entries are signed beforehand. Ours: `POST /ledger/entries?wait=receipt`; the clock stops when the last answer has
come, and every answer must hold a receipt for each entry, under a checkpoint that a quorum cosigned. Beside the
bundles: one bare Ed25519 verification an entry, which no log can save. Beside the single ones: durable commits of one
small row at a time (SQLite, WAL, synchronous=FULL, the same disk), what a log without group commit would reach.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop

from ledger.encoding import b64u_encode
from ledger.suites import PublicKey
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.tiles import encode_bundle
from loadtests.bench.measuring import Effort, Gate, Pair, Reading, seconds_of
from loadtests.bench.shelf import COUNTY, bare_verifications, sealed_licenses
from loadtests.bench.town import Town
from loadtests.bench.wire import Request, closed_loop, connected, post

__all__ = ["commit_one_by_one", "measure", "single_seal"]

BATCH: Final = 256
_BUNDLES: Final = 12
_BUNDLES_AT_A_TIME: Final = 4
_SINGLES: Final = 600
_CLIENTS: Final = 64
_COMMITS: Final = 200
_PATH: Final = "/ledger/entries?wait=receipt"
_SEED: Final = 100  # no seed of the population: other licenses


def measure(effort: Effort, town: Town, folder: Path) -> list[Reading]:
    """Measure the figures `seals-batch` and `seals-single`."""
    bundles, singles = effort.amount(_BUNDLES, least=4), effort.amount(_SINGLES, least=2 * _CLIENTS)
    needed = effort.rounds * (bundles * BATCH + singles)
    with town.alliance.node(COUNTY) as node:
        entries = [each.entry for each in sealed_licenses(node, needed, now=int(time.time()), seed=_SEED)]
        key = node.keys.seal.public_key
    waiting = iter(entries)

    def take(count: int) -> list[bytes]:
        return [next(waiting) for _ in range(count)]

    batch = [_batch_round(town, take(bundles * BATCH), key) for _ in range(effort.rounds)]
    single = [_single_round(town, take(singles), folder) for _ in range(effort.rounds)]
    return [
        Reading(
            name="seals-batch",
            title=f"seals through HTTP in bundles of {BATCH}, receipts back, 3 HTTP witnesses, 2 auditors",
            unit="entries/s",
            beside="bare Ed25519 verifications, one thread",
            pairs=tuple(batch),
            gate=Gate(of="ours", sign=">=", bound=2_500),
            note=f"{bundles * BATCH:,} entries a round, {_BUNDLES_AT_A_TIME} bundles at a time",
        ),
        Reading(
            name="seals-single",
            title=f"seals through HTTP from {_CLIENTS} clients, receipts back, 3 HTTP witnesses, 2 auditors",
            unit="entries/s",
            beside="durable commits one at a time",
            pairs=tuple(single),
            gate=Gate(of="ours", sign=">=", bound=500),
            note=f"{singles:,} entries a round",
        ),
    ]


def _batch_round(town: Town, entries: Sequence[bytes], key: PublicKey) -> Pair:
    parts = [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]
    ours = uvloop.run(_seconds(town, [_bundle(part) for part in parts], _BUNDLES_AT_A_TIME))
    return Pair(len(entries) / ours, len(entries) / seconds_of(bare_verifications(key, entries)))


def _single_round(town: Town, entries: Sequence[bytes], folder: Path) -> Pair:
    ours = uvloop.run(_seconds(town, [single_seal(entry) for entry in entries], _CLIENTS))
    return Pair(len(entries) / ours, _COMMITS / seconds_of(lambda: commit_one_by_one(folder, _COMMITS)))


async def _seconds(town: Town, requests: Sequence[Request], at_a_time: int) -> float:
    async with connected(town.url, at_a_time) as connections:
        return await closed_loop(connections, requests)


def _bundle(entries: Sequence[bytes]) -> Request:
    def check(body: bytes) -> None:
        rows = orjson.loads(body)
        if len(rows) != len(entries):
            raise ValueError(f"expected {len(entries)} results, got {len(rows)}")
        for entry, row in zip(entries, rows, strict=True):
            _check_result(entry, row)

    return Request(post(_PATH, encode_bundle(entries), media_type="application/octet-stream"), check)


def single_seal(entry: bytes) -> Request:
    """Prepare the submission of one seal; its answer must hold a witnessed receipt of this very entry."""
    return Request(
        post(_PATH, entry, media_type="application/jose"), lambda body: _check_result(entry, orjson.loads(body))
    )


def _check_result(entry: bytes, row: dict[str, Any]) -> None:
    whole = row.get("state") == "witnessed" and row["leaf"] == b64u_encode(leaf_hash(entry))
    if not whole or entry.decode("ascii") not in row["receipt"]:
        raise ValueError(f"expected a witnessed seal with its receipt, got {row.get('error', row.get('state'))}")


def commit_one_by_one(folder: Path, count: int) -> None:
    """Commit `count` small rows, each durable before the next, to a database in `folder`."""
    with closing(sqlite3.connect(folder / "commits.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS row (i INTEGER PRIMARY KEY, d BLOB NOT NULL)")
        for _ in range(count):
            connection.execute("INSERT INTO row (d) VALUES (randomblob(256))")
