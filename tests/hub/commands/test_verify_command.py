"""`tongban verify`: verdicts, exit codes, times, and that it talks to nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from hub.sync.folder import SyncFolder
from tests.cases.case import edited, later_receipt, receipt
from tests.command_line import tongban
from tests.small_log import GENESIS, POLICY
from tests.synced_log import synced_files

VALID_AT: Final = "2026-06-01T08:02:30Z"
LATER: Final = "2026-06-01T09:01:40Z"
ROOT: Final = Path(__file__).parents[3]


@pytest.fixture
def trust(tmp_path: Path) -> tuple[str, ...]:
    """Give the options that name policy and genesis of the small log."""
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    return ("--policy", str(tmp_path / "policy"), "--genesis", str(tmp_path / "genesis"))


def file_of(tmp_path: Path, data: bytes) -> Path:
    """Write a receipt file."""
    path = tmp_path / "a.lic-receipt"
    path.write_bytes(data)
    return path


def test_verify_prints_valid_with_every_step_and_claim(tmp_path: Path, trust: tuple[str, ...]) -> None:
    result = tongban("verify", file_of(tmp_path, receipt), *trust, "--at", VALID_AT)
    lines = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert lines[:3] == [
        "VALID 有效: sealed by 370214, not revoked as of 2026-06-01T08:02:00Z",
        "witnessed 2026-06-01T08:02:00Z, 30 s before",
        f"  1  ✓  parse         {len(receipt)} bytes",
    ]
    assert [line[5] for line in lines[2:16]] == ["✓"] * 14
    assert lines[16] == "shown"
    assert lines[-1].split() == ["certificateTypeName", "营业执照"]
    assert "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000001.001.Z" in result.out


FORGED: Final = edited(lambda document: document.update(proof=document["proof"].replace("index 1", "index 2")))
VERDICTS: Final[dict[str, tuple[bytes, tuple[str, ...], str]]] = {
    "revoked": (later_receipt, ("--at", LATER), "REVOKED 失效 · "),
    "too old": (receipt, ("--at", VALID_AT, "--max-age", "29s"), "STALE 存疑 · stale"),
    "a day old, by default": (receipt, ("--at", "2026-06-02T08:02:01Z"), "STALE 存疑 · stale"),
    "ended": (receipt, ("--at", "2027-06-01T08:01:01Z", "--max-age", "999d"), "EXPIRED 失效 · expired"),
    "before it was witnessed": (receipt, ("--at", "2026-06-01T07:00:00Z"), "UNWITNESSED 存疑 · no_quorum"),
    "another index": (FORGED, ("--at", VALID_AT), "FORGED 存疑 · "),
    "empty": (b"", ("--at", VALID_AT), "FORGED 存疑 · "),
    "cut": (receipt[:-40], ("--at", VALID_AT), "FORGED 存疑 · "),
    "no text": (bytes(range(256)), ("--at", VALID_AT), "FORGED 存疑 · "),
    "a megabyte": (b"[" * 1_000_000, ("--at", VALID_AT), "FORGED 存疑 · "),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_any_other_verdict_exits_1(tmp_path: Path, trust: tuple[str, ...], name: str) -> None:
    data, options, begins = VERDICTS[name]
    result = tongban("verify", file_of(tmp_path, data), *trust, *options)
    assert (result.code, result.err) == (1, "")
    assert result.out.startswith(begins)


MISSING: Final = [("none", "No such file or directory"), (".", "Is a directory"), ("a" * 300, "File name too long")]


@pytest.mark.parametrize("option", [(), ("--qr",)])
@pytest.mark.parametrize(("name", "why"), MISSING)
def test_a_path_that_leads_to_no_file_is_wrong_usage_and_no_verdict(
    tmp_path: Path, trust: tuple[str, ...], option: tuple[str, ...], name: str, why: str
) -> None:
    """A mistyped name says nothing of a license."""
    with SyncFolder(tmp_path / "field").locked():
        SyncFolder(tmp_path / "field").replace(synced_files())
    options = ("--sync", tmp_path / "field") if option else trust
    result = tongban("verify", *option, tmp_path / name, *options, "--at", VALID_AT)
    message = f"cannot read {tmp_path / name}: {why}"
    assert (result.code, result.out, result.err) == (2, "", f"tongban: bad_file: {message}\n")
    result = tongban("verify", *option, tmp_path / name, *options, "--at", VALID_AT, "--json")
    assert (result.code, result.err) == (2, "")
    assert json.loads(result.out) == {"ok": False, "code": "bad_file", "message": message}


def test_of_several_files_those_that_are_there_are_judged(tmp_path: Path, trust: tuple[str, ...]) -> None:
    good = file_of(tmp_path, receipt)
    files = (tmp_path / "none", good)
    result = tongban("verify", *files, *trust, "--at", VALID_AT)
    assert (result.code, result.out[: len(str(good)) + 7]) == (2, f"{good}: VALID")
    assert result.err == f"tongban: bad_file: cannot read {tmp_path / 'none'}: No such file or directory\n"
    lines = tongban("verify", *files, *trust, "--at", VALID_AT, "--json").out.splitlines()
    judged, missing = (json.loads(line) for line in lines)
    assert (judged["file"], judged["outcome"]) == (str(good), "VALID")
    assert (missing["file"], missing["ok"], missing["code"]) == (str(tmp_path / "none"), False, "bad_file")


def test_a_qr_text_that_is_given_as_a_receipt_is_told_from_one(tmp_path: Path, trust: tuple[str, ...]) -> None:
    path = file_of(tmp_path, b"LIC1:ABC")
    result = tongban("verify", path, *trust, "--at", VALID_AT)
    assert (result.code, result.out[:9]) == (1, "FORGED 存疑")
    assert result.err == f"{path}: this is a QR text: use --qr\n"
    result = tongban("verify", "LIC1:ABC", *trust, "--at", VALID_AT)
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(": this is a QR text: use --qr\n")


@pytest.mark.parametrize(
    ("max_age", "outcome"),
    [("29", "STALE"), ("30", "VALID"), ("1m", "VALID"), ("24h", "VALID"), ("1d", "VALID"), ("0", "STALE")],
)
def test_max_age_is_counted_from_the_witnesses_time(
    tmp_path: Path, trust: tuple[str, ...], max_age: str, outcome: str
) -> None:
    result = tongban("verify", file_of(tmp_path, receipt), *trust, "--at", VALID_AT, "--max-age", max_age)
    assert result.out.split()[0] == outcome


@pytest.mark.parametrize("at", ["2026-06-01T16:02:30+08:00", "2026-06-01T08:02:30.000Z", "20260601T080230Z"])
def test_the_time_may_carry_any_zone(tmp_path: Path, trust: tuple[str, ...], at: str) -> None:
    result = tongban("verify", file_of(tmp_path, receipt), *trust, "--at", at)
    assert result.out.splitlines()[1] == "witnessed 2026-06-01T08:02:00Z, 30 s before"


def test_verify_for_machines(tmp_path: Path, trust: tuple[str, ...]) -> None:
    result = tongban("verify", file_of(tmp_path, FORGED), *trust, "--at", VALID_AT, "--json")
    verdict = json.loads(result.out)
    assert (result.code, verdict["outcome"], verdict["clerk"], verdict["claims"]) == (1, "FORGED", "存疑", {})
    assert [step["number"] for step in verdict["steps"]] == list(range(1, 15))
    assert [step["name"] for step in verdict["steps"] if step["state"] == "failed"] == ["inclusion"]


def test_text_of_a_receipt_cannot_steer_the_terminal(tmp_path: Path, trust: tuple[str, ...]) -> None:
    """A policy names its witnesses as it likes; what it says is shown, not obeyed."""
    (tmp_path / "policy").write_bytes(
        POLICY.replace(b"witness a", b"witness \xe2\x80\xae[/red]").replace(b" a b\n", b" \xe2\x80\xae[/red] b\n")
    )
    result = tongban("verify", file_of(tmp_path, receipt), *trust, "--at", "2026-06-01T07:00:00Z")
    assert (result.code, result.err) == (1, "")
    assert "[/red]" in result.out
    assert "\u202e" not in result.out


GUARD: Final = """
import sys
def guard(event, arguments):
    if event.startswith("socket."):
        print("NETWORK", event, file=sys.stderr)
        raise RuntimeError(event)
