"""A hub that shows two views never gets a quorum for both: over all subsets of twelve witnesses, and with real ones."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import combinations
from pathlib import Path
from typing import Final

import pytest

from hub.county.witness import Witness, WitnessStore, log_keys
from ledger.errors import NotVerified
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint, with_cosignatures
from ledger.transparency.evidence import SAME_SIZE, UNPROVEN, ForkEvidence, find_forks
from ledger.transparency.merkle import consistency_path
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, Note, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.quorums import closest_quorums
from ledger.transparency.witness import AddCheckpoint, read_cosignatures
from tests.trees import RecursiveTree, made_leaves, vector_signer

ORIGIN: Final = "hub.example/ledger"
NOW: Final = 1_780_304_400
PROVINCES: Final = ("sd", "hb", "js", "zj")
NAMES: Final = [f"{province}{number}" for province in PROVINCES for number in (1, 2, 3)]
SIGNERS: Final = [vector_signer(f"witness {name}") for name in NAMES]
KEYS: Final = [
    VerifierKey.of(f"{name}.example/witness", COSIGNATURE_ED25519, signer)
    for name, signer in zip(NAMES, SIGNERS, strict=True)
]
LOG: Final = VerifierKey.of(ORIGIN, NOTE_ED25519, vector_signer("log"))
POLICY: Final = Policy.parse(
    "\n".join(
        [
            f"log {LOG.vkey()}",
            *(f"witness {name} {key.vkey()}" for name, key in zip(NAMES, KEYS, strict=True)),
            *(f"group {province} 2 {province}1 {province}2 {province}3" for province in PROVINCES),
            f"group alliance 3 {' '.join(PROVINCES)}",
            "quorum alliance\n",
        ]
    ).encode()
)
ALL: Final = range(1 << len(NAMES))
EVERYBODY: Final = ALL[-1]

COMMON: Final = made_leaves(3)
VIEWS: Final = (RecursiveTree([*COMMON, *made_leaves(8)[3:]]), RecursiveTree([*COMMON, *made_leaves(8)[3:][::-1]]))


def members(subset: int) -> list[int]:
    """Give the witnesses of a set, which is a bit each."""
    return [number for number in range(len(NAMES)) if subset >> number & 1]


@pytest.fixture(scope="module")
def quorate() -> list[bool]:
    """Ask the policy about every set of witnesses."""
    return [not POLICY.missing([KEYS[number] for number in members(subset)]) for subset in ALL]


def both_reached(quorate: Sequence[bool], dishonest: int) -> bool:
    """Tell whether some split of the honest, each of whom signs one view, gives both views a quorum.

    More signatures never hurt: who signs nothing at all need not be looked at.
    """
    honest = EVERYBODY & ~dishonest
    return any(
        quorate[view | dishonest] and quorate[honest & ~view | dishonest] for view in ALL if view & honest == view
    )


def bits(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


def test_the_policy_says_itself_what_two_views_take() -> None:
    """Two dishonest witnesses of two provinces; and four that keep silent prevent every quorum."""
    assert (POLICY.shared, POLICY.block) == (2, 4)
    closest = closest_quorums(POLICY)
    assert closest is not None
    shared = closest[0] & closest[1]
    assert len(shared) == len({name[:2] for name in shared}) == 2


def test_no_two_views_reach_a_quorum_while_all_are_honest_or_all_but_one(quorate: list[bool]) -> None:
    """Over all 4,096 splits, and for each of the twelve as the dishonest one that signs both."""
    # Of 4,096: a province holds in 4 of its 8 states, 4 * 4^4 with three of them and 4^4 with all.
    assert sum(quorate) == 1280
    assert not both_reached(quorate, 0)
    assert [name for number, name in enumerate(NAMES) if both_reached(quorate, bits(number))] == []


def test_two_dishonest_witnesses_succeed_exactly_if_they_are_of_two_provinces(quorate: list[bool]) -> None:
    succeed = {pair for pair in combinations(range(len(NAMES)), 2) if both_reached(quorate, bits(*pair))}
    assert succeed == {(a, b) for a, b in combinations(range(len(NAMES)), 2) if NAMES[a][:2] != NAMES[b][:2]}


def test_four_silent_witnesses_can_block_and_three_cannot(quorate: list[bool]) -> None:
    silent = {
        count: any(not quorate[EVERYBODY & ~bits(*out)] for out in combinations(range(12), count)) for count in (3, 4)
    }
    assert silent == {3: False, 4: True}


def note(size: int, view: int) -> bytes:
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=VIEWS[view].root(0, size))
    return sign_checkpoint(checkpoint, ORIGIN, vector_signer("log"))


def request(old: int, size: int, view: int) -> bytes:
    path = tuple(consistency_path(old, size, VIEWS[view].node)) if 0 < old < size else ()
    return AddCheckpoint.of(old, path, note(size, view)).format()


class Hub:
    """A hub that shows some witnesses one view and the others the other, and keeps every cosignature it gets."""

    def __init__(self, witnesses: Sequence[Witness]) -> None:
        self.witnesses = witnesses
        self.answers: defaultdict[tuple[int, int], list[bytes]] = defaultdict(list)  # by size and view

    def ask(self, number: int, old: int, size: int, view: int) -> int:
        decision = self.witnesses[number].add_checkpoint(request(old, size, view))
        if decision.status == 200:
            self.answers[size, view].append(decision.body)
        return decision.status

    def has_quorum(self, size: int, view: int) -> bool:
        signed = Note.parse(note(size, view))
        lines = [
            line for body in self.answers[size, view] for line in read_cosignatures(body, signed.text, POLICY.keys)
        ]
        cosigned = with_cosignatures(signed, [line.signature for line in lines]) if lines else signed
        times = verify_checkpoint(Note.parse(cosigned.format()), POLICY.keys).cosignatures
        try:
            POLICY.quorum_time(times, NOW)
        except NotVerified:
            return False
        return True


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[WitnessStore]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(WitnessStore(tmp_path / f"{name}.sqlite"))) for name in NAMES]


def witnesses(stores: Sequence[WitnessStore]) -> list[Witness]:
    logs = log_keys(POLICY)
    rows = zip(stores, KEYS, SIGNERS, strict=True)
    return [Witness(store, logs=logs, name=key.name, signer=signer, clock=lambda: NOW) for store, key, signer in rows]


def forget(stores: Sequence[WitnessStore]) -> None:
    """Take every witness back to the common beginning, which only a test can do."""
    for store in stores:
        with store._database.transaction() as connection:
            for statement in ("DELETE FROM latest", "DELETE FROM offer"):
                connection.execute(statement)


@pytest.mark.parametrize("seed", range(6))
def test_real_witnesses_never_give_both_views_a_quorum(stores: list[WitnessStore], seed: int) -> None:
    """Each is asked for both views, in an order of the hub's choosing, at one size or at two, again and again."""
    chance = random.Random(seed)
    for _ in range(4):
        forget(stores)
        hub = Hub(witnesses(stores))
        assert {hub.ask(number, 0, 3, 0) for number in range(12)} == {200}
        asked = [(number, view) for number in range(12) for view in (0, 1)] * 2
        chance.shuffle(asked)
        sizes = chance.choice([(5, 5), (5, 7), (7, 5)])
        first: dict[int, int] = {}
        for number, view in asked:
            status = hub.ask(number, chance.choice([3, sizes[0], sizes[1]]), sizes[view], view)
            if status == 200:
                assert first.setdefault(number, view) == view
        assert not (hub.has_quorum(sizes[0], 0) and hub.has_quorum(sizes[1], 1))


