"""What a policy lacks of its quorum: how many more cosignatures at least, and in which groups.

{"cosignatures":2,"groups":[{"group":"alliance","needed":2,"held":1,"lacking":["shandong","hebei"]},…]}
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ledger.encoding import JsonValue
from ledger.transparency.note import VerifierKey
from ledger.transparency.policy import Missing, Policy

__all__ = ["Shortfall", "shortfall_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """cosignatures: the fewest more that would satisfy the quorum. groups: unsatisfied, outer ones first."""

    cosignatures: int
    groups: tuple[Missing, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """Write it for machines."""
        return {
            "cosignatures": self.cosignatures,
            "groups": [
                {"group": each.group, "needed": each.needed, "held": each.held, "lacking": list(each.lacking)}
                for each in self.groups
            ],
        }


def shortfall_of(policy: Policy, cosigners: Collection[VerifierKey]) -> Shortfall:
    """Count what the quorum lacks beside valid cosignatures of these keys; of `quorum none` nothing can be lacking."""
    fewest = {each.name: 0 if each.key in cosigners else 1 for each in policy.witnesses}
    for group in policy.groups:
        fewest[group.name] = sum(sorted(fewest[member] for member in group.members)[: group.threshold])
    missing = 0 if policy.quorum is None else fewest[policy.quorum]
    return Shortfall(cosignatures=missing, groups=policy.missing(cosigners))
