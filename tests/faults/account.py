"""What rounds of one fault came to: one row of the table that `make faults` prints.

    F4   fail points, ledger       rounds 120, acknowledged 1,830, unknown 214, stored 1,931, lost 0, twice 0, silent 0

Every kind of fault is one callable, `Run`: it brings the fault about `rounds` times, the first time from `seed`, each
later time from the next number, and counts. A round that does not hold is told in `misses` in a sentence that names its
seed; it is not raised, so that the table shows all rows.

Source: the fault table and the invariants I1-I4 of the project's reference on reliability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

__all__ = ["FaultCount", "Run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCount:
    """Counts over the rounds of one fault, all of them 0 or more.

    row: `F1` .. `F13`. fault: what was done to what, in a few words. seed: of the first round.
    acknowledged: writes that were answered. unknown: writes that were sent and not answered. stored: of both, those
    that are there afterwards. For faults of files at rest: acknowledged are the stored items there were, unknown is 0.
    lost: acknowledged, and not there. twice: there more than once, or under another index or receipt than told.
    silent: damage, or a state that cannot be, that no check found. misses: one sentence each of what does not hold.
    also: further counts of this fault, by name. duration_s: of all rounds, seconds.
    """

    row: str
    fault: str
    seed: int
    rounds: int = 0
    acknowledged: int = 0
    unknown: int = 0
    stored: int = 0
    lost: int = 0
    twice: int = 0
    silent: int = 0
    misses: tuple[str, ...] = ()
    also: Mapping[str, int] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or silent, and nothing else was missed."""
        return not (self.lost or self.twice or self.silent or self.misses)

    def __add__(self, other: FaultCount) -> FaultCount:
        """Add further rounds of the same fault; row, fault and seed stay those of the first."""
        return replace(
            self,
            rounds=self.rounds + other.rounds,
            acknowledged=self.acknowledged + other.acknowledged,
            unknown=self.unknown + other.unknown,
            stored=self.stored + other.stored,
            lost=self.lost + other.lost,
            twice=self.twice + other.twice,
            silent=self.silent + other.silent,
            misses=(*self.misses, *other.misses),
            also={name: self.also.get(name, 0) + other.also.get(name, 0) for name in {**self.also, **other.also}},
            duration_s=self.duration_s + other.duration_s,
        )


class Run(Protocol):
    """One kind of fault; `make faults` calls it. Nothing of it is left afterwards: no process, no file."""

    def __call__(self, rounds: int, seed: int) -> FaultCount:
        """Bring the fault about `rounds` times (1 or more), round n from `seed + n`, and count."""
        ...
