"""Tile paths, widths and bundles by the specification, and nodes read out of tiles against the recursive tree."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import MAX_INTEGER
from ledger.errors import Malformed, NotVerified
from ledger.transparency.merkle import Frontier, TreeView, verify_consistency, verify_inclusion
from ledger.transparency.tiles import (
    ENTRIES,
    TileNodes,
    TilePath,
    decode_bundle,
    encode_bundle,
    partial_width,
    tile_hashes,
    tile_paths,
)
from tests.trees import RecursiveTree, made_leaves, small_log

SIZE: Final = 70_000
LEAVES: Final = made_leaves(SIZE)
TREE: Final = RecursiveTree(LEAVES)


class StoredTiles:
    """Tiles of a tree as wide as it has grown, and how often each was fetched."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.frontier = Frontier()
        self.fetched: list[tuple[int, int]] = []

    def grow(self, leaves: list[bytes]) -> None:
        growth = self.frontier.append(leaves)
        self.frontier = growth.frontier
        for level, (first, hashes) in enumerate(growth.levels[::8]):
            for index, node in enumerate(hashes, start=first):
                key = (level, index // 256)
                self.tiles[key] = self.tiles.get(key, b"") + node

    def fetch(self, level: int, number: int) -> bytes:
        self.fetched.append((level, number))
        return self.tiles.get((level, number), b"")


@pytest.fixture(scope="module")
def stored() -> StoredTiles:
    tiles = StoredTiles()
    tiles.grow(LEAVES)
    return tiles


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "000"),
        (7, "007"),
        (999, "999"),
        (1000, "x001/000"),
        (999_999, "x999/999"),
        (1_000_000, "x001/x000/000"),
        (1_234_067, "x001/x234/067"),
        (MAX_INTEGER, "x009/x007/x199/x254/x740/991"),
    ],
)
def test_a_tile_number_is_written_in_groups_of_three(number: int, text: str) -> None:
    for path, prefix in (
        (TilePath(level=0, number=number), "tile/0/"),
        (TilePath(level=63, number=number), "tile/63/"),
        (TilePath(level=ENTRIES, number=number), "tile/entries/"),
    ):
        assert path.format() == prefix + text
        assert TilePath.parse(prefix + text) == path
        partial = TilePath(level=path.level, number=number, width=255)
        assert partial.format() == f"{prefix}{text}.p/255"
        assert TilePath.parse(partial.format()) == partial


@pytest.mark.parametrize(
    "text",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/01/000",
        "tile/64/000", "tile/-1/000", "tile/100/000", "tile/entry/000", "/tile/0/000", "tile/0/000/", "tile/0/000 ",
        "tile/0/000\n", "tile/0/x000/000", "tile/0/x000/x001/000", "tile/0/001/000", "tile/0/x001", "tile/0/x001/x000",
        "tile/0/X001/000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01",
        "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/1000", "tile/0/000.p/-1", "tile/0/000.p/5/",
        "tile/0/x009/x007/x199/x254/x740/992", "tile/0/x001/x000/x000/x000/x000/x000/000",
        "tile/0/\u0660\u0660\u0660", "tile/\u0660/000",
    ],
)  # fmt: skip
def test_a_path_that_is_none(text: str) -> None:
    """Each of them is answered with 404: another form of a path must not become a second name of a tile."""
    with pytest.raises(Malformed) as refused:
        TilePath.parse(text)
    assert refused.value.code == "bad_tile_path"


