"""Following the ledger's key state: the serving node reads the log's member and rule entries and keeps them checked.

Every process of the folder then signs with the keys that the ledger lists (hub/county/rotation.py). What the log says
is checked from the pinned genesis on and against a witnessed head; what does not hold is logged, the old state stays.
How old that head is, is known to every process as well (hub/county/keyview.py), and logged as `keys_stale`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub.county.keyview import KEYS_BELIEVED_S
from hub.keychain import fetch_chain
from hub.policyfile import policy_fault
from ledger.errors import TongbanError, Unavailable
from ledger.sync_files import SYNC_FILES
from ledger.transparency.policy import MAX_POLICY_BYTES

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from hub.logclient import HttpLog
    from schema.context import Clock

__all__ = ["KeyFollower"]

_EVERY_S: Final = 15.0
_ALARM_EVERY_S: Final = 300
_MAX_KEYS: Final = SYNC_FILES["keys.json"]

_log = structlog.get_logger(__name__)


class KeyFollower:
    """The worker that keeps the folder's chain current. every_s: seconds between two looks."""

    def __init__(self, node: CountyNode, log: HttpLog, clock: Clock, *, every_s: float = _EVERY_S) -> None:
        self._node: Final = node
        self._log: Final = log
        self._clock: Final = clock
        self._every_s: Final = every_s
        self._bound = 0  # time of the witnessed head that bound the chain last
        self._alarmed = 0

    async def run(self) -> None:
        """Follow for ever; ends when it is cancelled. Any fault is logged and tried again."""
        await asyncio.to_thread(self.warn)
        while True:
            try:
                await asyncio.to_thread(self._look)
            except Unavailable:
                pass  # the hub is away: the outbox says so already
            except TongbanError as error:
                _log.warning("keys_refused", code=error.code, reason=error.message)
            except Exception as error:  # noqa: BLE001  # a worker that ends in silence would sign with an old key
                _log.error("keys_stopped", kind=type(error).__name__)
            await asyncio.sleep(self._every_s)

    def _look(self) -> None:
        try:
            self.follow()
        finally:
            self.alarm()

    def follow(self) -> bool:
        """Look once, and tell whether the chain has grown. Raises as fetch_chain.

        That nothing is new is taken on the log's word for five minutes from the head on that bound the chain last; then
        a newer witnessed head must bind the chain as it is here.
        """
        held, now = self._node.chain.chain(), self._clock()
        if now < self._bound + KEYS_BELIEVED_S and self._log.need(f"keys?from={held.size}", _MAX_KEYS) == b"[]":
            return False
        chain = fetch_chain(self._log, self._node.verifier.anchor, held, now)
        grown = self._node.chain.keep(chain)
        self._bound = min(now, chain.time or 0)
        self._node.key_view.seen(self._bound)
        if grown:
            _log.info("keys_followed", index=chain.entries[-1][0])
            self.warn()
        return grown

    def alarm(self) -> None:
        """Log it, at most once in five minutes, while the view of the keys is stale."""
        now = self._clock()
        if now >= self._alarmed + _ALARM_EVERY_S and (fault := self._node.keys_fault(now)) is not None:
            self._alarmed = now
            _log.warning("keys_stale", reason=fault)

    def warn(self) -> None:
        """Log it when the folder's policy is not the one that the key state names."""
        policy = self._node.file("policy", MAX_POLICY_BYTES)
        if fault := policy_fault(policy, self._node.chain.chain().state):
            _log.error("policy_not_current", reason=fault)
