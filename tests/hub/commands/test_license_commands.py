"""What a county does with its licenses, command by command: status changes, deposit, erasure, sending again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.county.outbox import Appeal, Settled
from ledger.attestation import SdJwt
from ledger.entries import StatusChange, parse_entry
from ledger.errors import Conflict
from ledger.qr import parse_qr
from ledger.status import Status
from tests.alliance import NOW, identifier_of, license_of
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.small_log import GENESIS, POLICY

ONE, TWO = str(identifier_of(1)), str(identifier_of(2))
SIGNED: Final = (
    ": signed, and in the outbox; `county serve` of this folder delivers it to the hub, and it counts once it is logged"
    " (see `county status`)"
)


@pytest.fixture
def folder(tmp_path: Path) -> CountyFolder:
    """Give a folder with two sealed licenses, logged at 5 and 6."""
    return sealed_in(CountyFolder.make(tmp_path))


def sealed_in(folder: CountyFolder) -> CountyFolder:
    with folder.opened() as node:
        node.seal_many([license_of(1), license_of(2)], NOW)
        items = [node.outbox.of(identifier)[0] for identifier in (ONE, TWO)]
        node.outbox.settle(
            [Settled(item=item, state="logged", log_index=5 + place) for place, item in enumerate(items)]
        )
    return folder


def changes(folder: CountyFolder) -> list[tuple[Status, str, int | None]]:
    with folder.opened() as node:
        entries = [parse_entry(item.entry) for item in node.outbox.of(ONE)[1:]]
    return [(each.to, each.reason, each.by) for each in entries if isinstance(each, StatusChange)]


def test_a_license_is_suspended_reinstated_and_superseded(folder: CountyFolder) -> None:
    for arguments, what in (
        (("suspend", ONE, "--reason", "06"), "suspended"),
        (("reinstate", ONE), "reinstated"),
        (("supersede", ONE, TWO), "superseded"),
    ):
        result = tongban("county", *arguments, *folder.options)
        assert (result.code, result.out) == (0, f"{ONE} {what}{SIGNED}\n")
    assert changes(folder) == [(Status.SUSPENDED, "06", None), (Status.VALID, "01", None), (Status.SUPERSEDED, "01", 6)]
    assert tongban("county", "revoke", ONE, *folder.options).code == 5


def test_what_was_so_before_is_said_and_signed_once(folder: CountyFolder) -> None:
    for arguments, what in ((("suspend", ONE), "suspended"), (("reinstate", ONE), "reinstated"),
                            (("supersede", ONE, TWO), "superseded")):  # fmt: skip
        tongban("county", *arguments, *folder.options)
        again = tongban("county", *arguments, *folder.options)
        said = f"{ONE} was {what} before, for this reason: nothing is signed anew (see `county status`)\n"
        assert (again.code, again.out) == (0, said)
    assert [to for to, _, _ in changes(folder)] == [Status.SUSPENDED, Status.VALID, Status.SUPERSEDED]
    with folder.opened() as node:
        node.seal(license_of(3), NOW)
        (item,) = node.outbox.of(str(identifier_of(3)))
        node.outbox.settle([Settled(item=item, state="logged", log_index=9)])
    other = tongban("county", "supersede", ONE, identifier_of(3), *folder.options)
    assert (other.code, other.err.split(":")[1]) == (5, " final_status")


def test_what_a_command_did_is_said_to_machines(folder: CountyFolder, tmp_path: Path) -> None:
    def told(*arguments: object) -> object:
        result = tongban("county", *arguments, "--json", *folder.options)
        assert (result.code, result.err) == (0, "")
        return json.loads(result.out)

    for fresh in (True, False):
        assert told("suspend", ONE) == {"identifier": ONE, "change": "suspended", "fresh": fresh}
    assert told("reinstate", ONE) == {"identifier": ONE, "change": "reinstated", "fresh": True}
    assert told("supersede", ONE, TWO) == {"identifier": ONE, "change": "superseded", "fresh": True}
    assert told("revoke", TWO) == {"identifier": TWO, "change": "revoked", "fresh": True}
    assert told("retry") == {"sent_again": 0}
    code = told("present", ONE, "--qr", tmp_path / "a.txt", "--pointer")
    assert isinstance(code, dict)
    assert {name: code[name] for name in ("receipt", "qr", "landmark", "final")} == {
        "receipt": None, "qr": str(tmp_path / "a.txt"), "landmark": None, "final": None,
    }  # fmt: skip
    assert told("erase", ONE) == {"identifier": ONE, "vault": None}
    tongban("feed", "--county", "370214", "--count", 1, "--output", tmp_path / "a.ndjson")
    for fresh in (True, False):
        row = told("seal", tmp_path / "a.ndjson")
        assert row == {"identifier": json.loads((tmp_path / "a.ndjson").read_text("utf-8"))["ZZBS"], "fresh": fresh}


def test_what_is_shown_takes_the_place_of_no_other_file_without_force(folder: CountyFolder, tmp_path: Path) -> None:
    """Neither file is written if one of both cannot be."""
    code, receipt = tmp_path / "a.txt", tmp_path / "a.lic-receipt"
    code.write_text("somebody's", "ascii")
    present = ("county", "present", ONE, "--qr", code, "--pointer", *folder.options)
    refused = tongban(*present)
    assert (refused.code, refused.out) == (5, "")
    assert refused.err == f"tongban: already_exists: {code} is there already: --force writes over it\n"
    assert code.read_text("ascii") == "somebody's"
    assert tongban(*present, "--force").code == 0
    assert parse_qr(code.read_text("ascii").strip()).index == 5
    assert tongban(*present[:3], "--output", receipt, "--qr", tmp_path / "b.gif", *folder.options).code != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["370214", "370214.pass", "a.txt"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--qr", "a.txt", "--fresh"), "--fresh is for a receipt: give --output, too"),
        (("--output", "a", "--pointer"), "--pointer is for a QR code: give --qr, too"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(folder: CountyFolder, options: tuple[str, ...], text: str) -> None:
    result = tongban("county", "present", ONE, *options, *folder.options)
    assert (result.code, result.err) == (2, f"tongban: bad_setting: {text}\n")


def test_a_license_is_revoked_for_its_reason(folder: CountyFolder) -> None:
    assert tongban("county", "revoke", ONE, "--reason", "07", *folder.options).code == 0
    assert changes(folder) == [(Status.REVOKED, "07", None)]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("suspend", ONE, "--reason", "04"), 2, "bad_payload"),
        (("suspend", "no such license"), 5, "wrong_target"),
        (("reinstate", ONE), 5, "same_status"),
        (("supersede", ONE, "no such license"), 5, "wrong_target"),
        (("supersede", ONE, ONE), 5, "wrong_target"),
        (("retry", "--drop", ONE), 5, "wrong_target"),
        (("erase", "no such license"), 5, "wrong_target"),
        (("deposit", ONE), 3, "not_ready"),
    ],
)
def test_what_cannot_be_done_exits_by_its_class(
    folder: CountyFolder, arguments: tuple[str, ...], code: int, error: str
) -> None:
    result = tongban("county", *arguments, *folder.options)
    assert (result.code, result.out, result.err.split(":")[1]) == (code, "", f" {error}")
    assert changes(folder) == []


def test_an_erased_face_is_shown_no_more_and_its_seal_stays(folder: CountyFolder) -> None:
    told = "if it was ever deposited, a copy stands in the hub's vault: erase it there, too, with --vault\n"
    assert tongban("county", "erase", ONE, *folder.options).out == f"{ONE} erased\n{told}"
    with folder.opened() as node:
        assert node.records.face(ONE) is None
        assert node.log_index(ONE) == 5


def test_what_failed_is_sent_again(folder: CountyFolder) -> None:
    with folder.opened() as node:
        (item,) = node.outbox.of(TWO)
        node.outbox.settle([Settled(item=item, state="failed", code="not_issuer")])
        assert node.status(NOW).failed == {"not_issuer": 1}
    assert tongban("county", "retry", *folder.options).out == "sent again: 1\n"
    with folder.opened() as node:
        assert (node.outbox.of(TWO)[0].state, node.status(NOW).failed) == ("logged", {})
    assert tongban("county", "retry", *folder.options).out == "sent again: 0\n"


def test_what_failed_is_named_and_a_refused_change_can_be_given_up(folder: CountyFolder) -> None:
    """A refused seal cannot: the license would be in the folder and in no outbox."""
    with folder.opened() as node:
        node.revoke(ONE, "04", NOW)
        items = [*node.outbox.of(ONE)[1:], *node.outbox.of(TWO)]
        node.outbox.settle([Settled(item=item, state="failed", code="wrong_target") for item in items])
    named = [(TWO, "seal"), (ONE, "status")]
    status = tongban("county", "status", *folder.options)
    assert status.out.splitlines()[-2:] == [f"failed     {each} {kind} wrong_target" for each, kind in named]
    rows = json.loads(tongban("county", "status", "--json", *folder.options).out)["failed_items"]
    assert rows == [{"identifier": each, "kind": kind, "code": "wrong_target"} for each, kind in named]
    assert tongban("county", "retry", "--drop", TWO, *folder.options).code == 5
    assert tongban("county", "retry", "--drop", ONE, *folder.options).out == f"{ONE} given up: 1\n"
    assert changes(folder) == []
    with folder.opened() as node:
        assert [item.identifier for item in node.outbox.failed()] == [TWO]


@pytest.mark.parametrize(("code", "left"), [(None, 1), ("final_status", 0)])
def test_a_refused_change_that_an_auditor_took_is_not_given_up(
    folder: CountyFolder, code: str | None, left: int
) -> None:
    with folder.opened() as node:
        leaf = node.revoke(ONE, "04", NOW)
        node.outbox.settle([Settled(item=node.outbox.of(ONE)[1], state="failed", code="final_status")])
        node.outbox.appealed([Appeal(leaf, ONE, "370214.tongban.example/auditor", NOW, NOW, NOW + 300, code)])
        assert node.outbox.give_up(ONE) == 1 - left
        assert len(node.outbox.of(ONE)) == 1 + left


def test_what_is_wrong_with_a_license_is_said(folder: CountyFolder) -> None:
    """Not here, not logged, erased: three causes, three texts."""
    with folder.opened() as node:
        node.seal(license_of(3), NOW)
        node.erase(TWO)
    three = str(identifier_of(3))
    for arguments, text in (
        (("revoke", "1.2.3"), "there is no such license here"),
        (("present", "1.2.3", "--output", folder.data / "a"), "there is no such license here"),
        (("revoke", three), "no seal of this license is logged yet"),
        (
            ("present", three, "--output", folder.data / "a"),
            "no seal of this license is logged yet",
        ),
        (("supersede", ONE, ONE), "a license cannot take its own place"),
    ):
        result = tongban("county", *arguments, *folder.options)
        assert (result.code, result.out, result.err) == (5, "", f"tongban: wrong_target: {text}\n")
    with folder.opened() as node, pytest.raises(Conflict) as caught:
        node.seal(license_of(2), NOW)
    assert str(caught.value) == "duplicate_identifier: the license was erased: it is not sealed again"


def test_a_license_is_shown_as_a_code(folder: CountyFolder, tmp_path: Path) -> None:
    """A pointer needs no hub; the proof of the place comes from it, and there is none here."""
    present = ("county", "present", ONE, "--show", "certificateTypeName", *folder.options)
    result = tongban(*present, "--qr", tmp_path / "a.txt", "--pointer")
    assert result.code == 0
    assert "modules, level L; a pointer: only who has the log's tiles can check it" in result.out
    assert "left out: checkpoint, cosignatures, status" in result.out
    payload = parse_qr((tmp_path / "a.txt").read_text("ascii").strip())
    assert (payload.index, payload.landmark) == (5, None)
    (shown,) = SdJwt.parse(payload.presentation).disclosures
    assert (shown.name, shown.value) == ("certificateTypeName", "营业执照")
    assert tongban(*present, "--qr", tmp_path / "a.svg", "--pointer").code == 0
    (folder.data / "policy").write_bytes(POLICY)
    (folder.data / "genesis").write_bytes(GENESIS)
    assert tongban(*present, "--qr", tmp_path / "b.svg").code == 3
    assert tongban(*present, "--qr", tmp_path / "b.gif", "--pointer").code == 2
    assert tongban(*present).code == 2


def test_blanks_between_claims_do_no_harm_and_an_unknown_one_is_answered_by_those_there_are(
    folder: CountyFolder, tmp_path: Path
) -> None:
    def shown(names: str) -> Result:
        options = ("--pointer", "--force", "--qr", tmp_path / "a.txt", *folder.options)
        return tongban("county", "present", ONE, "--show", names, *options)

    assert shown(" certificateName, certificateTypeName,").code == 0
    payload = parse_qr((tmp_path / "a.txt").read_text("ascii").strip())
    shows = {each.name for each in SdJwt.parse(payload.presentation).disclosures}
    assert shows == {"certificateName", "certificateTypeName"}
    unknown = shown("nameX")
    there = ", ".join(sorted(license_of(1).claims()))
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err == f"tongban: bad_disclosure_form: the attestation has no claim nameX; it has {there}\n"


WRONG: Final = {"error": {"code": "wrong_target", "message": "the seal is not in the ledger"}}
NOT_ISSUER: Final = {"error": {"code": "not_issuer", "message": "of another division"}}


class Vault:
    """The hub's vault with answers set beforehand."""

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []
        self.deposited: list[list[str]] = []
        self.erased: list[str] = []

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/oauth/token", self._token, methods=["POST"]),
                Route("/vault/faces", self._deposit, methods=["POST"]),
                Route("/vault/faces/{identifier}", self._erase, methods=["DELETE"]),
            ]
        )

    async def _token(self, _request: Request) -> Response:
        return JSONResponse({"access_token": "token"})

    async def _deposit(self, request: Request) -> Response:
        self.deposited.append((await request.json())["faces"])
        return JSONResponse({"results": self.results})

    async def _erase(self, request: Request) -> Response:
        identifier = request.path_params["identifier"]
        if identifier in self.erased:
            return JSONResponse(WRONG, 409)
        self.erased.append(identifier)
        return Response(status_code=204)


