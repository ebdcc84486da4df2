"""Governing by the command line, word for word, against a hub on a socket: rotate, propose, sign, submit, join."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from hub.governance.founding import draft_genesis
from hub.keyfiles import write_private
from ledger.errors import Malformed
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from ledger.transparency.proof import TlogProof
from tests.alliance import PASSPHRASE, Alliance, found_alliance, init_sample
from tests.command_line import Result, tongban
from tests.entropy import signer_of
from tests.governed import GovernedHub
from tests.ports import FakeClock
from tests.servers import serving

COUNTIES: Final = ("130283", "320583", "370214")
HOME: Final = "370214"


@dataclass
class Desk:
    """What the people have before them: folders, a passphrase file, and a ledger's URL."""

    folder: Path
    hub: GovernedHub
    url: str

    @property
    def alliance(self) -> Alliance:
        return self.hub.alliance

    def of(self, county: str) -> tuple[object, ...]:
        return ("--data", self.folder / county, "--passphrase-file", self.folder / "county.pass")

    async def type(self, *words: object) -> Result:
        """Run a command beside the hub, which goes on serving."""
        return await asyncio.to_thread(tongban, *words)

    async def propose(self, *options: object, group: str = "member", name: str = "change") -> Result:
        draft = self.folder / f"{name}.draft"
        options = (*options, "--data", self.folder / HOME, "--url", self.url, "--output", draft)
        return await self.type("ledger", group, "propose", *options)

    async def sign(self, county: str, *options: object, group: str = "member", name: str = "change") -> Result:
        output = ("--output", self.folder / f"{name}.{county}.sig")
        draft = self.folder / f"{name}.draft"
        words = ("sign", draft, *self.of(county), "--url", self.url, *output, *options)
        return await self.type("ledger", group, *words)

    async def submit(self, *counties: str, group: str = "member", name: str = "change", json: bool = False) -> Result:
        files = [word for county in counties for word in ("--signature", self.folder / f"{name}.{county}.sig")]
        options = ("--data", self.folder / "130283", "--url", self.url, *(["--json"] if json else []))
        return await self.type("ledger", group, "submit", self.folder / f"{name}.draft", *files, *options)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Give three counties of which any two sign a change, and their hub on a socket."""
    founded = found_alliance(tmp_path, COUNTIES, k=2, silent=1)
    write_private(tmp_path / "county.pass", PASSPHRASE + b"\n")
    async with (
        GovernedHub.running(founded, tmp_path, FakeClock(int(time.time()))) as hub,
        serving(hub.app) as url,
    ):
        yield Desk(tmp_path, hub, f"{url}/ledger")
    founded.close()


async def test_a_seal_key_is_rotated_by_commands(desk: Desk) -> None:
    made = await desk.type("county", "rotate", "--use", "seal", *desk.of(HOME))
    file = desk.folder / HOME / "seal-5.json"
    assert re.match(r"made seal key 370214#5, fingerprint ([0-9a-f]{4} ){3}[0-9a-f]{4}\n", made.out)
    mark = made.out.partition("fingerprint ")[2].splitlines()[0]
    told = await desk.propose("--add-key", file, "--revoke", "370214#2")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[:3] == [
        f"county 370214: new key 370214#5 (seal, Ed25519), fingerprint {mark}",
        "county 370214: key 370214#2 (seal) ends; what it signed before stands",
        "k of n stays 2 of 3",
    ]
    for county in ("130283", "320583"):
        signed = await desk.sign(county, "--yes")
        assert (signed.code, signed.out.splitlines()[:3]) == (0, told.out.splitlines()[:3])
    missing = await desk.submit("130283")
    assert (missing.code, missing.err) == (
        1, "tongban: not_enough_signers: 1 of 2 signatures: 1 missing; 320583, 370214 can still sign\n",
    )  # fmt: skip
    done = await desk.submit("130283", "320583")
    assert (done.code, done.out) == (
        0, "in the ledger at index 2, witnessed; the key state is checked from genesis on\n",
    )  # fmt: skip
    again = await desk.submit(json=True)
    assert (again.code, json.loads(again.out)) == (0, {"index": 2})
    proof = desk.folder / "proof"
    late = ("ledger", "member", "submit", desk.folder / "change.draft", "--data", desk.folder / HOME, "--proof", proof)
    for code, text in ((0, ""), (5, f"tongban: already_exists: {proof} is there already: --force writes over it\n")):
        result = await desk.type(*late, "--url", desk.url)
        assert (result.code, result.err) == (code, text)
    assert TlogProof.parse(proof.read_bytes()).index == 2
    await desk.hub.follow(desk.alliance.nodes[HOME])
    rows = json.loads((await desk.type("county", "keys", "--json", *desk.of(HOME))).out)
    seals = [(row["kid"], row["state"], row["since"], row["signs"]) for row in rows if row["use"] == "seal"]
    assert seals == [("370214#2", "revoked", 2, False), ("370214#5", "active", 2, True)]
    lines = (await desk.type("county", "keys", *desk.of(HOME))).out.splitlines()
    assert len(lines) == 7
    assert lines[0].split() == ["kid", "use", "suite", "state", "since", "fingerprint"]
    assert re.fullmatch(r"370214#5 +seal +Ed25519 +active +2 +signs +" + mark, lines[5])


async def test_a_person_says_yes_or_nothing_is_signed(desk: Desk) -> None:
    assert (await desk.propose("--k", 3)).out.startswith("k of n becomes 3 of 3 (was 2 of 3)\n")
    draft, output = desk.folder / "change.draft", desk.folder / "typed.sig"
    command = ("ledger", "member", "sign", draft, *desk.of(HOME), "--url", desk.url, "--output", output)
    refused, signed = [await asyncio.to_thread(answered, f"{word}\n", *command) for word in ("yes", HOME)]
    assert (refused.code, refused.err) == (4, "tongban: forbidden: not confirmed: nothing was signed\n")
    assert "k of n becomes 3 of 3 (was 2 of 3)\n" in refused.out
    assert (signed.code, output.exists()) == (0, True)


def answered(answer: str, *words: object) -> Result:
    """Run a command as a process of its own and type an answer."""
    command = [sys.executable, "-m", "hub", *map(str, words)]
    done = subprocess.run(command, input=answer, capture_output=True, text=True, check=False, timeout=180)
    return Result(done.returncode, done.stdout, done.stderr)


async def test_a_stale_draft_is_neither_signed_nor_submitted(desk: Desk) -> None:
    await desk.propose("--k", 3, name="late")
    for county in COUNTIES:
        assert (await desk.sign(county, "--yes", name="late")).code == 0
    await desk.propose("--k", 1)
    for county in COUNTIES[:2]:
        await desk.sign(county, "--yes")
    assert (await desk.submit(*COUNTIES[:2])).code == 0
    said = "tongban: stale_prev: the draft was made for another key state than the newest: propose it again\n"
    (desk.folder / f"late.{HOME}.sig").unlink()
    for result in (await desk.sign(HOME, "--yes", name="late"), await desk.submit("130283", "320583", name="late")):
        assert (result.code, result.err) == (5, said)


async def test_a_county_joins_and_another_leaves(desk: Desk) -> None:
    init_sample(desk.folder / "371082", "371082")
    told = await desk.propose("--join", desk.folder / "371082" / "member.json", "--leave", "130283", "--k", 3)
    lines = told.out.splitlines()
    assert lines[0] == "county 130283 leaves: its keys 130283#1, 130283#2, 130283#3, 130283#4 end"
    assert lines[1] == "county 130283: its witness is removed; the policy file must say the same"
    assert lines[2] == "county 371082 joins"
    assert lines[7].startswith("county 371082: its witness is 371082.tongban.example/witness+")
    assert lines[8] == "k of n becomes 3 of 3 (was 2 of 3)"
    for county in COUNTIES[:2]:
        await desk.sign(county, "--yes")
    assert (await desk.submit(*COUNTIES[:2], json=True)).out == '{"index":2}\n'


async def test_rules_and_the_policy_are_changed_and_a_folder_takes_the_named_one_only(desk: Desk) -> None:
    new = desk.folder / "policy.new"
    new.write_bytes(b"# of today\n" + desk.alliance.policy)
    told = await desk.propose("--set", "deposit_s=120", "--policy", new, "--supervisor", "370214=320583", group="rule")
    lines = told.out.splitlines()
    assert lines[0] == "rule deposit_s: 120 s (was 300 s)"
    assert re.fullmatch(r"document policy: SHA-256 [0-9a-f]{64} \(was none\)", lines[1])
    assert lines[2] == "county 370214: its supervisors are 320583 (were none)"
    own = ("--data", desk.folder / HOME)
    assert (await desk.type("county", "policy", new, *own)).code == 5
    for county in COUNTIES[:2]:
        said = "is the draft of a rule entry: `tongban ledger rule sign`\n"
        assert (await desk.sign(county, "--yes")).err.endswith(said)
        await desk.sign(county, "--yes", group="rule")
    refused = await desk.submit(*COUNTIES[:2])
    said = f"bad_file: {desk.folder / 'change.draft'} is the draft of a rule entry: `tongban ledger rule submit`\n"
    assert (refused.code, refused.err) == (2, f"tongban: {said}")
    assert (await desk.submit(*COUNTIES[:2], group="rule")).code == 0
    await desk.hub.follow(desk.alliance.nodes[HOME])
    other = await desk.type("county", "policy", desk.folder / HOME / "policy", *own)
    assert (other.code, "not the one that the key state names" in other.err) == (5, True)
    assert (await desk.type("county", "policy", new, *own)).code == 0
    assert (desk.folder / HOME / "policy").read_bytes() == new.read_bytes()


@pytest.mark.parametrize(
    ("group", "options", "code", "said"),
    [
        ("member", ("--revoke", "370214#9"), 5, "wrong_target"),
        ("member", ("--leave", "999999"), 5, "wrong_target"),
        ("member", ("--witness", "370214"), 2, "bad_setting"),
        ("member", ("--witness", "370214=x"), 2, "bad_vkey"),
        ("member", ("--k", "4"), 5, "wrong_target"),
        ("member", (), 2, "bad_setting"),
        ("rule", (), 2, "bad_setting"),
        ("rule", ("--set", "deposit_s"), 2, "bad_setting"),
        ("rule", ("--set", "deposit_s=-1"), 2, "bad_number"),
        ("rule", ("--set", "speed=1"), 2, "unknown_member"),
        ("rule", ("--set", "deposit_s=1", "--set", "deposit_s=2"), 2, "bad_setting"),
        ("rule", ("--supervisor", "370214=none", "--supervisor", "370214=370200"), 2, "bad_setting"),
        ("member", ("--witness", "370214=none", "--witness", "370214=none"), 2, "bad_setting"),
        ("member", ("--auditor", "370214=none", "--auditor", "370214=x"), 2, "bad_setting"),
        ("rule", ("--supervisor", "370214=37"), 2, "bad_payload"),
        ("rule", ("--supervisor", "370214=370200"), 5, "wrong_target"),
        ("rule", ("--supervisor", "370200=370214"), 5, "wrong_target"),
        ("rule", ("--supervisor", "370214=none"), 2, "bad_setting"),
        ("rule", ("--set", "deposit_s=300"), 2, "bad_setting"),
        ("rule", ("--set", "iat_back_s=1"), 2, "bad_setting"),
        ("rule", ("--set", "iat_back_s=604801"), 2, "bad_setting"),
    ],
)
def test_what_cannot_be_proposed_leaves_no_draft(
    tmp_path: Path, group: str, options: tuple[str, ...], code: int, said: str
) -> None:
    founded = found_alliance(tmp_path)
    output = tmp_path / "change.draft"
    result = tongban("ledger", group, "propose", *options, "--offline", "--data", tmp_path / HOME, "--output", output)
    founded.close()
    assert (result.code, result.err.split(": ")[1]) == (code, said)
    assert not output.exists()


def test_what_is_given_twice_or_for_nothing_is_named(tmp_path: Path) -> None:
    given = ("--data", tmp_path, "--output", tmp_path / "d")
    for words, said in (
        (("rule", "propose", "--set", "deposit_s=1", "--set", "deposit_s=2"), "--set names deposit_s twice"),
        (("rule", "propose", "--url", "http://a/b", "--offline"), "give --url or --offline, one of the two"),
        (("member", "propose", "--witness", "370214=a", "--witness", "370214=b"), "--witness names 370214 twice"),
        (
            ("rule", "propose", "--supervisor", "370214=370200", "--supervisor", "370214=none"),
            "--supervisor names others beside 370214=none",
        ),
    ):
        assert tongban("ledger", *words, *given) == Result(2, "", f"tongban: bad_setting: {said}\n")


def test_offline_a_folder_that_is_behind_is_told_by_the_hub_only(tmp_path: Path) -> None:
    """Offline a draft is made by what the folder has; without a hub the other commands say so."""
    founded = found_alliance(tmp_path)
    draft, nowhere = tmp_path / "change.draft", ("--url", "http://127.0.0.1:9/ledger")
    arguments = ("ledger", "member", "propose", "--k", 2, "--data", tmp_path / HOME, "--output", draft)
    away = Result(3, "", "tongban: not_ready: the log at http://127.0.0.1:9/ledger does not answer to checkpoint\n")
    assert tongban(*arguments, *nowhere) == away
    told = tongban(*arguments, "--offline")
    assert (told.code, "by this folder's keys.json" in told.out) == (0, True)
    assert tongban("ledger", "member", "submit", draft, "--data", tmp_path / HOME, *nowhere).code == 3
    founded.close()


def test_a_genesis_is_told_before_it_is_signed_and_lists_the_signers_own_keys(tmp_path: Path) -> None:
    write_private(tmp_path / "county.pass", PASSPHRASE + b"\n")
    members = [init_sample(tmp_path / county, county) for county in COUNTIES]
    draft, output = tmp_path / "genesis.draft", tmp_path / "genesis.sig"
    secret = ("--passphrase-file", tmp_path / "county.pass", "--output", output)
    draft.write_text(draft_genesis(members[:2], origin="hub.example/ledger", k=2, iat=int(time.time())))
    refused = tongban("county", "sign", draft, "--data", tmp_path / HOME, *secret)
    assert (refused.code, refused.err) == (
        5, "tongban: wrong_target: the draft does not list the keys of 370214 as they are here\n",
    )  # fmt: skip
    assert not output.exists()
    told = tongban("county", "sign", draft, "--data", tmp_path / "130283", *secret)
    lines = told.out.splitlines()
    assert (told.code, len(lines)) == (0, 14)
    assert lines[0] == "county 130283 is a member"
    assert re.fullmatch(r"county 130283: new key 130283#1 \(govern, Ed25519\), fingerprint [0-9a-f ]{19}", lines[1])
    assert lines[5].startswith("county 130283: its witness is 130283.tongban.example/witness+")
    assert lines[12] == "log hub.example/ledger; k of n is 2 of 2"


async def test_a_later_change_is_not_signed_as_a_genesis(desk: Desk) -> None:
    await desk.propose("--k", 1)
    payload = desk.folder / "payload"
    payload.write_text(json.loads((desk.folder / "change.draft").read_bytes())["payload"])
    output = ("--output", desk.folder / "blind.sig")
    refused = await desk.type("county", "sign", payload, *desk.of(HOME), *output)
    assert (refused.code, refused.err.split(": ")[1]) == (5, "wrong_target")
    with pytest.raises(Malformed, match="this is no genesis but a later change"):
        desk.alliance.nodes[HOME].sign_genesis(payload.read_text())


async def test_a_policy_that_nothing_is_witnessed_by_yet_is_taken_without_fetching(desk: Desk) -> None:
    """Its new cosigner has signed nothing: what the hub shows meets the old policy only, by which the node follows."""
    new, own = desk.folder / "policy.new", ("--data", desk.folder / HOME)
    text, vkey = desk.alliance.policy.decode(), VerifierKey.of("new.example/w", COSIGNATURE_ED25519, signer_of("new"))
    rules, _, old = text.rpartition("quorum ")
    new.write_text(f"{rules}witness new {vkey.vkey()}\ngroup both all {old.strip()} new\nquorum both\n", "utf-8")
    fetching = ("county", "policy", new, "--fetch", "--url", desk.url, *own)
    await desk.propose("--policy", new, group="rule")
    for county in COUNTIES[:2]:
        await desk.sign(county, "--yes", group="rule")
    assert (await desk.submit(*COUNTIES[:2], group="rule")).code == 0
    behind = await desk.type(*fetching)
    assert (behind.code, behind.err.split(": ")[1]) == (1, "no_quorum")
    assert behind.err.endswith("; once `county serve` has followed the ledger by the old policy, leave --fetch out\n")
    await desk.hub.follow(desk.alliance.nodes[HOME])
    known = await desk.type(*fetching)
    assert known.err.endswith("; the keys.json of this folder names this file already: leave --fetch out\n")
    gone = await desk.type("county", "policy", new, "--fetch", "--url", "http://127.0.0.1:9/ledger", *own)
    assert (gone.code, gone.err.split(": ")[1], gone.err.endswith(": leave --fetch out\n")) == (3, "not_ready", True)
    assert (await desk.type("county", "policy", new, *own)).code == 0
    assert (desk.folder / HOME / "policy").read_bytes() == new.read_bytes()
