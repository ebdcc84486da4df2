"""An option that a command would not heed beside the others is refused, and both are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Result, tongban

_PINS = ("--policy", "policy", "--genesis", "genesis")
_RECEIPT = "--authority, --registered and --max-age go with --receipt, --policy and --genesis"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("verify", "--qr", "LIC1", "--processes", "2", "--sync", "field"),
         "--processes is for many receipts, and --qr is one code: give one of the two"),
        (("settings", "--config", "hub.toml"), "--config is what --check reads: give both"),
        (("settings", "--config", "hub.toml", "--json"), "--config is what --check reads: give both"),
        (("demo", "--serve", "--output", "out"), "give --output or --serve, one of the two: what is served leaves nothing"),
        (("county", "policy", "policy.new", "--data", "c", "--url", "http://a/b"),
         "--url is where --fetch asks: give both"),
        (("ledger", "mirror", "m", *_PINS, "--check", "--url", "http://a/b", "--follow", "5"),
         "--check works without a network: leave --url, --follow out"),
        (("ledger", "mirror", "m", *_PINS, "--check", "--token-file", "t"),
         "--check works without a network: leave --token-file out"),
        (("seal", "verify", "a.eseal", "--roots", "r", "--document", "d.pdf", "--max-age", "1h"), _RECEIPT),
        (("seal", "verify", "a.eseal", "--roots", "r", "--document", "d.pdf", "--authority", "11370214MB2000004E"), _RECEIPT),
    ],
)  # fmt: skip
def test_an_option_that_would_not_be_heeded_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tongban(*words) == Result(2, "", f"tongban: bad_setting: {text}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_from_the_environment_is_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGBAN_CONFIG", "hub.toml")
    assert tongban("settings").code == 0
