"""`tongban sync`, and what `tongban verify` does with the folder: receipts, QR codes, many files, all without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.deflated import deflate
from ledger.qr import format_qr, parse_qr
from tests.command_line import Result, tongban
from tests.shown_log import ShownLog
from tests.small_log import GENESIS, POLICY, SEALED, sealed_log
from tests.synced_log import LANDMARK, REVOKED, SIZE, T, qr_of, synced_book

AT = "2026-06-02T09:10:00Z"  # ten minutes after T
TOO_LATE = "2026-06-03T09:00:01Z"


@pytest.fixture
def trust(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    return ("--policy", str(tmp_path / "policy"), "--genesis", str(tmp_path / "genesis"))


@pytest.fixture
def served() -> Iterator[tuple[ShownLog, str]]:
    log = ShownLog(synced_book(), time=T, landmarks=(LANDMARK, SIZE))
    with log.served() as url:
        yield log, url


@pytest.fixture
def field(tmp_path: Path, trust: tuple[str, ...], served: tuple[ShownLog, str]) -> Path:
    """Give a synced folder."""
    folder = tmp_path / "field"
    assert tongban("sync", folder, "--url", served[1], *trust).code == 0
    return folder


def verify(folder: Path, *arguments: object, at: str = AT) -> Result:
    return tongban("verify", *arguments, "--sync", folder, "--at", at)


def test_sync_says_what_changed(tmp_path: Path, trust: tuple[str, ...], served: tuple[ShownLog, str]) -> None:
    folder, (log, url) = tmp_path / "field", served
    result = tongban("sync", folder, "--url", url, *trust)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "hub.example/ledger: 10 entries (first sync), witnessed 2026-06-02T09:00:00Z",
        "  revoked            1",
        f"status list {len(log.files.status)} bytes for 3; 2 landmarks; 0 changes of keys and rules",
        "good without a network for 24 h, until 2026-06-03T09:00:00Z",
    ]
    again = tongban("sync", folder, "--url", url)
    assert again.out.splitlines()[:2] == [
        "hub.example/ledger: 10 entries (10 before), witnessed 2026-06-02T09:00:00Z",
        "  revoked            1  +0",
    ]
    assert json.loads(tongban("sync", folder, "--url", url, "--json").out)["before"] == SIZE


def test_a_sync_that_does_not_hold_exits_1(field: Path, served: tuple[ShownLog, str]) -> None:
    log, url = served
    log.forge(status=deflate(bytes(3)))
    result = tongban("sync", field, "--url", url)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("tongban: bad_status_proof: ")


def test_a_first_sync_without_pins_is_wrong_usage(tmp_path: Path, trust: tuple[str, ...]) -> None:
    assert tongban("sync", tmp_path / "field").code == 2
    assert tongban("sync", tmp_path / "field", "--url", "http://127.0.0.1:9/ledger").code == 2
    assert tongban("sync", tmp_path / "field", "--url", "ftp://hub.example", *trust).code == 2


def test_the_url_of_the_policy_is_taken_where_none_is_given(
    tmp_path: Path, trust: tuple[str, ...], served: tuple[ShownLog, str]
) -> None:
    log, url = served
    own = POLICY.replace(b"https://hub.example/ledger", url.encode())
    (tmp_path / "policy").write_bytes(own)
    log.forge(policy=own)
    for arguments in (trust, ()):
        assert tongban("sync", tmp_path / "field", *arguments).code == 0


def test_a_code_is_verified_from_its_text_and_from_a_file(field: Path, tmp_path: Path) -> None:
    text = qr_of(1)
    result = verify(field, "--qr", text)
    assert (result.code, result.out.splitlines()[0]) == (
        0,
        "VALID 有效: sealed by 370214, not revoked as of 2026-06-02T09:00:00Z",
    )
    assert "by the sync: witnessed at 2026-06-02T09:00:00Z; a code has no cosignatures" in result.out
    (tmp_path / "code.txt").write_text(f"{text}\r\n")
    assert verify(field, "--qr", tmp_path / "code.txt").out == result.out
    assert json.loads(verify(field, "--qr", text, "--json").out)["outcome"] == "VALID"


def test_a_code_that_is_not_valid_exits_1(field: Path) -> None:
    pointer = format_qr(parse_qr(qr_of(1, size=None)))
    for code, at, word in (
        (qr_of(REVOKED), AT, "REVOKED 失效"),
        (qr_of(1), TOO_LATE, "STALE 存疑"),
        (pointer, AT, "UNWITNESSED 存疑"),
        ("LIC1:", AT, "FORGED 存疑"),
    ):
        result = verify(field, "--qr", code, at=at)
        assert (result.code, result.out.split(" · ")[0]) == (1, word)


def test_past_its_age_the_verdict_names_it(field: Path) -> None:
    assert (
        "checkpoint is 86401 s old, at most 86400 s are asked for" in verify(field, "--qr", qr_of(1), at=TOO_LATE).out
    )
    assert verify(field, "--qr", qr_of(1), "--max-age", "2d", at=TOO_LATE).code == 0


def test_a_code_without_a_folder_is_wrong_usage(trust: tuple[str, ...], field: Path) -> None:
    assert tongban("verify", "--qr", qr_of(1), *trust).code == 2
    assert tongban("verify", "a", "--qr", qr_of(1), "--sync", field).code == 2
    assert tongban("verify", "a", "--sync", field.parent / "nowhere").code == 3


def test_a_pinned_policy_goes_before_the_folders_own(field: Path, tmp_path: Path) -> None:
    """Whoever could write into the folder gains nothing against a policy that is given."""
    strict = tmp_path / "strict"
    strict.write_bytes(POLICY.replace(b"quorum q", b"quorum none"))
    result = verify(field, "--qr", qr_of(1), "--policy", strict)
    assert (result.code, result.err.split(":")[1]) == (1, " no_quorum")


def test_many_receipts_get_a_line_each_in_their_order(trust: tuple[str, ...], tmp_path: Path) -> None:
    book, note = sealed_log()
    receipt = book.receipt(1, SEALED, note)
    names = [f"{number}.lic-receipt" for number in range(5)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(receipt if number != 3 else receipt[:-1])
    files = [tmp_path / name for name in names]
    at = ("--at", "2026-06-01T08:02:30Z")
    result = tongban("verify", *files, *trust, *at)
    assert result.code == 1
    assert [line.split(": ")[1].split()[0] for line in result.out.splitlines()] == [
        "VALID", "VALID", "VALID", "FORGED", "VALID",
    ]  # fmt: skip
    rows = [json.loads(line) for line in tongban("verify", *files, *trust, *at, "--json").out.splitlines()]
    assert [(row["file"], row["outcome"]) for row in rows] == [
        (str(path), "FORGED" if path.name[0] == "3" else "VALID") for path in files
    ]
    assert tongban("verify", *files[:3], *trust, *at).code == 0


def test_worker_processes_give_the_same_lines(trust: tuple[str, ...], field: Path, tmp_path: Path) -> None:
    book, note = sealed_log()
    path = tmp_path / "a.lic-receipt"
    path.write_bytes(book.receipt(1, SEALED, note))
    results = [
        tongban("verify", *[path] * 130, "--sync", field, "--at", AT, "--processes", count) for count in ("1", "2")
    ]
    assert results[0] == results[1]
    assert (results[0].code, len(results[0].out.splitlines())) == (0, 130)
