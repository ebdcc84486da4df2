"""Named fail points of every commit path, each not done and done but not reported, by an error and by SIGKILL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from ledger.signers import Signer
from ledger.transparency.store import Reader, Store
from tests.faults.crashes import points_of
from tests.faults.ledger_part import LEDGER, check_told
from tests.faults.parts import Told
from tests.faults.points import methods, statement
from tests.faults.stores import PARTS
from tests.faults.victims import Victims
from tests.sequenced import SequencedLog, seals
from tests.stores import MemoryStore

SAMPLES: Final = {"hub": 8, "ledger": 24, "journal": 14, "witness": 12, "county": 14}
T1: Final = (
    "ledger: BEGIN IMMEDIATE", "ledger: UPDATE head", "ledger: INSERT INTO entry", "ledger: INSERT INTO leaf",
    "ledger: INSERT INTO statement", "ledger: INSERT OR REPLACE INTO tile", "ledger: INSERT OR REPLACE INTO status",
    "ledger: INSERT INTO change", "ledger: COMMIT",
)  # fmt: skip
T2: Final = (
    "ledger: BEGIN IMMEDIATE #2", "ledger: UPDATE head #2", "ledger: INSERT OR IGNORE INTO checkpoint",
    "ledger: INSERT INTO cosig", "ledger: INSERT INTO landmark", "ledger: COMMIT #2",
)  # fmt: skip
GROUP_COMMIT: Final = (
    "journal: BEGIN IMMEDIATE", "journal: SELECT FROM stated", "journal: SELECT FROM license",
    "journal: INSERT INTO stated", "journal: INSERT INTO license", "journal: INSERT INTO holding",
    "journal: INSERT INTO record", "journal: INSERT INTO recent", "journal: INSERT OR REPLACE INTO tile",
    "journal: UPDATE head", "journal: COMMIT", "answer: position",
)  # fmt: skip
PATHS: Final = {
    "hub": (
        *GROUP_COMMIT, "clock #2", "journal binding", "ledger: SELECT FROM leaf", "ledger: SELECT FROM statement",
        "log key.sign", "log key.sign #2", *T1, *T2, "on_published #2", "answer: index", "answer: receipt",
    ),
    "ledger": (
        "store.reader.find", "ledger: SELECT FROM leaf", "ledger: SELECT FROM statement", "log key.sign",
        "log key.sign #2", "store.commit", *T1, "answer: index", "store.publish", *T2, "answer: checkpoint",
        "answer: receipt", "ledger: close",
    ),
    "journal": (*GROUP_COMMIT, "journal: close"),
    "county": (
        "county: BEGIN IMMEDIATE", "county: INSERT INTO record", "county: INSERT INTO outbox", "county: COMMIT",
        "answer: sealed", "county: BEGIN IMMEDIATE #2", "county: UPDATE record", "county: UPDATE outbox",
        "county: COMMIT #2", "answer: renewed", "county: BEGIN IMMEDIATE #3", "county: INSERT INTO outbox #4",
        "county: COMMIT #3", "answer: revoked", "county: BEGIN IMMEDIATE #4", "county: UPDATE outbox #2",
        "county: COMMIT #4", "answer: settled", "county: BEGIN IMMEDIATE #5", "county: UPDATE record #2",
        "county: COMMIT #5", "county: PRAGMA wal_checkpoint", "answer: erased", "county: close",
    ),
    "witness": (
        "witness: BEGIN IMMEDIATE", "witness: SELECT FROM latest", "witness: INSERT OR REPLACE INTO latest",
        "witness: DELETE FROM offer", "witness: UPDATE offer", "witness: COMMIT", "answer: cosignature",
        "witness: SELECT FROM offer", "witness: INSERT INTO offer", "answer: refused", "witness: close",
    ),
}  # fmt: skip
"""The steps of each commit path, in order; between them there may be reads, and further rows of the same."""
NOT_IN_COMMIT: Final = {"cosignatures", "landmarks", "publications"}
"""Reads of what has passed by then."""
WRITES: Final = ("BEGIN", "COMMIT", "INSERT", "UPDATE", "DELETE")


@pytest.mark.parametrize("name", sorted(PATHS))
def test_every_step_of_a_commit_path_is_a_fail_point(name: str, tmp_path: Path) -> None:
    """In this order; and no write beside them, so that a new one fails this test until it stands in its place."""
    with Victims.of(PARTS[name], tmp_path) as victims:
        points = victims.points()
    places = [points.index(step) for step in PATHS[name]]
    assert places == sorted(places)
    known = {step.partition(" #")[0] for step in PATHS[name]}
    writes = {point.partition(" #")[0] for point in points if point.partition(": ")[2].startswith(WRITES)}
    assert writes <= known
    if name == "hub":
        assert {"witness w0", "witness w1"} <= set(points)


def test_every_method_of_the_ports_is_a_fail_point(tmp_path: Path) -> None:
    """Whatever the writer asks of its store and its signer is named after the port's method; founding is apart."""
    assert methods(Store).keys() == {"reader", "state", "create", "commit", "publish"}
    with Victims.of(LEDGER, tmp_path) as victims:
        points = {point.partition(" #")[0] for point in victims.points()}
    asked = {f"store.{name}" for name in methods(Store).keys() - {"reader", "create"}}
    assert asked | {"log key.sign"} <= points
    read = {point.removeprefix("store.reader.") for point in points if point.startswith("store.reader.")}
    assert read <= methods(Reader).keys()
    assert methods(Reader).keys() - read == NOT_IN_COMMIT
    assert methods(Signer) == {"public_key": True, "sign": False}


@pytest.mark.sample
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_whatever_step_fails_nothing_acknowledged_is_lost(name: str, seed: int) -> None:
    """A sample of point x moment x way, chosen by the seed; `make faults` takes them all."""
    count = points_of(PARTS[name])(SAMPLES[name], seed)
    assert count.misses == (), f"TONGBAN_FAULT_SEED={seed}"
    assert (count.rounds, count.lost, count.twice, count.silent) == (SAMPLES[name], 0, 0, 0)


def test_the_check_sees_what_is_lost_and_what_is_twice() -> None:
    """A log that holds is compared with acknowledgements that it never gave."""
    log = SequencedLog(MemoryStore())
    raws = seals(3)
    log.sequence(raws[:2])
    log.publish()
    lines = [["sent", raw.hex()] for raw in raws] + [["index", raw.hex(), 2 + n] for n, raw in enumerate(raws)]
    receipt = log.reads.evidence(2)[0] or b""
    found = check_told(log, Told(lines=[*lines, ["receipt", raws[1].hex(), receipt.hex()]], killed=True, error=None))
    assert (found.acknowledged, found.unknown, found.stored, found.lost, found.twice) == (3, 0, 2, 1, 1)


def test_statements_are_named_by_verb_and_table() -> None:
    assert statement("INSERT OR IGNORE INTO cosig VALUES (?, ?)") == "INSERT OR IGNORE INTO cosig"
    assert statement("SELECT i, d FROM entry WHERE i >= ?") == "SELECT FROM entry"
    with pytest.raises(AssertionError):
        statement("VACUUM")
