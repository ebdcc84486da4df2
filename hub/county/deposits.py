"""Deposits over HTTP: what the auditor takes from counties, and passes on to the other auditors.

    POST /auditor/deposit     a status entry, byte for byte

    202 {"leaf":"<b64u>","deposited_at":1780300800,"deadline":1780301100}      watched; the same again next time. Also
                           what is mirrored here and not yet cosigned: the log may still show another tree
    200 {"index":812}      the log holds it            404   no such seal, as far as this auditor has replayed
    400, 413   malformed, too large                    409   the log's state, or its date, forbids it
    403   a signature that fails, or no right to it    429   100 of this county are watched already

A deposit that is new here is passed on to every other auditor of the policy, and tried again for some minutes where one
does not answer. Who has it already does not pass it on, so it goes round once. It is submitted to the log, too, and
again every 30 seconds: nobody can take the quorum from a hub by leaving with the auditors what the hub has never seen.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import httpx2
import structlog
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.exchange import closing, error_response, read_body
from ledger.deposits import Deposit, check_deposit, parse_deposit
from ledger.errors import Conflict, NotVerified, Refused, TongbanError, Unavailable
from ledger.jws import MAX_ENTRY_BYTES
from ledger.members import verify_signatures
from ledger.transparency.merkle import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from hub.county.auditor import Auditor
    from ledger.entries import StatusChange
    from ledger.transparency.policy import Policy, PolicyWitness
    from ledger.transparency.replay import Replay
    from schema.context import Clock

__all__ = ["PassingOn", "auditors_of", "deposit_routes", "status_of"]

_AUDITOR: Final = "/auditor"
_AT_A_TIME: Final = 1_000
_ATTEMPTS: Final = 8
_FIRST_WAIT_S: Final = 1.0  # then 2, 4 … 64 s: two minutes in all, less than the rule allows a log
_TIMEOUT_S: Final = 5.0
_REMIND_S: Final = 30.0
_AT_ONCE: Final = 16
_HEARD: Final = frozenset({200, 202, 400, 413})  # another refusal may be that of an auditor that is behind
_JOSE: Final = {"Content-Type": "application/jose"}
_NO_STORE: Final = {"Cache-Control": "no-store"}

_log = structlog.get_logger(__name__)


def auditors_of(policy: Policy, *, without: str = "") -> list[PolicyWitness]:
    """Give the auditors that a policy names with a URL: cosigners whose key name ends in `/auditor`; one left out."""
    named = (each for each in policy.witnesses if each.url and each.key.name.endswith(_AUDITOR))
    return [each for each in named if each.key.name != without]


def status_of(error: TongbanError) -> int:
    """Give the HTTP status of a deposit that is not taken."""
    match error:
        case Conflict(code="wrong_target"):
            return 404
        case NotVerified(code="corrupt_store"):
            return 503
        case NotVerified() | Refused():
            return 403
        case Unavailable(code="pushback"):
            return 429
        case _:
            return error.http_status


def take_deposit(auditor: Auditor, raw: bytes, now: int) -> tuple[Deposit, bool] | int:
    """Watch a status entry: the deposit, and whether it is new; or the log index where it stands already.

    Raises Malformed, NotVerified, Refused, Conflict, Unavailable not_ready (nothing is replayed yet), pushback.
    """
    entry, replay = parse_deposit(raw), auditor.replay
    if replay.size == 0:
        raise Unavailable("not_ready", "this auditor has not replayed the log yet")
    leaves, statements = auditor.store.reader().find([entry.leaf], [entry.statement])
    index = next(iter((*leaves.values(), *statements.values())), None)
    latest = auditor.store.latest()
    if index is not None and latest is not None and index < latest.size:
        return index
    if index is None:
        check_deposit(entry, replay, now)
        _check_date(entry, replay, now)
    else:
        # Mirrored and not cosigned is not logged: the log may show another tree tomorrow. So it is watched all the
        # same. Its statement is known, but not who signed these bytes.
        verify_signatures(entry, replay.keys, replay.size)
    return auditor.store.deposit(Deposit(raw=raw, deposited_at=now))


def _check_date(entry: StatusChange, replay: Replay, now: int) -> None:
    """Leave an honest log time: what it could no longer take, or not yet, would cost it its quorum for nothing.

    Twice `deposit_s`, or half the window where that is shorter, as nothing could be deposited at all otherwise. Raises
    Conflict iat_too_old, iat_in_future.
    """
    back_s = replay.rules.rule("iat_back_s")
    if entry.iat < now - back_s + min(2 * replay.rules.rule("deposit_s"), back_s // 2):
        raise Conflict("iat_too_old", "the log may not take it in time any more: sign it again")
    if entry.iat > now:
        raise Conflict("iat_in_future", "iat is ahead of this auditor's clock: deposit it again then")


def deposit_routes(auditor: Auditor, passing_on: PassingOn, clock: Clock) -> list[Route]:
    """Give the route that takes deposits."""

    async def deposit(request: Request) -> Response:
        try:
            raw = await read_body(request, max_bytes=MAX_ENTRY_BYTES)
            taken = await asyncio.to_thread(take_deposit, auditor, raw, clock())
        except TongbanError as error:
            return _refusing(error)
        if isinstance(taken, int):
            return JSONResponse({"index": taken}, 200, _NO_STORE)
        watched, fresh = taken
        if fresh:
            passing_on.wake()
            _log.warning("deposit_taken", seal=watched.entry.of, to=int(watched.entry.to))
        return JSONResponse(watched.to_json(auditor.replay.rules.rule("deposit_s")), 202, _NO_STORE)

    return [Route("/auditor/deposit", deposit, methods=["POST"])]


def _refusing(error: TongbanError) -> Response:
    answer, status = error_response(error), status_of(error)
    answer.status_code = status
    answer.headers.update(closing(status))
    if status == 429:
        answer.headers["Retry-After"] = "60"
    return answer


class PassingOn:
    """Passes deposits on: once to the other auditors, and to the log every 30 seconds until it has proved to hold them.

    So nobody can take the quorum of an honest log by depositing what the log never saw, or could not take when it did.
    What is left to do survives a restart. client: reaches any URL. log_url: the log's prefix. timeout_s: for an answer.
    """

    def __init__(
        self,
        auditor: Auditor,
        peers: Sequence[PolicyWitness],
        client: httpx2.AsyncClient,
        *,
        log_url: str | None = None,
        first_wait_s: float = _FIRST_WAIT_S,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._timeout_s: Final = timeout_s
        self._first_wait_s: Final = first_wait_s
        self._store: Final = auditor.store
        self._log: Final = None if log_url is None else f"{log_url}/entries"
        own = [] if self._log is None else [self._log]
        self._told: Final = [*(f"{peer.url}/deposit" for peer in peers), *own]
        self._client: Final = client
        self._woken: Final = asyncio.Event()

    def wake(self) -> None:
        """Say that there is a new deposit."""
        self._woken.set()

    async def run(self) -> None:
        """Pass on for ever; ends when it is cancelled."""
        under_way: dict[bytes, asyncio.Task[None]] = {}
        reminding = asyncio.create_task(self._remind_on())
        try:
            while True:
                self._woken.clear()
                try:
                    await self._start_passing(under_way)
                except TongbanError as error:  # the store may answer again; a worker that ends in silence would not
                    _log.error("deposits_not_passed_on", code=error.code)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_REMIND_S):
                        await self._woken.wait()
                for raw in [raw for raw, task in under_way.items() if task.done()]:
                    del under_way[raw]
        finally:
            tasks = [reminding, *under_way.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_passing(self, under_way: dict[bytes, asyncio.Task[None]]) -> None:
        for raw in await asyncio.to_thread(self._store.to_pass_on, _AT_A_TIME):
            if raw not in under_way:
                under_way[raw] = asyncio.create_task(self._pass_on(raw))

    async def _remind_on(self) -> None:
        while self._log is not None:
            await asyncio.sleep(_REMIND_S)
            try:
                await self.remind(self._log)
            except TongbanError as error:
                _log.error("log_not_reminded", code=error.code)

    async def remind(self, log: str) -> None:
        """Hand the log everything that is watched, whatever it answered before."""
        watched = await asyncio.to_thread(self._store.deposits)
        for start in range(0, len(watched), _AT_ONCE):
            await asyncio.gather(*(self._tell(log, each.raw) for each in watched[start : start + _AT_ONCE]))

    async def _pass_on(self, raw: bytes) -> None:
        """Tell everyone, those that do not answer again and again; then give up, as the county deposits by itself."""
        left, wait = self._told, self._first_wait_s
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(wait)
                wait *= 2
            heard = await asyncio.gather(*(self._tell(url, raw) for url in left))
            left = [url for url, done in zip(left, heard, strict=True) if not done]
            if not left:
                break
        else:
            _log.warning("deposit_not_passed_on", auditors=len(left))
        await asyncio.to_thread(self._store.passed_on, leaf_hash(raw))

    async def _tell(self, url: str, raw: bytes) -> bool:
        """Tell one of them; False: it may take the deposit later.

        All in all within a time: one whose answer comes byte by byte would keep the connections that others need.
        """
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", url, content=raw, headers=_JOSE) as answer,
            ):
                status = answer.status_code  # the body is not read: nothing in it matters
        except (httpx2.HTTPError, TimeoutError):
            return False
        return status in _HEARD
