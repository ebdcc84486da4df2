"""Row S: the state machine of hub, cosigners and mirror, many runs of many steps, counted."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from hypothesis import Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.account import FaultCount
from tests.faults.alliance_machine import AllianceMachine, DishonestMachine

__all__ = ["simulate"]

_STEPS: Final = 40
_ALSO: Final = {
    "made": "deposits made",
    "hidden": "hidden of these",
    "refused": "refused",
    "checkpoints": "checkpoints refused for them",
}


def simulate(rounds: int, first: int) -> FaultCount:
    """Run S: half of the runs with an honest hub, half with one that hides changes and has two histories."""
    count, began = FaultCount(row="S", fault="state machine", seed=first), time.monotonic()
    for machine in (AllianceMachine, DishonestMachine):
        count += _runs(machine, max(rounds // 2, 1), first)
    return count + FaultCount(row="S", fault="state machine", seed=first, duration_s=time.monotonic() - began)


def _runs(machine: type[AllianceMachine], rounds: int, first: int) -> FaultCount:
    counts: Counter[str] = Counter()
    also: Counter[str] = Counter()

    class Counted(machine):  # type: ignore[misc,valid-type]
        """The same, counted when it ends."""

        def teardown(self) -> None:
            counts["rounds"] += 1
            counts["acknowledged"] += len(self.acknowledged)
            counts["unknown"] += len(set(self.sent) - self.acknowledged.keys())
            counts["stored"] += len(set(self.sent) & set(self.history))
            also.update(self.deposits)
            also["checkpoints"] += self.refused["deposit_left_out"]
            super().teardown()

    start, misses = FaultCount(row="S", fault="state machine", seed=first), ()
    chosen = settings(
        max_examples=rounds, stateful_step_count=_STEPS, deadline=None, database=None, verbosity=Verbosity.quiet
    )
    try:
        run_state_machine_as_test(seed(first)(Counted), settings=chosen)
    except Exception as error:  # noqa: BLE001  # whatever it found is told in the table
        misses = (f"S: {machine.__name__}, seed {first}: {error!r}"[:400],)
        start = start + FaultCount(row="S", fault="state machine", seed=first, silent=1, misses=misses)
    return start + FaultCount(
        row="S",
        fault="state machine",
        seed=first,
        rounds=counts["rounds"],
        acknowledged=counts["acknowledged"],
        unknown=counts["unknown"],
        stored=counts["stored"],
        also={name: also[key] for key, name in _ALSO.items()},
    )
