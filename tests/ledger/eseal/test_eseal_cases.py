"""E-seal bypass cases: each is stopped at its step, for its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

import ledger.eseal as eseal_package
from ledger.encoding import canonical_json
from ledger.eseal import verification
from ledger.eseal.certificates import read_certificates
from ledger.eseal.chains import TrustStore
from ledger.eseal.documents import DocumentBytes
from ledger.eseal.revocation import read_revocations
from ledger.eseal.verdict import BINDING_STEPS, STEPS, ESealVerdict
from ledger.eseal.verification import Attestation, verify_eseal, verify_with_attestation
from ledger.receipt import parse_receipt
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome, StepState
from ledger.verifier import Verifier
from tests.cases_eseal.generate import FOLDER, SHARED, all_cases
from tests.small_log import GENESIS, POLICY

CASES: Final = sorted(path.parent for path in FOLDER.glob("*/case.json"))
VERIFIER: Final = Verifier(Policy.parse(POLICY), GENESIS)


def check_shape(verdict: ESealVerdict) -> None:
    """A verdict tells all steps in order, stops at the first failure, and tells no facts of what is not VALID."""
    states = [step.state for step in verdict.steps]
    names = tuple(step.name for step in verdict.steps)
    assert names in (STEPS, STEPS + BINDING_STEPS)
    assert [step.number for step in verdict.steps] == list(range(1, len(names) + 1))
    assert (verdict.outcome is Outcome.VALID) == (states == [StepState.PASSED] * len(names))
    if verdict.outcome is not Outcome.VALID:
        stop = states.index(StepState.FAILED)
        assert states[:stop] == [StepState.PASSED] * stop
        assert states[stop + 1 :] == [StepState.NOT_REACHED] * (len(names) - 1 - stop)
        assert verdict.facts == {}
    canonical_json(verdict.to_json())


def verdict_of(folder: Path, case: dict[str, Any]) -> ESealVerdict:
    def file(name: str) -> bytes:
        return (folder / name if (folder / name).exists() else FOLDER / name).read_bytes()

    crl = folder / "revocations.crl"
    store = TrustStore.of(
        read_certificates(file("roots.pem")), read_revocations(crl.read_bytes()) if crl.exists() else ()
    )
    document = None if "document" in case else DocumentBytes(file("document.pdf"))
    given = {"trust": store, "now": case["now"], "license_id": case.get("license")}
    receipt = folder / "receipt.lic-receipt"
    if not receipt.exists():
        assert document is not None
        return verify_eseal(file("license.eseal"), document, **given)
    verdict = VERIFIER.verify(receipt.read_bytes(), now=case["now"], max_age=60)
    entry = parse_receipt(receipt.read_bytes()).entry
    attestation = Attestation(entry=entry, claims=verdict.claims, authorities=frozenset(case.get("authorities", ())))
    return verify_with_attestation(file("license.eseal"), document, attestation=attestation, **given)


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_a_bypass_is_stopped_at_its_step(folder: Path) -> None:
    case = json.loads((folder / "case.json").read_text("utf-8"))
    verdict = verdict_of(folder, case)
    check_shape(verdict)
    assert verdict.failed is not None
    assert (verdict.outcome, verdict.failed.number, verdict.code) == (case["outcome"], case["step"], case["code"])


def test_the_generator_writes_the_cases_again() -> None:
    written = {f"{case.name}_fail/{name}": data for case in all_cases() for name, data in case.files().items()}
    written |= SHARED
    found = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.glob("*_fail/*")}
    found |= {name: (FOLDER / name).read_bytes() for name in SHARED}
    assert written == found


def test_there_is_a_case_for_every_step_that_can_fail() -> None:
    """Step 9 says what it finds and fails never."""
    steps = {json.loads((folder / "case.json").read_text("utf-8"))["step"] for folder in CASES}
    assert (len(CASES), steps) == (90, {*range(1, 13)} - {9})


def test_code_docstring_and_readme_list_the_same_steps() -> None:
    """Number, name and checks stand in one wording everywhere."""
    readme = (Path(str(eseal_package.__file__)).parent / "README.md").read_text("utf-8").replace("`", "")
    rows = [line.strip("| ").split(" | ") for line in readme.splitlines() if line[:2] == "| " and line[2].isdigit()]
    text = " ".join(str(verification.__doc__).replace("`", "").split())
    assert [name for _, name, *_ in rows] == [*STEPS, *BINDING_STEPS]
    assert [" ".join(row[:3]) for row in rows if " ".join(row[:3]) not in text] == []
