"""Landmarks: one tree a day that a verifier keeps the root of, so that a short proof can lead there.

    2026-06-01 812 XaKGmswzorvUEJQbaAWD9k3WKCzD5MMte6/q+LUPNv0=        file `landmarks`: day (UTC+8), size, root
    812 1430 SnGOOL+VjTnksugRr7eTi2+1a74lmrBrheacO3WiXHM…              file `growth`: old size, new size, b64 of a path

The log's list has the last published tree of every day; a sync folder also keeps those of the present day that it saw
before. Nobody signs the list. A landmark counts when the trees are shown to have grown from one another up to the
cosigned checkpoint: `growth` has the consistency path from each landmark to the next, and from the last one to the
checkpoint, 32 bytes a hash, joined. So a folder proves its landmarks without a network, and what is kept stays good.

Both files: at most 4,096 lines, each ended by newline. Sizes never fall; a day without news repeats the one before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from ledger.encoding import b64_decode, b64_encode, parse_decimal
from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import HASH_BYTES, MAX_PATH, verify_consistency
from ledger.transparency.store import Landmark

__all__ = [
    "MAX_GROWTH_BYTES",
    "MAX_LANDMARKS",
    "MAX_LANDMARKS_BYTES",
    "Growth",
    "PathMaker",
    "check_landmarks",
    "format_growth",
    "format_landmarks",
    "parse_growth",
    "parse_landmarks",
    "prove_landmarks",
]

MAX_LANDMARKS: Final = 4096
MAX_LANDMARKS_BYTES: Final = MAX_LANDMARKS * 80
MAX_GROWTH_BYTES: Final = MAX_LANDMARKS * 2800
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

PathMaker: TypeAlias = Callable[[int, int], Sequence[bytes]]
"""(old size, new size) -> consistency path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A consistency path between two sizes, 0..63 hashes of 32 bytes."""

    old: int
    new: int
    path: tuple[bytes, ...]


def parse_landmarks(data: bytes) -> tuple[Landmark, ...]:
    """Read a list. Raises Malformed too_large, bad_file, bad_number, bad_base64."""
    rows = [_landmark(words) for words in _lines(data, MAX_LANDMARKS_BYTES)]
    if any(later.size < earlier.size for earlier, later in pairwise(rows)):
        raise Malformed("bad_file", "landmarks do not ascend by size")
    return tuple(rows)


def _landmark(words: list[str]) -> Landmark:
    if not _DAY.fullmatch(words[0]):
        raise Malformed("bad_file", "expected the day of a landmark as YYYY-MM-DD")
    return Landmark(day=words[0], size=parse_decimal(words[1]), root=b64_decode(words[2], size=HASH_BYTES))


def format_landmarks(landmarks: Sequence[Landmark]) -> bytes:
    """Write a list."""
    return "".join(f"{row.day} {row.size} {b64_encode(row.root)}\n" for row in landmarks).encode("ascii")


def parse_growth(data: bytes) -> tuple[Growth, ...]:
    """Read consistency paths. Raises Malformed too_large, bad_file, bad_number, bad_base64."""
    return tuple(_growth(words) for words in _lines(data, MAX_GROWTH_BYTES))


def _growth(words: list[str]) -> Growth:
    joined = b64_decode(words[2])
    if len(joined) % HASH_BYTES or len(joined) > MAX_PATH * HASH_BYTES:
        raise Malformed("bad_file", f"expected 0..{MAX_PATH} whole hashes")
    path = tuple(joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES))
    return Growth(old=parse_decimal(words[0]), new=parse_decimal(words[1]), path=path)


def format_growth(steps: Sequence[Growth]) -> bytes:
    """Write consistency paths."""
    return "".join(f"{step.old} {step.new} {b64_encode(b''.join(step.path))}\n" for step in steps).encode("ascii")


def _lines(data: bytes, max_bytes: int) -> list[list[str]]:
    if len(data) > max_bytes or data.count(b"\n") > MAX_LANDMARKS:
        raise Malformed("too_large", f"expected at most {MAX_LANDMARKS} lines of a landmark each")
    try:
        *lines, rest = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", "landmarks are ASCII") from error
    words = [line.split(" ") for line in lines]
    if rest or any(len(each) != 3 for each in words):
        raise Malformed("bad_file", "expected lines of three words, each ended by newline")
    return words


def check_landmarks(
    landmarks: Sequence[Landmark], steps: Sequence[Growth], checkpoint: Checkpoint
) -> Mapping[int, bytes]:
    """Check that every landmark has grown into the next, and the last into a verified checkpoint.

    steps: one a landmark, in order. Gives the roots by size, the checkpoint's own among them.
    Raises NotVerified bad_consistency.
    """
    trees = [*((row.size, row.root) for row in landmarks), (checkpoint.size, checkpoint.root)]
    sizes = [size for size, _ in trees]
    if [(step.old, step.new) for step in steps] != list(pairwise(sizes)):
        raise NotVerified("bad_consistency", "the proofs of growth are not those between these landmarks")
    for step, (old, new) in zip(steps, pairwise(trees), strict=True):
        verify_consistency(old[0], new[0], old[1], new[1], step.path)
    return dict(trees)


def prove_landmarks(
    landmarks: Sequence[Landmark], checkpoint: Checkpoint, held: Sequence[Growth], path: PathMaker
) -> tuple[tuple[Landmark, ...], tuple[Growth, ...]]:
    """Choose the landmarks that have grown into a verified checkpoint, and give the proofs.

    landmarks: sizes ascend. held: proofs that were made before and may serve again. path: makes one that is missing;
    what it raises goes on. A landmark above the checkpoint, or of another tree, is left out.
    """
    known = {(step.old, step.new): step for step in held}
    kept: list[Landmark] = []
    steps: list[Growth] = []
    tree = Landmark(day="", size=checkpoint.size, root=checkpoint.root)
    for row in reversed([row for row in landmarks if 0 < row.size <= checkpoint.size]):
        step = known.get((row.size, tree.size))
        if step is None or not _holds(step, row, tree):
            step = Growth(old=row.size, new=tree.size, path=tuple(path(row.size, tree.size)))
        if _holds(step, row, tree):
            kept.append(row)
            steps.append(step)
            tree = row
    return tuple(reversed(kept)), tuple(reversed(steps))


def _holds(step: Growth, old: Landmark, new: Landmark) -> bool:
    try:
        verify_consistency(old.size, new.size, old.root, new.root, step.path)
    except NotVerified:
        return False
    return True
