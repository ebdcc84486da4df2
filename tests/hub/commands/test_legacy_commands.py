"""`tongban legacy check`: a service in a process of its own, a wrong token, a dead one; nobody's data is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import tongban
from tests.legacy_server import ACCESS


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a service without licenses as a process of its own."""
    file = tmp_path_factory.mktemp("legacy") / "faces.json"
    file.write_text("{}")
    command = [sys.executable, "-m", "tests.legacy_server", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def _config(folder: Path, token: str = ACCESS["accessToken"], **urls: str) -> Path:
    secret = folder / "legacy.token"
    secret.touch(mode=0o600)
    secret.write_text(f"{token}\n")
    rows = [
        f'[legacy.{county}]\nurl = "{url}"\naccess_id = "tongban"\ntoken_file = "{secret}"'
        for county, url in urls.items()
    ]
    path = folder / "hub.toml"
    path.write_text("\n".join([f'data = "{folder}"', f'passphrase_file = "{secret}"', *rows, ""]))
    return path


def test_a_service_that_answers_well(url: str, tmp_path: Path) -> None:
    config = _config(tmp_path, **{"320583": url})
    told = tongban("legacy", "check", "--config", config)
    assert (told.code, told.out, told.err) == (0, "320583 search ok · metadata ok · verify ok\n", "")
    found = tongban("legacy", "check", "--config", config, "--county", "320583", "--json")
    assert json.loads(found.out) == {"county": "320583", "metadata": "ok", "search": "ok", "verify": "ok"}


def test_a_wrong_token_and_a_dead_service_are_told_by_county(url: str, tmp_path: Path) -> None:
    config = _config(tmp_path, token="wrong", **{"320583": url, "370214": "http://127.0.0.1:1"})
    told = tongban("legacy", "check", "--config", config)
    bad = "search source_unavailable · metadata source_unavailable · verify source_unavailable"
    assert (told.code, told.out) == (3, f"320583 {bad}\n370214 {bad}\n")
    assert "wrong" not in told.err


def test_a_county_that_the_settings_do_not_name_is_refused(url: str, tmp_path: Path) -> None:
    told = tongban("legacy", "check", "--config", _config(tmp_path, **{"320583": url}), "--county", "370214")
    assert (told.code, told.out) == (2, "")
    assert "no legacy service of county 370214" in told.err


def test_a_token_that_others_can_read_is_refused(url: str, tmp_path: Path) -> None:
    config = _config(tmp_path, **{"320583": url})
    (tmp_path / "legacy.token").chmod(0o644)
    assert tongban("legacy", "check", "--config", config).code == 2
