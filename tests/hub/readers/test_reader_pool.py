"""The pool over one real reader process, without a graph: what it takes, what it leaves to the hub, how it is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from hub.graphql.execution import GraphQLRequest
from hub.graphql.reception import HttpFault
from hub.journal.writer import create_journal
from hub.log.ledgerfile import create_ledger
from hub.observability import Metrics
from hub.readers.messages import beginning
from hub.readers.pool import ReaderPool, Surroundings
from hub.readers.questions import Questions
from hub.settings import Settings
from ledger.errors import Unavailable
from schema.context import Context
from tests.kill.processes import Process, children_of
from tests.ports import (
    CLERK,
    FakeEvents,
    FakeFaceSources,
    FakeJournal,
    FakeProbes,
    FakeProjection,
    request_context,
)
from tests.sequenced import LOG_KEY
from tests.small_log import GENESIS, LOG, T0
from tests.witnesses import Witnesses

TYPENAME: Final = GraphQLRequest(query="{ __typename }")
FEED: Final = GraphQLRequest(query="{ caseEventFeed { newest } }")
SUBMIT: Final = GraphQLRequest(query='mutation { submitEntries(entries: ["x"]) { __typename } }')


class Hub:
    """A hub's folder, and a pool over it. usable: whether its graph can be asked."""

    def __init__(self, folder: Path, **options: Any) -> None:
        create_ledger(folder / "ledger.sqlite", GENESIS, LOG)
        create_journal(folder / "journal.sqlite")
        self.usable = True
        self.journal = FakeJournal()
        settings = Settings(data=folder, passphrase_file=folder / "pass", request_timeout_s=60.0)
        policy = Witnesses(3, LOG_KEY, now=T0).policy(2)
        begin = beginning(settings, dev=False, holder=bytes(32), policy=policy, genesis=GENESIS)
        questions = Questions(
            journal=self.journal, probes=FakeProbes(), faces=FakeFaceSources(), projection=FakeProjection(),
            events=FakeEvents(),
        )  # fmt: skip
        around = Surroundings(
            begin=lambda: begin, place=lambda: ["bolt://127.0.0.1:1", "user", "password", "hub", 1],
            shown=lambda: None, usable=lambda: self.usable,
        )  # fmt: skip
        self.pool = ReaderPool(1, questions, around, own=Metrics().registry, within_s=60.0, **options)

    async def ask(self, request: GraphQLRequest, context: Context | None = None, *, by_get: bool = False) -> Any:
        """Ask a reader."""
        return await self.pool(request, context or request_context(), by_get=by_get)


def _reader() -> Process:
    (found,) = [each for each in children_of(os.getpid()) if "hub.readers" in each.command]
    return found


async def _until_ready(pool: ReaderPool) -> None:
    async with asyncio.timeout(120):
        while not pool.ready:  # noqa: ASYNC110  # a process sets no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _running(hub: Hub) -> AsyncIterator[Hub]:
    """Run it until its reader is up; in the end the reader has ended by itself."""
    async with hub.pool.running():
        await _until_ready(hub.pool)
        yield hub
    assert [each for each in children_of(os.getpid()) if "hub.readers" in each.command] == []


async def test_a_reader_answers_what_reads_and_leaves_the_rest_to_the_hub(tmp_path: Path) -> None:
    async with _running(Hub(tmp_path)) as hub:
        assert await hub.ask(TYPENAME) == (200, b'{"data":{"__typename":"Query"}}', {})
        follower = request_context(
            principal=replace(CLERK, scopes=frozenset({"case.follow"}), expires=int(time.time()) + 600)
        )
        assert await hub.ask(FEED, follower) == (200, b'{"data":{"caseEventFeed":{"newest":"start"}}}', {})
        assert await hub.ask(SUBMIT) is None
        with pytest.raises(HttpFault) as fault:
            await hub.ask(SUBMIT, by_get=True)
        assert (fault.value.status, fault.value.headers) == (405, {"Allow": "POST"})
        status, body, headers = await hub.ask(GraphQLRequest(query="{ nothing }"))
        assert (status, headers["tongban-error"], b"bad_document" in body) == (400, "bad_document", True)
        hub.usable = False
        assert await hub.ask(TYPENAME) is None


async def test_a_reader_that_hangs_is_ended_and_followed_by_another(tmp_path: Path) -> None:
    async with _running(Hub(tmp_path, silent_s=3.0)) as hub:
        hanging = _reader()
        os.kill(hanging.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable) as ended:
            await hub.ask(TYPENAME)
        assert ended.value.code == "not_ready"
        assert hub.pool.fault == "no reader process is up yet"
        await _until_ready(hub.pool)
        assert _reader() != hanging
        assert (await hub.ask(TYPENAME))[0] == 200
