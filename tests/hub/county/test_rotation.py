"""New keys of a county: their numbers, their files, and which key signs while the ledger has not listed them."""

from __future__ import annotations

import asyncio
import stat
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from hub.county import CountyNode, open_county
from hub.county.application import create_county_app
from hub.county.keys import COSIGNERS, USES
from hub.county.member import KeyFile, MemberFile
from hub.county.rotation import rotate
from hub.governance.drafts import MemberWishes
from ledger.encoding import canonical_json
from ledger.errors import Malformed
from ledger.transparency.note import VerifierKey
from tests.alliance import NOW, PASSPHRASE, Alliance, found_alliance
from tests.county_folder import CountyFolder
from tests.governed import GovernedHub, reopened
from tests.ports import FakeClock
from tests.servers import serving


def test_numbers_go_on_over_all_uses_and_no_key_signs_before_it_is_listed(node: CountyNode) -> None:
    made = [rotate(node, use, now=NOW) for use in (*USES, "seal", *COSIGNERS, "witness")]
    assert [each.label for each in made] == [
        "govern-5", "seal-6", "client-7", "journal-8", "seal-9", "witness-2", "auditor-1", "witness-3",
    ]  # fmt: skip
    assert [node.keys.kid(use) for use in USES] == [f"370214#{number}" for number in (1, 2, 3, 4)]
    modes = {stat.S_IMODE((node.data / "keys" / f"{each.label}.pem").stat().st_mode) for each in made}
    assert modes == {0o600}
    with closing(reopened(node)) as again:
        rows = {row.kid or row.use: row.state for row in again.standing.rows() if row.kid != "370214#9"}
    assert rows["370214#6"] == rows["witness"] == "unlisted"
    assert rows["370214#2"] == "active"


def test_before_the_founding_the_first_keys_sign(tmp_path: Path) -> None:
    with CountyFolder.make(tmp_path).opened() as node:
        assert rotate(node, "seal", now=NOW).label == "seal-5"
        assert node.keys.kid("seal") == "370214#2"
        assert {row.state for row in node.standing.rows()} == {"unlisted"}


@pytest.mark.parametrize(("use", "alg"), [("records", None), ("witness", "ES256"), ("seal", "RSA")])
def test_what_is_no_key_of_a_county_is_not_made(node: CountyNode, use: str, alg: str | None) -> None:
    before = sorted(path.name for path in (node.data / "keys").iterdir())
    with pytest.raises(Malformed):
        rotate(node, use, now=NOW, alg=alg)
    assert sorted(path.name for path in (node.data / "keys").iterdir()) == before


def test_a_cosigner_signs_with_the_key_that_the_policy_names(alliance: Alliance, node: CountyNode) -> None:
    old = node.keys.witness_key("tongban.example")
    made = rotate(node, "witness", now=NOW)
    new = VerifierKey.parse(made.file.cosigners["witness"])
    assert (new.name, new.public_key != old.public_key) == (old.name, True)
    with closing(reopened(node)) as again:
        assert again.keys.witness_key("tongban.example") == old
    (node.data / "policy").write_bytes(alliance.policy.replace(old.vkey().encode(), new.vkey().encode()))
    with closing(reopened(node)) as again:
        assert again.keys.witness_key("tongban.example") == new
        assert [row.signs for row in again.standing.rows() if row.use == "witness"] == [False, True]


def test_a_member_file_is_a_key_file_and_a_key_file_is_read_strictly(alliance: Alliance) -> None:
    member = alliance.members["370214"]
    assert KeyFile.parse(member.text()) == KeyFile(county="370214", keys=member.keys)
    key = member.keys[0].to_json()
    for document in (
        {"county": "370214", "more": 1},
        {"county": "3702", "keys": [key]},
        {"county": "320583", "keys": [key]},
        {"county": "370214", "witness": "x"},
        {"county": "370214", "keys": [{**key, "uses": ["all"]}]},
        [],
    ):
        with pytest.raises(Malformed):
            KeyFile.parse(canonical_json(document))
    assert MemberFile.parse(member.text()).keys == member.keys


async def test_a_serving_node_follows_the_ledger_by_itself(tmp_path: Path) -> None:
    founded, clock = found_alliance(tmp_path), FakeClock(NOW)
    home = founded.nodes["370214"]
    (tmp_path / "hub").mkdir()
    async with GovernedHub.running(founded, tmp_path / "hub", clock) as hub:
        made = rotate(home, "seal", now=NOW)
        await hub.change(MemberWishes(add=[made.file]), ("320583",))
        (home.data / "keys.json").unlink()
        with closing(reopened(home)) as node:
            assert node.keys.kid("seal") == "370214#2"
            app = create_county_app(node, clock=clock, transport=httpx2.ASGITransport(app=hub.app), log=hub.log)
            async with serving(app, lifespan="on"), asyncio.timeout(60):
                while node.keys.kid("seal") != "370214#5":  # noqa: ASYNC110  # what is waited for happens in a file
                    await asyncio.sleep(0.01)
    founded.close()


def test_a_county_becomes_an_auditor_by_rotation_and_signs_where_the_policy_names_it(node: CountyNode) -> None:
    def cosigners(of: CountyNode) -> list[tuple[str, str, bool]]:
        return [(row.use, row.state, row.signs) for row in of.standing.rows() if row.kid is None]

    assert cosigners(node) == [("witness", "active", True)]
    made = rotate(node, "auditor", now=NOW)
    vkey = made.file.cosigners["auditor"]
    assert (made.name, made.label, made.unlisted) == ("auditor key 1", "auditor-1", ())
    assert made.policy_line == f"witness a370214 {vkey} https://370214.example/auditor"
    assert cosigners(node) == [("witness", "active", True), ("auditor", "unlisted", False)]
    (node.data / "policy").write_text(f"witness own {vkey}\nquorum own\n", "utf-8")
    with closing(open_county(node.data, PASSPHRASE, random=bytes)) as again:
        assert cosigners(again) == [("witness", "active", False), ("auditor", "unlisted", True)]
        assert again.keys.auditor_key("tongban.example").vkey() == vkey


@pytest.mark.parametrize(("use", "names"), [("seal", ("370214#5", "370214#6")), ("witness", ("2", "3"))])
def test_keys_of_before_that_nobody_lists_yet_are_named(node: CountyNode, use: str, names: tuple[str, str]) -> None:
    told = tuple(f"{use} key {name}" for name in names)
    assert [rotate(node, use, now=NOW).unlisted for _ in range(3)] == [(), told[:1], told]
