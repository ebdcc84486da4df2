"""Published checkpoints in pages of 256, as a hub serves them, a mirror keeps them and a restored hub needs them.

    checkpoints/<N>   [{"size":812,"note":"<as first published>","cosignatures":["— 370214.example/witness …",…]},…]

A row counts when the log signed the note, no signature of a known cosigner in it fails, and its root is that of the
tree at this size. That its quorum was enough is not asked: it was judged by the policy of its day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final

from ledger.closed import closed, integer, list_of
from ledger.encoding import JsonValue, canonical_json, parse_canonical_json
from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import cosignature_time
from ledger.transparency.note import Keyring, parse_signature_lines
from ledger.transparency.spans import PageFinding, read_checkpoint
from ledger.transparency.store import StoredCheckpoint, StoredCosignature

__all__ = [
    "MAX_PAGE_BYTES",
    "PAGE_ROWS",
    "PublishedCheckpoint",
    "check_published",
    "format_page",
    "page_sum",
    "parse_page",
    "rows_up_to",
]

PAGE_ROWS: Final = 256
MAX_PAGE_BYTES: Final = 64 * 1024 * 1024
_MEMBERS: Final = frozenset({"size", "note", "cosignatures"})
_MAX_LINES: Final = 64
_CODE: Final = "bad_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCheckpoint:
    """One row. note: as first published. cosignatures: the newest of each cosigner, lines with their newline."""

    size: int
    note: bytes
    cosignatures: tuple[bytes, ...]

    @classmethod
    def of(cls, kept: StoredCheckpoint, cosignatures: Sequence[StoredCosignature]) -> PublishedCheckpoint:
        """Take what a store keeps."""
        return cls(size=kept.size, note=kept.note, cosignatures=tuple(each.line for each in cosignatures))

    def stored(self) -> list[StoredCosignature]:
        """Give the cosignatures as a store keeps them. Raises Malformed bad_note, bad_file."""
        return [_stored(raw) for raw in self.cosignatures]


def format_page(rows: Sequence[PublishedCheckpoint]) -> bytes:
    """Write a page."""
    return canonical_json(
        [
            {
                "size": each.size,
                "note": each.note.decode("utf-8"),
                "cosignatures": [line.decode("utf-8").removesuffix("\n") for line in each.cosignatures],
            }
            for each in rows
        ]
    )


def parse_page(data: bytes) -> list[PublishedCheckpoint]:
    """Read a page of 1..256 rows, ascending by size; nothing in it is verified. Raises Malformed."""
    value = parse_canonical_json(data, max_bytes=MAX_PAGE_BYTES)
    rows = [_row(each) for each in list_of({"page": value}, "page", maximum=PAGE_ROWS, code=_CODE)]
    if not rows or any(later.size <= earlier.size for earlier, later in pairwise(rows)):
        raise Malformed(_CODE, "published checkpoints are missing, or do not ascend by size")
    return rows


def rows_up_to(size: int, page: bytes) -> list[PublishedCheckpoint]:
    """Read the rows of a page up to a size, for the log has gone on since. Raises Malformed."""
    return [row for row in parse_page(page) if row.size <= size]


def page_sum(page: bytes, size: int) -> str:
    """Sum the rows of a page up to a size: a page may have grown since, its rows may not have changed."""
    return sha256(format_page(rows_up_to(size, page))).hexdigest()


def _row(value: JsonValue) -> PublishedCheckpoint:
    obj = closed(value, "published checkpoint", _MEMBERS, code=_CODE)
    lines = tuple(_text(each) + b"\n" for each in list_of(obj, "cosignatures", maximum=_MAX_LINES, code=_CODE))
    return PublishedCheckpoint(size=integer(obj, "size"), note=_text(obj["note"]), cosignatures=lines)


def _text(value: JsonValue) -> bytes:
    if not isinstance(value, str):
        raise Malformed(_CODE, "a checkpoint or a cosignature is no text")
    return value.encode("utf-8", "surrogatepass")


def check_published(row: PublishedCheckpoint, keys: Keyring, root_at: Callable[[int], bytes]) -> PageFinding:
    """Check a row; give what was signed and when. keys: of the log and the known cosigners. root_at: root at a size.

    Raises Malformed (forms), NotVerified bad_signature, bad_consistency.
    """
    found = read_checkpoint(StoredCheckpoint(size=row.size, note=row.note), row.stored(), keys)
    if found.checkpoint.root != root_at(row.size):
        raise NotVerified("bad_consistency", f"the checkpoint of size {row.size} is of another tree")
    return found


def _stored(raw: bytes) -> StoredCosignature:
    lines = parse_signature_lines(raw)
    if len(lines) != 1:
        raise Malformed(_CODE, "expected one cosignature a line")
    return StoredCosignature(name=lines[0].name, time=cosignature_time(lines[0]), line=raw)