sys.addaudithook(guard)
from hub.cli import main
main()
"""


def test_verify_makes_no_network_call(tmp_path: Path, trust: tuple[str, ...]) -> None:
    """Not one socket is made, nor a name resolved: the interpreter itself would say so."""
    arguments = ["verify", str(file_of(tmp_path, receipt)), *trust, "--at", VALID_AT]
    done = subprocess.run(
        [sys.executable, "-c", GUARD, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VALID 有效")


def test_malformed_input_of_verify_other_than_the_receipt_exits_2(tmp_path: Path, trust: tuple[str, ...]) -> None:
    path = file_of(tmp_path, receipt)
    for name in ("--max-age", "--at"):
        for value in ("", "-1", "1w", "2026-06-01", "2026-06-01T08:00:00", "１m"):
            result = tongban("verify", path, *trust, f"{name}={value}")
            assert (result.code, result.out, result.err[:27]) == (2, "", "tongban: bad_number: expect")
    for name in ("policy", "genesis"):
        good = (tmp_path / name).read_bytes()
        for data in (b"\xff", b"x" * 70_000):
            (tmp_path / name).write_bytes(data)
            result = tongban("verify", path, *trust)
            assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
        (tmp_path / name).unlink()
        missing = f"tongban: bad_file: cannot read {tmp_path / name}: No such file or directory\n"
        assert tongban("verify", path, *trust).err == missing
        (tmp_path / name).write_bytes(good)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_chinese_letters_ends_no_command(
    tmp_path: Path, trust: tuple[str, ...], encoding: str
) -> None:
    command = [sys.executable, "-m", "hub", "verify", str(file_of(tmp_path, receipt)), *trust, "--at", VALID_AT]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"VALID ")
