"""The status list over HTTP: signed once a checkpoint, for those who take a JWT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from hub.auth import TokenIssuer
from hub.log.statustokens import StatusTokens
from hub.tokens import JwtRule, verify_jwt
from ledger.encoding import b64u_decode, parse_json
from ledger.errors import NotVerified
from ledger.status import Status, StatusArray
from ledger.status_list import STATUS_LIST_TYP, statuses_of
from ledger.suites import PublicKey
from ledger.transparency.snapshot import Snapshot
from tests.entropy import seeded, signer_of

TIME = 1_780_304_461
PATH = "/ledger/statuslist"


@dataclass
class Published:
    """A registry's newest snapshot, and the statuses of each size."""

    snapshot: Snapshot | None = None
    asked: list[int] = field(default_factory=list)

    @property
    def file(self) -> Published:
        return self

    async def read(self, question: Callable[[Any], Any]) -> Any:
        return question(self)

    def statuses(self, size: int) -> StatusArray:
        self.asked.append(size)
        array = StatusArray()
        array.extend_to(size - 1)
        array.set(1, Status.REVOKED)
        return array

    def publish(self, size: int, time: int) -> None:
        self.snapshot = Snapshot(size=size, root=bytes(32), note=b"", quorum_note=b"", time=time, cosigners=())


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer(signer_of("hub token"), issuer="https://hub.example", random=seeded("jti"))


def client(published: Published, issuer: TokenIssuer) -> httpx2.AsyncClient:
    app = Starlette(routes=StatusTokens(published, issuer).routes())  # type: ignore[arg-type]
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://hub")


def claims_of(token: bytes) -> dict[str, Any]:
    payload = parse_json(b64u_decode(token.decode("ascii").split(".")[1]), max_bytes=10**6)
    assert isinstance(payload, dict)
    return payload


async def test_the_newest_statuses_are_served_and_signed_once_a_checkpoint(issuer: TokenIssuer) -> None:
    published = Published()
    published.publish(812, TIME)
    async with client(published, issuer) as http:
        answers = [await http.get(PATH, headers={"Accept": "application/statuslist+jwt"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].headers["content-type"] == "application/statuslist+jwt"
        assert (answers[0].headers["cache-control"], answers[0].headers["vary"]) == ("max-age=60", "Accept")
        claims = claims_of(answers[0].content)
        assert (claims["sub"], claims["iat"], claims["exp"]) == (f"https://hub.example{PATH}", TIME, TIME + 86_400)
        assert statuses_of(claims) == published.statuses(812).to_bytes()
        published.publish(812, TIME + 60)  # a heartbeat: a new token, the same list
        assert claims_of((await http.get(PATH)).content)["iat"] == TIME + 60
        published.publish(900, TIME + 61)
        assert len(statuses_of(claims_of((await http.get(PATH)).content))) == 225
    assert published.asked == [812, 812, 900]  # the second one is this test's own


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Accept": "application/statuslist+cwt"}, "", 406),
        ({"Accept": "text/html, application/*;q=0.8"}, "", 200),
        ({"Accept": "APPLICATION/STATUSLIST+JWT"}, "", 200),
        ({}, "?time=1780304400", 501),
    ],
)
async def test_other_forms_and_the_past_are_not_served(
    issuer: TokenIssuer, headers: dict[str, str], query: str, status: int
) -> None:
    published = Published()
    published.publish(8, TIME)
    async with client(published, issuer) as http:
        assert (await http.get(PATH + query, headers=headers)).status_code == status


async def test_before_the_first_checkpoint_there_is_none(issuer: TokenIssuer) -> None:
    async with client(Published(), issuer) as http:
        answer = await http.get(PATH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_log")


def test_a_status_list_is_no_access_token(issuer: TokenIssuer) -> None:
    """It is signed by the same key: `typ`, audience and claims keep it apart."""

    def key_of(_kid: str) -> PublicKey:
        return issuer.public_key

    token = issuer.status_list(
        {"sub": "https://hub.example", "aud": "https://hub.example", "iat": TIME, "exp": TIME + 60}
    )
    access = JwtRule(
        typ=frozenset({"at+jwt"}), audience="https://hub.example", lifetime_s=600, texts=frozenset({"sub"})
    )
    with pytest.raises(NotVerified, match=r"^bad_token: "):
        verify_jwt(token, access, key_of, TIME)
    assert STATUS_LIST_TYP == "statuslist+jwt"
