"""A log over HTTP: bounded, asked again when it fails, a token that is shown where one is needed, entries whole or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import httpx2
import pytest
import stamina

from hub.logclient import HttpLog
from ledger.encoding import b64_encode
from ledger.errors import Conflict, Malformed, Refused, Unavailable
from ledger.transparency.tiles import TilePath, encode_bundle
from tests.shown_log import SHOWN_URL, ShownLog
from tests.synced_log import T, synced_book


@pytest.fixture(autouse=True)
def _no_waits() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):  # tries again, at once
        yield


def test_answers_are_bounded_in_bytes_and_time() -> None:
    log = ShownLog(synced_book(), time=T)
    with log.client() as http:
        with pytest.raises(Malformed, match=r"^too_large: "):
            HttpLog(SHOWN_URL, http, seconds=60).need("checkpoint", 10)
        with pytest.raises(Unavailable, match=r"^deadline: "):
            HttpLog(SHOWN_URL, http, seconds=0).need("checkpoint", 10_000)
        with pytest.raises(Malformed, match=r"^bad_setting: "):
            HttpLog("file:///ledger", http, seconds=60)
        with pytest.raises(Unavailable, match=r"^no_log: "):
            HttpLog(SHOWN_URL, http, seconds=60).need("elsewhere", 10)
        short = HttpLog(SHOWN_URL, http, total_bytes=len(log.files.checkpoint) + 1)
        assert short.need("checkpoint", 10_000) == log.files.checkpoint
        with pytest.raises(Malformed, match=r"^too_large: the log's answers together"):
            short.need("checkpoint", 10_000)


@pytest.mark.parametrize("status", [429, 503])
def test_a_log_that_fails_or_is_busy_is_asked_again(status: int) -> None:
    log = ShownLog(synced_book(), time=T)
    log.instead["checkpoint"] = httpx2.Response(status)
    with log.client() as http:
        reader = HttpLog(SHOWN_URL, http, seconds=60)
        with pytest.raises(Unavailable, match=f"^not_ready: the log at {SHOWN_URL} answers {status}"):
            reader.need("checkpoint", 10_000)
        assert log.asked == ["checkpoint"] * 3
        log.before = lambda _path: log.instead.clear()
        assert reader.need("checkpoint", 10_000) == log.files.checkpoint


@pytest.mark.parametrize("status", [204, 301, 400, 403])
def test_a_log_that_answers_otherwise_has_answered(status: int) -> None:
    log = ShownLog(synced_book(), time=T)
    log.instead["checkpoint"] = httpx2.Response(status)
    said = f"^no_log: the log at {SHOWN_URL} answers {status} to checkpoint"
    with log.client() as http, pytest.raises(Unavailable, match=said):
        HttpLog(SHOWN_URL, http, seconds=60).need("checkpoint", 10_000)
    assert log.asked == ["checkpoint"]


def test_what_a_log_states_or_says_of_its_size_is_told() -> None:
    log = ShownLog(synced_book(), time=T)
    with log.client() as http:
        reader = HttpLog(SHOWN_URL, http)
        assert reader.at("head", log.size, 100_000) == log.files.head
        log.instead["head"] = httpx2.Response(200, content=log.files.head, headers={"Tlog-Size": "5"})
        log.instead["keys"] = httpx2.Response(410)
        log.instead["landmarks"] = httpx2.Response(403, json={"error": {"code": "members_only", "message": "no"}})
        for path, kind, said in (
            ("head", Conflict, "log_changed: the log gives head of another size"),
            ("keys", Conflict, f"log_changed: the log at {SHOWN_URL} no longer keeps keys"),
            ("landmarks", Refused, "members_only: no"),
        ):
            with pytest.raises(kind, match=f"^{said}"):
                reader.at(path, log.size, 100_000)


def test_a_broken_connection_is_unavailable() -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route", request=request)

    http = httpx2.Client(transport=httpx2.MockTransport(broken))
    with http, pytest.raises(Unavailable, match=r"^not_ready: "):
        HttpLog(SHOWN_URL, http, seconds=60).need("checkpoint", 10)


ENTRIES: Final = [b"entry %d" % index for index in range(600)]


@dataclass
class Members:
    """A log of 600 entries behind a client. short: entries that are left out of every bundle. answer: another one.

    dropped: of the bundles that are full by now, none is there that was partial once.
    """

    short: int = 0
    answer: Callable[[httpx2.Request], httpx2.Response] | None = None
    dropped: bool = False
    good: set[str] = field(default_factory=lambda: {"token 1", "token 2"})
    tokens: int = 1
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.good:
            return httpx2.Response(401)
        if self.answer is not None:
            return self.answer(request)
        path = TilePath.parse(request.url.path.removeprefix("/ledger/"))
        self.asked.append(path.format())
        first = path.number * 256
        if self.dropped and path.width < 256 and first + 256 <= len(ENTRIES):
            return httpx2.Response(404)
        return httpx2.Response(200, content=encode_bundle(ENTRIES[first : first + path.width - self.short]))

    def token(self, refused: str | None) -> str:
        """Give a token, another one than the refused."""
        self.tokens += refused == f"token {self.tokens}"
        return f"token {self.tokens}"


@pytest.fixture
def members() -> Members:
    return Members()


@pytest.fixture
def source(members: Members) -> Iterator[HttpLog]:
    with httpx2.Client(transport=httpx2.MockTransport(members)) as http:
        yield HttpLog(SHOWN_URL, http, token=members.token)


def test_entries_are_fetched_by_bundle_as_wide_as_they_are_asked_for(source: HttpLog, members: Members) -> None:
    assert source.entries(250, 513) == ENTRIES[250:513]
    assert members.asked == ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]
    members.asked.clear()
    assert source.entries(5, 5) == []
    assert members.asked == []
    assert source.entries(598, 600) == ENTRIES[598:]


def test_a_partial_bundle_that_was_dropped_is_read_from_the_full_one(source: HttpLog, members: Members) -> None:
    """A static copy of a log that has grown meanwhile keeps the full one alone."""
    members.dropped = True
    assert source.entries(250, 300) == ENTRIES[250:300]
    assert members.asked == ["tile/entries/000", "tile/entries/001.p/44", "tile/entries/001"]
    members.short = 1
    with pytest.raises(Unavailable, match="no_log: the log gave a bundle of another width"):
        source.entries(250, 300)


def test_a_token_that_is_not_taken_is_replaced_once(source: HttpLog, members: Members) -> None:
    members.good = {"token 2"}
    assert source.entries(0, 1) == ENTRIES[:1]
    members.good = set()
    with pytest.raises(Unavailable, match="401"):
        source.entries(0, 1)
    assert members.tokens == 3


def answered(status: int = 200, content: bytes = b"") -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda _request: httpx2.Response(status, content=content)


@pytest.mark.parametrize(
    "answer",
    [
        answered(404),
        answered(410),
        answered(503),
        answered(403, b'{"error":{"code":"corrupt_store","message":"a finding?"}}'),
        answered(content=b"\x00"),
        answered(content=b"\x00\x01a" * 2),
        answered(content=b""),
    ],
)
def test_what_is_no_whole_bundle_is_not_to_be_had(
    source: HttpLog, members: Members, answer: Callable[[httpx2.Request], httpx2.Response]
) -> None:
    """Whatever the log answers: an auditor accuses it for what it publishes alone."""
    members.answer = answer
    with pytest.raises(Unavailable, match="no_log"):
        source.entries(0, 1)


def test_an_answer_without_end_is_not_read_to_its_end(source: HttpLog, members: Members) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(65_536)

    members.answer = lambda _request: httpx2.Response(200, content=endless())
    with pytest.raises(Unavailable, match="more than"):
        source.entries(0, 1)


def test_a_proof_of_the_journal_is_read(source: HttpLog, members: Members) -> None:
    hashes = [bytes([number]) * 32 for number in range(3)]
    members.answer = answered(content="".join(f"{b64_encode(each)}\n" for each in hashes).encode())
    assert list(source.journal_growth(3, 7)) == hashes
    members.answer = answered(content=b"no base64\n")
    with pytest.raises(Unavailable, match="no_log"):
        source.journal_growth(3, 7)


def test_a_submission_is_sent_once_and_its_answer_is_an_object() -> None:
    sent: list[bytes] = []

    def take(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content)
        return answers.pop(0)

    answers = [
        httpx2.Response(202, json={"index": 812, "state": "sequenced"}),
        httpx2.Response(503),
        httpx2.Response(409, json={"error": {"code": "stale_prev", "message": "behind"}}),
        httpx2.Response(200, json=[]),
    ]
    with httpx2.Client(transport=httpx2.MockTransport(take)) as http:
        log = HttpLog(SHOWN_URL, http)
        assert log.submit(b"{}") == {"index": 812, "state": "sequenced"}
        for kind, said in ((Unavailable, "no_log"), (Conflict, "stale_prev: behind"), (Malformed, "bad_json")):
            with pytest.raises(kind, match=f"^{said}"):
                log.submit(b"{}")
    assert sent == [b"{}"] * 4
