"""One pass of a mirror: fetch what is new, check it, write it, and show the checkpoint last.

    checkpoint     the log signed it, a quorum cosigned it; not behind and not beside the mirrored one
    head, keys, status.zlib                      hub/mirror/parts.py
    tiles, entries (with a member's token)       hub/mirror/tree.py
    checkpoints    each of this tree at its size; landmarks, too                                 hub/mirror/pages.py
    document/<hex> as the key state names them            journal/sealed            with a member's token; opaque

What is written are the bytes that were checked. If the log shows two trees, the two checkpoints are written down as
fork evidence, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from hub.logclient import HttpLog
from hub.mirror.folder import CHECKPOINT, EVIDENCE, MAX_BUNDLE_BYTES, MirrorFolder, checkpoints_path, sealed_path
from hub.mirror.pages import (
    MAX_PAGE_BYTES,
    PAGE_ROWS,
    PublishedCheckpoint,
    check_published,
    format_page,
    page_sum,
    parse_page,
    rows_up_to,
)
from hub.mirror.parts import Parts, fetch_parts, landmarks_at
from hub.mirror.tree import MirrorTree, Tiles
from hub.progress import Progress, silent
from hub.workers import in_threads
from ledger.anchor import TrustAnchor
from ledger.encoding import JsonValue, b64_encode
from ledger.errors import Conflict, Malformed, NotVerified, Unavailable
from ledger.landmarks import MAX_LANDMARKS_BYTES, format_landmarks
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.merkle import TreeView
from ledger.transparency.note import MAX_NOTE_BYTES, Note
from ledger.transparency.tiles import TILE_WIDTH, TileNodes, tile_numbers

__all__ = ["Mirror", "MirrorReport"]

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorReport:
    """What a mirror holds after a pass.

    grown_from: its size before. time: quorum time T of the checkpoint. entries, journal: bundles of entries and sealed
    journal records are there, too. missing: documents (hex SHA-256) that the key state names and the log does not have.
    policy_named: SHA-256 (hex) of the policy file that the members have named, if it is not the caller's.
    """

    origin: str
    size: int
    root: bytes
    time: int
    grown_from: int
    entries: bool
    journal: bool
    missing: tuple[str, ...]
    policy_named: str | None

    def to_json(self) -> dict[str, JsonValue]:
        """Write the report for machines."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": b64_encode(self.root),
            "time": self.time,
            "grown_from": self.grown_from,
            "entries": self.entries,
            "journal": self.journal,
            "missing": list(self.missing),
            "policy_named": self.policy_named,
        }


