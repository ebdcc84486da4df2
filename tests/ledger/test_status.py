from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.errors import Malformed, NotVerified
from ledger.status import TILE_ENTRIES, Status, StatusArray, verify_status_proof
from ledger.transparency.merkle import EMPTY_ROOT, leaf_hash, root_of

# IETF Token Status List: statuses 1,2,0,3,0,1,0,1,1,2,3,3 are the bytes c9 44 f9.
LISTED: Final = (1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3)


def recomputed(statuses: StatusArray) -> bytes:
    """The root from nothing but the statuses, one by one."""
    tiles = []
    for first in range(0, len(statuses), TILE_ENTRIES):
        tile = bytearray(64)
        for index in range(first, min(first + TILE_ENTRIES, len(statuses))):
            tile[index % TILE_ENTRIES // 4] |= statuses.get(index) << (2 * (index % 4))
        tiles.append(leaf_hash(bytes(tile)))
    return root_of(tiles)


def array_of(*values: int) -> StatusArray:
    statuses = StatusArray()
    statuses.extend_to(len(values))
    for index, value in enumerate(values):
        statuses.set(index, Status(value))
    return statuses


def test_bits_stand_as_in_the_token_status_list() -> None:
    assert array_of(*LISTED).to_bytes().hex() == "c944f9"
    assert [StatusArray.from_bytes(bytes.fromhex("c944f9"), 12).get(index) for index in range(12)] == list(LISTED)


def test_no_entries_have_the_root_of_an_empty_tree() -> None:
    assert StatusArray().root() == EMPTY_ROOT


class Statuses(RuleBasedStateMachine):
    """Grows and changes in any order, with roots asked for or not in between."""

    @initialize()
    def start(self) -> None:
        self.statuses = StatusArray()
        self.model: list[int] = []

    @rule(by=st.integers(0, 700))
    def extend(self, by: int) -> None:
        self.model += [0] * by
        self.statuses.extend_to(len(self.model))

    @rule(where=st.floats(0, 1, exclude_max=True), status=st.sampled_from(Status))
    def change(self, where: float, status: Status) -> None:
        if self.model:
            index = int(where * len(self.model))
            self.model[index] = status
            self.statuses.set(index, status)

    @rule()
    def ask_for_the_root(self) -> None:
        assert self.statuses.root() == recomputed(self.statuses)

    @rule(where=st.floats(0, 1, exclude_max=True))
    def prove(self, where: float) -> None:
        if self.model:
            index = int(where * len(self.model))
            tile, path = self.statuses.proof(index)
            status = verify_status_proof(index, len(self.model), tile, path, recomputed(self.statuses))
            assert status == self.model[index]

    @rule()
    def go_on_with_a_copy(self) -> None:
        left, self.statuses = self.statuses, self.statuses.copy()
        left.extend_to(len(left) + 300)

    @rule()
    def go_on_with_what_was_written(self) -> None:
        self.statuses = StatusArray.from_bytes(self.statuses.to_bytes(), len(self.model))

    @invariant()
    def statuses_are_those_set_last(self) -> None:
        assert len(self.statuses) == len(self.model)
        for index in {0, len(self.model) // 2, len(self.model) - 1} if self.model else set():
            assert self.statuses.get(index) == self.model[index]


TestStatuses = Statuses.TestCase
TestStatuses.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("tiles", range(1, 20))
def test_every_tile_of_a_ragged_tree_has_its_proof(tiles: int) -> None:
    statuses = StatusArray()
    statuses.extend_to(tiles * TILE_ENTRIES - 5)
    for tile in range(tiles):
        statuses.set(tile * TILE_ENTRIES, Status(tile % 4))
    for tile in range(tiles):
        data, path = statuses.proof(tile * TILE_ENTRIES)
        assert verify_status_proof(tile * TILE_ENTRIES, len(statuses), data, path, statuses.root()) == tile % 4


@pytest.mark.parametrize(("index", "size"), [(-1, 600), (600, 600), (300, 600), (1, 200), (1, 1200)], ids=str)
def test_a_proof_of_another_index_or_size_is_refused(index: int, size: int) -> None:
    statuses = StatusArray()
    statuses.extend_to(600)
    statuses.set(0, Status.REVOKED)
    tile, path = statuses.proof(1)
    with pytest.raises(NotVerified, match="bad_status_proof"):
        verify_status_proof(index, size, tile, path, statuses.root())


@pytest.mark.parametrize("tile", [b"", bytes(63), bytes(65), b"\x01" + bytes(63)])
def test_another_tile_is_refused(tile: bytes) -> None:
    statuses = array_of(*LISTED)
    with pytest.raises(NotVerified, match="bad_status_proof"):
        verify_status_proof(0, 12, tile, [], statuses.root())


@pytest.mark.parametrize(("data", "size"), [(b"", 1), (b"\x00\x00", 4), (b"\x04", 1), (b"\xff", 3)])
def test_an_array_of_another_size_or_with_unused_bits_set_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(Malformed, match="bad_encoding"):
        StatusArray.from_bytes(data, size)


@pytest.mark.parametrize("index", [-1, 12])
def test_an_entry_that_is_not_covered_has_no_status(index: int) -> None:
    statuses = array_of(*LISTED)
    for call in (statuses.get, statuses.proof, lambda i: statuses.set(i, Status.REVOKED)):
        with pytest.raises(IndexError):
            call(index)


@pytest.mark.parametrize("number", [-1, 1])
def test_there_is_no_tile_without_entries(number: int) -> None:
    with pytest.raises(IndexError):
        array_of(*LISTED).tile(number)


def test_the_array_never_shrinks() -> None:
    with pytest.raises(ValueError, match="never"):
        array_of(*LISTED).extend_to(11)


@given(st.binary(max_size=300))
def test_written_and_read_it_is_the_same(data: bytes) -> None:
    assert StatusArray.from_bytes(data, 4 * len(data)).to_bytes() == data
