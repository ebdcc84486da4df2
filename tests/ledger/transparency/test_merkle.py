"""The tree against the standard's vectors, the recursive definition at every size to 300, and pymerkle."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from ledger.errors import Malformed, NotVerified
from ledger.transparency.merkle import (
    EMPTY_ROOT,
    Frontier,
    TreeView,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    past_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.trees import VECTORS, RecursiveTree, made_leaves, small_log

LARGEST = 300
LEAVES = made_leaves(LARGEST)
TREE = RecursiveTree(LEAVES)
RFC: dict[str, Any] = json.loads((VECTORS / "trees.json").read_text("utf-8"))
RFC_LEAVES = [leaf_hash(bytes.fromhex(text)) for text in RFC["leaves"]]


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def unb64(texts: list[str]) -> list[bytes]:
    return [b64decode(text) for text in texts]


def test_roots_are_those_of_the_certificate_transparency_tests() -> None:
    assert [root_of(RFC_LEAVES[:size]) for size in range(9)] == unhex(RFC["roots"])


@pytest.mark.parametrize("case", RFC["inclusion"], ids=str)
def test_an_inclusion_path_of_the_vectors_is_made_and_verified(case: dict[str, Any]) -> None:
    index, size = case["index"], case["size"]
    path = inclusion_path(index, size, RecursiveTree(RFC_LEAVES).node)
    assert path == unhex(case["path"])
    verify_inclusion(RFC_LEAVES[index], index, size, path, bytes.fromhex(RFC["roots"][size]))


@pytest.mark.parametrize("case", RFC["consistency"], ids=str)
def test_a_consistency_path_of_the_vectors_is_made_and_verified(case: dict[str, Any]) -> None:
    old, size = case["old"], case["size"]
    path = consistency_path(old, size, RecursiveTree(RFC_LEAVES).node)
    assert path == unhex(case["path"])
    verify_consistency(old, size, bytes.fromhex(RFC["roots"][old]), bytes.fromhex(RFC["roots"][size]), path)


def test_the_small_log_has_its_leaves_roots_and_paths() -> None:
    log = small_log()
    leaves = [leaf_hash(entry.encode()) for entry in log["entries"]]
    assert leaves == unhex(log["leaves"])
    assert [root_of(leaves[:size]) for size in range(1, 6)] == unhex(log["roots"])
    read = RecursiveTree(leaves).node
    for case in log["inclusion"]:
        assert inclusion_path(case["index"], case["size"], read) == unb64(case["path"])
    for case in log["consistency"]:
        assert consistency_path(case["old"], case["size"], read) == unb64(case["path"])


def test_every_inclusion_path_to_size_300_is_that_of_the_definition_and_verifies() -> None:
    for size in range(1, LARGEST + 1):
        view = TreeView(size, TREE.node)
        assert view.root == TREE.root(0, size)
        for index in range(size):
            path = view.inclusion_path(index)
            assert path == TREE.inclusion(index, 0, size)
            verify_inclusion(LEAVES[index], index, size, path, view.root)


def test_every_consistency_path_to_size_300_is_that_of_the_definition_and_verifies() -> None:
    for size in range(1, LARGEST + 1):
        view = TreeView(size, TREE.node)
        for old in range(1, size + 1):
            path = view.consistency_path(old)
            assert path == TREE.consistency(old, size)
            verify_consistency(old, size, TREE.root(0, old), view.root, path)


def test_every_past_path_to_size_70_gives_both_roots() -> None:
    for size in range(2, 71):
        view = TreeView(size, TREE.node)
        for old in range(1, size):
            assert past_root(old, size, view.root, view.past_path(old)) == TREE.root(0, old)


def test_every_append_to_size_300_gives_the_edge_the_root_and_each_new_node() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES, start=1):
        growth = frontier.append([leaf])
        frontier = growth.frontier
        assert frontier == Frontier.at(size, TREE.node)
        assert frontier.root() == TREE.root(0, size)
        completed = [(level, size >> level) for level in range(10) if size % (1 << level) == 0]
        assert [(level, first + 1) for level, (first, _) in enumerate(growth.levels)] == completed
        assert [nodes for _, nodes in growth.levels] == [(TREE.node(level, stop - 1),) for level, stop in completed]


@given(cuts=st.lists(st.integers(0, LARGEST), max_size=8))
@settings(max_examples=60)
def test_the_tree_does_not_depend_on_how_it_was_cut_into_batches(cuts: list[int]) -> None:
    frontier, nodes = Frontier(), dict[tuple[int, int], bytes]()
    for start, stop in pairwise([0, *sorted(cuts), LARGEST]):
        growth = frontier.append(LEAVES[start:stop])
        for level, (first, hashes) in enumerate(growth.levels):
            nodes |= {(level, first + offset): node for offset, node in enumerate(hashes)}
        frontier = growth.frontier
        assert frontier.root() == TREE.root(0, stop)
    complete = {(level, index) for level in range(9) for index in range(LARGEST >> level)}
    assert nodes == {key: TREE.node(*key) for key in complete}


def test_pymerkle_agrees_on_every_root_to_size_300() -> None:
    """An implementation of other hands; it wants entries, ours leaf hashes."""
    oracle, leaves = InmemoryTree(algorithm="sha256"), list[bytes]()
    for index in range(LARGEST):
        entry = b"entry %d" % index
        oracle.append_entry(entry)
        leaves.append(leaf_hash(entry))
        assert root_of(leaves) == oracle.get_root()


@given(size=st.integers(1, 10**6), seed=st.integers(0, 10**6))
@settings(max_examples=40)
def test_a_path_in_a_large_tree_verifies_for_its_index_only(size: int, seed: int) -> None:
    """All leaves are alike, so every complete node of a level is the same and the tree needs no storage."""
    levels = [b"\x07" * 32]
    for _ in range(20):
        levels.append(node_hash(levels[-1], levels[-1]))
    view = TreeView(size, lambda level, _index: levels[level])
    index, old = seed % size, 1 + seed % size
    path = view.inclusion_path(index)
    verify_inclusion(levels[0], index, size, path, view.root)
    old_root = TreeView(old, lambda level, _index: levels[level]).root
    verify_consistency(old, size, old_root, view.root, view.consistency_path(old))
    with pytest.raises(NotVerified, match="bad_inclusion"):
        verify_inclusion(levels[0], index, size, [*path, levels[0]], view.root)
    with pytest.raises(NotVerified, match="bad_inclusion"):
        verify_inclusion(levels[1], index, size, path, view.root)


@given(data=st.data(), size=st.integers(2, LARGEST))
@settings(max_examples=80)
def test_no_changed_byte_of_an_inclusion_proof_verifies(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    root, path = TREE.root(0, size), TREE.inclusion(index, 0, size)
    parts = [LEAVES[index], root, *path]
    changed = data.draw(st.integers(0, len(parts) - 1))
    position, mask = data.draw(st.integers(0, 31)), data.draw(st.integers(1, 255))
    parts[changed] = _flipped(parts[changed], position, mask)
    with pytest.raises(NotVerified, match="bad_inclusion"):
        verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@given(data=st.data(), size=st.integers(2, LARGEST))
@settings(max_examples=80)
def test_no_changed_byte_of_a_consistency_proof_verifies(data: st.DataObject, size: int) -> None:
    old = data.draw(st.integers(1, size - 1))
    parts = [TREE.root(0, old), TREE.root(0, size), *TREE.consistency(old, size)]
    changed = data.draw(st.integers(0, len(parts) - 1))
    position, mask = data.draw(st.integers(0, 31)), data.draw(st.integers(1, 255))
    parts[changed] = _flipped(parts[changed], position, mask)
    with pytest.raises(NotVerified, match="bad_consistency"):
        verify_consistency(old, size, parts[0], parts[1], parts[2:])


def _flipped(value: bytes, position: int, mask: int) -> bytes:
    return value[:position] + bytes([value[position] ^ mask]) + value[position + 1 :]


def test_a_proof_verifies_for_no_other_index_and_no_size_of_another_root() -> None:
    """Two leaves are never the same here, so a proof that verifies at a second place would be a forgery."""
    for size in range(1, 40):
        root = TREE.root(0, size)
        for index in range(size):
            path = TREE.inclusion(index, 0, size)
            for other in (*range(size), -1, size, size + 1):
                if other != index:
                    with pytest.raises(NotVerified, match="bad_inclusion"):
                        verify_inclusion(LEAVES[index], other, size, path, root)
            with pytest.raises(NotVerified, match="bad_inclusion"):
                verify_inclusion(LEAVES[index], index, size + 1, path, TREE.root(0, size + 1))


def test_an_inner_node_does_not_pass_for_a_leaf_of_a_smaller_tree() -> None:
    """The attack that the two prefixes stop: size is covered by the checkpoint, the prefix by the leaf's own hash."""
    with pytest.raises(NotVerified, match="bad_inclusion"):
        verify_inclusion(leaf_hash(LEAVES[0] + LEAVES[1]), 0, 2, [TREE.root(2, 4)], TREE.root(0, 4))


