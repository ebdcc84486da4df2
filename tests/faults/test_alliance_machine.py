"""Hub, witnesses, auditors and a mirror through crashes, partitions and wrong clocks: one history, nothing taken back."""

from __future__ import annotations

from hypothesis import settings

from tests.faults.alliance_machine import AllianceMachine, DishonestMachine

TestAllianceMachine = AllianceMachine.TestCase
TestAllianceMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)

TestDishonestMachine = DishonestMachine.TestCase
TestDishonestMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
