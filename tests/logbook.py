"""An honest log in memory: entries, statuses, keys, heads, checkpoints and receipts of any size, nothing cached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.attestation import present
from ledger.entries import MemberChange, RuleChange, Seal, StatusChange, parse_entry
from ledger.heads import EMPTY_JOURNAL_ROOT, build_head
from ledger.members import KeyState, verify_signatures
from ledger.receipt import Receipt, format_receipt
from ledger.signers import Signer
from ledger.status import Status, StatusArray
from ledger.transparency.checkpoint import Checkpoint, cosign, sign_checkpoint, with_cosignatures
from ledger.transparency.merkle import inclusion_path, leaf_hash, root_of
from ledger.transparency.note import Note
from ledger.transparency.proof import TlogProof

__all__ = ["Cosigner", "LogBook"]


@dataclass(frozen=True, slots=True)
class Cosigner:
    name: str
    signer: Signer


class LogBook:
    """Grows entry by entry; `close` ends a batch with its status head, and only then are there receipts."""

    def __init__(self, genesis: bytes, log: Signer) -> None:
        entry = parse_entry(genesis)
        assert isinstance(entry, MemberChange)
        self.log: Final = log
        self.state = KeyState.genesis(entry)
        self.statuses = StatusArray()
        self.entries: list[bytes] = [genesis]
        self.changes: list[tuple[int, bytes]] = []
        self.statuses.extend_to(1)

    @property
    def size(self) -> int:
        return len(self.entries)

    def add(self, raw: bytes) -> int:
        """Append an entry and do what it says; return its index."""
        index, entry = self.size, parse_entry(raw)
        self.append(raw)
        match entry:
            case Seal():
                pass
            case StatusChange():
                self.statuses.set(entry.of, entry.to)
            case MemberChange() | RuleChange():
                verify_signatures(entry, self.state, index)
                self.state = self.state.apply(entry, index)
                self.changes.append((index, raw))
                self._void(entry)
            case _:
                raise AssertionError
        return index

    def _void(self, entry: MemberChange | RuleChange) -> None:
        revoked = [key for row in getattr(entry, "members", ()) for key in row.revoke if key.void_from is not None]
        for key in revoked:
            for index in range(key.void_from, self.size):
                sealed = parse_entry(self.entries[index])
                if isinstance(sealed, Seal) and sealed.signatures[0].kid == key.kid:
                    self.statuses.set(index, Status.REVOKED)

    def append(self, raw: bytes) -> None:
        """Append any bytes, unread, as a dishonest log would."""
        self.entries.append(raw)
        self.statuses.extend_to(self.size)

    def head(self, *, root: bytes | None = None, keys: bytes | None = None, n: int | None = None) -> bytes:
        """Write the head that would come next; an argument makes it a wrong one."""
        return build_head(
            n=self.size if n is None else n,
            root=root or self.statuses.root(),
            keys=keys or self.state.digest(),
            journal_n=0,
            journal_root=EMPTY_JOURNAL_ROOT,
            origin=self.state.origin,
            signer=self.log,
        )

    def close(self, head: bytes | None = None) -> int:
        """End the batch with its head (or a given one); return the size."""
        self.covered = self.statuses.copy()
        self.append(head or self.head())
        return self.size

    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries]

    def root(self) -> bytes:
        return root_of(self.leaves())

    def path(self, index: int) -> tuple[bytes, ...]:
        leaves = self.leaves()
        return tuple(inclusion_path(index, self.size, lambda level, i: root_of(leaves[i << level : (i + 1) << level])))

    def checkpoint(self, cosigners: Sequence[tuple[Cosigner, int]]) -> bytes:
        """Sign the tree as the log, and as each cosigner at its time."""
        checkpoint = Checkpoint(origin=self.state.origin, size=self.size, root=self.root())
        note = Note.parse(sign_checkpoint(checkpoint, checkpoint.origin, self.log))
        lines = [cosign(note.text, cosigner.name, cosigner.signer, time) for cosigner, time in cosigners]
        return with_cosignatures(note, lines).format()

    def receipt(
        self, index: int, sd_jwt: str, note: bytes, *, names: Sequence[str] | None = None, keys: bool = True
    ) -> bytes:
        """Make the receipt of the seal at `index` under a checkpoint of the present size, showing only `names`."""
        tile, path = self.covered.proof(index)
        receipt = Receipt(
            sd_jwt=sd_jwt if names is None else present(sd_jwt, names),
            proof=TlogProof(index=index, path=self.path(index), checkpoint=note),
            head=self.entries[-1],
            head_path=self.path(self.size - 1),
            tile=tile,
            status_path=tuple(path),
            keys=tuple(self.changes) if keys else (),
        )
        return format_receipt(receipt)
