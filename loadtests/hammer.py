"""The hammer: seals at a steady rate for minutes, while readers check what the ledger has promised.

    .venv/bin/python -m loadtests.hammer [--seconds 600] [--rate 500] [--bundle 10] [--json]

Founds an alliance on loopback (five counties, three witnesses and two auditors), and submits bundles when they are due
whatever the hub does. One entry in a hundred is submitted twice, far apart: it must get its first index again. Readers
take one checkpoint together every few seconds, check its quorum and that it has grown from the one before, and verify
the inclusion of one entry in a hundred under that very checkpoint, with proofs made from the log's tiles. At the end
every level-0 tile is read: an entry that was acknowledged and does not stand at its index is lost, a leaf that stands
twice is duplicated. Exit code 0 if nothing is, nothing was refused and proofs were checked, else 1.

    rate 500/s asked, 499.8/s acknowledged over 600 s; 299,900 entries, 3,000 submitted twice, 0 refused
    acknowledged after p50 61 ms, p95 140 ms, p99 310 ms
    118 common checkpoints, 2,999 inclusion proofs verified
    lost 0, duplicated 0
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import httpx2
import orjson
import uvloop

from hub.county.folder import open_county
from hub.demo.alliance import SAMPLE, Alliance
from hub.demo.trial import AUDITORS
from hub.keyfiles import read_passphrase
from ledger.anchor import TrustAnchor
from ledger.encoding import b64u_decode
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import TreeView, leaf_hash, verify_consistency, verify_inclusion
from ledger.transparency.policy import Policy
from ledger.transparency.tiles import TILE_WIDTH, TileNodes, TilePath, encode_bundle, tile_hashes
from loadtests.bench.shelf import COUNTY, sealed_licenses
from loadtests.bench.wire import Connection, connected, post

__all__ = ["Account", "Hammer", "main"]

_CONNECTIONS: Final = 64
_CHUNK_S: Final = 5.0  # how far ahead entries are signed
_READ_S: Final = 5.0
_SAMPLE: Final = 100  # one in so many is submitted twice, and one in so many is proved
_SETTLE_S: Final = 120.0
_SEED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What came of a run. Times in seconds, waits in milliseconds. lost, duplicated: must be 0."""

    asked: float
    seconds: float
    acknowledged: int
    repeated: int
    refused: int
    waits: tuple[float, float, float]
    checkpoints: int
    proofs: int
    lost: int
    duplicated: int

    @property
    def holds(self) -> bool:
        """Tell whether nothing is lost or doubled, nothing was refused, and proofs were checked at all."""
        return not (self.lost or self.duplicated or self.refused) and self.proofs > 0 and self.repeated > 0

    def text(self) -> str:
        """Write the account for a person."""
        p50, p95, p99 = self.waits
        rate = self.acknowledged / self.seconds
        return (
            f"rate {self.asked:g}/s asked, {rate:.1f}/s acknowledged over {self.seconds:.0f} s; "
            f"{self.acknowledged:,} entries, {self.repeated:,} submitted twice, {self.refused:,} refused\n"
            f"acknowledged after p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms\n"
            f"{self.checkpoints} common checkpoints, {self.proofs:,} inclusion proofs verified\n"
            f"lost {self.lost}, duplicated {self.duplicated}"
        )


