"""The circuit breaker, state by state."""

from __future__ import annotations

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.sources.breaker import CircuitBreaker

FAILURES: Final = 3
REST_S: Final = 10


def _opened() -> CircuitBreaker:
    breaker = CircuitBreaker(failures=FAILURES, rest_s=REST_S)
    for _ in range(FAILURES):
        assert breaker.admits(0)
        breaker.failed(0)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = CircuitBreaker(failures=FAILURES, rest_s=REST_S)
    for result in ("failed", "failed", "succeeded", "failed", "failed"):
        breaker.succeeded() if result == "succeeded" else breaker.failed(0)
    assert breaker.state(0) == "closed"
    breaker.failed(0)
    assert breaker.state(0) == "open"


def test_open_admits_nobody_until_it_has_rested() -> None:
    breaker = _opened()
    assert not breaker.admits(REST_S - 1)
    assert breaker.state(REST_S) == "half-open"


def test_half_open_admits_one_at_a_time() -> None:
    breaker = _opened()
    assert breaker.admits(REST_S)
    assert not breaker.admits(REST_S)
    breaker.succeeded()
    assert breaker.state(REST_S) == "closed"
    assert breaker.admits(REST_S)


def test_a_failed_trial_opens_it_again() -> None:
    breaker = _opened()
    assert breaker.admits(REST_S)
    breaker.failed(REST_S)
    assert breaker.state(2 * REST_S - 1) == "open"
    assert breaker.admits(2 * REST_S)


def test_a_trial_that_was_given_up_lets_the_next_one_try() -> None:
    breaker = _opened()
    assert breaker.admits(REST_S)
    breaker.given_up()
    assert breaker.admits(REST_S)


class Calls(RuleBasedStateMachine):
    """Any calls in any order: an open breaker always comes back to admit a trial."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(failures=FAILURES, rest_s=REST_S)
        self.now = 0
        self.running = 0

    @rule(seconds=st.integers(0, 12))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def call(self) -> None:
        self.running += self.breaker.admits(self.now)

    @rule(result=st.sampled_from(["succeeded", "failed", "given_up"]))
    def end(self, result: str) -> None:
        if self.running:
            self.running -= 1
            self.breaker.failed(self.now) if result == "failed" else getattr(self.breaker, result)()

    @invariant()
    def never_stuck(self) -> None:
        if not self.running and self.breaker.state(self.now + REST_S) != "closed":
            assert self.breaker.state(self.now + REST_S) == "half-open"
            assert not self.breaker._trial


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