class Mirror:
    """A folder kept like a log, under a policy and a genesis. One process at a time runs it."""

    def __init__(
        self,
        folder: MirrorFolder,
        source: HttpLog,
        anchor: TrustAnchor,
        *,
        progress: Progress = silent,
    ) -> None:
        self._folder: Final = folder
        self._source: Final = source
        self._anchor: Final = anchor
        self._progress: Final = progress
        self._tree: Final = MirrorTree(folder, source, progress)

    def run(self, now: int) -> MirrorReport:
        """Bring the folder up to the log's newest checkpoint. now: POSIX seconds, to refuse times in the future.

        Raises NotVerified bad_consistency (the log forked: evidence is written), and what else does not hold; Conflict
        log_changed (it shows an older checkpoint, or moves too fast); Unavailable no_log, not_ready; Refused.
        """
        self._folder.prepare()
        held = self._folder.read(CHECKPOINT, max_bytes=MAX_NOTE_BYTES)
        return self._take(self._newest(held, now), held)

    def _newest(self, held: bytes | None, now: int) -> Parts:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._parts(held, now)
            except Conflict:
                continue  # it has moved on meanwhile
        return self._parts(held, now)

    def _parts(self, held: bytes | None, now: int) -> Parts:
        note = self._source.get(CHECKPOINT, MAX_NOTE_BYTES)
        if note is None:
            raise Unavailable("no_log", "there is no log at this URL, or nothing is published yet")
        new = self._checkpoint(note)
        self._anchor.quorum_time(note, now)
        if held is not None:
            self._check_not_back(held, note, new)
        return fetch_parts(self._source, note, self._anchor, now)

    def _checkpoint(self, note: bytes) -> Checkpoint:
        return self._anchor.checkpoint(note).checkpoint

    def _check_not_back(self, held: bytes, note: bytes, new: Checkpoint) -> None:
        old = self._checkpoint(held)
        if new.size == old.size and new.root != old.root:
            self._catch(ForkEvidence(a=held, b=note))
        if new.size < old.size:
            nodes = self._tree.nodes(old.size)
            if TreeView(new.size, nodes).root != new.root:
                self._catch(ForkEvidence(a=note, b=held, path=tuple(TreeView(old.size, nodes).past_path(new.size))))
            raise Conflict("log_changed", f"the log shows {new.size} entries, the mirror has {old.size}: rolled back?")

    def _catch(self, evidence: ForkEvidence) -> None:
        """Write evidence down, the first that was found, and refuse to go on."""
        if not self._folder.has(EVIDENCE):
            self._folder.write(EVIDENCE, evidence.cut(self._anchor.policy.keys).format())
        raise NotVerified("bad_consistency", f"the log forked: {EVIDENCE} proves it to anyone")

    def _grown(self, parts: Parts, held: bytes | None) -> Tiles:
        old, new = None if held is None else self._checkpoint(held), parts.checkpoint
        try:
            return self._tree.grow(old, new)
        except NotVerified:
            if held is not None and old is not None and (evidence := self._evidence(held, old, parts)) is not None:
                self._catch(evidence)
            raise

    def _evidence(self, held: bytes, old: Checkpoint, parts: Parts) -> ForkEvidence | None:
        """Make evidence of the log's own tiles, if they lead to the checkpoint that it signed; None if they do not."""
        new = parts.checkpoint
        try:
            path = TreeView(new.size, TileNodes(self._source.tiles(new.size))).past_path(old.size)
            evidence = ForkEvidence(a=held, b=parts.note, path=tuple(path))
            evidence.prove(self._anchor.policy.keys)
        except (Malformed, NotVerified, Unavailable):
            return None
        return evidence

    def _take(self, parts: Parts, held: bytes | None) -> MirrorReport:
        """Check and write everything of a checkpoint, the checkpoint itself last."""
        new, before = parts.checkpoint, 0 if held is None else self._checkpoint(held).size
        self._tree.write(self._grown(parts, held), new.size)
        member = self._source.is_member
        if member:
            self._tree.take_entries(new.size, before)
        journal = member and self._take_journal(parts.bound.journal_n)
        for name, page in self._pages(parts).items():
            self._folder.write(name, page)
        missing = tuple(self._documents(parts))
        small = {"head": parts.head, "keys": parts.keys, "status.zlib": parts.status, CHECKPOINT: parts.note}
        small["landmarks"] = self._landmarks(parts)
        self._folder.publish(new.size, {**small, "sums": self._sums(small, new.size)})
        self._folder.drop_partials(before)
        return MirrorReport(
            origin=new.origin, size=new.size, root=new.root, time=parts.time, grown_from=before, entries=member,
            journal=journal, missing=missing, policy_named=self._anchor.policy_named(parts.synced.keys.state),
        )  # fmt: skip

    def _take_journal(self, count: int) -> bool:
        """Fetch sealed journal bundles up to what the head binds; False if the log serves none."""

        def take(number: int) -> int:
            width = min(TILE_WIDTH, count - number * TILE_WIDTH)
            path = sealed_path(number, width)
            if not self._folder.has(path):
                data = self._source.get(path, MAX_BUNDLE_BYTES, member=True)
                if data is None:
                    return 0
                self._folder.write(path, data)
            return width

        taken = 0
        for width in in_threads(take, tile_numbers(0, count)):
            taken += width
            self._progress("journal", width, count)
        return taken == count

    def _sums(self, small: Mapping[str, bytes], size: int) -> bytes:
        """Sum what nothing else binds byte by byte: who cosigned earlier checkpoints, how statuses are compressed."""
        sums = {name: sha256(data).hexdigest() for name, data in small.items()}
        sums.update({name: page_sum(page, size) for name, page in self._folder.pages()})
        return "".join(f"{each}  {name}\n" for name, each in sorted(sums.items())).encode("ascii")

    def _landmarks(self, parts: Parts) -> bytes:
        root_at = self._tree.root_at(parts.checkpoint.size)
        landmarks = landmarks_at(self._source.get("landmarks", MAX_LANDMARKS_BYTES), parts)
        for mark in landmarks:
            if mark.root != root_at(mark.size):
                raise NotVerified("bad_consistency", f"the landmark of {mark.day} is of another tree")
        return format_landmarks(landmarks)

    def _pages(self, parts: Parts) -> dict[str, bytes]:
        """Fetch the pages of published checkpoints from the last one on; where none are served, keep our own."""
        root_at = self._tree.root_at(parts.checkpoint.size)
        number = 0
        while self._folder.has(checkpoints_path(number + 1)):
            number += 1
        pages: dict[str, bytes] = {}
        newest = 0
        while (served := self._source.get(checkpoints_path(number), MAX_PAGE_BYTES)) is not None:
            rows = rows_up_to(parts.checkpoint.size, served)
            if rows and rows[0].size <= newest:
                raise NotVerified("bad_consistency", "published checkpoints do not ascend")  # nor would they ever end
            for row in rows:
                check_published(row, self._anchor.policy.keys, root_at)
            if rows:
                pages[checkpoints_path(number)], newest = format_page(rows), rows[-1].size
            if len(rows) < PAGE_ROWS:
                break
            number += 1
        if pages and newest < parts.checkpoint.size:
            raise NotVerified("bad_consistency", "the newest checkpoint is not among the published ones")
        return pages or self._own_page(parts, number)

    def _own_page(self, parts: Parts, number: int) -> dict[str, bytes]:
        """Put the checkpoint that was seen behind those that were seen before."""
        name = checkpoints_path(number)
        kept = self._folder.read(name, max_bytes=MAX_PAGE_BYTES)
        rows = [] if kept is None else parse_page(kept)
        lines = tuple(line.line() for line in Note.parse(parts.note).signatures[1:])
        row = PublishedCheckpoint(size=parts.checkpoint.size, note=parts.note, cosignatures=lines)
        if rows and rows[-1].size == row.size:
            rows[-1] = PublishedCheckpoint(size=row.size, note=rows[-1].note, cosignatures=lines)
            return {name: format_page(rows)}
        if len(rows) == PAGE_ROWS:
            return {checkpoints_path(number + 1): format_page([row])}
        return {name: format_page([*rows, row])}

    def _documents(self, parts: Parts) -> Iterator[str]:
        """Fetch the documents that the key state names; give those that the log does not have."""
        for digest in parts.synced.keys.state.documents.values():
            name = f"document/{digest.hex()}"
            if self._folder.has(name):
                continue
            data = self._source.get(name, MAX_BUNDLE_BYTES)
            if data is None:
                yield digest.hex()
            elif sha256(data).digest() != digest:
                raise NotVerified("bad_inclusion", f"{name} has another hash")
            else:
                self._folder.write(name, data)
