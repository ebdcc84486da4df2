"""What an answer of the hub makes of an item in the outbox, whichever way it came: over HTTP or in a bundle.

{"index":812,"leaf":"…","state":"witnessed","receipt":"…"}    evidence that holds: one state further
{"position":7}                                                the journal has it: done
{"error":{"code":"…","message":"…"}}                          again later, signed anew, or failed for good
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import structlog

from hub.answers import stated_error
from hub.county.outbox import Item, Settled, State
from ledger.errors import NotVerified, TongbanError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.county.evidence import EvidenceCheck
    from ledger.encoding import JsonValue
    from schema.context import Clock

__all__ = ["Renewal", "Settlement"]

_MAX_DELAY_S: Final = 60
_AGAIN: Final = frozenset({"store_moved", "iat_in_future"})  # conflicts that pass by themselves

_log = structlog.get_logger(__name__)


class Renewal(Protocol):
    """Signs an item again that the log never took, and puts it back into the outbox."""

    def __call__(self, item: Item, now: int) -> None:
        """Raise Malformed when it cannot be signed again."""
        ...


class Settlement:
    """Judges answers. random: fresh bytes, for the jitter of the next attempt."""

    def __init__(
        self, *, check: EvidenceCheck, renew: Renewal, clock: Clock, random: Callable[[int], bytes]
    ) -> None:  # fmt: skip
        self._check = check
        self._renew = renew
        self._clock = clock
        self._random = random

    def judged(self, item: Item, answer: JsonValue) -> Settled:
        """Settle one item by the object that the hub gave for it.

        Evidence that does not hold is no refusal: the item waits, and the code says why.
        """
        if not isinstance(answer, dict):
            return self._later(item, "bad_json", "the hub gave no object for this item")
        if error := stated_error(answer.get("error")):
            return self._refused(item, error)
        try:
            return self._entry(item, answer) if item.state == "pending" else self._record(item, answer)
        except TongbanError as fault:
            _log.warning("evidence_refused", code=fault.code, kind=item.kind)
            return self._later(item, fault.code, fault.message)

    def _entry(self, item: Item, answer: dict[str, JsonValue]) -> Settled:
        evidence = self._check.check(item, answer, self._clock())
        if evidence is None:
            return self._later(item, "no_quorum", "sequenced, and not yet witnessed")
        state: State = "logged" if item.kind == "seal" else "done"
        return Settled(item=item, state=state, log_index=evidence[0], evidence=evidence[1])

    def _record(self, item: Item, answer: dict[str, JsonValue]) -> Settled:
        if not isinstance(answer.get("position"), int):
            return self._later(item, "bad_json", "the hub gave no position of the journal record")
        return Settled(item=item, state="done")

    def _refused(self, item: Item, error: TongbanError) -> Settled:
        if error.code == "key_not_active" or (error.code == "iat_too_old" and item.state == "pending"):
            return self._signed_again(item, error)
        waits_for_seal = error.code == "wrong_target" and item.state == "logged"
        if error.code in _AGAIN or waits_for_seal or isinstance(error, Unavailable):
            return self._later(item, error.code, error.message)
        _log.error("entry_refused", code=error.code, kind=item.kind, identifier=item.identifier)
        return Settled(item=item, state="failed", code=error.code, message=error.message)

    def _signed_again(self, item: Item, error: TongbanError) -> Settled:
        try:
            self._renew(item, self._clock())
        except (NotVerified, Unavailable) as fault:  # no other key is active yet, or the log could take it as it is
            return self._later(item, fault.code, fault.message)
        except TongbanError as fault:
            return Settled(item=item, state="failed", code=fault.code, message=fault.message)
        return self._later(item, error.code, "signed again")

    def _later(self, item: Item, code: str, message: str) -> Settled:
        delay = min(2**item.attempts, _MAX_DELAY_S) if item.attempts < 8 else _MAX_DELAY_S
        jitter = delay * self._random(1)[0] // 512  # 0 to a half of it: counties that failed together come apart
        return Settled(item=item, state=item.state, due=self._clock() + delay + jitter, code=code, message=message)
