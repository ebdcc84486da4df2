"""What REST writes are answered with beside their body: the token that a query names to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import httpx2
import pytest
from starlette.applications import Starlette

from hub.endpoints import READ_AFTER_HEADER, submission_routes
from ledger.errors import Conflict, TongbanError
from ledger.transparency.tiles import encode_bundle
from tests.ports import FakeRegistry

BUNDLE: Final = {"Content-Type": "application/octet-stream"}


@dataclass(slots=True)
class Intake:
    """A journal's intake that gives what it was made with."""

    gives: Sequence[int | TongbanError]

    async def submit(self, records: Sequence[bytes]) -> Sequence[int | TongbanError]:
        return self.gives


async def _post(path: str, body: bytes, *, gives: Sequence[int | TongbanError] = (), **headers: str) -> httpx2.Response:
    registry = FakeRegistry(entries=[b"genesis", b"head"], refuse={b"bad": "bad_signature"})
    app = Starlette(routes=submission_routes(registry, cast("Any", Intake(gives))))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://hub") as http:
        return await http.post(path, content=body, headers=headers or BUNDLE)


@pytest.mark.parametrize(
    ("entries", "token"),
    [([b"a"], "3.0"), ([b"a", b"b", b"a"], "4.0"), ([b"bad", b"a"], "3.0"), ([b"head"], "2.0"), ([b"bad"], None)],
)
async def test_entries_give_the_size_that_holds_them(entries: list[bytes], token: str | None) -> None:
    answer = await _post("/ledger/entries", encode_bundle(entries))
    assert answer.headers.get(READ_AFTER_HEADER) == token


async def test_a_single_entry_gives_it_too_and_a_refused_one_does_not() -> None:
    jose = {"Content-Type": "application/jose"}
    assert (await _post("/ledger/entries", b"a", **jose)).headers[READ_AFTER_HEADER] == "3.0"
    refused = await _post("/ledger/entries", b"bad", **jose)
    assert (refused.status_code, refused.headers.get(READ_AFTER_HEADER)) == (422, None)


@pytest.mark.parametrize(
    ("gives", "token"),
    [((0,), "0.1"), ((7, 5), "0.8"), ((Conflict("duplicate_identifier", "x"), 3), "0.4"),
     ((Conflict("duplicate_identifier", "x"),), None)],
)  # fmt: skip
async def test_records_give_the_count_that_holds_them(gives: Sequence[int | TongbanError], token: str | None) -> None:
    answer = await _post("/journal/records", encode_bundle([b"record"] * len(gives)), gives=gives)
    assert (answer.status_code, answer.headers.get(READ_AFTER_HEADER)) == (200, token)
