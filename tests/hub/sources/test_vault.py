"""The vault: takes only what its county sealed, gives only what was asked for, erases for good."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette

from hub.auth import Authenticator
from hub.county import CountyNode
from hub.envelope import FaceCipher
from hub.sources import VaultEndpoint, VaultSource, VaultStore
from ledger.attestation import present
from ledger.errors import Conflict, Malformed, NotVerified, Refused
from schema.context import FaceRequest
from tests.alliance import HUB_URL, NOW, Alliance, found_alliance, identifier_of, license_of
from tests.entropy import seeded
from tests.ports import CLERK, FakeClock

ONE: Final = str(identifier_of(1))
DEPOSIT: Final = frozenset({"vault.deposit"})


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    founded = found_alliance(tmp_path)
    yield founded
    founded.close()


@pytest.fixture
def node(alliance: Alliance) -> CountyNode:
    return alliance.nodes["370214"]


@pytest.fixture
def logged() -> set[bytes]:
    """Give the leaf hashes that the ledger holds."""
    return set()


@pytest.fixture
def store(tmp_path: Path, logged: set[bytes]) -> Iterator[VaultStore]:
    opened = VaultStore(tmp_path / "vault.sqlite", FaceCipher(bytes(32), seeded("vault")), logged.__contains__)
    yield opened
    opened.close()


@pytest.fixture
def sd_jwt(node: CountyNode, logged: set[bytes]) -> str:
    """Give the attestation of license 1, whose seal is logged."""
    logged.add(node.seal(license_of(1), NOW).leaf)
    face = node.records.face(ONE)
    assert face is not None
    return face.sd_jwt


def test_a_deposited_face_opens_for_its_county(store: VaultStore, sd_jwt: str) -> None:
    assert store.deposit("370214", sd_jwt, NOW) == ONE
    found = store.face("370214", ONE)
    assert found is not None
    assert (found[0].values(), found[1]) == (license_of(1).claims(), NOW)
    assert store.face("320583", ONE) is None


def test_a_deposit_again_takes_the_place_of_the_first(store: VaultStore, sd_jwt: str) -> None:
    store.deposit("370214", sd_jwt, NOW)
    store.deposit("370214", present(sd_jwt, ["certificateIdentifier", "certificateName"]), NOW + 1)
    found = store.face("370214", ONE)
    assert found is not None
    assert (set(found[0].values()), found[1]) == ({"certificateIdentifier", "certificateName"}, NOW + 1)


def test_a_county_deposits_only_what_it_sealed(store: VaultStore, sd_jwt: str) -> None:
    with pytest.raises(Refused) as caught:
        store.deposit("320583", sd_jwt, NOW)
    assert caught.value.code == "forbidden"


def test_a_county_cannot_deposit_what_another_countys_authority_issued(
    store: VaultStore, alliance: Alliance, logged: set[bytes]
) -> None:
    """Though it sealed it, and the log holds the seal: the issuer's own deposit finds the place free."""
    squatter = alliance.nodes["320583"]
    logged.add(squatter.seal(license_of(1), NOW).leaf)
    face = squatter.records.face(ONE)
    assert face is not None
    with pytest.raises(Refused) as caught:
        store.deposit("320583", face.sd_jwt, NOW)
    assert caught.value.code == "not_issuer"
    assert store.face("320583", ONE) is None


def test_a_seal_that_is_not_in_the_ledger_is_not_taken(store: VaultStore, sd_jwt: str, logged: set[bytes]) -> None:
    logged.clear()
    with pytest.raises(Conflict) as caught:
        store.deposit("370214", sd_jwt, NOW)
    assert caught.value.code == "wrong_target"


def test_a_disclosure_of_another_license_is_not_taken(store: VaultStore, node: CountyNode, sd_jwt: str) -> None:
    node.seal(license_of(2), NOW)
    other = node.records.face(str(identifier_of(2)))
    assert other is not None
    mixed = sd_jwt.split("~", maxsplit=1)[0] + "~" + other.sd_jwt.partition("~")[2]
    with pytest.raises(NotVerified) as caught:
        store.deposit("370214", mixed, NOW)
    assert caught.value.code == "bad_disclosure"


@pytest.mark.parametrize("text", ["", "x", "~", "a.b.c~", "a.b.c~x~"])
def test_what_is_no_attestation_is_not_taken(store: VaultStore, text: str) -> None:
    with pytest.raises(Malformed):
        store.deposit("370214", text, NOW)


def test_a_face_without_its_identifier_is_not_taken(store: VaultStore, sd_jwt: str) -> None:
    with pytest.raises(Malformed) as caught:
        store.deposit("370214", present(sd_jwt, ["certificateName"]), NOW)
    assert caught.value.code == "bad_identifier"


def test_an_erased_face_is_gone_from_the_file(store: VaultStore, sd_jwt: str, tmp_path: Path) -> None:
    store.deposit("370214", sd_jwt, NOW)
    with pytest.raises(Conflict):
        store.erase("320583", ONE)
    store.erase("370214", ONE)
    assert store.face("370214", ONE) is None
    with pytest.raises(Conflict) as caught:
        store.erase("370214", ONE)
    assert caught.value.code == "wrong_target"
    assert (tmp_path / "vault.sqlite-wal").stat().st_size == 0
    with sqlite3.connect(tmp_path / "vault.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM face").fetchone() == (0,)
    connection.close()