@pytest.mark.parametrize(("level", "number", "width"), [(64, 0, 1), (-2, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_tile_outside_the_bounds_cannot_be_named(level: int, number: int, width: int) -> None:
    with pytest.raises(Malformed, match="bad_tile_path"):
        TilePath(level=level, number=number, width=width)


@given(
    level=st.integers(ENTRIES, 63), number=st.integers(0, MAX_INTEGER), width=st.integers(1, 256)
)  # fmt: skip
@settings(max_examples=100)
def test_a_path_that_is_written_is_read_again(level: int, number: int, width: int) -> None:
    path = TilePath(level=level, number=number, width=width)
    assert TilePath.parse(path.format()) == path


def test_the_tiles_of_seventy_thousand_entries() -> None:
    """The example of the specification."""
    paths = list(tile_paths(SIZE))
    full = [path for path in paths if path.width == 256]
    partial = [path for path in paths if path.width < 256]
    assert [sum(path.level == level for path in full) for level in range(3)] == [273, 1, 0]
    assert [path.format() for path in partial] == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert [partial_width(level, SIZE) for level in (ENTRIES, 0, 1, 2, 3)] == [112, 112, 17, 1, 0]
    assert [path.format() for path in tile_paths(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tile_paths(0)) == []


@pytest.mark.parametrize(
    ("text", "size", "within"),
    [
        ("tile/0/000.p/1", 0, False),
        ("tile/0/000.p/1", 1, True),
        ("tile/0/000.p/2", 1, False),
        ("tile/0/000", 255, False),
        ("tile/0/000", 256, True),
        ("tile/0/000.p/200", 256, True),
        ("tile/0/001.p/1", 256, False),
        ("tile/entries/001.p/44", 300, True),
        ("tile/entries/001.p/45", 300, False),
        ("tile/1/000.p/1", 255, False),
        ("tile/1/000.p/1", 256, True),
        ("tile/1/000.p/2", 511, False),
        ("tile/63/000.p/1", MAX_INTEGER, False),
    ],
)
def test_nothing_beyond_the_size_is_within_it(text: str, size: int, within: bool) -> None:
    assert TilePath.parse(text).is_within(size) is within


def test_the_bundle_of_the_small_log() -> None:
    log = small_log()
    entries = [entry.encode() for entry in log["entries"]]
    bundle = encode_bundle(entries)
    assert len(bundle) == log["bundle"]["bytes"] == 2911
    assert hashlib.sha256(bundle).hexdigest() == log["bundle"]["sha256"]
    assert decode_bundle(bundle) == entries


@given(entries=st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=60)
def test_a_bundle_that_is_written_is_read_again(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


@given(data=st.binary(max_size=60))
@settings(max_examples=100)
def test_a_bundle_that_is_read_is_written_the_same(data: bytes) -> None:
    try:
        entries = decode_bundle(data)
    except Malformed:
        return
    assert encode_bundle(entries) == data


def test_a_bundle_that_is_refused() -> None:
    for cut in (b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01ab"):
        with pytest.raises(Malformed, match="bad_encoding"):
            decode_bundle(cut)
    assert decode_bundle(bytes(2 * 256)) == [b""] * 256
    with pytest.raises(Malformed, match="more than 256 entries"):
        decode_bundle(bytes(2 * 257))
    with pytest.raises(Malformed, match="more than 1 entries"):
        decode_bundle(bytes(4), max_entries=1)
    with pytest.raises(Malformed, match="at most 65535 bytes"):
        encode_bundle([bytes(65_536)])


def test_a_tile_is_split_into_its_hashes() -> None:
    assert tile_hashes(b"".join(LEAVES[:256])) == LEAVES[:256]
    assert tile_hashes(b"") == []
    for tile in (bytes(31), bytes(33), bytes(257 * 32)):
        with pytest.raises(Malformed, match="bad_encoding"):
            tile_hashes(tile)


def test_what_an_append_completes_is_what_the_tiles_hold(stored: StoredTiles) -> None:
    """Element i of tile n of level l, by the formula of the specification."""
    assert {key: len(tile) // 32 for key, tile in stored.tiles.items()} == {
        (path.level, path.number): path.width for path in tile_paths(SIZE)
    }
    for (level, number), tile in stored.tiles.items():
        span = 256**level
        for i, node in enumerate(tile_hashes(tile)):
            if i % 85 == 0:
                assert node == TREE.root((number * 256 + i) * span, (number * 256 + i + 1) * span)


@given(data=st.data(), size=st.integers(1, SIZE))
@settings(max_examples=60)
def test_proofs_at_any_earlier_size_come_out_of_the_tiles(stored: StoredTiles, data: st.DataObject, size: int) -> None:
    view = TreeView(size, TileNodes(stored.fetch))
    assert view.root == TREE.root(0, size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    verify_inclusion(LEAVES[index], index, size, view.inclusion_path(index), TREE.root(0, size))
    verify_consistency(old, size, TREE.root(0, old), view.root, view.consistency_path(old))


def test_a_tile_is_fetched_once_and_a_grown_one_again() -> None:
    tiles = StoredTiles()
    tiles.grow(LEAVES[:100])
    read = TileNodes(tiles.fetch)
    assert read(0, 99) == LEAVES[99]
    assert read(3, 5) == TREE.node(3, 5)
    assert tiles.fetched == [(0, 0)]
    tiles.grow(LEAVES[100:300])
    assert read(7, 1) == TREE.node(7, 1)
    assert read(0, 200) == LEAVES[200]
    assert tiles.fetched == [(0, 0), (0, 0)]
    assert read(8, 0) == TREE.node(8, 0)
    assert tiles.fetched == [(0, 0), (0, 0), (1, 0)]


def test_threads_share_the_nodes_of_a_tile_that_grows() -> None:
    """A node taken from hashes that another thread had just replaced would go into a receipt."""
    interval, wrong = sys.getswitchinterval(), []
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            wrong += wrong_nodes_while_growing(threads=3)
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def wrong_nodes_while_growing(threads: int) -> list[tuple[int, int]]:
    """Let threads read the newest nodes while a tile becomes full, hash by hash; give those that were not right."""
    width, wrong, hashes = 0, [], LEAVES[:256]
    nodes = TileNodes(lambda _level, _number: b"".join(hashes[:width]))

    def read() -> None:
        while (seen := width) < len(hashes):
            for height in range(8):
                index = (seen >> height) - 1
                if index >= 0 and nodes(height, index) != TREE.node(height, index):
                    wrong.append((height, index))

    readers = [threading.Thread(target=read) for _ in range(threads)]
    for reader in readers:
        reader.start()
    for width in range(1, len(hashes) + 1):  # noqa: B007  # `nodes` and `read` see it
        time.sleep(0)
    for reader in readers:
        reader.join()
    return wrong


def test_only_so_many_tiles_are_kept(stored: StoredTiles) -> None:
    read = TileNodes(stored.fetch, max_tiles=2)
    stored.fetched.clear()
    for number in (0, 1, 0, 2, 0, 1):
        assert read(0, number * 256) == LEAVES[number * 256]
    assert stored.fetched == [(0, 0), (0, 1), (0, 2), (0, 1)]


def test_the_upper_nodes_of_a_tile_outlive_its_hashes(stored: StoredTiles) -> None:
    read = TileNodes(stored.fetch, max_tiles=1)
    stored.fetched.clear()
    for number in (0, 1, 2):
        assert read(4, number * 16 + 3) == TREE.node(4, number * 16 + 3)
    assert stored.fetched == [(0, 0), (0, 1), (0, 2)]
    for number in (0, 1, 2):
        for level in (4, 5, 6, 7):
            assert read(level, (number + 1 << 8 - level) - 1) == TREE.node(level, (number + 1 << 8 - level) - 1)
    assert stored.fetched == [(0, 0), (0, 1), (0, 2)]
    assert read(3, 31) == TREE.node(3, 31)
    assert stored.fetched == [(0, 0), (0, 1), (0, 2), (0, 0)]


def test_a_node_that_no_tile_holds_is_a_corrupt_store() -> None:
    tiles = StoredTiles()
    tiles.grow(LEAVES[:100])
    read = TileNodes(tiles.fetch)
    for level, index in ((0, 100), (2, 25), (8, 0), (0, 256)):
        with pytest.raises(NotVerified) as refused:
            read(level, index)
        assert refused.value.code == "corrupt_store"


def test_a_path_is_as_wide_as_its_tree_has_the_tile() -> None:
    """The tree of the module's docstring: 273 full tiles and one of 112, one full and one of 17, one of 1."""
    every = [(0, number) for number in range(274)] + [(1, 0), (1, 1), (2, 0)]
    assert [TilePath.of(level, number, SIZE) for level, number in every] == list(tile_paths(SIZE))
    assert TilePath.of(ENTRIES, 273, SIZE).format() == "tile/entries/273.p/112"
    for level, number in ((0, 274), (1, 2), (3, 0), (ENTRIES, 274)):
        with pytest.raises(Malformed, match="bad_tile_path"):
            TilePath.of(level, number, SIZE)
