"""`python -m ledger verify`: the offline verifier alone, as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from ledger.__main__ import main
from tests.small_log import POLICY
from tests.vectors.generate import FOLDER

ROOT: Final = Path(__file__).resolve().parents[2]
TRUST: Final = ["--policy", str(FOLDER / "policy"), "--genesis", str(FOLDER / "genesis")]
VALID: Final = str(FOLDER / "size-3.lic-receipt")
AT: Final = ["--at", "2026-06-01T08:02:30Z"]


def test_a_valid_receipt_is_told_step_by_step() -> None:
    command = [sys.executable, "-m", "ledger", "verify", VALID, *TRUST, *AT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "VALID 有效 (valid): sealed by 370214, not revoked as of 2026-06-01T08:02:00Z"
    assert lines[1] == "   1  parse         passed       2064 bytes"
    assert [line.split()[0] for line in lines[1:15]] == [str(number) for number in range(1, 15)]
    assert 'certificateTypeName: "营业执照"' in lines


def test_the_verdict_is_also_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(FOLDER / "size-5.lic-receipt"), *TRUST, "--at", "2026-06-01T09:01:40Z", "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["outcome"], verdict["clerk"], verdict["code"]) == ("REVOKED", "失效", "revoked")
    assert [step["state"] for step in verdict["steps"]] == ["passed"] * 11 + ["failed", "passed", "passed"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [([*AT, "--max-age", "29"], "STALE"), ([], "STALE"), (["--at", "2026-06-01T07:00:00+00:00"], "UNWITNESSED")],
)
def test_any_other_verdict_exits_1(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", VALID, *TRUST, *arguments]) == 1
    assert capsys.readouterr().out.split()[0] == word


@pytest.mark.parametrize("content", [b"", b"no receipt", bytes(600_000)])
def test_a_receipt_that_cannot_be_read_is_a_verdict(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "receipt"
    path.write_bytes(content)
    assert main(["verify", str(path), *TRUST]) == 1
    assert capsys.readouterr().out.startswith("FORGED 存疑 (malformed)")


@pytest.mark.parametrize(("name", "why"), [("none", "No such file or directory"), ("", "Is a directory")])
def test_a_path_that_leads_to_no_receipt_is_wrong_usage(
    name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    assert main(["verify", str(path), *TRUST]) == 2
    assert capsys.readouterr() == ("", f"bad_file: cannot read {path.name}: {why}\n")
    assert main(["verify", str(path), *TRUST, "--json"]) == 2
    out, err = capsys.readouterr()
    assert (json.loads(out)["code"], err) == ("bad_file", "")


@pytest.mark.parametrize(
    ("trust", "code"),
    [
        (["--policy", "nowhere", *TRUST[2:]], "bad_file"),
        ([*TRUST[:2], "--genesis", VALID], "bad_payload"),
        (["--policy", VALID, *TRUST[2:]], "bad_policy"),
    ],
)
def test_without_policy_or_genesis_there_is_no_verdict(
    trust: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", VALID, *trust]) == 2
    out, err = capsys.readouterr()
    assert (out, err.split(":")[0]) == ("", code)


@pytest.mark.parametrize("twice", [TRUST[:2], TRUST[2:], AT, ["--max-age", "5"]])
def test_an_option_is_given_once(twice: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No policy, genesis or time silently takes the place of the first one."""
    with pytest.raises(SystemExit) as caught:
        main(["verify", VALID, *TRUST, *AT, "--max-age", "5", *twice])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: argument {twice[0]}: given twice\n")


def test_what_to_know_beside_the_verdict_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy"
    policy.write_bytes(POLICY.replace(b"q all", b"q any"))
    assert main(["verify", VALID, "--policy", str(policy), *TRUST[2:], *AT]) == 0
    assert "note: disjoint_quorums" in capsys.readouterr().out.splitlines()


def test_without_the_accelerator_the_verdict_is_the_same() -> None:
    code = "import sys; sys.modules['orjson'] = None; from ledger.__main__ import main; sys.exit(main())"
    runs = [
        subprocess.run(
            [sys.executable, *start, "verify", VALID, *TRUST, *AT], cwd=ROOT, capture_output=True, check=False
        )
        for start in (["-c", code], ["-m", "ledger"])
    ]
    assert [run.returncode for run in runs] == [0, 0]
    assert runs[0].stdout == runs[1].stdout


AT_BAD_TIMES: Final = [
    ["verify", VALID, *TRUST, "--at", time] for time in ("08:00", "2026-06-01T08:02:30", "1780300950")
]


@pytest.mark.parametrize("arguments", [[], ["verify"], ["verify", VALID], *AT_BAD_TIMES])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
