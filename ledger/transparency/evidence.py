"""Fork evidence (`fork-evidence.json`): two checkpoints of one log that do not fit together.

    {"v":1,"kind":"same_size","a":"<signed checkpoint>","b":"<signed checkpoint>","proof":["<b64>",…]}

    same_size   one log key signed two roots for one origin and size: proves a fork to anyone, no trust needed
    unproven    the sizes differ and the proof offered from `a` to `b` fails

A proof that fails says little by itself: anyone can put a wrong one between two honest checkpoints. But a proof that
does lead to the root of `b` also says, by itself, which root that tree had at the size of `a`; if that is another one
than the log signed in `a`, the log forked, and this too is proven to anyone (`prove`). Where the size of `a` is a power
of two, such a proof has the old root in front, which a consistency proof leaves out.

Written by witnesses, auditors, audits, syncs, mirrors, and by a hub that finds it at its start. Canonical JSON, members
in this order; `proof` is empty for same_size. `a` is the smaller checkpoint, or the one that was seen first. Both are
cut to the log's own signature line before they are kept or written: with lines that anybody can put under them they may
be more than is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.encoding import b64_encode, canonical_json, parse_json
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.transparency.checkpoint import Checkpoint, cut_to_log, verify_checkpoint
from ledger.transparency.merkle import past_root, verify_consistency
from ledger.transparency.note import MAX_NOTE_BYTES, Keyring, Note
from ledger.transparency.proof import parse_hashes
from ledger.transparency.witness import AddCheckpoint

__all__ = ["MAX_EVIDENCE_BYTES", "SAME_SIZE", "UNPROVEN", "ForkEvidence", "Offer", "find_forks"]

SAME_SIZE: Final = "same_size"
UNPROVEN: Final = "unproven"
MAX_EVIDENCE_BYTES: Final = 3 * MAX_NOTE_BYTES
_MEMBERS: Final = ["v", "kind", "a", "b", "proof"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkEvidence:
    """Two signed checkpoints, as notes, and the consistency proof that was offered, 32 bytes a hash.

    That it is evidence at all is what `check` finds.
    """

    a: bytes
    b: bytes
    path: tuple[bytes, ...] = ()

    @property
    def kind(self) -> str:
        """SAME_SIZE or UNPROVEN, by the sizes that the checkpoints state. Raises Malformed bad_note, bad_checkpoint."""
        return SAME_SIZE if _unverified(self.a).size == _unverified(self.b).size else UNPROVEN

    @classmethod
    def parse(cls, data: bytes) -> ForkEvidence:
        """Read a file. Raises Malformed too_large, bad_json, unknown_member, bad_file and those of notes and proofs."""
        value = parse_json(data, max_bytes=MAX_EVIDENCE_BYTES)
        if not isinstance(value, dict) or list(value) != _MEMBERS:
            raise Malformed("unknown_member", f"expected the members {', '.join(_MEMBERS)}")
        a, b, proof = value["a"], value["b"], value["proof"]
        if not (isinstance(a, str) and isinstance(b, str) and isinstance(proof, list)):
            raise Malformed("bad_file", "expected two checkpoints and a list of hashes")
        path = parse_hashes([text.encode("utf-8") if isinstance(text, str) else b"" for text in proof])
        evidence = cls(a=a.encode("utf-8"), b=b.encode("utf-8"), path=path)
        if evidence.format() != data:
            raise Malformed("bad_file", "fork evidence is not canonical, or of another kind than it says")
        return evidence

    def format(self) -> bytes:
        """Write the file. Raises Malformed bad_note, bad_checkpoint."""
        values = (
            1,
            self.kind,
            self.a.decode("utf-8"),
            self.b.decode("utf-8"),
            [b64_encode(node) for node in self.path],
        )
        return canonical_json(dict(zip(_MEMBERS, values, strict=True)))

    def cut(self, logs: Keyring) -> ForkEvidence:
        """Give the same with the log's own signature lines alone, which prove as much.

        Raises Malformed bad_note, bad_checkpoint; NotVerified bad_signature: no line of a log of `logs`.
        """
        a, b = (cut_to_log(Note.parse(note), logs).format() for note in (self.a, self.b))
        return replace(self, a=a, b=b)

    def check(self, logs: Keyring) -> str:
        """Check that this is evidence against a log of `logs`, and return its kind.

        Raises Malformed bad_note, bad_checkpoint; NotVerified bad_signature (not signed by one log), bad_consistency
        (the checkpoints fit together).
        """
        old, new = self._signed(logs)
        try:
            verify_consistency(old.size, new.size, old.root, new.root, self.path)
        except NotVerified:
            return self.kind
        raise NotVerified("bad_consistency", "the proof holds: the log has grown as it should")

    def prove(self, logs: Keyring) -> str:
        """Check that this proves a fork of a log of `logs` to anyone, and return how, as one sentence.

        Raises as `check`; NotVerified bad_consistency also where it only shows that growth was not proven.
        """
        old, new = self._signed(logs)
        if self.check(logs) == SAME_SIZE:
            return f"one key signed two roots for {new.size} entries of {new.origin}"
        past = past_root(old.size, new.size, new.root, self.path)
        if past == old.root:
            raise NotVerified("bad_consistency", "the proof leads to the root of the first checkpoint")
        return f"the tree of {new.size} entries that one key signed for {new.origin} is not that of {old.size}, grown"

    def _signed(self, logs: Keyring) -> tuple[Checkpoint, Checkpoint]:
        """Check both signatures; give the two checkpoints, which differ."""
        first, second = (verify_checkpoint(Note.parse(note), logs) for note in (self.a, self.b))
        if first.log != second.log:
            raise NotVerified("bad_signature", "the two checkpoints are not signed by one log key")
        old, new = first.checkpoint, second.checkpoint
        if old.size > new.size or (old.size == new.size and old.root == new.root):
            raise NotVerified("bad_consistency", "the two checkpoints do not contradict each other")
        return old, new


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A request that was refused, and the note of the checkpoint that was held at that moment, if any.

    path: where the refused checkpoint is the smaller one, and who refused it holds the tree: the consistency path from
    its size to the one held, with that tree's own root in front where the size is a power of two.
    """

    request: AddCheckpoint
    held: bytes | None
    path: tuple[bytes, ...] = ()

    @property
    def is_held(self) -> bool:
        """Tell whether the very checkpoint that was held is the one that was refused: this says nothing of a fork."""
        return self.held is not None and _unverified(self.held) == self.request.checkpoint

    @property
    def fork(self) -> ForkEvidence | None:
        """Give what this offer proves by itself, signatures aside; None: it does not say that the log forked."""
        if self.held is None:
            return None
        claimed, held, note = self.request.checkpoint, _unverified(self.held), self.request.note.format()
        if claimed.size < held.size:
            old, new, evidence = claimed, held, ForkEvidence(a=note, b=self.held, path=self.path)
        else:
            path = self.request.path if claimed.size > held.size else ()
            old, new, evidence = held, claimed, ForkEvidence(a=self.held, b=note, path=path)
        return evidence if old.origin == new.origin and _contradict(old, new, evidence.path) else None