def test_a_path_with_a_hash_of_another_length_is_refused() -> None:
    path = TREE.inclusion(3, 0, 8)
    longer = [path[0] + b"\x00", *path[1:]]
    with pytest.raises(NotVerified, match="expected 3 hashes"):
        verify_inclusion(LEAVES[3], 3, 8, longer, TREE.root(0, 8))
    with pytest.raises(NotVerified, match="wrong number of hashes"):
        verify_consistency(4, 8, TREE.root(0, 4), TREE.root(0, 8), [b"short"])


def test_the_bounds_of_consistency() -> None:
    """Shrinking is none; the empty tree and the same size need no hashes and take none."""
    root, old_root = TREE.root(0, 5), TREE.root(0, 3)
    verify_consistency(0, 5, EMPTY_ROOT, root, [])
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    verify_consistency(5, 5, root, root, [])
    refused: list[tuple[int, int, bytes, bytes, list[bytes]]] = [
        (5, 3, root, old_root, []),
        (-1, 3, root, old_root, []),
        (0, 5, old_root, root, []),
        (0, 5, EMPTY_ROOT, root, [old_root]),
        (0, 0, EMPTY_ROOT, root, []),
        (0, 0, root, root, []),
        (5, 5, root, old_root, []),
        (5, 5, root, root, [old_root]),
        (3, 5, old_root, root, []),
        (3, 5, old_root, root, [*TREE.consistency(3, 5), old_root]),
        (3, 5, old_root, root, TREE.consistency(3, 5)[::-1]),
    ]
    for case in refused:
        with pytest.raises(NotVerified, match="bad_consistency"):
            verify_consistency(*case)


def test_no_path_is_made_for_what_the_tree_does_not_hold() -> None:
    view = TreeView(5, TREE.node)
    for index in (-1, 5):
        with pytest.raises(Malformed, match="bad_number"):
            view.inclusion_path(index)
    for old in (-1, 6):
        with pytest.raises(Malformed, match="bad_number"):
            view.consistency_path(old)
    assert view.consistency_path(0) == view.consistency_path(5) == []


def test_the_empty_tree() -> None:
    assert hashlib.sha256().digest() == EMPTY_ROOT == root_of([]) == TreeView(0, TREE.node).root == Frontier().root()
    assert Frontier().append([]).levels == ()


def test_a_frontier_whose_peaks_do_not_fit_its_size_is_refused() -> None:
    with pytest.raises(Malformed, match="bad_number"):
        Frontier(3, (LEAVES[0],))
