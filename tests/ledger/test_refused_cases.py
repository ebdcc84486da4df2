"""The cases of tests/cases that are no receipts: what a witness does not cosign, and policies no verifier starts with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.errors import Malformed
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import NOTE_ED25519, Note, VerifierKey, keyring
from ledger.transparency.policy import Policy
from ledger.transparency.witness import AddCheckpoint, Decision, Latest, decide, refuse_malformed
from tests.cases.generate import FOLDER
from tests.small_log import AUDITORS, LOG, ORIGIN, POLICY, T0

REQUESTS: Final = sorted(path.parent for path in FOLDER.glob("*/add-checkpoint.request"))
POLICIES: Final = sorted(path for path in FOLDER.glob("policy_*_fail") if not (path / "receipt.lic-receipt").exists())
LOGS: Final = keyring([VerifierKey.of(ORIGIN, NOTE_ED25519, LOG)])


def expected(folder: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((folder / "case.json").read_text("utf-8"))
    return case


def latest_of(folder: Path) -> Latest | None:
    path = folder / "latest.note"
    if not path.exists():
        return None
    note = path.read_bytes()
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    return Latest(size=checkpoint.size, root=checkpoint.root, time=T0 + 120, note=note)


def answer(body: bytes, latest: Latest | None) -> Decision:
    witness = AUDITORS["370214"]
    try:
        request = AddCheckpoint.parse(body)
    except Malformed as error:
        return refuse_malformed(error)
    return decide(request, latest, logs=LOGS, name=witness.name, signer=witness.signer, now=T0 + 3700)


@pytest.mark.parametrize("folder", REQUESTS, ids=lambda path: path.name)
def test_a_witness_does_not_cosign(folder: Path) -> None:
    """No cosignature leaves, nothing is stored; what the log signed is kept where it may prove a fork."""
    latest = latest_of(folder)
    decision = answer((folder / "add-checkpoint.request").read_bytes(), latest)
    assert (decision.status, decision.latest) == (expected(folder)["status"], None)
    assert "\u2014".encode() not in decision.body
    assert decision.evidence or decision.status not in {409, 422}
    if decision.status == 409:
        assert latest is not None
        assert decision.body == b"%d\n" % latest.size


@pytest.mark.parametrize("folder", POLICIES, ids=lambda path: path.name)
def test_no_verifier_starts_with_such_a_policy(folder: Path) -> None:
    with pytest.raises(Malformed) as caught:
        Policy.parse((folder / "policy").read_bytes())
    assert caught.value.code == expected(folder)["code"]


def test_there_are_such_cases_and_the_policy_they_are_made_from_is_good() -> None:
    assert (len(REQUESTS), len(POLICIES)) == (12, 14)
    assert Policy.parse(POLICY).shared == 2