@contextmanager
def hub_of(vault: Vault) -> Iterator[str]:
    """Serve in a thread of its own, since a command is no coroutine; give the URL."""
    server = uvicorn.Server(uvicorn.Config(vault.app(), port=0, log_level="critical", lifespan="off"))
    (socket,) = [server.config.bind_socket()]
    socket.listen()  # who comes before the server runs waits for it
    thread = Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("results", "words", "code"),
    [
        ([{}, {}], ("deposited", "deposited"), 0),
        ([{}, WRONG], ("deposited", "wrong_target"), 5),
        ([NOT_ISSUER, WRONG], ("not_issuer", "wrong_target"), 5),
        ([WRONG, NOT_ISSUER], ("wrong_target", "not_issuer"), 5),
        ([{"error": {"code": "unheard_of"}}, NOT_ISSUER], ("not_ready", "not_issuer"), 4),
        ([{"error": {"code": "unheard_of"}}, {}], ("not_ready", "deposited"), 3),
    ],
)
def test_deposit_says_every_line_and_exits_by_the_worst_refusal(
    tmp_path: Path, results: list[dict[str, Any]], words: tuple[str, str], code: int
) -> None:
    vault = Vault()
    vault.results = results
    with hub_of(vault) as url:
        folder = sealed_in(CountyFolder.make(tmp_path, hub_url=url))
        result = tongban("county", "deposit", ONE, TWO, *folder.options)
        told = tongban("county", "deposit", ONE, TWO, "--json", *folder.options)
    assert (result.code, result.out) == (code, f"{ONE} {words[0]}\n{TWO} {words[1]}\n")
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert (told.code, told.err) == (result.code, result.err)
    assert [(row["identifier"], row.get("code", "deposited")) for row in rows] == [(ONE, words[0]), (TWO, words[1])]
    assert [row["ok"] for row in rows] == [word == "deposited" for word in words]