def _contradict(old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> bool:
    if old.size == new.size:
        return old.root != new.root
    try:
        return past_root(old.size, new.size, new.root, path) != old.root
    except NotVerified:
        return False


def find_forks(offers: Sequence[Offer], notes: Iterable[bytes], logs: Keyring) -> list[ForkEvidence]:
    """Find what proves a fork among refused requests and other notes that are at hand; at most one file a checkpoint.

    notes: signed checkpoints, as the witness's newest. What no log of `logs` signed is passed over. Every result holds
    by `ForkEvidence.prove`, and is cut.
    """
    known: dict[tuple[str, int], dict[bytes, bytes]] = {}  # origin, size -> root -> note
    for note in (*notes, *(each.held for each in offers if each.held is not None)):
        _keep(known, _unverified(note), note)
    found: list[ForkEvidence] = []
    for offer in offers:
        b, note = offer.request.checkpoint, offer.request.note.format()
        same = [ForkEvidence(a=a, b=note) for a in known.get((b.origin, b.size), {}).values()]
        held = known.get((b.origin, offer.request.old_size), {}).values()
        grown = [ForkEvidence(a=a, b=note, path=offer.request.path) for a in held]
        alone = [] if offer.fork is None else [offer.fork]
        found += [each.cut(logs) for each in (*same, *alone, *grown) if _proves(each, logs)][:1]
        _keep(known, b, note)
    return found


def _keep(known: dict[tuple[str, int], dict[bytes, bytes]], checkpoint: Checkpoint, note: bytes) -> None:
    known.setdefault((checkpoint.origin, checkpoint.size), {}).setdefault(checkpoint.root, note)


def _proves(evidence: ForkEvidence, logs: Keyring) -> bool:
    try:
        evidence.prove(logs)
    except TongbanError:
        return False
    return True


def _unverified(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)
