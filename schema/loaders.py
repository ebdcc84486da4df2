"""Computed values gathered: the faces of all licenses of one answer go to their counties in one call.

Resolvers of one answer run in the same few ticks of the event loop. The loader waits until no new request has come
for some ticks (no timer), merges the fields asked of one license, and calls the port once. How long the counties may
take is the port's business.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from schema.access import Principal
from schema.context import Context, FaceAnswer, FaceRequest, FaceSources

__all__ = ["FaceLoader", "face_loader"]

_QUIET_TICKS: Final = 4  # a nested list needs up to three ticks to start the resolvers below it
_LOADER: Final = "faces"

_Key: TypeAlias = tuple[str, str, str, Principal]
_Waiting: TypeAlias = "tuple[FaceRequest, asyncio.Future[FaceAnswer]]"


def _key(request: FaceRequest) -> _Key:
    return request.certificate_identifier, request.county, request.use_cause, request.caller


def _merged(first: FaceRequest, second: FaceRequest) -> FaceRequest:
    """Ask both requests' fields; no fields means all of them."""
    if not first.fields or not second.fields:
        return replace(first, fields=())
    return replace(first, fields=tuple(dict.fromkeys(first.fields + second.fields)))


@dataclass(slots=True)
class FaceLoader:
    """Gathers the faces that one request's resolvers ask for into one call of `FaceSources.faces`."""

    sources: FaceSources
    _waiting: list[_Waiting] = field(default_factory=list)
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    async def load(self, request: FaceRequest) -> FaceAnswer:
        """Give the answer to one request. Raises what the port raises, though it promises not to."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[FaceAnswer] = loop.create_future()
        self._waiting.append((request, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._tick, 1, _QUIET_TICKS)
        return await future

    def _tick(self, seen: int, quiet: int) -> None:
        """Start the call after `quiet` ticks in which nothing new came."""
        count = len(self._waiting)
        quiet = quiet - 1 if count == seen else _QUIET_TICKS
        loop = asyncio.get_running_loop()
        if quiet > 0:
            loop.call_soon(self._tick, count, quiet)
            return
        batch, self._waiting = self._waiting, []
        call = loop.create_task(self._call(batch))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, batch: list[_Waiting]) -> None:
        requests: dict[_Key, FaceRequest] = {}
        for request, _ in batch:
            known = requests.get(_key(request))
            requests[_key(request)] = request if known is None else _merged(known, request)
        try:
            answers = await self.sources.faces(tuple(requests.values()))
            found = dict(zip(requests, answers, strict=True))
        except Exception as error:  # noqa: BLE001  # every waiter must hear of it, whatever it is
            _fail(batch, error)
            return
        for request, future in batch:
            if not future.done():
                future.set_result(found[_key(request)])


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


def face_loader(context: Context) -> FaceLoader:
    """Give the request's own loader; one is made for the first face of each request."""
    loader: FaceLoader = context.loaders.setdefault(_LOADER, FaceLoader(context.faces))
    return loader
