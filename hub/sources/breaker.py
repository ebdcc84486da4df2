"""A circuit breaker: stops asking a source that keeps failing, and lets one call at a time find out whether it is back.

closed     --`failures` in a row-->       open        every call passes
open       --`rest_s` seconds later-->    half-open   no call passes
half-open  --the trial call succeeds-->   closed      one call passes; if it fails: open again
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["CircuitBreaker", "State"]

State: TypeAlias = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """The breaker of one source; times are POSIX seconds. Used from one event loop."""

    __slots__ = ("_failed", "_failures", "_opened", "_rest_s", "_trial")

    def __init__(self, *, failures: int = 5, rest_s: int = 10) -> None:
        self._failures: Final = failures
        self._rest_s: Final = rest_s
        self._failed = 0
        self._opened: int | None = None
        self._trial = False

    def state(self, now: int) -> State:
        """Give the state at `now`."""
        if self._opened is None:
            return "closed"
        return "half-open" if now >= self._opened + self._rest_s else "open"

    def admits(self, now: int) -> bool:
        """Ask to make a call; who is admitted tells the result by `succeeded`, `failed` or `given_up`."""
        match self.state(now):
            case "closed":
                return True
            case "open":
                return False
            case "half-open":
                admitted, self._trial = not self._trial, True
                return admitted

    def succeeded(self) -> None:
        """Take note of a good call: closed, all failures forgotten."""
        self._failed, self._opened, self._trial = 0, None, False

    def failed(self, now: int) -> None:
        """Take note of a failed call: open after the last of a row, or after a failed trial."""
        self._failed += 1
        if self._failed >= self._failures or self._trial:
            self._opened, self._trial = now, False

    def given_up(self) -> None:
        """Take note of a call that the caller gave up: it says nothing about the source."""
        self._trial = False
