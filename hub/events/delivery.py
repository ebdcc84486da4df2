"""Webhooks carried out: each follows the feed from its own cursor, one event after the other, at least once.

    event -> signed POST -> 2xx: the cursor moves
                            else: again after 1, 2, 4, … 600 s, less up to a half by chance
                            after 12 attempts: a dead letter, and on to the next event

One webhook that does not answer holds up itself alone, and so do the dead letters that its county wants again. A
delivery has 10 s, follows no redirect, reads no body. While the list of dead letters is full, the webhook stands:
nothing is lost for want of room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import httpx2
import structlog

from hub.events.facts import format_event
from hub.events.following import Followers
from hub.events.hooks import DeadLetter, Hook, HookStore
from hub.events.signing import signed_headers
from hub.events.targets import resolved
from ledger.errors import Refused, TongbanError
from schema.context import Clock
from schema.feed import FeedEvent

__all__ = ["Delivery", "DeliveryLimits", "Signing"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """Bounds of one webhook's deliveries, times in seconds. tick_s: how often new webhooks are looked for."""

    attempts: int = 12
    first_s: float = 1.0
    last_s: float = 600.0
    timeout_s: float = 10.0
    tick_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """The hub's key for deliveries: its kid in the JWK set, and what signs by it."""

    kid: str
    sign: Callable[[bytes], bytes]


class Delivery:
    """All webhooks of one hub process, in one event loop. chance: a number from 0 to 1. on_outcome: for metrics."""

    def __init__(  # noqa: PLR0913  # its parts, each by its name
        self, store: HookStore, events: Followers, signing: Signing, *, http: httpx2.AsyncClient, clock: Clock,
        chance: Callable[[], float], private: bool, limits: DeliveryLimits | None = None,
        on_outcome: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.store: Final = store
        self.private: Final = private
        self._events: Final = events
        self._signing: Final = signing
        self._http: Final = http
        self._clock: Final = clock
        self._chance: Final = chance
        self._limits: Final = limits or DeliveryLimits()
        self._on_outcome: Final = on_outcome
        self._carrying: Final[dict[str, asyncio.Task[None]]] = {}
        self._resending: Final[dict[str, asyncio.Task[None]]] = {}
        self._woken: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Begin to deliver, and go on until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what is under way is delivered again another time."""
        tasks = [*self._carrying.values(), *self._resending.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Say that webhooks were added or removed, or dead letters are wanted again."""
        self._woken.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._keep()
            except Exception as error:  # noqa: BLE001  # a loop that dies unseen would leave every webhook standing
                _log.error("webhooks_failed", kind=type(error).__name__)
            try:
                async with asyncio.timeout(self._limits.tick_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _keep(self) -> None:
        """Have one task for every webhook that there is, and one for each that has dead letters to be sent again."""
        hooks = {hook.id: hook for hook in await asyncio.to_thread(self.store.hooks)}
        wanting = await asyncio.to_thread(self.store.wanting)
        _end(self._carrying, hooks.keys())
        _end(self._resending, hooks.keys())
        for name in hooks.keys() - self._carrying.keys():
            self._carrying[name] = asyncio.create_task(self._carry(hooks[name]))
        for name in (hooks.keys() & wanting) - self._resending.keys():
            self._resending[name] = asyncio.create_task(self._again(hooks[name]))

    async def _again(self, hook: Hook) -> None:
        for letter in await asyncio.to_thread(self.store.wanted_again, hook.id):
            fault = await self._post(hook, letter.event, letter.body)
            await asyncio.to_thread(self.store.settled, letter, fault)

    async def _carry(self, hook: Hook) -> None:
        """Deliver one webhook's events, for ever; a task that fails is begun anew from what is stored."""
        attempts, retry_at = hook.attempts, hook.retry_at
        async with aclosing(self._events.events(hook.county, after=hook.cursor)) as events:
            async for event in events:
                if event.kind in hook.kinds:
                    await self._deliver(hook, event, attempts, retry_at)
                    attempts = retry_at = 0

    async def _deliver(self, hook: Hook, event: FeedEvent, attempts: int, retry_at: int) -> None:
        body = format_event(event)
        while True:
            # a clock that was set back must not make the pause longer than any
            await asyncio.sleep(min(max(0, retry_at - self._clock()), self._limits.last_s))
            fault = await self._post(hook, event.id, body)
            if fault is None:
                await asyncio.to_thread(self.store.done, hook.id, event.cursor)
                return
            attempts += 1
            if attempts >= self._limits.attempts:
                letter = DeadLetter(
                    hook=hook.id, event=event.id, body=body, since=self._clock(), fault=fault, again=False
                )
                if await asyncio.to_thread(self.store.give_up, letter, event.cursor):
                    self._on_outcome("dead")
                    return
            retry_at = self._clock() + self._pause(attempts)
            await asyncio.to_thread(self.store.failed, hook.id, attempts=attempts, retry_at=retry_at, fault=fault)

    def _pause(self, attempts: int) -> int:
        longest = min(self._limits.last_s, self._limits.first_s * 2.0 ** min(attempts - 1, 30))
        return round(longest * (1 - self._chance() / 2))

    async def _post(self, hook: Hook, event_id: str, body: bytes) -> str | None:
        """Send one delivery; gives what went wrong, None for nothing."""
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                status = await self._status(hook.url, event_id, body)
            fault = None if 200 <= status < 300 else f"http_{status}"
        except Refused:
            fault = "address_refused"
        except TimeoutError:
            fault = "timeout"
        except (httpx2.HTTPError, OSError, TongbanError):
            fault = "unreachable"
        self._on_outcome("delivered" if fault is None else "failed")
        return fault

    async def _status(self, url: str, event_id: str, body: bytes) -> int:
        target, signing = await resolved(url, private=self.private), self._signing
        headers = signed_headers(url, body, event_id, now=self._clock(), kid=signing.kid, sign=signing.sign)
        sent = self._http.stream(
            "POST", target.url, content=body, headers={**headers, "Host": target.host}, follow_redirects=False,
            extensions={"sni_hostname": target.name},
        )  # fmt: skip
        async with sent as answer:
            return answer.status_code


def _end(tasks: dict[str, asyncio.Task[None]], hooks: AbstractSet[str]) -> None:
    """End the tasks of webhooks that are no more, and drop those that have ended."""
    for name in [name for name, task in tasks.items() if name not in hooks or task.done()]:
        task = tasks.pop(name)
        if task.done() and not task.cancelled() and (fault := task.exception()):
            _log.error("webhook_failed", kind=type(fault).__name__)
        task.cancel()
