"""A county that no network reaches, and a real hub: what one writes as a file, the other takes in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.bundles.keys import BundleKey
from hub.county import CountyNode
from hub.county.bundles import CountyBundles, Exported, Imported
from hub.county.evidence import EvidenceCheck
from hub.county.service import parse_jwks
from hub.county.settlement import Settlement
from hub.envelope import FaceCipher
from hub.ingest.bundles import BundleBook, BundleIntake, Taken
from hub.sources.vault import VaultStore
from ledger.entries import Seal, StatusChange, parse_entry
from ledger.transparency.merkle import leaf_hash
from tests.alliance import Alliance, license_of
from tests.entropy import seeded, signer_of
from tests.governed import GovernedHub
from tests.ports import FakeClock

__all__ = ["COUNTY", "HUB_KEY", "ClosedNetwork"]

COUNTY: Final = "370214"
HUB_KEY: Final = BundleKey.of_secret(seeded("hub bundle key")(32))


@dataclass
class ClosedNetwork:
    """`node` is cut off; `hub` runs. folder: where files are carried."""

    node: CountyNode
    hub: GovernedHub
    bundles: CountyBundles
    book: BundleBook
    vault: VaultStore
    folder: Path
    clock: FakeClock

    @classmethod
    @asynccontextmanager
    async def running(cls, alliance: Alliance, folder: Path, clock: FakeClock) -> AsyncIterator[ClosedNetwork]:
        """Run the hub of an alliance, whose county has no network."""
        (folder / "hub").mkdir()
        async with AsyncExitStack() as stack:
            hub = await stack.enter_async_context(GovernedHub.running(alliance, folder / "hub", clock))
            node, cipher = alliance.nodes[COUNTY], FaceCipher(bytes(32), seeded("vault"))
            vault = VaultStore(
                folder / "vault.sqlite", cipher, lambda leaf: bool(hub.registry.file.reads.find([leaf]))
            )  # fmt: skip
            found = cls(node, hub, CountyBundles(node), BundleBook(folder / "bundles.sqlite"), vault, folder, clock)
            for close in (found.bundles.close, found.book.close, vault.close):
                stack.callback(close)
            yield found

    def seal(self, *numbers: int) -> None:
        """Seal licenses of the county."""
        self.node.seal_many([license_of(number, county=COUNTY) for number in numbers], self.clock())

    def export(self, *, faces: bool = False) -> Exported:
        """Make the next bundle."""
        made = self.bundles.export(HUB_KEY, self.clock(), faces=faces)
        assert made is not None
        return made

    async def take(self, file: Path, answer: str = "answer", **options: Any) -> Taken:
        """Take a bundle in at the hub."""
        return await self.intake(**options.pop("intake", {})).take(file, self.folder / answer, **options)

    def intake(self, **parts: Any) -> BundleIntake:
        """Give the hub's side, with other parts where they are named."""
        issuer = self.hub.alliance.issuer
        known: dict[str, Any] = {
            "client": self.hub.http, "key": HUB_KEY, "keys": self.hub.alliance.state, "kid": issuer.kid,
            "signer": signer_of("hub token"), "book": self.book, "deposit": self.vault.deposit,
            "deposit_again": self.vault.deposit_again, "clock": self.clock,
        }  # fmt: skip
        return BundleIntake(**(known | parts))

    def bring(self, answer: str = "answer") -> Imported:
        """Take an answer in at the county."""
        node = self.node
        settlement = Settlement(
            check=EvidenceCheck(node.verifier), renew=node.renew, clock=self.clock, random=seeded("jitter")
        )
        keys = parse_jwks(node.file("hub-jwks.json", 16_384))
        return self.bundles.take(self.folder / answer, keys, settlement, self.clock())

    async def round(self, *, faces: bool = False) -> Imported:
        """Carry a bundle there and its answer back."""
        await self.take(self.export(faces=faces).path)
        return self.bring()

    def states(self) -> list[str]:
        """Give the state of each item of the outbox, oldest first."""
        with self.node._database.reading() as connection:
            return [row[0] for row in connection.execute("SELECT state FROM outbox ORDER BY id")]

    def logged(self) -> list[bytes]:
        """Give the leaf hashes of all seals and status entries in the ledger, in its order."""
        raws = self.hub.registry.file.reads.entries(0, self.hub.registry.size)
        return [leaf_hash(raw) for raw in raws if isinstance(parse_entry(raw), Seal | StatusChange)]
