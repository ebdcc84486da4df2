"""A reader of the published log that trusts nobody: it follows by tiles and consistency proofs, and keeps what it saw."""

from __future__ import annotations

from typing import Final

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import EMPTY_ROOT, Frontier, leaf_hash, verify_consistency
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from ledger.transparency.snapshot import LogReads
from ledger.transparency.tiles import ENTRIES, TILE_WIDTH, TilePath, decode_bundle
from ledger.verifier import Verifier
from tests.small_log import GENESIS

__all__ = ["MirrorReader"]


class MirrorReader:
    """A mirror in memory. entries: all that it took over, checked against the checkpoint that it followed to."""

    def __init__(self, policy: Policy) -> None:
        self.entries: Final[list[bytes]] = []
        self.checkpoint = Checkpoint(origin="", size=0, root=EMPTY_ROOT)
        self._verifier: Final = Verifier(policy, GENESIS)

    def follow(self, reads: LogReads, note: bytes, now: int) -> None:
        """Take over a published checkpoint with its entries. Raises NotVerified: it is not witnessed, or no growth."""
        anchor = self._verifier.anchor
        new = anchor.checkpoint(note).checkpoint
        anchor.quorum_time(note, now)
        assert new == Checkpoint.parse(Note.parse(note).text)
        path = reads.consistency(self.checkpoint.size, new.size)
        verify_consistency(self.checkpoint.size, new.size, self.checkpoint.root, new.root, path)
        taken = self._bundles(reads, new.size)
        assert taken[: len(self.entries)] == self.entries
        leaves = [leaf_hash(raw) for raw in taken]
        assert Frontier().append(leaves).frontier.root() == new.root
        for start in range(0, new.size, TILE_WIDTH):
            wanted = leaves[start : start + TILE_WIDTH]
            tile = TilePath(level=0, number=start // TILE_WIDTH, width=len(wanted))
            assert reads.tile(tile) == b"".join(wanted)
        self.entries[:] = taken
        self.checkpoint = new

    @staticmethod
    def _bundles(reads: LogReads, size: int) -> list[bytes]:
        taken: list[bytes] = []
        for start in range(0, size, TILE_WIDTH):
            width = min(size - start, TILE_WIDTH)
            bundle = reads.tile(TilePath(level=ENTRIES, number=start // TILE_WIDTH, width=width))
            taken += decode_bundle(bundle, max_entries=TILE_WIDTH)
        return taken
