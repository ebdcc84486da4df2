"""Cosignatures gathered from the policy's witnesses: all asked at once, one second each, the first quorum wins.

    POST <submission prefix>/add-checkpoint                                        c2sp.org/tlog-witness@v1.0.0

    old 812
    <b64 hash>                     zero or more: consistency proof from the size that the witness holds
                                   empty line
    <checkpoint with the log's signature>

The answer is 200 with cosignature lines, or 409 with the size that the witness really holds: then it is asked once more
with the proof from there. Lines of unknown keys are passed over; a line of the witness's own key whose signature fails
is a refusal. A witness that is late still counts: what it says is handed to `late`.

An auditor that refuses says why: 422 with a signed refusal (ledger/refusal.py), which is kept (hub/log/refusals.py).

Each witness answers one request at a time, or two rounds of ours would race each other for its state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import httpx2
import structlog

from hub.answers import read_answer
from hub.log.refusals import HeardRefusal, Refusals
from ledger.encoding import JsonValue
from ledger.errors import NotVerified, TongbanError
from ledger.transparency.note import Note, VerifierKey
from ledger.transparency.policy import AHEAD_S, Policy
from ledger.transparency.sequencer import Cosigned, Pending
from ledger.transparency.shortfall import Shortfall, shortfall_of
from ledger.transparency.witness import AddCheckpoint, Cosignature, read_cosignatures, read_size

__all__ = ["Cosigning", "LateCosignature", "Prover", "RefusalTaker", "WitnessClient"]

TIMEOUT_S: Final = 1.0
MAX_ANSWER_BYTES: Final = 64 * 1024
_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}
_JOSE: Final = "application/jose"

Prover: TypeAlias = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""(old size, size) -> consistency proof."""

LateCosignature: TypeAlias = "Callable[[int, Cosignature], None]"
"""(size, cosignature): one that came when its quorum was complete already."""

