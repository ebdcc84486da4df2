"""The hub's write path, whole: journal group commit, registry, cosigning with two real witnesses, publication, answer.

collect    clock, journal binding         acknowledge  after the COMMIT of T1
check      SELECT FROM leaf, statement    ask          witness w0, witness w1: before and after it has decided
sign       log key.sign, twice a batch    publish      the statements of T2, then `on_published`
T1         BEGIN IMMEDIATE .. COMMIT      answer       index and receipt, as the caller hears them
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import httpx2

from hub.county.witness import Witness, WitnessStore
from hub.database import open_writer
from hub.journal.store import JournalStore
from hub.journal.writer import JournalWriter
from hub.log.registry import LedgerRegistry, RegistryLimits
from ledger.signers import Signer
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey, keyring
from ledger.transparency.policy import Policy
from ledger.transparency.sqlite import SqliteStore
from schema.context import Submission
from tests.entropy import signer_of
from tests.faults.journal_part import JOURNAL, check_journal, journal_row
from tests.faults.ledger_part import LEDGER, check_told
from tests.faults.parts import Finding, Tell, Told
from tests.faults.points import FailingConnection, FailPoints, failing, failing_call
from tests.sequenced import LOG_KEY, SequencedLog, seals
from tests.small_log import LOG, T0

__all__ = ["HUB", "HubPart"]

_NOW: Final = T0 + 3600
_WITNESSES: Final = ("w0", "w1")
_LIMITS: Final = RegistryLimits(quiet_s=0.0, wait_s=60.0, heartbeat_s=3600.0)
_UNDER_A_FAULT_S: Final = 1.0  # what is waited for may never come
_FIRST: Final = 3


def _signer(name: str) -> Signer:
    return signer_of(f"hub part {name}")


def _policy() -> Policy:
    keys = {name: VerifierKey.of(f"{name}.example/witness", COSIGNATURE_ED25519, _signer(name)) for name in _WITNESSES}
    lines = [f"witness {name} {key.vkey()} http://{name}/witness" for name, key in keys.items()]
    return Policy.parse("\n".join([f"log {LOG_KEY.vkey()}", *lines, "group g all w0 w1", "quorum g", ""]).encode())


class _Transport(httpx2.AsyncBaseTransport):
    """Reaches the real witnesses, each over its own file; each request is a fail point."""

    def __init__(self, folder: Path, points: FailPoints) -> None:
        self._points: Final = points
        self._stack: Final = ExitStack()
        self._witnesses: Final = {name: self._opened(folder / f"{name}.sqlite", name) for name in _WITNESSES}

    def _opened(self, path: Path, name: str) -> Witness:
        store = WitnessStore(path)
        self._stack.callback(store.close)
        key = f"{name}.example/witness"
        return Witness(store, logs=keyring([LOG_KEY]), name=key, signer=_signer(name), clock=lambda: _NOW)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        name = f"witness {request.url.host}"
        error = httpx2.ConnectError("no route, as told", request=request)
        answer = await self._points.around_async(name, lambda: self._answer(request), error)
        return cast("httpx2.Response", answer)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        witness = self._witnesses[request.url.host]
        if request.method == "GET":
            note = witness.checkpoint(request.url.path.removeprefix("/witness/"))
            return httpx2.Response(404) if note is None else httpx2.Response(200, content=note)
        decision = witness.add_checkpoint(await request.aread())
        return httpx2.Response(decision.status, content=decision.body, headers={"Content-Type": decision.content_type})

    async def aclose(self) -> None:
        self._stack.close()


@dataclass(frozen=True, slots=True)
class _Hub:
    """What runs: the two writers of a hub."""

    registry: LedgerRegistry
    journal: JournalWriter


@asynccontextmanager
async def _running(folder: Path, points: FailPoints) -> AsyncIterator[_Hub]:
    journal = JournalWriter(folder / "journal.sqlite")
    await journal.start()
    async with httpx2.AsyncClient(transport=_Transport(folder, points)) as http:
        registry = LedgerRegistry(
            folder / "ledger.sqlite",
            signer=failing(LOG, Signer, "log key", points, OSError("log key, as told")),
            policy=_policy(),
            journal=failing_call(
                lambda: (journal.head.n, journal.head.root), "journal binding", points, OSError("as told")
            ),
            clock=failing_call(lambda: _NOW, "clock", points, OSError("as told")),
            http=http,
            on_published=failing_call(lambda _: None, "on_published", points, OSError("as told")),
            limits=_LIMITS if points.at is None else replace(_LIMITS, wait_s=_UNDER_A_FAULT_S),
        )
        try:
            await registry.start()
            _wrap(registry.file.sequencer._store, "ledger", points)
            _wrap(journal._file.store, "journal", points)
            yield _Hub(registry, journal)
        finally:
            await registry.stop()
            await journal.stop()


def _wrap(store: object, name: str, points: FailPoints) -> None:
    """Let every statement of a store that runs be a fail point; the connection is opened inside of the product."""
    for each in (store, getattr(store, "reader")):  # noqa: B009  # of any kind
        if isinstance(each._connection, sqlite3.Connection):
            each._connection = FailingConnection(each._connection, name, points)


class HubPart:
    """`hub`: the registry with its journal, between its callers and its witnesses."""

    name = "hub"

    def prepare(self, folder: Path) -> None:
        """Make a log of three seals, and a journal of three records, all published."""
        LEDGER.prepare(folder)
        JOURNAL.prepare(folder)
        asyncio.run(_publish(folder))

    def work(self, folder: Path, points: FailPoints, tell: Tell) -> None:
        """State, submit, and wait for the receipts; then the same with a repeated seal."""
        asyncio.run(_work(folder, points, tell))

    def check(self, folder: Path, told: Told) -> Finding:
        """Check both stores as the crash left them; start a hub, send everything again, twice; check again."""
        finding = _checked(folder, told)
        asyncio.run(_repeat(folder, told))
        again = _checked(folder, told)
        assert (again.lost, again.twice) == (0, 0)
        return finding


async def _publish(folder: Path) -> None:
    async with _running(folder, FailPoints()) as hub:
        await hub.registry.submit(seals(_FIRST), wait=True)


async def _work(folder: Path, points: FailPoints, tell: Tell) -> None:
    def answer(what: str, *values: object) -> None:
        points.around(f"answer: {what}", lambda: tell(what, *values), OSError())

    async with _running(folder, points) as hub:
        for round_, raws in enumerate((seals(3, start=_FIRST), [seals(1)[0], *seals(1, start=9)])):
            rows = [journal_row(3 + 2 * round_ + number) for number in range(2)]
            for row in rows:
                tell("record", row.raw.hex())
            positions = await asyncio.gather(*(hub.journal.append([row]) for row in rows))
            for row, (position,) in zip(rows, positions, strict=True):
                answer("position", row.raw.hex(), position)
            for raw in raws:
                tell("sent", raw.hex())
            for raw, result in zip(raws, await hub.registry.submit(raws, wait=True), strict=True):
                assert result.index is not None, result
                answer("index", raw.hex(), result.index)
                if result.receipt is not None:
                    answer("receipt", raw.hex(), result.receipt.hex())
            shown = hub.registry.snapshot
            assert shown is not None
            answer("published", shown.note.hex())


def _checked(folder: Path, told: Told) -> Finding:
    """I1 to I4 of both stores, and that the journal holds what the log's heads bind."""
    with (
        closing(open_writer(folder / "ledger.sqlite")) as one,
        closing(open_writer(folder / "journal.sqlite")) as other,
    ):
        log, journal = SequencedLog(SqliteStore(one), create=False), JournalStore(other)
        ledger, records = check_told(log, told), check_journal(journal, told)
        assert log.sequencer._head.journal_n <= journal.head.n
        return Finding(
            acknowledged=ledger.acknowledged + records.acknowledged,
            unknown=ledger.unknown + records.unknown,
            stored=ledger.stored + records.stored,
            lost=ledger.lost + records.lost,
            twice=ledger.twice + records.twice,
        )


async def _repeat(folder: Path, told: Told) -> None:
    raws = [bytes.fromhex(raw) for (raw,) in told.of("sent")]
    if not raws:
        return
    async with _running(folder, FailPoints()) as hub:
        answers = [await hub.registry.submit(raws, wait=True) for _ in range(2)]
    assert list(answers[0]) == list(answers[1])
    _compare(raws, answers[0], told)


def _compare(raws: Sequence[bytes], answers: Sequence[Submission], told: Told) -> None:
    assert {each.state for each in answers} == {"witnessed"}, answers
    indexes = {raw: each.index for raw, each in zip(raws, answers, strict=True)}
    receipts = {raw: (each.receipt or b"").hex() for raw, each in zip(raws, answers, strict=True)}
    assert indexes | told.each("index") == indexes
    assert receipts | told.each("receipt") == receipts


HUB: Final = HubPart()
