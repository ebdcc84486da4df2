"""How much of the hub one client may take: documents a second, new documents a minute, documents at a time.

    rate          a bucket that holds two seconds' worth of documents and fills again every second
    new           a stricter bucket, for documents that cost milliseconds of validation before they can be answered:
                  a token for each 512 characters that are begun, eight at most
    at a time     documents of one client that are being answered

Each client has its own, so that none can use up what another one needs: by the key of its county's client (a holder's
token: by its holder), and all callers without a token together. Documents are counted, not requests: a batch counts as
many. Source: RFC 6585, 4 (429).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from ledger.errors import Refused

if TYPE_CHECKING:
    from schema.access import Principal
    from schema.context import Clock

__all__ = ["Places", "Quotas"]

_CLIENTS: Final = 4_096
_RATE_S: Final = 2
_NEW_S: Final = 60
_TOKEN_CHARACTERS: Final = 512
_MOST_TOKENS: Final = 8


@dataclass(slots=True)
class _Client:
    """One client. rate, new: tokens left in its buckets at `time`. running: documents being answered."""

    rate: float
    new: float
    time: int
    running: int = 0


@dataclass(slots=True)
class Places:
    """The places of a client's documents, taken for as long as a `with` block runs."""

    _client: _Client
    _documents: int

    def __enter__(self) -> None:
        self._client.running += self._documents

    def __exit__(self, *_: object) -> None:
        self._client.running -= self._documents


class Quotas:
    """The state of all clients, in memory: at most 4,096, the one that asked least recently gives way.

    per_second, new_per_minute, at_once: of each client, from 1 on. Not thread-safe: used on the event loop alone.
    """

    def __init__(self, *, per_second: int, new_per_minute: int, at_once: int, clock: Clock) -> None:
        self._per_second: Final = per_second
        self._new_per_minute: Final = new_per_minute
        self._at_once: Final = at_once
        self._clock: Final = clock
        self._clients: Final[OrderedDict[str, _Client]] = OrderedDict()

    def answering(self, principal: Principal, documents: int = 1) -> Places:
        """Take a client's tokens for its documents, and a place for each while they are answered: `with` the places.

        Raises Refused too_many_requests with the seconds after which as many may be asked again; nothing is taken then.
        """
        client = self._of(principal)
        if client.rate < documents:
            raise _refused(ceil((documents - client.rate) / self._per_second))
        places = self._placed(client, documents)
        client.rate -= documents
        return places

    def place(self, principal: Principal, documents: int = 1) -> Places:
        """Take a place for each of a client's documents while they are answered. Raises Refused too_many_requests."""
        return self._placed(self._of(principal), documents)

    def _placed(self, client: _Client, documents: int) -> Places:
        if client.running + documents > self._at_once:
            raise _refused(1)
        return Places(client, documents)

    def admit_new(self, principal: Principal, characters: int) -> None:
        """Take a client's tokens for a document of so many characters that must be validated.

        Raises Refused too_many_requests.
        """
        client, tokens = self._of(principal), min(_tokens(characters), self._new_per_minute)
        if client.new < tokens:
            raise _refused(ceil((tokens - client.new) * _NEW_S / self._new_per_minute))
        client.new -= tokens

    def _of(self, principal: Principal) -> _Client:
        now = self._clock()
        name = f"{principal.client} {principal.holder or ''}"
        rate, new = float(self._per_second * _RATE_S), float(self._new_per_minute)
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = _Client(rate=rate, new=new, time=now)
            if len(self._clients) > _CLIENTS:
                self._clients.popitem(last=False)
            return client
        self._clients.move_to_end(name)
        if now != client.time:
            passed = max(0, now - client.time)  # a clock that is set back gives nothing, and takes nothing
            client.rate = min(rate, client.rate + passed * self._per_second)
            client.new = min(new, client.new + passed * self._new_per_minute / _NEW_S)
            client.time = now
        return client


def _tokens(characters: int) -> int:
    # Validation compares selections pair by pair; the limit of tokens bounds it, whatever the length.
    return min(1 + characters // _TOKEN_CHARACTERS, _MOST_TOKENS)


def _refused(wait_s: int) -> Refused:
    return Refused("too_many_requests", "too many documents of this client: come back later", retry_after=wait_s)
