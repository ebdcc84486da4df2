"""Check of a whole mirror without a network: every file that its checkpoint covers is made again, or hashed.

    checkpoint head keys status.zlib     as a verifier checks them, under a policy and a genesis of one's own
    tile/<L>/<N>[.p/<W>]                 all levels made of level 0; they give the root
    tile/entries/<N>[.p/<W>]             every entry hashes to its leaf
    checkpoints/<N>  landmarks           each of this tree at its size
    sums                                 of these and the small files, byte by byte
    document/<hex>                       has that hash            fork-evidence.json     proves a fork

Sealed journal bundles are opaque: only their number is looked at; restoring opens them. What lies beyond the checkpoint
was left by a crash and is nothing that a reader asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from hub.mirror.folder import CHECKPOINT, EVIDENCE, MirrorFolder, parsed_path, sealed_path
from hub.mirror.pages import MAX_PAGE_BYTES, PublishedCheckpoint, check_published, page_sum, rows_up_to
from hub.mirror.parts import Parts, check_parts, parse_landmark_lines
from hub.progress import Progress, silent
from ledger.anchor import TrustAnchor
from ledger.errors import NotVerified, TongbanError, Unavailable
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.merkle import HASH_BYTES, TreeView, leaf_hash
from ledger.transparency.sequencer import landmark_day
from ledger.transparency.tiles import (
    ENTRIES,
    TILE_WIDTH,
    TileNodes,
    TilePath,
    decode_bundle,
    tile_hashes,
    tile_numbers,
    tile_paths,
)

__all__ = ["MirrorFindings", "check_mirror"]


_SUMMED: Final = ("checkpoint", "head", "keys", "landmarks", "status.zlib")
_SUMMED_NAME: Final = re.compile(rf"{'|'.join(map(re.escape, _SUMMED))}|checkpoints/[x0-9/]+")


class MirrorFindings:
    """A mirror that holds. parts: its small files. entries, journal: it has bundles of each, all of them."""

    def __init__(self, parts: Parts, *, entries: bool, journal: bool) -> None:
        self.parts: Final = parts
        self.entries: Final = entries
        self.journal: Final = journal


def check_mirror(folder: MirrorFolder, anchor: TrustAnchor, *, now: int, progress: Progress = silent) -> MirrorFindings:
    """Check everything. Raises NotVerified corrupt_store, with the first file at fault; Unavailable no_log."""
    if not folder.has(CHECKPOINT):
        raise Unavailable("no_log", "there is no checkpoint in this folder: it is no mirror yet")
    return _Check(folder, anchor, progress).run(now)


class _Check:
    def __init__(self, folder: MirrorFolder, anchor: TrustAnchor, progress: Progress) -> None:
        self._folder: Final = folder
        self._anchor: Final = anchor
        self._progress: Final = progress
        self._at = CHECKPOINT  # the file that is looked at

    def run(self, now: int) -> MirrorFindings:
        try:
            parts = self._parts(now)
            size = parts.checkpoint.size
            self._check_tiles(parts)
            self._check_narrower(size)
            entries = self._check_entries(size)
            self._check_sums(size)
            self._check_history(parts)
            self._check_beside()
            journal = self._has_journal(parts.bound.journal_n)
        except TongbanError as error:
            why = error.message if error.code == "corrupt_store" else str(error)
            raise NotVerified("corrupt_store", f"{self._at}: {why}", index=error.index) from error
        except (UnicodeDecodeError, ValueError) as error:
            raise NotVerified("corrupt_store", f"{self._at}: {error}") from error
        return MirrorFindings(parts, entries=entries, journal=journal)

    def _file(self, name: str) -> bytes:
        self._at = name
        found = self._folder.read(name, max_bytes=MAX_PAGE_BYTES)
        if found is None:
            raise NotVerified("corrupt_store", "it is missing")
        return found

    def _parts(self, now: int) -> Parts:
        names = (CHECKPOINT, "head", "keys", "status.zlib")
        note, head, keys, status = (self._file(name) for name in names)
        self._at = "checkpoint, head, keys or status.zlib"
        return check_parts(note, head, keys, status, anchor=self._anchor, now=now)

    def _check_tiles(self, parts: Parts) -> None:
        """Make every tile of level 0's hashes, and compare those above; then the root."""
        size, edge = parts.checkpoint.size, EMPTY_EDGE
        last: dict[tuple[int, int], bytes] = {}
        self._progress("tiles", 0, size)
        for number in tile_numbers(0, size):
            path = TilePath.of(0, number, size)
            tile = self._file(path.format())
            if len(tile) != path.width * HASH_BYTES:
                raise NotVerified("corrupt_store", "it has another width", index=number * TILE_WIDTH)
            growth = edge.append(tile_hashes(tile))
            edge = growth.edge
            last.update({key: made for key, made in growth.tiles.items() if key[0]})
            self._compare_whole(last)
            self._progress("tiles", len(tile) // HASH_BYTES, size)
        for (level, number), tile in last.items():
            self._compare(TilePath.of(level, number, size), tile)
        self._check_root(edge, parts)

    def _compare_whole(self, made: dict[tuple[int, int], bytes]) -> None:
        whole = TILE_WIDTH * HASH_BYTES
        for level, number in [key for key, tile in made.items() if len(tile) == whole]:
            self._compare(TilePath(level=level, number=number), made.pop((level, number)))

    def _compare(self, path: TilePath, tile: bytes) -> None:
        if self._file(path.format()) != tile:
            raise NotVerified("corrupt_store", "it does not follow from the tiles below it")

    def _check_root(self, edge: TileEdge, parts: Parts) -> None:
        self._at = CHECKPOINT
        if edge.root() != parts.checkpoint.root:
            raise NotVerified("corrupt_store", "the tiles have another root than the checkpoint")

    def _check_narrower(self, size: int) -> None:
        """Check partial tiles of earlier sizes, which readers of an earlier checkpoint may still ask for."""
        current = {path.format() for path in tile_paths(size)}
        for file in sorted((self._folder.path / "tile").rglob("*")):
            name = str(file.relative_to(self._folder.path))
            path = parsed_path(name) if file.is_file() else None
            if path is None or path.level == ENTRIES or name in current or not path.is_within(size):
                continue
            wide = self._folder.tile(path.level, path.number, size)
            if self._file(name) != wide[: path.width * HASH_BYTES]:
                raise NotVerified("corrupt_store", "it is not the beginning of its tile")

    def _check_entries(self, size: int) -> bool:
        """Hash the entries of every bundle, and of those of earlier sizes; False if this mirror has none."""
        if not self._folder.has(TilePath.of(ENTRIES, 0, size).format()):
            return False
        self._progress("entries", 0, size)
        for number in tile_numbers(0, size):
            path = TilePath.of(ENTRIES, number, size)
            self._check_bundle(path, size)
            self._progress("entries", path.width, size)
        for file in sorted((self._folder.path / "tile" / "entries").rglob("*.p/*")):
            kept = parsed_path(str(file.relative_to(self._folder.path)))
            if kept is not None and kept.is_within(size):
                self._check_bundle(kept, size)
        return True

    def _check_bundle(self, path: TilePath, size: int) -> None:
        entries = decode_bundle(self._file(path.format()))
        leaves = tile_hashes(self._folder.tile(0, path.number, size))[: path.width]
        first = path.number * TILE_WIDTH
        if len(entries) != path.width:
            raise NotVerified("corrupt_store", f"it holds {len(entries)} entries", index=first)
        for index, (entry, leaf) in enumerate(zip(entries, leaves, strict=True), start=first):
            if leaf_hash(entry) != leaf:
                raise NotVerified("corrupt_store", f"entry {index} has another hash", index=index)

    def _check_sums(self, size: int) -> None:
        """Compare the small files and the pages of checkpoints with the sums that were made of them."""
        lines = self._file("sums").decode("ascii").splitlines()
        names = [line[66:] for line in lines]
        if "\n".join([*lines, ""]).encode("ascii") != self._file("sums") or not {*_SUMMED} <= {*names}:
            raise NotVerified("corrupt_store", "it lacks a line, or is not in its one form")
        for line, name in zip(lines, names, strict=True):
            data = self._file(name if _SUMMED_NAME.fullmatch(name) else "sums")
            found = sha256(data).hexdigest() if name in _SUMMED else page_sum(data, size)
            if line != f"{found}  {name}":
                raise NotVerified("corrupt_store", "it is not the file that was summed")

    def _check_history(self, parts: Parts) -> None:
        """Check published checkpoints and landmarks against the tree at their sizes."""
        size = parts.checkpoint.size
        nodes = TileNodes(lambda level, number: self._folder.tile(level, number, size))

        def root_at(at: int) -> bytes:
            return TreeView(at, nodes).root if 0 < at <= size else b""

        newest = 0
        days: dict[int, tuple[str, str]] = {}
        for row in self._published(size):
            found = check_published(row, self._anchor.policy.keys, root_at)
            if row.size <= newest:
                raise NotVerified("corrupt_store", "published checkpoints do not ascend")
            newest = row.size
            days[newest] = landmark_day(found.first), landmark_day(found.last)
        marks = parse_landmark_lines(self._file("landmarks"))
        for mark in marks:
            first_day, last_day = days.get(mark.size, (mark.day, mark.day))
            if mark.root != root_at(mark.size) or not first_day <= mark.day <= last_day:
                raise NotVerified("corrupt_store", f"the landmark of {mark.day} is of another tree or day")
        if newest != size or not marks or marks[-1].size != size:
            raise NotVerified("corrupt_store", "the newest checkpoint is not among the published ones and landmarks")

    def _published(self, size: int) -> Iterator[PublishedCheckpoint]:
        """Read published checkpoints up to a size; those beyond were left by a crash."""
        for name, page in self._folder.pages():
            self._at = name
            yield from rows_up_to(size, page)

    def _check_beside(self) -> None:
        """Check documents by their names, and evidence if there is any."""
        for file in sorted((self._folder.path / "document").glob("*")):
            if sha256(self._file(f"document/{file.name}")).hexdigest() != file.name:
                raise NotVerified("corrupt_store", "it has another hash than its name")
        if self._folder.has(EVIDENCE):
            ForkEvidence.parse(self._file(EVIDENCE)).prove(self._anchor.policy.keys)

    def _has_journal(self, count: int) -> bool:
        paths = [sealed_path(n, min(TILE_WIDTH, count - n * TILE_WIDTH)) for n in tile_numbers(0, count)]
        return all(self._folder.has(path) for path in paths)
