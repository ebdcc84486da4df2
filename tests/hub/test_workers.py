"""Worker processes: results in order, items taken as they are needed, faults brought back whole."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest

from hub.workers import cores, workers
from ledger.entries import MemberChange, parse_entry
from ledger.errors import CODES
from ledger.members import KeyState
from ledger.transparency.spans import Span, read_span
from tests.sequenced import seals
from tests.small_log import GENESIS


def key_state() -> KeyState:
    entry = parse_entry(GENESIS)
    assert isinstance(entry, MemberChange)
    return KeyState.genesis(entry)


def test_results_come_in_the_order_of_the_items() -> None:
    with workers(2) as in_order:
        assert list(in_order(len, ("x" * number for number in range(50)))) == list(range(50))


@pytest.mark.parametrize("processes", [1, 2])
def test_items_are_taken_only_as_they_are_needed(processes: int) -> None:
    """So an endless run of items never fills the memory."""
    taken: list[int] = []

    def items() -> Iterator[str]:
        for number in count():
            taken.append(number)
            yield "x" * number

    with workers(processes) as in_order:
        results = in_order(len, items())
        assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
        assert len(taken) <= 5 + 4 * processes


def test_every_worker_is_started_once_and_as_it_is_told() -> None:
    with workers(2, partial(os.umask, 0o037)) as in_order:
        assert list(in_order(os.umask, [0o037] * 20)) == [0o037] * 20  # each gives the mask before it


def test_a_fault_in_a_worker_comes_back_as_it_is() -> None:
    with workers(2) as in_order, pytest.raises(TypeError):
        list(in_order(len, [1]))  # type: ignore[list-item]
    assert cores() >= 1


def test_every_error_and_a_key_state_can_be_sent() -> None:
    for code, kind in CODES.items():
        found = pickle.loads(pickle.dumps(kind(code, "why", index=7)))  # noqa: S301  # our own bytes
        assert (type(found), found.code, found.message, found.index) == (kind, code, "why", 7)
    state = key_state()
    assert pickle.loads(pickle.dumps(state)) == state  # noqa: S301  # our own bytes


def test_a_span_is_read_by_itself() -> None:
    """Seals are checked, other entries are left, and a fault spoils no neighbour."""
    first, second = seals(2)
    state = key_state()
    raws = [first, b"x", GENESIS, second[:-4] + b"AAAA"]
    found = read_span(Span(first=1, raws=raws, keys=state, rules=state))
    assert (found.issuers[0], found.issuers[2], sorted(found.faults)) == ("370214", None, [1, 3])
    assert [(fault.code, fault.index) for fault in found.faults.values()] == [("bad_encoding", 2), ("bad_signature", 4)]