def test_a_face_that_is_not_here_keeps_no_other_from_the_vault(tmp_path: Path) -> None:
    vault = Vault()
    vault.results = [{}]
    with hub_of(vault) as url:
        folder = sealed_in(CountyFolder.make(tmp_path, hub_url=url))
        with folder.opened() as node:
            face = node.attestation(TWO)
            node.erase(ONE)
        result = tongban("county", "deposit", "1.2.3", ONE, TWO, *folder.options)
        alone = tongban("county", "deposit", ONE, *folder.options)
    assert (result.code, result.out) == (5, f"1.2.3 wrong_target\n{ONE} wrong_target\n{TWO} deposited\n")
    assert result.err == "tongban: wrong_target: there is no such license here\n"
    assert (alone.code, alone.err) == (5, "tongban: wrong_target: the license's face was erased\n")
    assert vault.deposited == [[face]]


def test_erasure_reaches_the_vault_first_and_may_be_repeated(tmp_path: Path) -> None:
    vault = Vault()
    with hub_of(vault) as url:
        folder = sealed_in(CountyFolder.make(tmp_path, hub_url=url))
        for word in ("erased", "absent"):
            result = tongban("county", "erase", ONE, "--vault", *folder.options)
            assert (result.code, result.out) == (0, f"{ONE} {word} in the vault\n{ONE} erased\n")
    assert vault.erased == [ONE]
