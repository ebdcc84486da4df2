"""`tongban county consent`: stated to a journal that judges it, shown, ended; each refusal's exit code."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.journal.records import parse_statement
from hub.journal.store import JournalStore, row_of
from hub.keyfiles import write_private
from ledger.consents import Purpose
from ledger.errors import TongbanError
from ledger.identifiers import holder_key
from ledger.transparency.tiles import decode_bundle
from tests.command_line import Result, tongban
from tests.consents import ASKING, HOLDER_SIGNER, LICENSE, consent, consent_id, recorded, signed_text, withdrawn
from tests.county_folder import CountyFolder
from tests.served_hub import served

SHOWN: Final = {
    "id": consent_id(1), "county": ASKING, "matterCode": None, "fields": ["certificateHolderName"],
    "purpose": "HANDLING", "expiresAt": "2026-06-01T10:00:00.000Z", "statedBy": ASKING,
    "statedAt": "2026-06-01T09:00:00.000Z", "evidence": "RECORDED", "revokedAt": None, "revokedBy": None,
    "inForce": True,
}  # fmt: skip


@dataclass
class ConsentHub:
    """A hub's token endpoint, GraphQL and journal, a real one at `path`. shown: what GraphQL answers."""

    path: Path
    shown: Any = None
    records: list[Any] = field(default_factory=list)

    def app(self) -> Starlette:
        """Give the application."""
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._store = JournalStore.create(self._connection)
        paths = {"/oauth/token": self._token, "/graphql": self._graphql, "/journal/records": self._records}
        return Starlette(routes=[Route(path, place, methods=["POST"]) for path, place in paths.items()])

    def close(self) -> None:
        """Close the journal."""
        self._connection.close()

    def take(self, raw: bytes) -> None:
        """Take a statement of another county."""
        assert isinstance(self._store.append([row_of(parse_statement(raw))])[0], int)

    async def _token(self, request: Request) -> Response:
        assert b"scope=license.read.own" in await request.body()
        return JSONResponse({"access_token": "t"})

    async def _graphql(self, _request: Request) -> Response:
        return JSONResponse(self.shown)

    async def _records(self, request: Request) -> Response:
        (record,) = map(parse_statement, decode_bundle(await request.body()))
        (result,) = self._store.append([row_of(record)])
        if isinstance(result, TongbanError):
            return JSONResponse([{"error": {"code": result.code, "message": result.message}}])
        self.records.append(record)
        return JSONResponse([{"position": result}])


@pytest.fixture
def hub(tmp_path: Path) -> ConsentHub:
    return ConsentHub(tmp_path / "journal.sqlite")


@pytest.fixture
def folder(hub: ConsentHub, tmp_path: Path) -> Iterator[CountyFolder]:
    """Give the folder of a county whose hub is served; beside it the holder's file and the evidence."""
    with served(hub) as url:
        made = CountyFolder.make(tmp_path, hub_url=url)
        write_private(tmp_path / "holder.json", b'{"certificateHolderTypeCode":"111","certificateHolderCode":"X"}')
        (tmp_path / "form.pdf").write_bytes(b"signed")
        yield made


def run(folder: CountyFolder, *words: object) -> Result:
    return tongban("county", "consent", *words, *folder.options)


def grant(folder: CountyFolder, tmp_path: Path, *words: object) -> Result:
    return run(folder, "grant", "--holder-file", tmp_path / "holder.json", *words)


def test_a_consent_is_recorded_with_the_digest_of_its_evidence_and_ended(
    hub: ConsentHub, folder: CountyFolder, tmp_path: Path
) -> None:
    form = ("--evidence", tmp_path / "form.pdf")
    fields = ("--field", "certificateNumber", "--field", "KZ_ADDRESS")
    terms = ("--matter", "000101002000", "--purpose", "ADVICE", "--lasts", "2h", "--reader", ASKING)
    told = grant(folder, tmp_path, *form, *fields, *terms, "--json")
    found = json.loads(told.out)
    (record,) = hub.records
    assert (told.code, found["position"], found["id"]) == (0, 0, record.consent.id)
    assert (record.consent.county, record.consent.matter, record.consent.purpose) == (
        ASKING, "000101002000", Purpose.ADVICE,
    )  # fmt: skip
    assert record.consent.fields == {"certificateNumber", "KZ_ADDRESS"}
    assert record.consent.expires == found["expires"] == record.iat + 7200
    assert (record.evidence, record.grant) == (sha256(b"signed").digest(), None)
    with folder.opened() as node:
        assert record.holder == holder_key(node.keys.holder, "111", "X")
    ended = run(folder, "revoke", found["id"])
    assert ended == Result(0, f"consent {found['id']} has ended, in the journal at 1\n", "")


