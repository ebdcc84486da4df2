"""A seeded two thousand mutations of every format: a result or a coded error for each, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from ledger.errors import Malformed, TongbanError
from tests.fuzz.campaign import Target, TooSlow, run_campaign
from tests.fuzz.mutation import MAX_BYTES, Mutator
from tests.fuzz.registry import TARGETS, seed_of

COUNT: Final = 2_000
SEED: Final = 4
FOUND: Final = sorted((Path(__file__).parent / "found").glob("*.hex"))


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_ends_in_a_result_or_a_coded_error(name: str) -> None:
    target = TARGETS[name]
    count = max(1, round(COUNT * target.share))
    report = run_campaign(target, count, seed_of(name, SEED))
    found = [
        f"{failure.fault} seed {failure.seed} {failure.data.hex()}\n{failure.detail}" for failure in report.failures
    ]
    assert found == []
    assert report.inputs == count
    assert sum(report.ends.values()) == count


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_once_ends_as_it_should(path: Path) -> None:
    """Each file is named <target>--<what it is>--<code, or taken>."""
    name, _, expected = path.stem.split("--")
    target, data = TARGETS[name.replace("_", " ")], bytes.fromhex(path.read_text("ascii"))
    if expected == "taken":
        target.run(data)
        return
    with pytest.raises(TongbanError) as caught:
        target.run(data)
    assert caught.value.code == expected


def test_the_same_seed_makes_the_same_inputs() -> None:
    corpus = TARGETS["receipt"].seeds()
    first, again, other = (Mutator(corpus, seed) for seed in (1, 1, 2))
    inputs = [first.next() for _ in range(200)]
    assert inputs == [again.next() for _ in range(200)]
    assert inputs != [other.next() for _ in range(200)]
    assert max(map(len, inputs)) <= MAX_BYTES


def _breaks_on_x(data: bytes) -> None:
    if b"x" in data:
        raise KeyError(data)


def test_an_uncoded_exception_is_found_and_made_small() -> None:
    """What is left of the input is what it takes to bring it about."""
    target = Target(name="made up", seeds=lambda: [b"abc" * 40, b"ayz" * 40], run=_breaks_on_x, words=[b"x"])
    report = run_campaign(target, 200, 1)
    (failure,) = report.failures
    assert failure.fault.startswith("KeyError at test_fuzz.py:")
    assert failure.data == b"x"


def _never_ends(data: bytes) -> None:
    while data:
        pass


def test_what_takes_too_long_is_found(tmp_path: Path) -> None:
    """The limit is on processor time, so that a busy machine finds nothing that is not there."""
    report = run_campaign(Target(name="made up", seeds=lambda: [b"a"], run=_never_ends, seconds=0.1), 0, 1)
    (failure,) = report.failures
    assert failure.fault.startswith(TooSlow.__name__)
    assert failure.save(tmp_path).read_text("ascii") == "61\n"


def _refuses(_data: bytes) -> None:
    raise Malformed("bad_json", "made up")


def test_a_seed_that_is_refused_fails_the_campaign() -> None:
    """A corpus of invalid inputs would look clean and reach nothing."""
    report = run_campaign(Target(name="made up", seeds=lambda: [b"a"], run=_refuses), 10, 1)
    assert [failure.fault for failure in report.failures] == ["a seed is refused: bad_json"]
