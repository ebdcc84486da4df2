"""`tongban audit` over real HTTP: what holds, what does not and where, and how the next audit goes on."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ledger.encoding import b64_encode
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.merkle import root_of
from ledger.transparency.note import keyring
from ledger.transparency.tiles import TILE_WIDTH, TilePath, encode_bundle
from tests.audits import LOG_KEY
from tests.command_line import Result, tongban
from tests.logbook import LogBook
from tests.sequenced import seals
from tests.servers import serving
from tests.small_log import AUDITORS, GENESIS, LOG, POLICY, T0, issue_at, policy_rule

TOKEN: Final = "a token"


@dataclass
class Log:
    """A log book over HTTP. cosigners: who has cosigned; served: in place of its entries; has_tiles: of hashes."""

    folder: Path
    book: LogBook = field(default_factory=lambda: LogBook(GENESIS, LOG))
    cosigners: tuple[str, ...] = tuple(AUDITORS)
    served: Callable[[list[bytes]], list[bytes]] = list
    asked: list[str] = field(default_factory=list)
    has_tiles: bool = False

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

    async def _tile(self, request: Request) -> Response:
        path, leaves = TilePath.parse(f"tile/{request.path_params['path']}"), self.book.leaves()
        if not self.has_tiles:
            return PlainTextResponse("", 404)
        span = TILE_WIDTH**path.level
        first = path.number * TILE_WIDTH
        nodes = [root_of(leaves[at * span : (at + 1) * span]) for at in range(first, first + path.width)]
        return Response(b"".join(nodes))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Callable[..., Any]]:
        """Serve it, and give a function that audits it."""
        routes = [
            Route("/ledger/checkpoint", self._checkpoint),
            Route("/ledger/tile/entries/{path:path}", self._bundle),
            Route("/ledger/tile/{path:path}", self._tile),
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
            "cosigners": ["320583.example/auditor", "370214.example/auditor"], "policy_named": None,
        },
    )  # fmt: skip
    assert (second.code, second.err) == (0, "")
    assert second.out == (
        "hub.example/ledger holds: 305 entries, 3 of them new here, 0 journal records bound; cosigned by 2\n"
    )
    assert log.asked == ["tile/entries/001.p/49"]


async def test_a_policy_that_is_out_of_date_is_said(log: Log) -> None:
    log.book, other = LogBook(GENESIS, LOG), b"another policy"
    log.book.add(policy_rule(log.book, other))
    log.book.close()
    async with log.running() as audit:
        told, row = await audit(), await audit("--json")
    digest = sha256(other).hexdigest()
    note = f"the members have named another policy, SHA-256 {digest}: get it, read it, and pin it with --policy"
    assert (told.code, told.err) == (0, f"note: {note}\n")
    assert (row.err, json.loads(row.out)["policy_named"]) == ("", digest)


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
        told = await audit()
    place = log.folder / "mirror" / "fork-evidence.json"
    message = f"tongban: bad_consistency: the log forked: {place} proves it to anyone\n"
    assert (told.code, told.out, told.err) == (1, "", message)
    assert proven(log) == f"one key signed two roots for {log.book.size} entries of hub.example/ledger"


def proven(log: Log) -> str:
    """Prove the fork to anyone, from the one file of evidence that there is."""
    (place,) = log.folder.rglob("fork-evidence*.json")
    return ForkEvidence.parse(place.read_bytes()).prove(keyring([LOG_KEY]))


@pytest.mark.parametrize("size", [200, 256])
async def test_an_older_checkpoint_of_another_history_is_caught(log: Log, size: int) -> None:
    async with log.running() as audit:
        assert (await audit()).code == 0
        log.book.entries[5] = seals(1, start=999)[0]
        del log.book.entries[size:]
        assert json.loads((await audit("--json")).out)["code"] == "bad_consistency"
    assert (
        proven(log)
        == f"the tree of 302 entries that one key signed for hub.example/ledger is not that of {size}, grown"
    )


@pytest.mark.parametrize("tiles", [True, False])
async def test_a_history_that_goes_on_from_another_one_is_caught(log: Log, *, tiles: bool) -> None:
    """By the log's own tiles; who gives none has still signed another tree than its entries make."""
    async with log.running() as audit:
        assert (await audit()).code == 0
        log.book.entries[5] = seals(1, start=999)[0]
        log.grow(seals(1, start=1_000)[0])
        log.has_tiles = tiles
        code = json.loads((await audit("--json")).out)["code"]
    assert code == ("bad_consistency" if tiles else "bad_inclusion")
    if tiles:
        assert proven(log).startswith(f"the tree of {log.book.size} entries that one key signed")
    else:
        assert list(log.folder.rglob("fork-evidence*")) == []


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
    assert gone.code == 3
    assert re.fullmatch(
        r"tongban: no_log: the log at http://127.0.0.1:\d+\S* does not answer to checkpoint\n", gone.err
    )


@pytest.mark.parametrize("options", [(), ("--token-file=t", "--county-data=c"), ("--county-data=c",)])
def test_the_right_to_entries_comes_from_one_place(log: Log, options: tuple[str, ...]) -> None:
    files = [f"--{name}={log.folder / name}" for name in ("policy", "genesis")]
    result = tongban("audit", "--url=http://127.0.0.1:9/ledger", *files, f"--data={log.folder / 'm'}", *options)
    assert (result.code, result.err.split(":")[1]) == (2, " bad_setting")
