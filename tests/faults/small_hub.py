"""A registry over its file with five witnesses, of which three are a quorum; every clock is the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from hub.database import open_writer
from hub.log.ledgerfile import create_ledger
from hub.log.registry import LedgerRegistry, RegistryLimits
from ledger.attestation import issue
from ledger.signers import Signer
from ledger.transparency.fsck import replay_log
from ledger.transparency.policy import Policy
from ledger.transparency.snapshot import Snapshot
from ledger.transparency.sqlite import SqliteStore
from ledger.verifier import Verifier
from tests.sequenced import EMPTY_JOURNAL, LOG_KEY
from tests.small_log import CLAIMS, GENESIS, LOG, T0, VCT, vector_random
from tests.witnesses import Witnesses

__all__ = ["FOR_EVER", "SmallHub", "seal_by"]

FOR_EVER: Final = 10**10
_LIMITS: Final = RegistryLimits(quiet_s=0.0, group_s=0.01, heartbeat_s=3600.0)


@dataclass(slots=True)
class SmallHub:
    """One ledger file. clock: the hub's, POSIX seconds. times: quorum time of each publication, in order.

    wait_s: how long a caller waits for a receipt.
    """

    path: Path
    clock: Callable[[], int]
    witnesses: Witnesses = field(default_factory=lambda: Witnesses(5, LOG_KEY, now=T0 + 3600))
    times: list[int] = field(default_factory=list)
    wait_s: float = 20.0

    @classmethod
    def make(cls, folder: Path, clock: Callable[[], int]) -> SmallHub:
        """Found the ledger."""
        create_ledger(folder / "ledger.sqlite", GENESIS, LOG)
        return cls(folder / "ledger.sqlite", clock)

    @property
    def policy(self) -> Policy:
        """Any three of the five."""
        return Policy.parse(self.witnesses.policy(3))

    @property
    def verifier(self) -> Verifier:
        """What anybody verifies receipts with."""
        return Verifier(self.policy, GENESIS)

    def _shown(self, snapshot: Snapshot) -> None:
        self.times.append(snapshot.time)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LedgerRegistry]:
        """Run the registry."""
        async with self.witnesses.client() as http:
            registry = LedgerRegistry(
                self.path, signer=LOG, policy=self.policy, journal=lambda: EMPTY_JOURNAL, clock=self.clock, http=http,
                on_published=self._shown, limits=replace(_LIMITS, wait_s=self.wait_s),
            )  # fmt: skip
            await registry.start()
            try:
                yield registry
            finally:
                await registry.stop()

    def checked(self) -> tuple[Sequence[bytes], list[int]]:
        """Check the whole log; give its entries, and the quorum time of each kept checkpoint, in order."""
        with closing(open_writer(self.path)) as connection:
            store = SqliteStore(connection)
            keys = [witness.key for witness in self.policy.witnesses]
            replay_log(store.reader, store.state(), LOG_KEY, cosigners=keys)
            kept = store.reader.checkpoints(0, FOR_EVER)
            anchor = self.verifier.anchor
            times = [anchor.quorum_time(each.note, FOR_EVER) for each in kept]
            return store.reader.entries(0, store.state().size), times


def seal_by(kid: str, signer: Signer, iat: int) -> bytes:
    """Seal the sample license with a key; seals differ in their time."""
    county = kid.partition("#")[0]
    sealed = issue(CLAIMS, kid=kid, vct=VCT, iss=county, iat=iat, exp=None, signer=signer, random=vector_random())
    return sealed.partition("~")[0].encode()
