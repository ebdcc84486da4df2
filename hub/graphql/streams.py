"""Operations whose answers come one after the other: a subscription's, until the caller may no longer have them.

    document (cached) -> plan (cached) -> source of events -> one answer an event, with the cursor to go on behind it

Documents are checked as all others are: limits, cost, access, masked errors. Before every answer, and every few seconds
while there is none, the caller's token is looked at again: it may have expired, or its county revoked the client's key.
One event is fetched ahead at most; a caller that does not read stops its own stream and nobody else's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
)

from hub.graphql.execution import Answer, Execution, GraphQLRequest, Ready, refusal_error
from hub.graphql.masking import error_of, field_error
from ledger.errors import TongbanError
from schema.context import Context

__all__ = ["Item", "StreamEnded", "StreamLimits", "Streams"]

Renew = Callable[[], object]
"""Look at the caller again. Raises Refused when its token is good no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Limits of the streams. connections: open at once; operations: of one socket; times in seconds; sizes in bytes.

    init_s: from the opening of a socket to its connection_init. look_s: how often the caller is looked at again.
    idle_s: how long a socket may be open without an operation.
    """

    connections: int = 256
    operations: int = 10
    message_bytes: int = 128 * 1024
    init_s: float = 5.0
    look_s: float = 5.0
    idle_s: float = 60.0


class StreamEnded(Exception):
    """A stream that cannot begin or go on, with the errors to tell; code: that of the first."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors: Final = errors
        self.code: Final[str] = errors[0]["extensions"]["code"]
        super().__init__(self.code)


@dataclass(frozen=True, slots=True)
class Item:
    """One answer of a stream. cursor: of the event that it tells of; None: it tells of none."""

    answer: Answer
    cursor: str | None = None


class Streams:
    """Runs operations of any kind as streams, over one execution.

    on_event: told in how many seconds an event was answered and its client had taken the answer.
    """

    def __init__(
        self, execution: Execution, limits: StreamLimits | None = None, *, dev: bool = False,
        on_event: Callable[[float], object] = lambda _seconds: None,
    ) -> None:  # fmt: skip
        self.limits: Final = limits or StreamLimits()
        self._on_event = on_event
        self._execution = execution
        self._dev = dev

    def open(
        self, request: GraphQLRequest, context: Context, renew: Renew, *, by_get: bool = False
    ) -> AsyncGenerator[Item | None, None]:
        """Check a request and give its answers; None: there was none for a while. Close it in the end.

        Raises DocumentRefused, NotByGet, StreamEnded (the caller may not have the subscription), Refused
        too_many_requests at once; its answers raise StreamEnded, a query's or mutation's Unavailable deadline, pushback
        and Refused too_many_requests, for it has a place among its client's documents while it is answered.
        """
        with self._execution.admitted.answering(context.principal):
            ready = self._execution.prepare(request, context, by_get=by_get)
        if ready.operation.operation is not OperationType.SUBSCRIPTION:
            return self._once(ready, context)
        if ready.plan.refusals:
            raise StreamEnded([field_error(refusal_error(one), context.request_id) for one in ready.plan.refusals])
        return self._events(ready, context, renew)

    async def _once(self, ready: Ready, context: Context) -> AsyncGenerator[Item | None, None]:
        admitted = self._execution.admitted
        with admitted.place(context.principal):
            async with admitted.turn(context.principal):
                answer = await self._execution.answer(ready, context)
        yield Item(answer)

    async def _events(self, ready: Ready, context: Context, renew: Renew) -> AsyncGenerator[Item | None, None]:
        executor = self._executor(ready, context)
        source = await self._source(executor, context)
        coming = asyncio.ensure_future(anext(source))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=self.limits.look_s)
                self._look(renew)
                if not done:
                    yield None
                    continue
                if isinstance(coming.exception(), StopAsyncIteration):
                    return
                event = self._event(coming, context)
                coming = asyncio.ensure_future(anext(source))
                began = time.perf_counter()
                yield Item(await self._answer(executor, event), event.cursor)
                self._on_event(time.perf_counter() - began)  # who takes the next item has sent this one
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await coming
            await source.aclose()  # type: ignore[attr-defined]  # an async generator

    def _executor(self, ready: Ready, context: Context) -> Executor[Any]:
        built = Executor.build(
            self._execution.tables.schema,
            ready.document.tree,
            context_value=context,
            raw_variable_values=dict(ready.request.variables),
            operation_name=ready.request.operation_name,
            hide_suggestions=not self._dev,
        )
        if isinstance(built, list):
            raise self._ended(built, context)
        return built

    async def _source(self, executor: Executor[Any], context: Context) -> AsyncIterator[Any]:
        made: Any = create_source_event_stream(executor)
        found = await made if executor.is_awaitable(made) else made
        if isinstance(found, ExecutionResult):
            raise self._ended(found.errors or [], context)
        return aiter(found)

    def _look(self, renew: Renew) -> None:
        try:
            renew()
        except TongbanError as error:
            raise StreamEnded([error_of(error.code, error.message)]) from error

    def _event(self, coming: asyncio.Future[Any], context: Context) -> Any:
        try:
            return coming.result()
        except Exception as error:
            told = GraphQLError(str(error), original_error=error)
            raise self._ended([told], context) from error

    async def _answer(self, executor: Executor[Any], event: Any) -> Answer:
        made: Any = execute_subscription_event(executor.build_per_event_executor(event))
        result: ExecutionResult = await made if executor.is_awaitable(made) else made
        return Answer(data=result.data, errors=result.errors or (), personal=True)

    def _ended(self, errors: list[GraphQLError], context: Context) -> StreamEnded:
        return StreamEnded([field_error(one, context.request_id, dev=self._dev) for one in errors])
