"""`tongban county appeal` and `appeals`: a hidden status change deposited by hand, and what came of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.county.outbox import Appeal, Settled
from ledger.encoding import b64u_encode
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from tests.command_line import tongban
from tests.county_folder import CountyFolder
from tests.entropy import signer_of
from tests.servers import serving

LICENSE: Final = "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000001.001.Z"
LEAF: Final = bytes(32)
TAKEN: Final = {"leaf": b64u_encode(LEAF), "deposited_at": 1_780_304_400, "deadline": 1_780_304_700}


@pytest.fixture
def folder(tmp_path: Path) -> CountyFolder:
    """Give a county that has signed a revocation just now."""
    made = CountyFolder.make(tmp_path)
    with made.opened() as node, node._database.transaction() as connection:
        node.outbox.put(
            connection, "status", LICENSE, leaf=LEAF, entry=b"entry", journal=None, now=int(time.time())
        )  # fmt: skip
    return made


def name_auditor(folder: CountyFolder, url: str) -> None:
    """Let the policy name one auditor, at this URL."""
    name_auditors(folder, {"320583": url})


def name_auditors(folder: CountyFolder, urls: Mapping[str, str]) -> None:
    """Let the policy name the auditors of these counties, at these URLs."""
    lines = []
    for county, url in urls.items():
        key = VerifierKey.of(f"{county}.tongban.example/auditor", COSIGNATURE_ED25519, signer_of(county))
        lines.append(f"witness a{county} {key.vkey()} {url}/auditor\n")
    (folder.data / "policy").write_text(f"{''.join(lines)}quorum a320583\n", "utf-8")


def auditor(status: int, answer: dict[str, Any], heard: list[bytes]) -> Starlette:
    async def deposit(request: Request) -> Response:
        heard.append(await request.body())
        return JSONResponse(answer, status)

    return Starlette(routes=[Route("/auditor/deposit", deposit, methods=["POST"])])


async def test_a_revocation_is_deposited_at_once_and_listed(folder: CountyFolder) -> None:
    heard: list[bytes] = []
    async with serving(auditor(202, TAKEN, heard)) as url:
        name_auditor(folder, url)
        made = await asyncio.to_thread(tongban, "county", "appeal", LICENSE, *folder.options)
        again = await asyncio.to_thread(tongban, "county", "appeal", LICENSE, *folder.options)
    line = f"{LICENSE}  {b64u_encode(LEAF)}  320583.tongban.example/auditor  to be logged by 2026-06-01T09:05:00Z\n"
    assert (made.code, made.out, heard) == (0, line, [b"entry"] * 2)
    assert (again.code, again.out) == (0, line)
    assert tongban("county", "appeals", *folder.options).out == line
    (row,) = json.loads(tongban("county", "appeals", *folder.options, "--json").out)
    assert (row["identifier"], row["deadline"], row["code"]) == (LICENSE, TAKEN["deadline"], None)
    assert row["at"] >= row["asked"] > TAKEN["deadline"]
    assert json.loads(tongban("county", "status", *folder.options, "--json").out)["deposited"] == 1


async def test_what_the_auditors_refuse_is_said_with_its_code(folder: CountyFolder) -> None:
    error = {"error": {"code": "final_status", "message": "revoked for good"}}
    async with serving(auditor(409, error, [])) as url:
        name_auditor(folder, url)
        made = await asyncio.to_thread(tongban, "county", "appeal", LICENSE, *folder.options)
    assert made.out.endswith("320583.tongban.example/auditor  refused: final_status\n")


async def test_who_is_silent_is_named_beside_who_answered(folder: CountyFolder) -> None:
    async with serving(auditor(202, TAKEN, [])) as url:
        name_auditors(folder, {"320583": url, "370214": "http://127.0.0.1:9"})
        made = await asyncio.to_thread(tongban, "county", "appeal", LICENSE, *folder.options)
    lines = [f"{LICENSE}  {b64u_encode(LEAF)}  {county}.tongban.example/auditor  " for county in ("320583", "370214")]
    assert (made.code, made.out) == (
        0, f"{lines[0]}to be logged by 2026-06-01T09:05:00Z\n{lines[1]}no answer yet\n",
    )  # fmt: skip
    assert tongban("county", "appeals", *folder.options).out == made.out


def answered(folder: CountyFolder) -> None:
    """Let an auditor have taken the revocation, and another have refused it."""
    with folder.opened() as node:
        took = Appeal(LEAF, LICENSE, "130283.tongban.example/auditor", 1, 2, 1_780_304_700)
        node.outbox.appealed([took, Appeal(LEAF, LICENSE, "320583.tongban.example/auditor", 1, 2, None, "no_such")])


def ends(folder: CountyFolder) -> tuple[list[str], list[str]]:
    """Give how the lines of `county appeals` end, and the states that it tells machines."""
    lines = tongban("county", "appeals", *folder.options).out.splitlines()
    rows = json.loads(tongban("county", "appeals", *folder.options, "--json").out)
    return [line.rpartition("/auditor  ")[2] for line in lines], [row["state"] for row in rows]


def deposited(folder: CountyFolder) -> int:
    return int(json.loads(tongban("county", "status", *folder.options, "--json").out)["deposited"])


def test_what_became_of_a_deposited_change_is_said(folder: CountyFolder) -> None:
    assert tongban("county", "appeals", *folder.options).out == "nothing deposited\n"
    answered(folder)
    assert ends(folder) == (["to be logged by 2026-06-01T09:05:00Z", "refused: no_such"], ["waiting", "waiting"])
    assert deposited(folder) == 1
    with folder.opened() as node:
        node.outbox.settle([Settled(item=node.outbox.of(LICENSE)[0], state="done", log_index=7)])
    assert ends(folder) == (["logged", "logged"], ["logged", "logged"])
    assert deposited(folder) == 0


def test_a_change_that_was_given_up_or_signed_anew_waits_no_more(folder: CountyFolder) -> None:
    with folder.opened() as node:
        node.outbox.appealed([Appeal(LEAF, LICENSE, "320583.tongban.example/auditor", 1, 2, None, "iat_too_old")])
        (item,) = node.outbox.of(LICENSE)
        with node._database.transaction() as connection:
            node.outbox.renew(connection, item, leaf=b"\1" * 32, entry=b"new", journal=None, due=0)
    assert ends(folder) == (["given up, or signed anew"], ["replaced"])
    with folder.opened() as node:
        node.outbox.settle([Settled(item=node.outbox.of(LICENSE)[0], state="failed", code="final_status")])
        assert node.outbox.give_up(LICENSE) == 1
    assert ends(folder) == (["given up"], ["given_up"])


def test_there_must_be_something_to_deposit_and_someone_to_take_it(folder: CountyFolder) -> None:
    name_auditor(folder, "http://127.0.0.1:9")
    other = tongban("county", "appeal", f"{LICENSE}X", *folder.options)
    assert (other.code, other.err.split(":")[1]) == (5, " wrong_target")
    assert tongban("county", "appeal", LICENSE, *folder.options).code == 3
    (folder.data / "policy").write_text("quorum none\n", "utf-8")
    assert tongban("county", "appeal", LICENSE, *folder.options).err.split(":")[1] == " bad_policy"
