"""All record sources behind one port: every county asked at once, within one deadline for the whole answer.

A county with a node of its own is asked there; when the node does not answer, what the county deposited in the vault
stands in. A county without a node is asked in the vault. A slow, dead or lying county costs nobody else anything: each
county has its own circuit breaker, and all share a bound on calls at one time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from hub.sources.breaker import CircuitBreaker
from hub.sources.node import MAX_LICENSES
from ledger.errors import TongbanError, Unavailable
from schema.context import FaceAnswer, FaceRequest

if TYPE_CHECKING:
    from hub.sources.node import NodeSource
    from hub.sources.vault import VaultSource
    from schema.context import Clock

__all__ = ["Sources"]

_CALLS: Final = 64
_NODE_SHARE: Final = 0.75  # of the deadline; the rest is for the vault to stand in

_log = structlog.get_logger(__name__)


class Sources:
    """Implements FaceSources. nodes: by county. on_outcome: told `ok`, `absent` or the code of every face asked."""

    def __init__(
        self, nodes: Mapping[str, NodeSource], vault: VaultSource, *, clock: Clock, deadline_ms: int = 800,
        on_outcome: Callable[[str], None] = lambda _outcome: None,
    ) -> None:  # fmt: skip
        self._nodes = nodes
        self._vault = vault
        self._clock = clock
        self._deadline_s: Final = deadline_ms / 1000
        self._on_outcome = on_outcome
        self._breakers = {county: CircuitBreaker() for county in nodes}
        self._calls = asyncio.Semaphore(_CALLS)

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        """Ask all counties concurrently; answers in the order of the requests. Never raises."""
        end = asyncio.get_running_loop().time() + self._deadline_s
        answers: dict[int, FaceAnswer] = {}
        for part in await asyncio.gather(*(self._call(requests, places, end) for places in _calls(requests))):
            answers |= part
        for answer in answers.values():
            self._on_outcome(answer.code or "ok")
        return [answers[place] for place in range(len(requests))]

    async def _call(self, requests: Sequence[FaceRequest], places: Sequence[int], end: float) -> dict[int, FaceAnswer]:
        asked = [requests[place] for place in places]
        return dict(zip(places, await self._county(asked, end), strict=True))

    async def _county(self, requests: Sequence[FaceRequest], end: float) -> list[FaceAnswer]:
        node = self._nodes.get(requests[0].county)
        if node is None:
            return await self._from_vault(requests, "source_unavailable", end)
        try:
            return await self._from_node(node, requests)
        except Unavailable as error:
            _log.warning("source_failed", county=node.county, code=error.code)
            stored = await self._from_vault(requests, error.code, end)
            missing = FaceAnswer(values=None, code=error.code)
            return [missing if answer.code == "absent" else answer for answer in stored]

    async def _from_node(self, node: NodeSource, requests: Sequence[FaceRequest]) -> list[FaceAnswer]:
        breaker = self._breakers[node.county]
        if not breaker.admits(self._clock()):
            raise Unavailable("source_unavailable", "the county's node has failed again and again")
        try:
            async with asyncio.timeout(self._deadline_s * _NODE_SHARE), self._calls:
                answers = await node.faces(requests)
        except TimeoutError as error:
            breaker.failed(self._clock())
            raise Unavailable("deadline", "the county's node did not answer in time") from error
        except Unavailable:
            breaker.failed(self._clock())
            raise
        except BaseException:
            breaker.given_up()
            raise
        breaker.succeeded()
        return answers

    async def _from_vault(self, requests: Sequence[FaceRequest], code: str, end: float) -> list[FaceAnswer]:
        try:
            async with asyncio.timeout_at(end):
                return await self._vault.faces(requests)
        except (TongbanError, TimeoutError) as error:
            _log.error("vault_failed", code=error.code if isinstance(error, TongbanError) else "deadline")
            return [FaceAnswer(values=None, code=code)] * len(requests)


def _calls(requests: Sequence[FaceRequest]) -> list[list[int]]:
    """Cut requests into calls: places of one county, caller and useCause, at most 256 each."""
    groups: dict[tuple[str, str, str | None], list[int]] = defaultdict(list)
    for place, request in enumerate(requests):
        groups[request.county, request.use_cause, request.caller.client].append(place)
    return [
        places[start : start + MAX_LICENSES]
        for places in groups.values()
        for start in range(0, len(places), MAX_LICENSES)
    ]
