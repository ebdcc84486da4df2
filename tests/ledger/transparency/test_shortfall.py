"""What a policy lacks of its quorum, against trying every set of further cosigners."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.shortfall import shortfall_of
from tests.entropy import signer_of

_KEYS = [VerifierKey.of(f"w{number}", COSIGNATURE_ED25519, signer_of(f"w{number}")) for number in range(6)]


def policy(inner: tuple[int, int], outer: int) -> Policy:
    """Two groups of three witnesses, so many of each, and so many of the two groups."""
    lines = [f"witness w{number} {key.vkey()}" for number, key in enumerate(_KEYS)]
    lines += [f"group g {inner[0]} w0 w1 w2", f"group h {inner[1]} w3 w4 w5", f"group q {outer} g h", "quorum q", ""]
    return Policy.parse("\n".join(lines).encode())


@given(st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 2), st.sets(st.integers(0, 5)))
def test_the_fewest_more_are_counted(inner: tuple[int, int], outer: int, held: set[int]) -> None:
    read, keys = policy(inner, outer), [_KEYS[number] for number in held]
    fewest = min(count for count in range(7) for more in combinations(_KEYS, count) if not read.missing([*keys, *more]))
    found = shortfall_of(read, keys)
    assert (found.cosignatures, found.groups) == (fewest, read.missing(keys))


def test_it_is_told_with_its_groups() -> None:
    found = shortfall_of(policy((2, 2), 2), [_KEYS[0]])
    assert found.to_json() == {
        "cosignatures": 3,
        "groups": [
            {"group": "q", "needed": 2, "held": 0, "lacking": ["g", "h"]},
            {"group": "g", "needed": 2, "held": 1, "lacking": ["w1", "w2"]},
            {"group": "h", "needed": 2, "held": 0, "lacking": ["w3", "w4", "w5"]},
        ],
    }


def test_of_no_quorum_nothing_is_lacking() -> None:
    read = Policy.parse(f"witness w0 {_KEYS[0].vkey()}\nquorum none\n".encode())
    assert shortfall_of(read, []).cosignatures == 0
