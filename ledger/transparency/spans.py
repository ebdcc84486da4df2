"""What can be found out about stored rows by themselves, many at a time: the part of a whole check that parallelises.

A span is a run of consecutive entries with the key state before the first of them; a page is a run of published
checkpoints. `read_span` and `read_page` are pure, take and give what can be sent to a worker process, and never raise:
a fault is part of the answer, so that the one who asked can name the first one in the order of the log.

    in_order(read_span, spans)          `one_by_one`, or a pool of processes with the same contract
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from ledger.admission import ANY_TIME, Window, check_iat
from ledger.entries import Seal, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.members import KeyState, verify_signatures
from ledger.transparency.checkpoint import Checkpoint, cosignature_time, verify_checkpoint, verify_cosignature
from ledger.transparency.note import Keyring, Note, parse_signature_lines
from ledger.transparency.store import StoredCheckpoint, StoredCosignature

__all__ = [
    "FAULTS",
    "InOrder",
    "Page",
    "PageFinding",
    "Span",
    "SpanFindings",
    "at_index",
    "fault_of",
    "one_by_one",
    "read_checkpoint",
    "read_page",
    "read_span",
]

A = TypeVar("A")
B = TypeVar("B")
FAULTS: Final = (TongbanError, AttributeError, TypeError, ValueError)  # SQLite keeps values of any type in any column


class InOrder(Protocol):
    """Applies a function to items and gives the results in the items' order; takes an item only when it needs one."""

    def __call__(self, function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]:
        """Give the results, one an item."""
        ...


def one_by_one(function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]:
    """Apply a function in the caller's own thread."""
    return map(function, items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Entries from index `first` on, exact bytes. keys: the key state before the first of them.

    window: when they may have come. rules: the key state whose rules are in force there.
    """

    first: int
    raws: Sequence[bytes]
    keys: KeyState
    rules: KeyState
    window: Window = ANY_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFindings:
    """One row an entry of a span, in order.

    leaves, statements: 32 bytes each. issuers: the county of a seal whose signature and date hold under the keys,
    None for an entry of another type, which is left to the caller. faults: by offset, each with its index in the log;
    the rows there mean nothing.
    """

    leaves: Sequence[bytes]
    statements: Sequence[bytes]
    issuers: Sequence[str | None]
    faults: Mapping[int, TongbanError]


def read_span(span: Span) -> SpanFindings:
    """Read every entry, and check the seals among them as `ledger.admission` does on a replay. Never raises."""
    leaves, statements, issuers = [], [], []
    faults: dict[int, TongbanError] = {}
    for offset, raw in enumerate(span.raws):
        leaf, statement, issuer = b"", b"", None
        try:
            entry = parse_entry(raw)
            leaf, statement = entry.leaf, entry.statement
            if isinstance(entry, Seal):
                _check_seal(entry, span, span.first + offset)
                issuer = entry.iss
        except FAULTS as error:
            faults[offset] = at_index(error, span.first + offset)
        leaves.append(leaf)
        statements.append(statement)
        issuers.append(issuer)
    return SpanFindings(leaves=leaves, statements=statements, issuers=issuers, faults=faults)


def _check_seal(seal: Seal, span: Span, index: int) -> None:
    verify_signatures(seal, span.keys, index)
    check_iat(seal, state=span.keys, rules=span.rules, window=span.window)


def at_index(error: Exception, index: int) -> TongbanError:
    """Give a failed check as an error that names a log index: its own, or else `index`."""
    if not isinstance(error, TongbanError):
        return fault_of(error, index)
    return error if error.index is not None else type(error)(error.code, error.message, index=index)


def fault_of(error: Exception, index: int) -> TongbanError:
    """Say of a failed check that the store is at fault, at the index that the error names, or else at `index`."""
    if isinstance(error, NotVerified) and error.code == "corrupt_store":
        return error
    named = error.index if isinstance(error, TongbanError) else None
    at = index if named is None else named
    return NotVerified("corrupt_store", f"entry {at}: {error}", index=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Published checkpoints, and the cosignatures stored for each. keys: of the log and of the known cosigners."""

    checkpoints: Sequence[StoredCheckpoint]
    cosignatures: Sequence[Sequence[StoredCosignature]]
    keys: Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFinding:
    """What a published checkpoint says. first, last: earliest and newest time of a cosignature over it."""

    checkpoint: Checkpoint
    first: int
    last: int


def read_page(page: Page) -> list[PageFinding | TongbanError]:
    """Check every signature of every checkpoint; give what was signed, or the fault. Never raises."""
    found: list[PageFinding | TongbanError] = []
    for kept, cosignatures in zip(page.checkpoints, page.cosignatures, strict=True):
        try:
            found.append(read_checkpoint(kept, cosignatures, page.keys))
        except FAULTS as error:
            found.append(NotVerified("corrupt_store", f"checkpoint of size {kept.size}: {error}"))
    return found


def read_checkpoint(kept: StoredCheckpoint, cosignatures: Sequence[StoredCosignature], keys: Keyring) -> PageFinding:
    """Check one published checkpoint: every signature by a known key, and the size that it is kept under.

    cosignatures: the newest of each cosigner. Raises Malformed (forms), NotVerified bad_signature, bad_consistency.
    """
    note = Note.parse(kept.note)
    signed = verify_checkpoint(note, keys)
    if signed.checkpoint.size != kept.size:
        raise NotVerified("bad_consistency", f"it is kept as that of size {kept.size}")
    for stored in cosignatures:
        _check_cosignature(note, stored, keys)
    _check_kept_lines(note, cosignatures)
    # Also of cosigners that are not known here: the kept note alone says when it was cosigned first.
    kept_lines = [cosignature_time(line) for line in note.signatures if line.name != signed.checkpoint.origin]
    times = [*kept_lines, *(each.time for each in cosignatures)]
    return PageFinding(checkpoint=signed.checkpoint, first=min(times, default=0), last=max(times, default=0))


def _check_kept_lines(note: Note, cosignatures: Sequence[StoredCosignature]) -> None:
    """Check the cosignatures in a kept note against the newest ones beside it, which were stored with them.

    So a line is not lost from sight because a byte of its name has changed. Raises NotVerified bad_signature.
    """
    newest = {each.name: each for each in cosignatures}
    for line in note.signatures[1:]:  # the first one is the log's
        beside = newest.get(line.name)
        if beside is None or beside.time < cosignature_time(line):
            raise NotVerified("bad_signature", f"no cosignature of {line.name} as new as the note's is kept")
        if beside.time == cosignature_time(line) and beside.line != line.line():
            raise NotVerified("bad_signature", f"two cosignatures of {line.name} of one time differ")


def _check_cosignature(note: Note, stored: StoredCosignature, keys: Keyring) -> None:
    (line,) = parse_signature_lines(stored.line)
    if (line.name, cosignature_time(line)) != (stored.name, stored.time):
        raise NotVerified("bad_signature", f"the line kept for {stored.name} has another name or time")
    key = keys.get((line.name, line.key_id))
    if key is not None and line not in note.signatures:  # those in the note were checked with it
        verify_cosignature(note.text, line, key)