RefusalTaker: TypeAlias = Callable[[str, bytes, Pending], Awaitable[None]]
"""(name of the witness, signed refusal, what it refused)."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    kind: str
    body: bytes


@dataclass(slots=True)
class WitnessClient:
    """One witness over HTTP. held: the size that it holds, as far as we know. lock: one request at a time."""

    name: str
    key: VerifierKey
    url: str
    http: httpx2.AsyncClient
    held: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def cosign(self, pending: Pending, prove: Prover, refused: RefusalTaker) -> Cosignature:
        """Ask for a cosignature, twice at most. Raises NotVerified, Malformed, Unavailable, httpx2.HTTPError."""
        async with self.lock:
            answer = await self._ask(pending, prove)
            if answer.status == 409:
                self.held = self._held_by(answer.body, pending.size)
                answer = await self._ask(pending, prove)
            if answer.status == 422 and answer.kind == _JOSE:
                await refused(self.name, answer.body, pending)
            if answer.status != 200:
                raise NotVerified("no_quorum", f"the witness answered with status {answer.status}")
            own = {(self.key.name, self.key.id): self.key}
            (cosignature,) = read_cosignatures(answer.body, Note.parse(pending.note).text, own)
            self.held = pending.size
            return cosignature

    async def _ask(self, pending: Pending, prove: Prover) -> _Answer:
        path = tuple(await prove(self.held, pending.size))
        body = AddCheckpoint.of(self.held, path, pending.note).format()
        url = f"{self.url}/add-checkpoint"
        async with self.http.stream("POST", url, content=body, headers=_TEXT) as response:
            answer = await read_answer(response, MAX_ANSWER_BYTES)
        return _Answer(response.status_code, response.headers.get("content-type", ""), answer)

    def _held_by(self, answer: bytes, size: int) -> int:
        held = read_size(answer)
        if held > size:
            # Either this is an old copy of the log, or somebody else signs with its key.
            _log.error("witness_holds_more", witness=self.name, held=held, size=size)
            raise NotVerified("bad_consistency", f"the witness holds {held} entries, the log has {size}")
        return held


class Cosigning:
    """Asks all witnesses of a policy. clock: POSIX seconds, to refuse times in the future."""

    def __init__(
        self,
        policy: Policy,
        http: httpx2.AsyncClient,
        *,
        prove: Prover,
        clock: Callable[[], int],
        timeout_s: float = TIMEOUT_S,
        refusals: Refusals | None = None,
    ) -> None:
        """A witness without URL in the policy cannot be asked and is left out. refusals: None keeps none.

        slow: a witness of the last round did not answer in time; it may have by now, and then says so at once.
        """
        self.slow = False
        self._refusals: Final = refusals
        self._heard: Final[dict[str, HeardRefusal]] = {}  # by witness, since it last cosigned
        self._failing: Final[dict[str, str]] = {}  # why, by witness
        self._shortfall = Shortfall(cosignatures=0, groups=())  # of the last round
        self._policy: Final = policy
        self._prove: Final = prove
        self._clock: Final = clock
        self._timeout_s: Final = timeout_s
        self._tasks: Final[set[asyncio.Task[Cosignature | None]]] = set()
        self.witnesses: Final = [
            WitnessClient(name=each.name, key=each.key, url=each.url, http=http)
            for each in policy.witnesses
            if each.url is not None
        ]

    def expect(self, size: int) -> None:
        """Say which size the witnesses probably hold, at start; a wrong guess costs one more request."""
        for witness in self.witnesses:
            witness.held = size

    async def gather(self, pending: Pending, late: LateCosignature) -> list[Cosignature]:
        """Ask all witnesses; give the first that make a quorum, with all that had answered by then.

        A cosignature so old that the newest seal would look dated after it does not count: no receipt could be made.
        The others go on for what is left of their second; what they bring goes to `late`. Raises NotVerified no_quorum,
        saying which groups lack what.
        """
        self.slow = False
        found: list[Cosignature] = []
        waiting = {asyncio.create_task(self._bounded(witness, pending)) for witness in self.witnesses}
        self._tasks.update(waiting)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            self._tasks.difference_update(done)
            answers = [each for each in (task.result() for task in done) if each is not None]
            found += [each for each in answers if _is_timely(each, pending)]
            if self.combined(pending.size, found) is not None:
                self._shortfall = shortfall_of(self._policy, {each.key for each in found})
                for task in waiting:
                    task.add_done_callback(lambda task: self._came_late(pending, task, late))
                return found
        self._shortfall = shortfall_of(self._policy, {each.key for each in found})
        self._policy.quorum_time({each.key: each.time for each in found}, self._clock())  # raises, with the reason
        return found

    def combined(self, size: int, cosignatures: Iterable[Cosignature]) -> Cosigned | None:
        """Choose a minimal quorum among the cosignatures of one checkpoint; None if they are no quorum."""
        found = {each.key: each for each in cosignatures}
        times, now = {key: each.time for key, each in found.items()}, self._clock()
        try:
            minimal, time = self._policy.minimal(times, now), self._policy.quorum_time(times, now)
        except NotVerified:
            return None
        return Cosigned(
            size=size,
            quorum=[found[key].signature for key in minimal],
            cosignatures=[(each.signature, each.time) for each in found.values()],
            time=time,
        )

    async def _bounded(self, witness: WitnessClient, pending: Pending) -> Cosignature | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                cosignature = await witness.cosign(pending, self._prove, self._refused)
                self._heard.pop(witness.name, None)
                if self._failing.pop(witness.name, None) is not None:
                    _log.info("witness_answers", witness=witness.name, size=pending.size)
                return cosignature if self._is_past(cosignature) else None
        except Exception as error:  # noqa: BLE001  # nothing that a witness does, or its URL is, may stop the log
            self.slow = self.slow or isinstance(error, TimeoutError)
            code = error.code if isinstance(error, TongbanError) else type(error).__name__
            if self._failing.get(witness.name) != code:  # once, not every second for as long as it is away
                _log.warning("witness_failed", witness=witness.name, code=code, size=pending.size)
            self._failing[witness.name] = code
            return None

    def _is_past(self, cosignature: Cosignature) -> bool:
        """Tell whether the time is one that a verifier would count: what lies ahead is not even stored."""
        ahead = cosignature.time - AHEAD_S - self._clock()
        if ahead > 0:
            _log.error("witness_clock_ahead", witness=cosignature.key.name, seconds=ahead)
        return ahead <= 0

    async def _refused(self, name: str, jws: bytes, pending: Pending) -> None:
        if self._refusals is not None:
            self._heard[name] = await asyncio.to_thread(self._refusals.take, jws, pending.checkpoint)

    def reason(self, why: str) -> str:
        """Say what the last round lacked of a quorum, and who refused. why: the reason where nothing was missing."""
        count, heard = self._shortfall.cosignatures, map(str, self._heard.values())
        if not count:
            return "; ".join([why, *heard])
        groups = "; ".join([*map(str, self._shortfall.groups), *heard])
        return f"{count} more cosignature{'' if count == 1 else 's'} needed: {groups}"

    def state(self) -> dict[str, JsonValue]:
        """Say the same for machines: {"cosignatures":2,"groups":[…],"refusals":[…]}."""
        return {**self._shortfall.to_json(), "refusals": [each.to_json() for each in self._heard.values()]}

    def _came_late(self, pending: Pending, task: asyncio.Task[Cosignature | None], late: LateCosignature) -> None:
        self._tasks.discard(task)
        cosignature = None if task.cancelled() else task.result()
        if cosignature is not None and _is_timely(cosignature, pending):
            late(pending.size, cosignature)

    async def stop(self) -> None:
        """Cancel what is still asked."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_timely(cosignature: Cosignature, pending: Pending) -> bool:
    """Tell whether a receipt of the newest seal may be dated by this cosignature: step 8 of `ledger.verifier`."""
    behind = pending.newest_iat - AHEAD_S - cosignature.time
    if behind > 0:
        _log.error("witness_clock_behind", witness=cosignature.key.name, seconds=behind)
    return behind <= 0
