"""Fork evidence (`fork-evidence.json`): two checkpoints of one log that do not fit together.

    {"v":1,"kind":"same_size","a":"<signed checkpoint>","b":"<signed checkpoint>","proof":["<b64>",…]}

    same_size   one log key signed two roots for one origin and size: proves a fork to anyone, no trust needed
    unproven    the sizes differ and the proof offered from `a` to `b` fails: shows only that the log did not prove its
                growth, kept for inquiry

Exported by witnesses, auditors, sync and verifiers. Canonical JSON, members in this order; `proof` is empty for
same_size. `a` is the smaller checkpoint, or the one that was seen first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.encoding import b64_encode, canonical_json, parse_json
from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import Checkpoint, verify_checkpoint
from ledger.transparency.merkle import verify_consistency
from ledger.transparency.note import MAX_NOTE_BYTES, Keyring, Note
from ledger.transparency.proof import parse_hashes

__all__ = ["MAX_EVIDENCE_BYTES", "SAME_SIZE", "UNPROVEN", "ForkEvidence"]

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

    def check(self, logs: Keyring) -> str:
        """Check that this is evidence against a log of `logs`, and return its kind.

        Raises Malformed bad_note, bad_checkpoint; NotVerified bad_signature (not signed by one log), bad_consistency
        (the checkpoints fit together).
        """
        first, second = (verify_checkpoint(Note.parse(note), logs) for note in (self.a, self.b))
        if first.log != second.log:
            raise NotVerified("bad_signature", "the two checkpoints are not signed by one log key")
        old, new = first.checkpoint, second.checkpoint
        if old.size > new.size or (old.size == new.size and old.root == new.root):
            raise NotVerified("bad_consistency", "the two checkpoints do not contradict each other")
        try:
            verify_consistency(old.size, new.size, old.root, new.root, self.path)
        except NotVerified:
            return self.kind
        raise NotVerified("bad_consistency", "the proof holds: the log has grown as it should")


def _unverified(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)
