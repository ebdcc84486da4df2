"""Entries over HTTP: bundles as they are asked for, a token that lasts, and nothing short taken for whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

import httpx2
import pytest

from hub.county import CountyNode
from hub.county.entries import HttpEntries, county_token, given_token
from ledger.encoding import b64_encode
from ledger.errors import Refused, Unavailable
from ledger.transparency.tiles import TilePath, encode_bundle
from tests.alliance import HUB_URL
from tests.ports import FakeClock

ENTRIES: Final = [b"entry %d" % index for index in range(600)]


@dataclass
class Log:
    """A log of 600 entries behind a client. short: entries that are left out of every bundle. answer: another one."""

    short: int = 0
    answer: Callable[[httpx2.Request], httpx2.Response] | None = None
    good: set[str] = field(default_factory=lambda: {"token 1", "token 2"})
    tokens: int = 0
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            assert parse_qs(request.content.decode())["scope"] == ["ledger.entries"]
            self.tokens += 1
            return httpx2.Response(200, json={"access_token": f"token {self.tokens}", "expires_in": 600})
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.good:
            return httpx2.Response(401)
        if self.answer is not None:
            return self.answer(request)
        path = TilePath.parse(request.url.path.removeprefix("/ledger/"))
        self.asked.append(path.format())
        first = path.number * 256
        return httpx2.Response(200, content=encode_bundle(ENTRIES[first : first + path.width - self.short]))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def client(log: Log) -> Iterator[httpx2.Client]:
    with httpx2.Client(transport=httpx2.MockTransport(log)) as made:
        yield made


@pytest.fixture
def source(node: CountyNode, clock: FakeClock, client: httpx2.Client) -> HttpEntries:
    return HttpEntries(f"{HUB_URL}/ledger", county_token(node, client, clock), client)


def test_entries_are_fetched_by_bundle_as_wide_as_they_are_asked_for(source: HttpEntries, log: Log) -> None:
    assert source.entries(250, 513) == ENTRIES[250:513]
    assert log.asked == ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]
    log.asked.clear()
    assert source.entries(5, 5) == []
    assert log.asked == []
    assert source.entries(598, 600) == ENTRIES[598:]


def test_a_token_is_kept_until_a_minute_before_its_end(source: HttpEntries, log: Log, clock: FakeClock) -> None:
    source.entries(0, 1)
    clock.advance(539)
    source.entries(0, 1)
    assert log.tokens == 1
    clock.advance(1)
    source.entries(0, 1)
    assert log.tokens == 2


def test_a_token_that_is_not_taken_is_replaced_once(source: HttpEntries, log: Log) -> None:
    log.good = {"token 2"}
    assert source.entries(0, 1) == ENTRIES[:1]
    log.good = set()
    with pytest.raises(Unavailable, match="401"):
        source.entries(0, 1)
    assert log.tokens == 3


def test_a_given_token_is_not_replaced(client: httpx2.Client) -> None:
    with pytest.raises(Refused, match="token_required"):
        HttpEntries(f"{HUB_URL}/ledger", given_token("another"), client).entries(0, 1)


def answered(status: int = 200, content: bytes = b"") -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda _request: httpx2.Response(status, content=content)


@pytest.mark.parametrize(
    "answer",
    [
        answered(404),
        answered(503),
        answered(content=b"\x00"),
        answered(content=b"\x00\x01a" * 2),
        answered(content=b""),
    ],
)
def test_what_is_no_whole_bundle_is_not_to_be_had(
    source: HttpEntries, log: Log, answer: Callable[[httpx2.Request], httpx2.Response]
) -> None:
    log.answer = answer
    with pytest.raises(Unavailable, match="no_log"):
        source.entries(0, 1)


def test_an_answer_without_end_is_not_read_to_its_end(source: HttpEntries, log: Log) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(65_536)

    log.answer = lambda _request: httpx2.Response(200, content=endless())
    with pytest.raises(Unavailable, match="more than"):
        source.entries(0, 1)


def test_a_proof_of_the_journal_is_read(source: HttpEntries, log: Log) -> None:
    hashes = [bytes([number]) * 32 for number in range(3)]
    log.answer = answered(content="".join(f"{b64_encode(each)}\n" for each in hashes).encode())
    assert list(source.journal_growth(3, 7)) == hashes
    log.answer = answered(content=b"no base64\n")
    with pytest.raises(Unavailable, match="no_log"):
        source.journal_growth(3, 7)


def test_a_hub_that_gives_no_token_is_not_ready(node: CountyNode, clock: FakeClock) -> None:
    for answer in (answered(400), answered(content=b"{}"), answered(content=b"x")):
        with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
            token = county_token(node, client, clock)
            with pytest.raises(Unavailable, match="not_ready"):
                token(again=False)
