"""Proof file (`.tlog-proof`): one entry's place in the log, with the checkpoint that it leads to.

    c2sp.org/tlog-proof@v1
    index 1
    <b64 hash>              zero or more, the leaf's sibling first
                            empty line
    <checkpoint verbatim>

The format allows a line `extra <b64>` before the index. Nothing authenticates it: none is written, and one is refused.

Source: c2sp.org/tlog-proof (draft).
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ledger.encoding import parse_decimal
from ledger.errors import Malformed
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import HASH_BYTES, MAX_PATH
from ledger.transparency.note import MAX_NOTE_BYTES, Note

__all__ = ["MAX_PROOF_BYTES", "TlogProof", "format_hashes", "parse_hashes"]

_HEADER: Final = b"c2sp.org/tlog-proof@v1"
_MAX_HEAD_BYTES: Final = 4096  # header, index and 63 hashes have at most 2,900
MAX_PROOF_BYTES: Final = _MAX_HEAD_BYTES + MAX_NOTE_BYTES


def parse_hashes(lines: Sequence[bytes]) -> tuple[bytes, ...]:
    """Read at most 63 lines of b64, 32 bytes each. Raises Malformed bad_proof_form."""
    if len(lines) > MAX_PATH:
        raise Malformed("bad_proof_form", f"a proof has at most {MAX_PATH} hashes")
    try:
        path = tuple(map(binascii.a2b_base64, lines))
    except binascii.Error as error:
        raise Malformed("bad_proof_form", "expected lines of base64") from error
    # The decoder is lenient; what makes this strict is that the hashes, written again, are the lines that came.
    if not {HASH_BYTES}.issuperset(map(len, path)) or format_hashes(path) != b"\n".join([*lines, b""]):
        raise Malformed("bad_proof_form", f"expected lines of canonical base64, {HASH_BYTES} bytes each")
    return path


def format_hashes(path: Sequence[bytes]) -> bytes:
    """Write one line of b64 a hash, each ended by newline."""
    return b"".join(map(binascii.b2a_base64, path))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """Parts of a proof file, none of them checked against another.

    index: of the entry, 0-based. path: sibling hashes, leaf to root, 32 bytes each. checkpoint: the note as it came;
    that it has the form of a checkpoint is checked, its signatures are not.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """Read a proof file; nothing may follow the checkpoint.

        Raises Malformed too_large, bad_proof_form, bad_note, bad_checkpoint.
        """
        if len(data) > MAX_PROOF_BYTES:
            raise Malformed("too_large", f"proof has {len(data)} bytes, at most {MAX_PROOF_BYTES} are read")
        head, _, checkpoint = data.partition(b"\n\n")
        lines = head.split(b"\n")
        if len(lines) < 2 or lines[0] != _HEADER or not lines[1].startswith(b"index "):
            raise Malformed("bad_proof_form", "expected the lines of c2sp.org/tlog-proof@v1")
        try:
            index = parse_decimal(lines[1].removeprefix(b"index ").decode("ascii"))
        except (Malformed, UnicodeDecodeError) as error:
            raise Malformed("bad_proof_form", "expected a decimal index") from error
        _check_form(checkpoint)
        return cls(index=index, path=parse_hashes(lines[2:]), checkpoint=checkpoint)

    def format(self) -> bytes:
        """Write the proof file."""
        return b"%b\nindex %d\n%b\n%b" % (_HEADER, self.index, format_hashes(self.path), self.checkpoint)


@lru_cache(maxsize=32)  # one checkpoint comes with many proofs
def _check_form(checkpoint: bytes) -> None:
    Checkpoint.parse(Note.parse(checkpoint).text)
