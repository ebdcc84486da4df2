"""The right to read what members may: a county's tokens, each used until it nears its end, and one in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest

from hub.commands.access import file_token
from hub.county import CountyNode
from hub.county.access import county_token
from hub.logclient import Token
from ledger.errors import Malformed, Refused, Unavailable
from tests.ports import FakeClock


@dataclass
class Endpoint:
    """A hub's token endpoint."""

    given: int = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        assert (request.url.path, parse_qs(request.content.decode())["scope"]) == ("/oauth/token", ["ledger.entries"])
        self.given += 1
        return httpx2.Response(200, json={"access_token": f"token {self.given}", "expires_in": 600})


@pytest.fixture
def token(node: CountyNode, clock: FakeClock) -> Iterator[Token]:
    with httpx2.Client(transport=httpx2.MockTransport(Endpoint())) as client:
        yield county_token(node, client, clock)


def test_a_token_is_kept_until_a_minute_before_its_end(token: Token, clock: FakeClock) -> None:
    assert token(None) == "token 1"
    clock.advance(539)
    assert token(None) == "token 1"
    clock.advance(1)
    assert token(None) == "token 2"


def test_a_refused_token_is_replaced_once_however_many_have_used_it(token: Token) -> None:
    assert [token(refused) for refused in (None, "token 1", "token 1", None, "token 2")] == [
        "token 1", "token 2", "token 2", "token 2", "token 3",
    ]  # fmt: skip


@pytest.mark.parametrize("answer", [(400, b""), (200, b"{}"), (200, b"x"), (200, b"x" * 70_000)])
def test_a_hub_that_gives_no_token_is_not_ready(node: CountyNode, clock: FakeClock, answer: tuple[int, bytes]) -> None:
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(answer[0], content=answer[1]))
    with httpx2.Client(transport=transport) as client:
        token = county_token(node, client, clock)
        with pytest.raises(Unavailable, match="not_ready"):
            token(None)


def test_a_county_whose_own_keys_do_not_hold_gets_none_and_accuses_nobody(node: CountyNode, token: Token) -> None:
    """An auditor signs a refusal for what its log does wrong: this is not the log."""
    (node.data / "keys.json").write_bytes(b"[")
    with pytest.raises(Unavailable, match="not_ready: there is no token to be had: bad_json"):
        token(None)


def test_a_token_in_a_file_is_read_again_when_it_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text("one\n")
    token = file_token(path)
    assert token(None) == "one"
    with pytest.raises(Refused, match="token_required: the log does not take the token"):
        token("one")
    path.write_text("two\n")
    assert (token("one"), token(None)) == ("two", "two")


def test_a_token_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "token").touch(mode=0o644)
    with pytest.raises(Malformed, match="bad_file: token can be read by others"):
        file_token(tmp_path / "token")