def test_the_refused_requests_prove_the_fork_to_anyone(stores: list[WitnessStore]) -> None:
    """Nine have cosigned one view. The other is refused by them, and what they keep proves why, without any trust."""
    hub = Hub(witnesses(stores))
    for number in range(9):
        assert hub.ask(number, 0, 3, 0) == hub.ask(number, 3, 5, 0) == 200
    assert hub.ask(0, 5, 5, 1) == 422
    assert hub.ask(1, 5, 7, 1) == 422
    assert hub.ask(2, 3, 5, 1) == 409
    assert (hub.has_quorum(5, 0), hub.has_quorum(5, 1), hub.has_quorum(7, 1)) == (True, False, False)
    hub.ask(1, 5, 6, 0)  # what was held at that moment is kept, whatever is cosigned later
    kinds = []
    for store in stores[:4]:
        offers, latest = store.offers(), store.latest(next(iter(latest_paths(store))))
        assert latest is not None
        found = find_forks(offers, [latest.note], log_keys(POLICY))
        assert len(found) == len(offers)
        kinds += [evidence.check(log_keys(POLICY)) for evidence in found]
        assert all(ForkEvidence.parse(each.format()).prove(log_keys(POLICY)) for each in found)
    assert kinds == [SAME_SIZE, UNPROVEN, SAME_SIZE]


def latest_paths(store: WitnessStore) -> list[str]:
    with store._database.reading() as connection:
        return [path for (path,) in connection.execute("SELECT path FROM latest")]
