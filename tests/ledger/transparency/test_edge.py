from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import NotVerified
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import leaf_hash, root_of
from ledger.transparency.tiles import tile_paths

LEAVES = [leaf_hash(b"%d" % number) for number in range(66_000)]


def stored(size: int, *, step: int) -> tuple[TileEdge, dict[tuple[int, int], bytes]]:
    edge, tiles = EMPTY_EDGE, {}
    for start in range(0, size, step):
        growth = edge.append(LEAVES[start : min(start + step, size)])
        edge = growth.edge
        tiles.update(growth.tiles)
    return edge, tiles


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=12))
def test_appends_of_any_sizes_give_one_tree(steps: list[int]) -> None:
    """Root and tiles do not depend on how the leaves came."""
    edge, tiles, size = EMPTY_EDGE, {}, 0
    for step in steps:
        growth = edge.append(LEAVES[size : size + step])
        edge, size = growth.edge, size + step
        tiles.update(growth.tiles)
    assert edge.root() == root_of(LEAVES[:size])
    assert tiles == stored(size, step=1 << 20)[1]
    for path in tile_paths(size):
        span = 256**path.level
        rows = [
            root_of(LEAVES[i * span : (i + 1) * span]) for i in range(path.number * 256, path.number * 256 + path.width)
        ]
        assert tiles[path.level, path.number] == b"".join(rows)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 65_999])
def test_a_stored_edge_is_loaded_as_it_was(size: int) -> None:
    edge, tiles = stored(size, step=1000)
    loaded = TileEdge.load(size, lambda level, number: tiles[level, number], lambda a, b: LEAVES[a:b])
    assert (loaded.root(), loaded.frontier) == (edge.root(), edge.frontier)
    assert loaded.append(LEAVES[:300]).tiles == edge.append(LEAVES[:300]).tiles


@pytest.mark.parametrize(("key", "at_fault"), [((0, 2), 512), ((1, 0), 0), ((0, 1), 0)])
def test_a_flipped_byte_in_the_edge_is_found(key: tuple[int, int], at_fault: int) -> None:
    """A hash of the partial tile itself, or of a full tile below a partial one."""
    _, tiles = stored(600, step=256)
    tile = bytearray(tiles[key])
    tile[40] ^= 1
    tiles[key] = bytes(tile)
    with pytest.raises(NotVerified, match="corrupt_store") as caught:
        TileEdge.load(600, lambda level, number: tiles[level, number], lambda a, b: LEAVES[a:b])
    assert caught.value.index == at_fault


def test_an_entry_that_changed_under_the_edge_is_found() -> None:
    _, tiles = stored(600, step=256)
    other = [*LEAVES[:550], leaf_hash(b"other"), *LEAVES[551:600]]
    with pytest.raises(NotVerified, match="corrupt_store"):
        TileEdge.load(600, lambda level, number: tiles[level, number], lambda a, b: other[a:b])


def test_a_full_tile_that_was_cut_short_is_found() -> None:
    _, tiles = stored(600, step=256)
    tiles[0, 0] = tiles[0, 0][:-32]
    with pytest.raises(NotVerified, match="corrupt_store") as caught:
        TileEdge.load(600, lambda level, number: tiles[level, number], lambda a, b: LEAVES[a:b])
    assert caught.value.index == 0
