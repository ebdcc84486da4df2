"""Merkle tree of RFC 6962: hashes, proofs made and checked, and appends that read nothing but the right edge.

    MTH([])  = H("")
    MTH([d]) = H(0x00 || d)                                        leaf hash
    MTH(D)   = H(0x01 || MTH(left) || MTH(right))                  split at the largest power of two below the size

H is SHA-256. A node has a level and an index: node (0, i) is leaf hash i, node (l, i) covers the leaves
i * 2^l .. (i + 1) * 2^l - 1. A node is *complete* when all its leaves exist; then its hash never changes, and storage
holds it (`ledger.transparency.tiles`). Making a proof reads complete nodes through a `NodeReader`; the incomplete
nodes at the right edge are computed from them. Nothing here knows how nodes are stored.

Source: RFC 6962, 2.1; RFC 9162, 2.1 (the same tree); the split of a path into its inner and its border part is that of
the certificate transparency code base.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.errors import Malformed, NotVerified

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_PATH",
    "Frontier",
    "Growth",
    "NodeReader",
    "TreeView",
    "consistency_path",
    "inclusion_path",
    "leaf_hash",
    "node_hash",
    "past_root",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES: Final = 32
MAX_PATH: Final = 63  # hashes in one proof, as in every C2SP format
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

_LEAF: Final = b"\x00"  # the two prefixes keep a leaf from passing for a node (RFC 6962, 2.1)
_NODE: Final = b"\x01"
_sha256 = hashlib.sha256
_concat = b"".join  # one allocation a node; `+` makes two

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> hash of that complete node, 32 bytes. Never asked for a node that is not complete."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry as a leaf: H(0x00 || entry)."""
    return _sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes, 32 bytes each, as their parent: H(0x01 || left || right)."""
    return _sha256(_NODE + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root of a tree over leaf hashes (not entries), in order; `EMPTY_ROOT` for none."""
    return Frontier().append(leaves).frontier.root()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that an append needs to know of what came before.

    size: leaves so far. peaks: hashes of the largest complete nodes, from the left (large) to the right (small), one
    for each bit that is set in `size`.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise Malformed("bad_number", f"a tree of {self.size} has another number of peaks than {len(self.peaks)}")

    @classmethod
    def at(cls, size: int, read: NodeReader) -> Frontier:
        """Load the edge of a stored tree of `size` leaves: at most 53 reads."""
        levels = [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
        return cls(size, tuple(read(level, (size >> level) - 1) for level in levels))

    def append(self, leaves: Sequence[bytes]) -> Growth:
        """Append leaf hashes, in order. Costs one hash a new node; the old tree is not read."""
        peaks = list(self.peaks)
        right_side: list[bytes] = []  # peaks of the new tree, small to large
        levels: list[tuple[int, tuple[bytes, ...]]] = []
        position, nodes = self.size, leaves
        while nodes or peaks:
            if nodes:
                levels.append((position, tuple(nodes)))
            if position & 1:
                # The last node of the old tree at this level was a peak: it is the left sibling of the first new one.
                nodes = (peaks.pop(), *nodes)
            if len(nodes) & 1:
                right_side.append(nodes[-1])
            pairs = iter(nodes)
            nodes = [_sha256(_concat((_NODE, left, right))).digest() for left, right in zip(pairs, pairs, strict=False)]
            position >>= 1
        grown = Frontier(self.size + len(leaves), tuple(reversed(right_side)))
        return Growth(frontier=grown, levels=tuple(levels))

    def root(self) -> bytes:
        """Root of the tree: one hash a peak."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = node_hash(peak, root)
        return root


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What an append made: the new edge, and every node that it completed.

    levels[l] = (index of the first new node at level l, hashes of the new complete nodes at level l from there on).
    Level 0 holds the appended leaf hashes. Levels above the last one gained nothing.
    """

    frontier: Frontier
    levels: tuple[tuple[int, tuple[bytes, ...]], ...]


class TreeView:
    """A stored tree at one size: its root, and proofs under it.

    The incomplete nodes of the right edge are computed once (at most 53 reads and hashes); after that a proof is
    nothing but reads. Keep one per published checkpoint.
    """

    __slots__ = ("_edge", "_read", "root", "size")

    def __init__(self, size: int, read: NodeReader) -> None:
        self.size: Final = size
        self._read: Final = read
        self._edge: Final = _edge_of(size, read)
        self.root: Final = self._edge[-1] if size else EMPTY_ROOT

    def inclusion_path(self, index: int) -> list[bytes]:
        """Sibling hashes from the leaf's sibling up to the root's child. Source: RFC 6962, 2.1.1.

        Raises Malformed bad_number: no such leaf in this tree.
        """
        if not 0 <= index < self.size:
            raise Malformed("bad_number", f"a tree of {self.size} has no leaf {index}")
        return self._climb(0, index, self.size - 1)

    def consistency_path(self, old_size: int) -> list[bytes]:
        """Hashes that show this tree to be the tree of its first `old_size` leaves, grown. Source: RFC 6962, 2.1.2.

        Raises Malformed bad_number: the old tree is larger than this one.
        """
        if not 0 <= old_size <= self.size:
            raise Malformed("bad_number", f"a tree of {self.size} holds no tree of {old_size}")
        if old_size in (0, self.size):
            return []
        level = _trailing_zeros(old_size)
        index = (old_size - 1) >> level
        # The last peak of the old tree opens the path, unless it is the whole old tree: then the old root is its hash.
        start = [self._read(level, index)] if index else []
        return start + self._climb(level, index, (self.size - 1) >> level)

    def past_path(self, old_size: int) -> list[bytes]:
        """Make the consistency path as `past_root` takes it: with the old root in front for a power of two.

        Raises as `consistency_path`.
        """
        path = self.consistency_path(old_size)
        whole = old_size > 0 and old_size & (old_size - 1) == 0
        return [self._read(_trailing_zeros(old_size), 0), *path] if whole else path

    def _climb(self, level: int, index: int, last: int) -> list[bytes]:
        """Collect siblings from node (level, index) to the top, `last` being the last node of that level."""
        path: list[bytes] = []
        read, edge = self._read, self._edge
        while last:
            sibling = index ^ 1
            if sibling < last:
                path.append(read(level, sibling))
            elif sibling == last:
                path.append(edge[level])
            # A sibling beyond the last node does not exist: the node moves up unchanged.
            level, index, last = level + 1, index >> 1, last >> 1
        return path


def _edge_of(size: int, read: NodeReader) -> list[bytes]:
    """Hash of the last node of every level, complete or not, from the leaves to the root."""
    if size == 0:
        return []
    # The lowest levels are complete on the right; the first one that is not combines what lies below it.
    complete = _trailing_zeros(size)
    edge = [read(level, (size >> level) - 1) for level in range(complete + 1)]
    for level in range(complete, (size - 1).bit_length()):
        last = (size - 1) >> level
        edge.append(node_hash(read(level, last - 1), edge[level]) if last & 1 else edge[level])
    return edge


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1


def inclusion_path(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Path of leaf `index` in the tree of `size`; for many keep a `TreeView`. Raises Malformed bad_number."""
    return TreeView(size, read).inclusion_path(index)


def consistency_path(old_size: int, size: int, read: NodeReader) -> list[bytes]:
    """Path from the tree of `old_size` to that of `size`. Raises Malformed bad_number."""
    return TreeView(size, read).consistency_path(old_size)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that leaf hash `leaf` stands at `index` (0-based) of the tree of `size` leaves with this root.

    path: sibling hashes, leaf to root, 32 bytes each. Raises NotVerified bad_inclusion. Source: RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        raise NotVerified("bad_inclusion", f"a tree of {size} has no entry {index}")
    inner, border = _path_shape(index, size)
    if len(path) != inner + border or not _are_hashes(path):
        raise NotVerified("bad_inclusion", f"expected {inner + border} hashes for entry {index} of {size}")
    if _fold(leaf, path, index | -1 << inner) != root:
        raise NotVerified("bad_inclusion", f"path of entry {index} does not lead to the root of size {size}")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `size` with `root` begins with the tree of `old_size` with `old_root`.

    path: 32 bytes each, in the order of RFC 9162, 2.1.4.2, whose check this is. From an empty tree, or to the same
    size, the path is empty. Raises NotVerified bad_consistency.
    """
    if not 0 <= old_size <= size:
        raise NotVerified("bad_consistency", f"a tree of {size} cannot have grown from one of {old_size}")
    if old_size in (0, size):
        _check_trivial_growth(old_size, size, old_root, root, path)
        return
    if old_size & (old_size - 1) == 0:
        path = (old_root, *path)  # the old tree is one peak of the new one: its hash is known and is not sent
    past, reached = _fold_growth(old_size, size, path)
    if past != old_root:
        raise NotVerified("bad_consistency", f"path does not lead to the old root of size {old_size}")
    if reached != root:
        raise NotVerified("bad_consistency", f"path does not lead to the root of size {size}")


def past_root(old_size: int, size: int, root: bytes, path: Sequence[bytes]) -> bytes:
    """Give the root that the tree of `size` with `root` had when it had `old_size` leaves, 1..size-1.

    path: the consistency path between them, which says so by itself; where `old_size` is a power of two, with the old
    root in front of it. Raises NotVerified bad_consistency: the path does not lead to `root`.
    """
    if not 0 < old_size < size:
        raise NotVerified("bad_consistency", f"a tree of {size} has not grown from one of {old_size}")
    past, reached = _fold_growth(old_size, size, path)
    if reached != root:
        raise NotVerified("bad_consistency", f"path does not lead to the root of size {size}")
    return past


def _fold_growth(old_size: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Fold a path, the last peak of the old tree in front, to the roots of both sizes."""
    shift = _trailing_zeros(old_size)
    inner, border = _path_shape(old_size - 1, size)
    inner -= shift  # below the last peak of the old tree both trees are the same
    if len(path) != 1 + inner + border or not _are_hashes(path):
        raise NotVerified("bad_consistency", f"wrong number of hashes for growth from {old_size} to {size}")
    peak, rest, sides = path[0], path[1:], (old_size - 1) >> shift | -1 << inner
    return _fold_lefts(peak, rest, sides), _fold(peak, rest, sides)


def _check_trivial_growth(old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> None:
    if path:
        raise NotVerified("bad_consistency", f"growth from {old_size} to {size} needs no hashes")
    if old_size == size and old_root != root:
        raise NotVerified("bad_consistency", f"two roots for one size {size}")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise NotVerified("bad_consistency", "the empty tree has one root only, H of nothing")


def _path_shape(index: int, size: int) -> tuple[int, int]:
    """Number of hashes below and above the point where the path of a leaf joins that of the last leaf.

    Below, the bits of the index say on which side a sibling lies (1: left); above, every sibling lies on the left. So
    `index | -1 << inner` has a bit for each hash of the path, from the leaf up.
    """
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _are_hashes(path: Sequence[bytes]) -> bool:
    return set(map(len, path)) <= {HASH_BYTES}


def _fold(node: bytes, path: Sequence[bytes], sides: int) -> bytes:
    for sibling in path:
        pair = (_NODE, sibling, node) if sides & 1 else (_NODE, node, sibling)
        node = _sha256(_concat(pair)).digest()
        sides >>= 1
    return node


def _fold_lefts(node: bytes, path: Sequence[bytes], sides: int) -> bytes:
    """Fold the left siblings only: in the old tree nothing stood on the right."""
    for level, sibling in enumerate(path):
        if sides >> level & 1:
            node = node_hash(sibling, node)
    return node