def test_without_fields_a_consent_covers_none_and_with_all_fields_every_one(
    hub: ConsentHub, folder: CountyFolder, tmp_path: Path
) -> None:
    form = ("--evidence", tmp_path / "form.pdf")
    told = [grant(folder, tmp_path, *form), grant(folder, tmp_path, *form, "--all-fields")]
    assert [each.code for each in told] == [0, 0]
    assert [record.consent.fields for record in hub.records] == [frozenset(), None]
    with folder.opened() as node:
        assert {record.consent.county for record in hub.records} == {node.county}


def test_what_the_journal_refuses_leaves_with_its_class(hub: ConsentHub, folder: CountyFolder, tmp_path: Path) -> None:
    hub.take(recorded(consent()))
    foreign = run(folder, "revoke", consent_id(1))
    assert foreign == Result(4, "", "tongban: not_party: there is no such consent for this county to end\n")
    assert run(folder, "revoke", consent_id(9)).code == 5
    (tmp_path / "back.jwt").write_text(withdrawn(consent_id(1)))
    assert run(folder, "revoke", consent_id(1), "--signed", tmp_path / "back.jwt").code == 1  # no key granted it
    both = ("--signed", tmp_path / "back.jwt", "--evidence", tmp_path / "back.jwt")
    assert run(folder, "revoke", consent_id(1), *both).code == 2
    (tmp_path / "grant").write_text(signed_text(consent(2)))
    early = grant(folder, tmp_path, "--signed", tmp_path / "grant", "--license", LICENSE)
    assert early.code in {2, 5}  # it ends in 2026, before now, or its license is not stated
    assert hub.records == []


def test_a_holder_ends_a_consent_at_a_county_that_neither_stated_it_nor_reads_by_it(
    hub: ConsentHub, folder: CountyFolder, tmp_path: Path
) -> None:
    hub.take(recorded(consent()))
    ended = run(folder, "revoke", consent_id(1), "--evidence", tmp_path / "form.pdf", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"id": consent_id(1), "position": 1})
    (record,) = hub.records
    assert (record.evidence, record.withdrawal) == (sha256(b"signed").digest(), None)


def test_a_forged_signature_is_found_before_anything_is_sent(
    hub: ConsentHub, folder: CountyFolder, tmp_path: Path
) -> None:
    text = signed_text(consent())
    (tmp_path / "grant").write_text(text[:-4] + ("AAAA" if not text.endswith("AAAA") else "BBBB"))
    told = grant(folder, tmp_path, "--signed", tmp_path / "grant", "--license", LICENSE)
    assert (told.code, told.err.split(":")[1]) == (1, " holder_binding")
    assert (hub.records, HOLDER_SIGNER.public_key.alg) == ([], "Ed25519")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "give --evidence, or --signed with --license"),
        (("--evidence", "form.pdf", "--license", LICENSE), "give --evidence, or --signed with --license"),
        (("--signed", "form.pdf"), "--signed goes with --license alone"),
        (("--signed", "form.pdf", "--license", LICENSE, "--matter", "000101002000"), "--signed goes with --license"),
        (("--evidence", "form.pdf", "--field", "name"), "a face has no field name"),
        (("--evidence", "form.pdf", "--field", "KZ_A", "--all-fields"), "give --field or --all-fields"),
        (("--evidence", "form.pdf", "--purpose", "SELLING"), "--purpose is one of HANDLING, ADVICE, VERIFICATION"),
        (("--evidence", "form.pdf", "--lasts", "long"), "expected a duration like"),
        (("--evidence", "form.pdf", "--lasts", "367d"), "a consent ends after it is stated, within 366 days"),
        (("--evidence", "form.pdf", "--reader", "32"), "county does not match"),
    ],
)
def test_what_is_no_consent_is_a_usage_error(
    hub: ConsentHub, folder: CountyFolder, tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    placed = [tmp_path / word if word == "form.pdf" else word for word in words]
    told = grant(folder, tmp_path, *placed)
    assert (told.code, told.out, hub.records) == (2, "", [])
    assert text in told.err


def test_a_consent_is_shown_as_the_hub_shows_it(hub: ConsentHub, folder: CountyFolder) -> None:
    hub.shown = {"data": {"consent": SHOWN}}
    assert json.loads(run(folder, "show", consent_id(1), "--json").out) == SHOWN
    assert run(folder, "show", consent_id(1)).out.splitlines() == [
        f"{consent_id(1)} in force, until 2026-06-01T10:00:00.000Z",
        "320583 may read certificateHolderName, for HANDLING, matter any",
        "stated by 320583 at 2026-06-01T09:00:00.000Z, RECORDED",
    ]
    ended = {"revokedAt": "2026-06-01T09:30:00.000Z", "revokedBy": "370214", "inForce": False}
    hub.shown = {"data": {"consent": SHOWN | ended}}
    assert run(folder, "show", consent_id(1)).out.splitlines()[0] == (
        f"{consent_id(1)} not in force, until 2026-06-01T10:00:00.000Z, taken back at 2026-06-01T09:30:00.000Z by 370214"
    )
    hub.shown = {"data": {"consent": None}}
    absent = run(folder, "show", consent_id(1))
    assert (absent.code, absent.err.split(":")[1]) == (4, " no_basis")
