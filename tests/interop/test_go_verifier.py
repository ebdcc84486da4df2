"""A verifier in Go, written from ledger/README.md: the same outcome, step and code for every receipt as ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.cases.case import TIMES, later_receipt, receipt
from tests.cases.generate import FOLDER
from tests.cases.presentations import CHALLENGE
from tests.fuzz.mutation import Mutator
from tests.fuzz.targets.entries import changes
from tests.fuzz.targets.receipts import PAYLOADS, governed, head_payloads, headed, receipts, resealed
from tests.interop.verifiers import Finding, Request, SyncParts, ask_go, ask_python, build_verifier, go
from tests.logbook import LogBook
from tests.small_log import GENESIS, LOG, POLICY, SEALED, T0, issue_at, small_log

SMALL_LOG: Final = FOLDER.parent / "vectors" / "small_log"
MUTATIONS: Final = 2_000

pytestmark = pytest.mark.timeout(1800)  # the first one builds a program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the verifier once."""
    return build_verifier(tmp_path_factory.mktemp("go"))


def case_of(folder: Path) -> tuple[Request, Finding]:
    """Read a case's folder: the request, and what is expected (T aside)."""
    case = json.loads((folder / "case.json").read_text("utf-8"))
    files = {name: (folder / name).read_bytes() for name in ("policy", "genesis") if (folder / name).exists()}
    request = Request(
        name=folder.name,
        receipt=(folder / "receipt.lic-receipt").read_bytes(),
        now=case["now"],
        max_age=case["max_age"],
        known_keys=[(row["index"], row["entry"].encode()) for row in case.get("known_keys", [])],
        holder=case.get("holder"),
        **files,
    )
    return request, Finding(case["outcome"], case["step"], case["code"], 0)


def test_go_stops_every_bypass_at_its_step(program: Path) -> None:
    """All of tests/cases: outcome, step and code as their expectation files say."""
    cases = [case_of(path.parent) for path in sorted(FOLDER.glob("*/receipt.lic-receipt"))]
    found = ask_go(program, [request for request, _ in cases])
    expected = {request.name: (row.outcome, row.step, row.code) for request, row in cases}
    assert {
        request.name: (row.outcome, row.step, row.code) for (request, _), row in zip(cases, found, strict=True)
    } == expected
    assert len(expected) >= 60


def test_go_takes_the_small_log_for_what_it_is(program: Path) -> None:
    """VALID when it is fresh, STALE a second too late, REVOKED once the log says so."""
    early, late = (SMALL_LOG / f"size-{size}.lic-receipt" for size in (3, 5))
    requests = [
        Request(name="fresh", receipt=early.read_bytes(), now=T0 + 150),
        Request(name="stale", receipt=early.read_bytes(), now=T0 + 181),
        Request(name="revoked", receipt=late.read_bytes(), now=T0 + 3700),
        Request(name="bound", receipt=receipts()[3], now=T0 + 150, holder=CHALLENGE),
        Request(name="key change", receipt=receipts()[2], now=T0 + 150),
        Request(name="SM2", receipt=receipts()[4], now=T0 + 150),
    ]
    found = ask_go(program, requests)
    assert [(row.outcome, row.step, row.code) for row in found] == [
        ("VALID", 0, "valid"),
        ("STALE", 14, "stale"),
        ("REVOKED", 12, "revoked"),
        *[("VALID", 0, "valid")] * 3,
    ]
    assert found == ask_python(requests)


def test_a_newer_sync_decides_for_both(program: Path) -> None:
    """A receipt from before the revocation, and statuses that were synced after it; and one of another tree of that size."""
    book, note = small_log()
    parts = SyncParts(checkpoint=note, head=book.entries[4], path=book.path(4), statuses=book.covered.to_bytes())
    other = LogBook(GENESIS, LOG)
    for entry in (*book.entries[1:3], *(issue_at(T0 + 90).partition("~")[0].encode(),)):
        other.append(entry)
    other.close()
    fork = other.receipt(1, SEALED, other.checkpoint(list(TIMES.values())))
    requests = [
        Request(name="early", receipt=receipt, now=T0 + 3700, synced=parts),
        Request(name="late", receipt=later_receipt, now=T0 + 3700, synced=parts),
        Request(name="fork", receipt=fork, now=T0 + 3700, synced=parts),
    ]
    found = ask_go(program, requests)
    assert found[:2] == [Finding("REVOKED", 12, "revoked", T0 + 3660)] * 2
    assert found[2] == Finding("FORGED", 3, "bad_consistency", 0)
    assert found == ask_python(requests)


def mutated(count: int) -> list[Request]:
    """Give receipts with something changed: as they come, or below a signature that is made anew."""
    plain = Mutator(receipts(), 5)
    signed = [
        (resealed, Mutator(PAYLOADS, 6)),
        (governed, Mutator(changes(), 7)),
        (headed, Mutator(head_payloads(), 8)),
    ]
    found = []
    for number in range(count):
        make, payloads = signed[number % 3]
        data = make(payloads.next()[:8_000]) if number % 2 else plain.next()
        challenge = CHALLENGE if number % 4 == 0 else None
        found.append(Request(name=str(number), receipt=data, now=T0 + 150, holder=challenge))
    return found


def test_both_find_the_same_in_mutated_receipts(program: Path) -> None:
    """Two verifiers by different hands in different languages: where they differ, one of them is wrong."""
    requests = mutated(MUTATIONS)
    go, python = ask_go(program, requests), ask_python(requests)
    differing = [
        (request.name, request.receipt, theirs, ours)
        for request, theirs, ours in zip(requests, go, python, strict=True)
        if theirs != ours
    ]
    assert differing == []
    assert len({(row.outcome, row.step, row.code) for row in python}) >= 40


def test_the_program_reads_files_and_says_by_its_exit_code_whether_all_are_valid(program: Path, tmp_path: Path) -> None:
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    (tmp_path / "good").write_bytes(receipt)
    (tmp_path / "bad").write_bytes(receipt + b"\n")

    def run(*names: str) -> subprocess.CompletedProcess[str]:
        options = [f"-policy={tmp_path / 'policy'}", f"-genesis={tmp_path / 'genesis'}", f"-at={T0 + 150}"]
        command = [str(program), *options, *names]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    valid, damaged = run("good"), run("good", "bad")
    assert (valid.returncode, valid.stdout) == (0, "good: VALID (valid) step 0\n")
    assert (damaged.returncode, damaged.stdout.splitlines()[1]) == (1, "bad: FORGED (malformed) step 1")
    assert run("absent").returncode == 2


def test_go_vet_finds_nothing() -> None:
    go("vet", "-mod=readonly", "./receipt", "./verify")
