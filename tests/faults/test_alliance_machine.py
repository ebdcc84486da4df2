"""Hub, witnesses, auditors and a mirror through crashes, partitions and wrong clocks: one history, nothing taken back."""

from __future__ import annotations

import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.status import Status
from tests.faults.alliance_machine import AllianceMachine, DishonestMachine
from tests.faults.auditor_host import AuditorHost
from tests.faults.planted_faults import PLANTED

TestAllianceMachine = pytest.mark.sample(AllianceMachine.TestCase)
TestAllianceMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)

TestDishonestMachine = pytest.mark.sample(DishonestMachine.TestCase)
TestDishonestMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_an_old_entry_that_a_hub_gets_with_its_clock_behind_stops_no_auditor() -> None:
    """It is 24 hours and 20 minutes old, less than a day by the hub's clock, and not taken."""
    machine = AllianceMachine()
    machine.found(begun=True)
    raw = machine.county_change(2, Status.REVOKED)
    machine.wait(87_600)
    machine.publish()
    machine.step_clock("hub", -3_600)
    machine.submit(raw)
    machine.teardown()


def test_an_auditor_that_was_days_ahead_once_and_is_then_away_for_two_days_follows_again() -> None:
    machine = AllianceMachine()
    machine.found(begun=True)
    machine.skew["a0"] = 315_360_000
    machine.publish()
    machine.skew["a0"] = 0
    machine.seal_and_publish(1)
    machine.cut_off({"a0"})
    machine.seal_and_publish(1)
    machine.wait(172_800)
    machine.teardown()


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_fault_is_found(planted: type[AuditorHost]) -> None:
    class Broken(DishonestMachine):
        auditor_kind = planted

    chosen = settings(
        max_examples=300,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Broken, settings=chosen)
