"""Health of a policy: how few witnesses two quorums share, how few can block every quorum, and which two come closest.

Two quorums that share no witness are all that a hub needs to show two views: no witness has to be dishonest for both to
be cosigned. With `shared` witnesses in common, that many must sign both. Groups are trees and share no member, so all
of it follows from the leaves up, in one pass:

    shared(witness) = 1        shared(group) = sum of the max(0, 2k - n) smallest `shared` of its n members
    block(witness)  = 1        block(group)  = sum of the n - k + 1 smallest `block`

    closest_quorums(policy)    two quorums that share exactly `policy.shared` witnesses: the warning, with names
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ledger.transparency.policy import Group, Policy

__all__ = ["closest_quorums", "fewest"]

Names = frozenset[str]


def fewest(groups: Iterable[Group], quorum: str | None) -> tuple[int, int]:
    """Count the fewest witnesses shared by two quorums, and the fewest that block every quorum; both 0 for none.

    groups: members before the groups that hold them. Two choices of k of n members have at least 2k - n in common, and
    a group fails once n - k + 1 members do; members share no witness, so the cheapest ones add up.
    """
    shared: dict[str, int] = {}
    block: dict[str, int] = {}
    for group in groups:
        n, k = len(group.members), group.threshold
        shared[group.name] = sum(sorted(shared.get(member, 1) for member in group.members)[: max(0, 2 * k - n)])
        block[group.name] = sum(sorted(block.get(member, 1) for member in group.members)[: n - k + 1])
    return (0, 0) if quorum is None else (shared.get(quorum, 1), block.get(quorum, 1))


def closest_quorums(policy: Policy) -> tuple[Names, Names] | None:
    """Give two quorums, as names of witnesses, that share as few as any two do; None for `quorum none`.

    They share `policy.shared`: with 0 these are two disjoint quorums. A quorum that is one witness is given twice.
    """
    if policy.quorum is None:
        return None
    pairs: dict[str, _Pair] = {}
    for group in policy.groups:
        pairs[group.name] = _of_group(group, pairs)
    return pairs.get(policy.quorum, _of_witness(policy.quorum)).sides


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two sets of witnesses that each satisfy one name, and share as few as any two do."""

    sides: tuple[Names, Names]

    @property
    def shared(self) -> int:
        return len(self.sides[0] & self.sides[1])


_NOBODY: Final = frozenset[str]()


def _of_witness(name: str) -> _Pair:
    return _Pair((frozenset({name}), frozenset({name})))


def _of_group(group: Group, pairs: Mapping[str, _Pair]) -> _Pair:
    """Let both sides share the members that are cheapest to share, and divide the others between them."""
    members = sorted((pairs.get(name) or _of_witness(name) for name in group.members), key=lambda pair: pair.shared)
    common = max(0, 2 * group.threshold - len(members))
    own = group.threshold - common
    first = [pair.sides[0] for pair in (*members[:common], *members[common : common + own])]
    second = [pair.sides[1] for pair in (*members[:common], *members[common + own : common + 2 * own])]
    return _Pair((_NOBODY.union(*first), _NOBODY.union(*second)))
