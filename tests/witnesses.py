"""Witnesses behind an HTTP client without a network: they decide as the real ones do, and fail as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx2

from ledger.signers import Signer
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey, keyring
from ledger.transparency.witness import AddCheckpoint, Latest, decide, monitoring_path
from tests.entropy import signer_of

__all__ = ["Witnesses"]


class Witnesses:
    """Witnesses `w0`, `w1`, … of one log; each keeps its own state.

    down: names that refuse the connection. broken: names whose connection fails as no HTTP client should. held_back: names that answer only when `release` is set. silent: names that
    answer 200 without a line of their own. sizes: the sizes that each was asked to cosign, in order.
    """

    def __init__(self, count: int, log: VerifierKey, *, now: int) -> None:
        self.names: Final = [f"w{number}" for number in range(count)]
        self.now = now
        self.down: set[str] = set()
        self.broken: set[str] = set()
        self.held_back: set[str] = set()
        self.silent: set[str] = set()
        self.release: Final = asyncio.Event()
        self.sizes: Final[dict[str, list[int]]] = {name: [] for name in self.names}
        self.latest: Final[dict[str, Latest]] = {}
        self._logs: Final = keyring([log])
        self._log: Final = log
        self._signers: Final[dict[str, Signer]] = {name: signer_of(f"witness {name}") for name in self.names}

    def policy(self, threshold: int, *, without: Sequence[str] = ()) -> bytes:
        """Write a policy in which any `threshold` of them are a quorum."""
        assert self._log.kind == NOTE_ED25519
        names = [name for name in self.names if name not in without]
        lines = [f"log {self._log.vkey()}"]
        for name in names:
            key = VerifierKey.of(self.key_name(name), COSIGNATURE_ED25519, self._signers[name])
            lines.append(f"witness {name} {key.vkey()} http://{name}/witness")
        return "\n".join([*lines, f"group g {threshold} {' '.join(names)}", "quorum g", ""]).encode()

    @staticmethod
    def key_name(name: str) -> str:
        """Give the key name of a witness."""
        return f"{name}.example/witness"

    def client(self) -> httpx2.AsyncClient:
        """Give a client that reaches them."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.host
        if request.method == "GET":
            return self._shown(name, request)
        assert request.url.path == "/witness/add-checkpoint"
        if name in self.down:
            raise httpx2.ConnectError("no route", request=request)
        if name in self.broken:
            raise RuntimeError(name)
        if name in self.held_back:
            await self.release.wait()
        wanted = AddCheckpoint.parse(await request.aread())
        self.sizes[name].append(wanted.checkpoint.size)
        decision = decide(
            wanted,
            self.latest.get(name),
            logs=self._logs,
            name=self.key_name(name),
            signer=self._signers[name],
            now=self.now,
        )
        if decision.latest is not None:
            self.latest[name] = decision.latest
        if name in self.silent:
            other = AddCheckpoint.parse(await request.aread()).note.signatures[0].line()
            return httpx2.Response(200, content=other)
        return httpx2.Response(decision.status, content=decision.body, headers={"Content-Type": decision.content_type})

    def _shown(self, name: str, request: httpx2.Request) -> httpx2.Response:
        """Show the newest checkpoint that was cosigned, at the monitoring path of the log."""
        assert request.url.path == f"/witness/{monitoring_path(self._log.name)}"
        if name in self.down:
            raise httpx2.ConnectError("no route", request=request)
        if name in self.broken:
            raise RuntimeError(name)
        latest = self.latest.get(name)
        return httpx2.Response(404) if latest is None else httpx2.Response(200, content=latest.note)
