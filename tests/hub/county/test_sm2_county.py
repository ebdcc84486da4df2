"""A county that seals with SM2, from its first command to a receipt that another county verifies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from hub.county.delivery import Delivery
from hub.county.evidence import EvidenceCheck
from hub.county.outbox import Counts
from hub.keyfiles import create_secret, read_signer
from ledger.entries import parse_seal
from ledger.status import Status
from ledger.suites import verify
from ledger.verdict import Outcome
from tests.alliance import HUB_URL, NOW, Alliance, found_alliance, identifier_of, license_of
from tests.command_line import Result, tongban
from tests.entropy import seeded
from tests.fake_hub import FakeHub
from tests.ports import FakeClock

COUNTY: Final = "370214"


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    """Give two county nodes, of which one seals with SM2."""
    founded = found_alliance(tmp_path, seal_algs={COUNTY: "SM2"})
    yield founded
    founded.close()


async def _deliver(alliance: Alliance, hub: FakeHub, clock: FakeClock) -> int:
    """Deliver what the county has sealed; return how many items left its outbox with proof."""
    node = alliance.nodes[COUNTY]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=hub.app()), base_url=HUB_URL) as client:
        check = EvidenceCheck(node.verifier)
        delivery = Delivery(node.outbox, client, check=check, renew=node.renew, clock=clock, random=seeded("jitter"))
        return await delivery.deliver()


async def test_its_seals_and_status_entries_are_witnessed(alliance: Alliance, clock: FakeClock) -> None:
    hub, node = FakeHub(alliance, clock), alliance.nodes[COUNTY]
    node.seal_many([license_of(1), license_of(2)], NOW)
    assert await _deliver(alliance, hub, clock) == 4
    node.revoke(str(identifier_of(1)), "04", NOW)
    assert await _deliver(alliance, hub, clock) == 1
    assert node.outbox.counts(NOW) == Counts(pending=0, witnessed=3, stated=3, overdue=0, failed={})
    statuses = [hub.book.statuses.get(node.log_index(str(identifier_of(number)))) for number in (1, 2)]
    assert statuses == [Status.REVOKED, Status.VALID]


async def test_another_county_verifies_its_receipt(alliance: Alliance, clock: FakeClock) -> None:
    hub, node, other = FakeHub(alliance, clock), alliance.nodes[COUNTY], alliance.nodes["320583"]
    node.seal(license_of(), NOW)
    (item,) = node.outbox.of(str(identifier_of(1)))
    (signature,) = parse_seal(item.entry).signatures
    assert (signature.alg, signature.kid) == ("SM2", "370214#2")
    verify(node.keys.seal.public_key, signature.message, signature.signature)
    await _deliver(alliance, hub, clock)
    receipt = node.present(str(identifier_of(1)), ["certificateTypeName"])
    verdict = other.verifier.verify(receipt, now=NOW + 60, max_age=3600)
    assert (verdict.outcome, verdict.claims["certificateTypeName"]) == (Outcome.VALID, "营业执照")


def _init(folder: Path, *options: object) -> Result:
    secret, holder = folder / "county.pass", folder / "holder.key"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    create_secret(holder, bytes(32))
    return tongban(
        "county", "init", "--data", folder / "county", "--passphrase-file", secret, "--county", COUNTY, "--name", "城阳区",
        "--url", "http://127.0.0.1:8101", "--hub-url", "http://127.0.0.1:8080", "--holder-key-file", holder, *options,
    )  # fmt: skip


def test_the_command_makes_an_sm2_seal_key(tmp_path: Path) -> None:
    assert _init(tmp_path, "--seal-alg", "SM2").code == 0
    member = json.loads((tmp_path / "county" / "member.json").read_bytes())
    assert [(key["alg"], key["uses"]) for key in member["keys"]] == [
        ("Ed25519", ["govern"]), ("SM2", ["seal"]), ("Ed25519", ["client"]), ("Ed25519", ["journal"]),
    ]  # fmt: skip
    assert sorted(member["keys"][1]) == ["alg", "from", "kid", "uses", "x", "y"]
    file = tmp_path / "county" / "keys" / "seal.pem"
    signer = read_signer(file, b"correct horse")
    assert signer.public_key.alg == "SM2"
    command = ["openssl", "pkey", "-in", str(file), "-passin", f"file:{tmp_path / 'county.pass'}", "-noout", "-text"]
    assert "SM2" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_command_refuses_another_suite_and_can_be_given_again(tmp_path: Path) -> None:
    refused = _init(tmp_path, "--seal-alg", "EdDSA")
    assert (refused.code, refused.err) == (2, "tongban: unknown_alg: expected one of Ed25519, ES256, SM2\n")
    (tmp_path / "holder.key").unlink()
    assert _init(tmp_path, "--seal-alg", "SM2").code == 0
