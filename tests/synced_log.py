"""A log that a verifier synced: seals of two days, one revoked, a landmark, and the files of the sync folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from ledger.attestation import present
from ledger.deflated import deflate
from ledger.landmarks import Growth, format_growth, format_landmarks
from ledger.qr import LandmarkPath, QrPayload, format_qr
from ledger.sync_files import SyncFiles, format_head, format_keys
from ledger.transparency.merkle import TreeView, root_of
from ledger.transparency.store import Landmark
from tests.logbook import Cosigner, LogBook
from tests.small_log import AUDITORS, GENESIS, LOG, POLICY, T0, issue_at, revocation

__all__ = [
    "LANDMARK",
    "NOW",
    "REVOKED",
    "SEALS",
    "SIZE",
    "T",
    "files_of",
    "first_day",
    "qr_of",
    "synced_book",
    "synced_files",
    "view",
]

LANDMARK: Final = 6  # size of the tree at the end of the first day
SIZE: Final = 10
REVOKED: Final = 2  # log index
SEALS: Final = {index: issue_at(T0 + 60 * index) for index in (1, 2, 3, 4, 6, 8)}
T: Final = T0 + 90_000
NOW: Final = T + 600


@lru_cache
def synced_book() -> LogBook:
    """Grow the log: genesis, four seals, head; a seal, a revocation, a seal, head."""
    book = LogBook(GENESIS, LOG)
    for index in (1, 2, 3, 4):
        assert book.add(SEALS[index].partition("~")[0].encode()) == index
    assert book.close() == LANDMARK
    book.add(SEALS[6].partition("~")[0].encode())
    book.add(revocation(book, of=REVOKED))
    book.add(SEALS[8].partition("~")[0].encode())
    assert book.close() == SIZE
    return book


def first_day() -> LogBook:
    """Give that log as it was at the end of its first day."""
    book = LogBook(GENESIS, LOG)
    for raw in synced_book().entries[1 : LANDMARK - 1]:
        book.add(raw)
    book.close()
    assert book.entries == synced_book().entries[:LANDMARK]
    return book


def view(book: LogBook, size: int) -> TreeView:
    """Give the tree of a log's first entries."""
    leaves = book.leaves()[:size]
    return TreeView(size, lambda level, index: root_of(leaves[index << level : (index + 1) << level]))


def files_of(
    book: LogBook,
    *,
    time: int = T,
    landmarks: tuple[int, ...] = (LANDMARK,),
    days: tuple[str, ...] = ("2026-06-01", "2026-06-02"),
    cosigners: Sequence[Cosigner] = tuple(AUDITORS.values()),
    policy: bytes = POLICY,
) -> SyncFiles:
    """Make the files of a log at its present size, cosigned at `time`, by the second cosigner a second later."""
    note = book.checkpoint([(cosigner, time + place) for place, cosigner in enumerate(cosigners)])
    rows = [
        Landmark(day=day, size=size, root=view(book, size).root) for day, size in zip(days, landmarks, strict=False)
    ]
    sizes = [*landmarks, book.size]
    growth = [
        Growth(old=old, new=new, path=tuple(view(book, new).consistency_path(old)))
        for old, new in zip(landmarks, sizes[1:], strict=True)
    ]
    return SyncFiles(
        policy=policy,
        genesis=book.entries[0],
        keys=format_keys([(0, book.entries[0]), *book.changes]),
        checkpoint=note,
        head=format_head(book.entries[-1], book.path(book.size - 1)),
        status=deflate(book.covered.to_bytes()),
        landmarks=format_landmarks(rows),
        growth=format_growth(growth),
    )


@lru_cache
def synced_files() -> SyncFiles:
    """Give the files of the log above."""
    return files_of(synced_book())


def qr_of(index: int, *, size: int | None = LANDMARK, names: tuple[str, ...] = ("certificateTypeName",)) -> str:
    """Write the code of a seal under a tree of `size`; None: a pointer."""
    payload = QrPayload(presentation=present(SEALS[index], names), index=index)
    if size is not None:
        path = tuple(view(synced_book(), size).inclusion_path(index))
        payload = replace(payload, landmark=LandmarkPath(size=size, path=path))
    return format_qr(payload)
