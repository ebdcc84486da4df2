"""Evidence and policies on the command line: what a witness refused, what proves a fork, whom a policy trusts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.witness import Witness, WitnessStore, log_keys
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import Offer
from ledger.transparency.merkle import consistency_path
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.witness import AddCheckpoint, Latest
from tests.command_line import tongban
from tests.trees import RecursiveTree, made_leaves, vector_signer

ORIGIN: Final = "hub.example/ledger"
LOG: Final = VerifierKey.of(ORIGIN, NOTE_ED25519, vector_signer("log"))
NAMES: Final = [f"{number}.example/witness" for number in range(4)]
KEYS: Final = [VerifierKey.of(name, COSIGNATURE_ED25519, vector_signer(name)) for name in NAMES]
POLICY: Final = "\n".join(
    [
        f"log {LOG.vkey()}",
        *(f"witness w{n} {key.vkey()}" for n, key in enumerate(KEYS)),
        "group g 2 w0 w1 w2 w3",
        "quorum g\n",
    ]
)
TREE: Final = RecursiveTree(made_leaves(8))
OTHER: Final = RecursiveTree(made_leaves(8)[::-1])


def request(old: int, size: int, tree: RecursiveTree) -> bytes:
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=tree.root(0, size))
    path = tuple(consistency_path(old, size, tree.node)) if 0 < old < size else ()
    return AddCheckpoint.of(old, path, sign_checkpoint(checkpoint, ORIGIN, vector_signer("log"))).format()


@pytest.fixture
def county(tmp_path: Path) -> Iterator[Path]:
    """Give a county's folder whose witness cosigned one tree and refused another, twice, and honest growth once."""
    (tmp_path / "policy").write_text(POLICY)
    with closing(WitnessStore(tmp_path / "witness.sqlite")) as store:
        logs = log_keys(Policy.parse(POLICY.encode()))
        witness = Witness(store, logs=logs, name=NAMES[0], signer=vector_signer(NAMES[0]), clock=lambda: 1)
        asked = [(0, 3, TREE), (3, 3, OTHER), (3, 5, OTHER), (0, 7, TREE)]
        assert [witness.add_checkpoint(request(*each)).status for each in asked] == [200, 422, 422, 409]
        yield tmp_path


def test_a_county_exports_what_proves_a_fork_and_anyone_can_check_it(county: Path) -> None:
    made = tongban("county", "evidence", "--data", county, "--output", county / "out")
    assert (made.code, made.out.splitlines()[0]) == (0, "3 signed checkpoints were refused; 2 of them prove a fork")
    files = sorted((county / "out").iterdir())
    assert [path.name for path in files] == ["fork-evidence-2.json", "fork-evidence.json"]
    grown, same = (tongban("ledger", "check-evidence", path, "--policy", county / "policy") for path in files)
    assert (same.code, same.out) == (0, f"the log forked: one key signed two roots for 3 entries of {ORIGIN}\n")
    assert (grown.code, "is not that of 3, grown" in grown.out) == (0, True)
    by_key = tongban("ledger", "check-evidence", files[1], "--log-key", LOG.vkey(), "--json")
    assert {name: json.loads(by_key.out)[name] for name in ("proves", "kind")} == {"proves": True, "kind": "same_size"}
    again = tongban("county", "evidence", "--data", county, "--output", county / "out")
    assert (again.code, "already_exists" in again.err) == (5, True)


def test_what_an_auditor_refused_is_exported_too(county: Path) -> None:
    """It holds another tree of five entries than it was asked to cosign; then its own growth contradicts that one."""
    (county / "witness.sqlite").unlink()
    with closing(SqliteAuditStore(county / "auditor.sqlite")) as store:
        held = AddCheckpoint.parse(request(0, 5, TREE)).note.format()
        store.keep(None, Latest(size=5, root=TREE.root(0, 5), time=1, note=held))
        for refused in (request(0, 5, OTHER), request(5, 7, OTHER), request(5, 8, TREE)):
            store.keep_offer(Offer(request=AddCheckpoint.parse(refused), held=held))
    made = tongban("county", "evidence", "--data", county, "--output", county / "out")
    assert (made.code, made.out.splitlines()[0]) == (0, "3 signed checkpoints were refused; 3 of them prove a fork")


def test_the_export_for_machines_counts_what_proves_nothing_too(county: Path) -> None:
    made = tongban("county", "evidence", "--data", county, "--output", county / "out", "--json")
    found = json.loads(made.out)
    assert (found["refused"], [Path(path).name for path in found["files"]]) == (
        3,
        ["fork-evidence.json", "fork-evidence-2.json"],
    )


def test_what_proves_nothing_exits_1_and_what_cannot_be_read_exits_2(county: Path) -> None:
    tongban("county", "evidence", "--data", county, "--output", county / "out")
    grown = county / "out" / "fork-evidence-2.json"
    stranger = VerifierKey.of(ORIGIN, NOTE_ED25519, vector_signer("stranger")).vkey()
    assert tongban("ledger", "check-evidence", grown, "--log-key", stranger).code == 1
    value = json.loads(grown.read_bytes())
    (county / "unproven.json").write_text(json.dumps(value | {"proof": []}, separators=(",", ":"), ensure_ascii=False))
    found = tongban("ledger", "check-evidence", county / "unproven.json", "--policy", county / "policy", "--json")
    row = json.loads(found.out)
    assert (found.code, row["proves"], row["kind"], row["code"]) == (1, False, "unproven", "bad_consistency")
    (county / "cut.json").write_bytes(grown.read_bytes()[:-1])
    assert tongban("ledger", "check-evidence", county / "cut.json", "--policy", county / "policy").code == 2
    assert tongban("ledger", "check-evidence", grown).code == 2
    assert tongban("ledger", "check-evidence", grown, "--policy", county / "policy", "--log-key", stranger).code == 2


def test_a_store_that_is_damaged_gives_no_evidence(county: Path) -> None:
    for beside in county.glob("witness.sqlite-*"):
        beside.unlink()
    (county / "witness.sqlite").write_bytes(b"no database" * 500)
    assert tongban("county", "evidence", "--data", county, "--output", county / "more").code == 1


def test_a_folder_without_a_witness_has_no_evidence(tmp_path: Path) -> None:
    assert tongban("county", "evidence", "--data", tmp_path, "--output", tmp_path / "out").code == 2
    assert not (tmp_path / "witness.sqlite").exists()


def test_a_policy_with_disjoint_quorums_is_shown_with_them(county: Path) -> None:
    shown = tongban("ledger", "policy", county / "policy")
    assert shown.code == 0
    assert shown.out.splitlines()[-4:] == [
        "group    g  2 of 4: w0 w1 w2 w3",
        "quorum   g",
        "two quorums share 0 or more of the witnesses; 3 of them can block every quorum",
        "closest  w0 w1  |  w2 w3",
    ]
    assert shown.err == "warning: these two quorums are disjoint: a split view would need no dishonest county\n"
    row = json.loads(tongban("ledger", "policy", county / "policy", "--json").out)
    assert (row["shared"], row["block"], row["closest"]) == (0, 3, [["w0", "w1"], ["w2", "w3"]])


def test_a_policy_without_quorum_says_that_no_receipt_is_valid(tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(f"log {LOG.vkey()}\nquorum none\n")
    shown = tongban("ledger", "policy", tmp_path / "policy")
    assert shown.out.splitlines()[-1] == "quorum   none: no receipt is ever VALID"
    assert json.loads(tongban("ledger", "policy", tmp_path / "policy", "--json").out)["closest"] == []