@dataclass(slots=True)
class Hammer:
    """One run against a hub. anchor: by what the readers judge it."""

    url: str
    anchor: TrustAnchor
    indexes: dict[bytes, int] = field(default_factory=dict)  # by leaf hash, as acknowledged
    waits: list[float] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0
    checkpoints: int = 0
    proved: set[bytes] = field(default_factory=set)
    duplicated: int = 0
    common: Checkpoint | None = None

    async def run(self, bundles: Iterator[Sequence[bytes]], *, rate: float, size: int, seconds: float) -> Account:
        """Send `rate` entries a second in bundles of `size`, read meanwhile, and settle the account."""
        reader = asyncio.create_task(self._read_on())
        start = time.perf_counter()
        try:
            async with connected(self.url, _CONNECTIONS) as connections:
                await self._write(bundles, connections, rate=rate / size, end=start + seconds)
            spent = time.perf_counter() - start
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader  # a proof that did not hold has ended it, and ends the run
        lost = await asyncio.to_thread(self._settle)
        quantiles = statistics.quantiles(self.waits, n=100, method="inclusive")
        return Account(
            asked=rate,
            seconds=spent,
            acknowledged=len(self.indexes),
            repeated=self.repeated,
            refused=self.refused,
            waits=(1e3 * quantiles[49], 1e3 * quantiles[94], 1e3 * quantiles[98]),
            checkpoints=self.checkpoints,
            proofs=len(self.proved),
            lost=lost,
            duplicated=self.duplicated,
        )

    async def _write(
        self, bundles: Iterator[Sequence[bytes]], connections: Sequence[Connection], *, rate: float, end: float
    ) -> None:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in connections:
            free.put_nowait(connection)
        start = time.perf_counter()
        async with asyncio.TaskGroup() as sending:
            number = 0
            while (due := start + number / rate) < end:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                bundle = await asyncio.to_thread(next, bundles)
                sending.create_task(self._send(bundle, free, due))
                number += 1

    async def _send(self, bundle: Sequence[bytes], free: asyncio.Queue[Connection], due: float) -> None:
        connection = await free.get()
        request = post("/ledger/entries", encode_bundle(bundle), media_type="application/octet-stream")
        async with asyncio.timeout(_SETTLE_S):
            status, body = await connection.exchange(request)
        free.put_nowait(connection)
        self.waits.append(time.perf_counter() - due)
        if status not in {200, 202}:
            self.refused += len(bundle)
            return
        for entry, row in zip(bundle, orjson.loads(body), strict=True):
            self._acknowledge(leaf_hash(entry), row)

    def _acknowledge(self, leaf: bytes, row: dict[str, object]) -> None:
        index = row.get("index")
        if not isinstance(index, int) or b64u_decode(str(row["leaf"])) != leaf:
            self.refused += 1
            return
        if leaf in self.indexes:
            self.repeated += 1
            self.duplicated += self.indexes[leaf] != index
        self.indexes.setdefault(leaf, index)

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(_READ_S)
            await asyncio.to_thread(self._read)

    def _read(self) -> None:
        """Take the next common checkpoint, and prove entries under it that were acknowledged and not proved yet."""
        with httpx2.Client(base_url=f"{self.url}/ledger/", trust_env=False, timeout=30.0) as client:
            note = client.get("checkpoint").raise_for_status().content
            checkpoint = self.anchor.checkpoint(note).checkpoint
            self.anchor.quorum_time(note, int(time.time()))
            tree = TreeView(checkpoint.size, TileNodes(lambda level, number: _tile(client, checkpoint, level, number)))
            if tree.root != checkpoint.root:
                raise ValueError("the tiles do not give the root of the checkpoint")
            if self.common is not None:
                old = self.common
                verify_consistency(
                    old.size, checkpoint.size, old.root, checkpoint.root, tree.consistency_path(old.size)
                )
            self.common, self.checkpoints = checkpoint, self.checkpoints + 1
            for leaf, index in list(self.indexes.items()):
                if leaf[0] * 256 + leaf[1] < 65_536 // _SAMPLE and index < checkpoint.size and leaf not in self.proved:
                    verify_inclusion(leaf, index, checkpoint.size, tree.inclusion_path(index), checkpoint.root)
                    self.proved.add(leaf)

    def _settle(self) -> int:
        """Wait until all that was acknowledged is published, read every leaf, count what is not where it should be."""
        needed, end = max(self.indexes.values(), default=-1) + 1, time.monotonic() + _SETTLE_S
        self._read()
        while self.common is None or self.common.size < needed:
            if time.monotonic() > end:
                raise TimeoutError("what was acknowledged was not published in time")
            time.sleep(0.5)
            self._read()
        common = self.common
        with httpx2.Client(base_url=f"{self.url}/ledger/", trust_env=False, timeout=30.0) as client:
            tiles = [_tile(client, common, 0, number) for number in range(-(-common.size // TILE_WIDTH))]
        leaves = [leaf for tile in tiles for leaf in tile_hashes(tile)]
        self.duplicated += len(leaves) - len(set(leaves))
        return sum(leaves[index] != leaf for leaf, index in self.indexes.items())


def _tile(client: httpx2.Client, checkpoint: Checkpoint, level: int, number: int) -> bytes:
    width = min(TILE_WIDTH, (checkpoint.size >> (8 * level)) - number * TILE_WIDTH)
    path = TilePath(level=level, number=number, width=width).format()
    return client.get(path).raise_for_status().content


def _signed(folder: str, passphrase_file: str, count: int, seed: int) -> list[bytes]:
    """Sign a chunk of seals of sample licenses; runs in a process of its own, ahead of the submissions."""
    node = open_county(Path(folder), read_passphrase(Path(passphrase_file)), random=random.SystemRandom().randbytes)
    try:
        return [each.entry for each in sealed_licenses(node, count, now=int(time.time()), seed=seed)]
    finally:
        node.close()


def _bundles(alliance: Alliance, size: int, chunk: int) -> Iterator[list[bytes]]:
    """Give bundles for ever; one entry in a hundred comes again a chunk later."""
    folder, secret = str(alliance.data(COUNTY)), str(alliance.passphrase_file(COUNTY))
    with ProcessPoolExecutor(1) as pool:
        following, again, seed = pool.submit(_signed, folder, secret, chunk, _SEED), list[bytes](), _SEED
        while True:
            entries, seed = following.result(), seed + 1
            following = pool.submit(_signed, folder, secret, chunk, seed)
            entries, again = [*entries, *again], entries[::_SAMPLE]
            yield from (entries[start : start + size] for start in range(0, len(entries), size))


def main(arguments: Sequence[str] | None = None) -> int:
    """Found, start, hammer, settle; 0 if nothing was lost or duplicated."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.hammer", description="Hammer a hub of our own.")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long; default 600")
    parser.add_argument("--rate", type=float, default=500.0, help="entries a second; default 500")
    parser.add_argument("--bundle", type=int, default=10, help="entries a request; default 10")
    parser.add_argument("--json", action="store_true", help="for machines")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tongban-hammer-") as folder:
        alliance = Alliance.found(Path(folder) / "alliance", SAMPLE, auditors=AUDITORS)
        data = alliance.data("hub")
        anchor = TrustAnchor(Policy.parse((data / "policy").read_bytes()), (data / "genesis").read_bytes())
        bundles = _bundles(alliance, chosen.bundle, int(chosen.rate * _CHUNK_S))
        with alliance.running(graph=False):
            hammer = Hammer(alliance.url("hub"), anchor)
            account = uvloop.run(hammer.run(bundles, rate=chosen.rate, size=chosen.bundle, seconds=chosen.seconds))
    print(orjson.dumps(asdict(account)).decode() if chosen.json else account.text())
    return int(not account.holds)


if __name__ == "__main__":
    sys.exit(main())
