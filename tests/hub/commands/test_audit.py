"""`tongban audit` over real HTTP: what holds, what does not and where, and how the next audit goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ledger.encoding import b64_encode
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.tiles import TILE_WIDTH, TilePath, encode_bundle
from tests.command_line import Result, tongban
from tests.logbook import LogBook
from tests.sequenced import seals
from tests.servers import serving
from tests.small_log import AUDITORS, GENESIS, LOG, POLICY, T0, issue_at

TOKEN: Final = "a token"


@dataclass
class Log:
    """A log book over HTTP. cosigners: who has cosigned; served: what is served in place of its entries."""

    folder: Path
    book: LogBook = field(default_factory=lambda: LogBook(GENESIS, LOG))
    cosigners: tuple[str, ...] = tuple(AUDITORS)
    served: Callable[[list[bytes]], list[bytes]] = list
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, data in (("policy", POLICY), ("genesis", GENESIS), ("token", f"{TOKEN}\n".encode())):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_bytes(data)

    def grow(self, *entries: bytes) -> None:
        for raw in entries:
            self.book.append(raw)
        self.book.close()

    async def _checkpoint(self, _request: Request) -> Response:
        times = [(AUDITORS[name], T0 + 3600) for name in self.cosigners]
        return Response(self.book.checkpoint(times))

    async def _bundle(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return PlainTextResponse("", 401)
        path = TilePath.parse(f"tile/entries/{request.path_params['path']}")
        self.asked.append(path.format())
        first = path.number * TILE_WIDTH
        return Response(encode_bundle(self.served(self.book.entries)[first : first + path.width]))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Callable[..., Any]]:
        """Serve it, and give a function that audits it."""
        routes = [
            Route("/ledger/checkpoint", self._checkpoint),
            Route("/ledger/tile/entries/{path:path}", self._bundle),
        ]
        async with serving(Starlette(routes=routes)) as url:

            async def audit(*more: object) -> Result:
                files = [f"--{name}={self.folder / name}" for name in ("policy", "genesis")]
                options = [f"--url={url}/ledger", *files, f"--data={self.folder / 'mirror'}", *more]
                options += [] if any(str(each).startswith("--token-file") for each in more) else [self.token_option]
                return await asyncio.to_thread(tongban, "audit", *options)

            yield audit

    @property
    def token_option(self) -> str:
        return f"--token-file={self.folder / 'token'}"


@pytest.fixture
def log(tmp_path: Path) -> Log:
    made = Log(tmp_path)
    made.grow(*seals(300))
    return made


async def test_a_log_that_holds_and_the_next_audit_goes_on(log: Log) -> None:
    async with log.running() as audit:
        first = await audit("--json")
        log.grow(*[issue_at(int(time.time()) + number, exp=None).partition("~")[0].encode() for number in range(2)])
        log.asked.clear()
        second = await audit()
    assert (first.code, json.loads(first.out)) == (
        0,
        {
            "ok": True, "origin": "hub.example/ledger", "size": 302,
            "root": b64_encode(_root(log, 302)), "replayed": 302, "journal": 0, "time": T0 + 3600,
            "cosigners": ["320583.example/auditor", "370214.example/auditor"],
        },
    )  # fmt: skip
    assert (second.code, second.err) == (0, "")
    assert second.out == (
        "hub.example/ledger holds: 305 entries, 3 of them new here, 0 journal records bound; cosigned by 2\n"
    )
    assert log.asked == ["tile/entries/001.p/49"]


def _root(log: Log, size: int) -> bytes:
    book = LogBook(GENESIS, LOG)
    book.entries = log.book.entries[:size]
    return book.root()


async def test_the_first_bad_index_is_named_with_its_code(log: Log) -> None:
    log.grow(b"not an entry")
    async with log.running() as audit:
        told = await audit()
        as_json = await audit("--json")
    assert (told.code, told.out, told.err.splitlines()[0]) == (
        1,
        "",
        "tongban: entry 302: bad_encoding: expected three parts with two dots between them",
    )
    row = json.loads(as_json.out)
    assert (as_json.code, row["ok"], row["code"], row["index"]) == (1, False, "bad_encoding", 302)


async def test_entries_of_another_tree_do_not_stay_in_the_mirror(log: Log) -> None:
    log.served = lambda entries: [entries[0], seals(1, start=999)[0], *entries[2:]]
    async with log.running() as audit:
        assert json.loads((await audit("--json")).out)["code"] == "bad_inclusion"
        log.served = list
        assert (await audit()).code == 0


async def test_a_log_that_has_lost_entries_is_caught_by_its_mirror(log: Log) -> None:
    async with log.running() as audit:
        assert (await audit()).code == 0
        del log.book.entries[200:]
        found = json.loads((await audit("--json")).out)
    assert (found["code"], found["ok"]) == ("bad_consistency", False)


async def test_another_history_of_the_same_size_is_caught(log: Log) -> None:
    async with log.running() as audit:
        assert (await audit()).code == 0
        log.book.entries[5] = seals(1, start=999)[0]
        assert json.loads((await audit("--json")).out)["code"] == "bad_inclusion"
    assert leaf_hash(log.book.entries[5]) != leaf_hash(seals(6)[5])


async def test_without_a_quorum_nothing_is_believed(log: Log) -> None:
    log.cosigners = ("370214",)
    async with log.running() as audit:
        assert json.loads((await audit("--json")).out)["code"] == "no_quorum"
    assert log.asked == []


async def test_whose_token_is_not_taken_is_told_so(log: Log) -> None:
    (log.folder / "bad").touch(mode=0o600)
    (log.folder / "bad").write_text("another")
    async with log.running() as audit:
        refused = await audit(f"--token-file={log.folder / 'bad'}")
    assert (refused.code, refused.err) == (4, "tongban: token_required: the log does not take the token\n")


async def test_a_log_that_does_not_answer_is_no_bad_log(log: Log) -> None:
    async with log.running() as audit:
        pass
    gone = await audit()
    assert (gone.code, gone.err) == (3, "tongban: no_log: the log does not answer to checkpoint\n")


@pytest.mark.parametrize("options", [(), ("--token-file=t", "--county-data=c"), ("--county-data=c",)])
def test_the_right_to_entries_comes_from_one_place(log: Log, options: tuple[str, ...]) -> None:
    files = [f"--{name}={log.folder / name}" for name in ("policy", "genesis")]
    result = tongban("audit", "--url=http://127.0.0.1:9/ledger", *files, f"--data={log.folder / 'm'}", *options)
    assert (result.code, result.err.split(":")[1]) == (2, " bad_setting")