def test_a_face_that_was_erased_is_not_deposited_again(store: VaultStore, sd_jwt: str) -> None:
    store.deposit("370214", sd_jwt, NOW)
    assert store.deposit_again("370214", sd_jwt, NOW + 1) == ONE
    store.erase("370214", ONE)
    with pytest.raises(Conflict, match="wrong_target"):
        store.deposit_again("370214", sd_jwt, NOW + 2)
    assert store.face("370214", ONE) is None
    assert store.deposit("370214", sd_jwt, NOW + 3) == ONE  # the county may want it there anew


async def test_the_source_gives_the_fields_asked_for_and_says_since_when_it_has_them(
    store: VaultStore, sd_jwt: str
) -> None:
    """Whoever reads a copy of spring in autumn is not told that it is of today; nor is a clock believed that is ahead."""
    store.deposit("370214", sd_jwt, NOW - 90 * 86_400)
    source = VaultSource(store, FakeClock(NOW))

    def ask(number: int, *fields: str) -> FaceRequest:
        return FaceRequest(
            certificate_identifier=str(identifier_of(number)),
            county="370214",
            fields=fields,
            use_cause="x",
            caller=CLERK,
        )

    answers = await source.faces([ask(1, "certificateName"), ask(2), ask(1)])
    assert [answer.values for answer in answers] == [{"certificateName": "营业执照"}, None, license_of(1).claims()]
    assert [(answer.code, answer.source, answer.as_of) for answer in answers] == [
        (None, "vault", NOW - 90 * 86_400), ("absent", "vault", NOW), (None, "vault", NOW - 90 * 86_400),
    ]  # fmt: skip
    store.deposit("370214", sd_jwt, NOW + 60)
    assert [answer.as_of for answer in await source.faces([ask(1)])] == [NOW]


@pytest.fixture
async def client(store: VaultStore, alliance: Alliance) -> AsyncIterator[httpx2.AsyncClient]:
    authenticator = Authenticator(alliance.issuer, lambda: alliance.state)
    endpoint = VaultEndpoint(store, authenticator.principal_of, FakeClock(NOW))
    transport = httpx2.ASGITransport(app=Starlette(routes=endpoint.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url=HUB_URL) as opened:
        yield opened


def _bearer(alliance: Alliance, county: str, scopes: frozenset[str] = DEPOSIT) -> dict[str, str]:
    return {"Authorization": f"Bearer {alliance.issuer.access_token(f'{county}#3', scopes, NOW)}"}


async def test_a_county_deposits_and_erases_over_http(
    client: httpx2.AsyncClient, alliance: Alliance, store: VaultStore, sd_jwt: str
) -> None:
    headers = _bearer(alliance, "370214")
    answer = await client.post("/vault/faces", json={"faces": [sd_jwt, "x", 3]}, headers=headers)
    results = answer.json()["results"]
    assert results[0] == {"certificateIdentifier": ONE}
    assert [result["error"]["code"] for result in results[1:]] == ["bad_disclosure_form"] * 2
    assert (await client.delete(f"/vault/faces/{ONE}", headers=_bearer(alliance, "320583"))).status_code == 409
    assert (await client.delete(f"/vault/faces/{ONE}", headers=headers)).status_code == 204
    assert (await client.delete(f"/vault/faces/{ONE}", headers=headers)).status_code == 409
    assert store.face("370214", ONE) is None


async def test_nobody_deposits_without_a_token_of_the_scope(
    client: httpx2.AsyncClient, alliance: Alliance, sd_jwt: str
) -> None:
    body = {"faces": [sd_jwt]}
    refusals: list[tuple[dict[str, str], int, str]] = [
        ({}, 401, "token_required"),
        ({"Authorization": "Bearer x"}, 401, "invalid_token"),
        (_bearer(alliance, "370214", frozenset({"license.read"})), 403, "forbidden"),
    ]
    for headers, status, code in refusals:
        answers = [
            await client.post("/vault/faces", json=body, headers=headers),
            await client.delete(f"/vault/faces/{ONE}", headers=headers),
        ]
        assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(status, code)] * 2


@pytest.mark.parametrize("body", [{}, {"faces": "x"}, {"faces": ["x"] * 101}, {"faces": [], "more": 1}, []])
async def test_a_deposit_of_another_form_is_malformed(
    client: httpx2.AsyncClient, alliance: Alliance, body: Any
) -> None:
    answer = await client.post("/vault/faces", json=body, headers=_bearer(alliance, "370214"))
    assert (answer.status_code, answer.json()["error"]["code"] in {"bad_request", "unknown_member"}) == (400, True)


async def test_a_deposit_that_is_too_large_is_not_read(client: httpx2.AsyncClient, alliance: Alliance) -> None:
    answer = await client.post("/vault/faces", content=b"x" * (5 << 20), headers=_bearer(alliance, "370214"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
