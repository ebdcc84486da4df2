"""Settings: read once, all faults at once, nothing unknown accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.settings import load_settings, settings_table
from ledger.errors import Malformed

GOOD = {"TONGBAN_DATA": "/srv/hub", "TONGBAN_PASSPHRASE_FILE": "/run/secrets/pass"}


def test_environment_overrides_file_and_command_line_overrides_both(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text('port = 1000\nhost = "127.0.0.2"\nlog_level = "error"\n[nodes]\n370214 = "http://127.0.0.1:9"\n')
    found = load_settings(file=file, environment={**GOOD, "TONGBAN_PORT": "2000"}, overrides={"host": "127.0.0.3"})
    assert (found.port, found.host, found.log_level) == (2000, "127.0.0.3", "error")
    assert found.nodes == {"370214": "http://127.0.0.1:9"}
    assert found.url == "http://127.0.0.3:2000"


def test_every_fault_is_listed_at_once() -> None:
    environment = {"TONGBAN_PORT": "0", "TONGBAN_PROT": "80", "TONGBAN_ENGINE": "redis", "HOME": "/root"}
    with pytest.raises(Malformed) as caught:
        load_settings(file=None, environment=environment)
    assert caught.value.code == "bad_setting"
    lines = [line.strip().split(":")[0] for line in caught.value.message.splitlines()[1:]]
    assert lines == ["TONGBAN_PROT", "data", "engine", "passphrase_file", "port"]


def test_unknown_key_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text("prot = 8080\n")
    with pytest.raises(Malformed, match="prot"):
        load_settings(file=file, environment=GOOD)


@pytest.mark.parametrize("text", [b"port = ", b"\xff\xfe"])
def test_broken_file_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "hub.toml"
    file.write_bytes(text)
    with pytest.raises(Malformed, match="cannot read the settings file"):
        load_settings(file=file, environment=GOOD)


@pytest.mark.parametrize("mode", ["prefer", "only"])
def test_trust_needs_a_registry(mode: str) -> None:
    with pytest.raises(Malformed, match=f"trusted_mode {mode} needs trusted_documents"):
        load_settings(file=None, environment={**GOOD, "TONGBAN_TRUSTED_MODE": mode})


def test_neo4j_needs_address_and_password_file() -> None:
    with pytest.raises(Malformed, match="neo4j_uri and neo4j_password_file"):
        load_settings(file=None, environment={**GOOD, "TONGBAN_ENGINE": "neo4j"})


LEGACY = '[legacy.320583]\nurl = "{url}"\naccess_id = "tongban"\ntoken_file = "/run/secrets/t"\n'


def _with_legacy(tmp_path: Path, url: str, more: str = "") -> Path:
    file = tmp_path / "hub.toml"
    file.write_text(LEGACY.format(url=url) + more)
    return file


def test_a_legacy_service_has_default_paths(tmp_path: Path) -> None:
    file = _with_legacy(tmp_path, "https://share.example/api", 'search = "/v2/search"\n')
    found = load_settings(file=file, environment=GOOD).legacy["320583"]
    assert (found.url, found.search, found.metadata, found.verify) == (
        "https://share.example/api", "/v2/search", "/metadata", "/verify",
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    ["http://share.example", "https://user:pass@share.example", "https://share.example/", "https://share.example?a=b",
     "http://127.0.0.1.example", "ftp://share.example"],
)  # fmt: skip
def test_a_legacy_service_elsewhere_needs_tls(tmp_path: Path, url: str) -> None:
    """Its token stands in the body of each call."""
    with pytest.raises(Malformed, match=r"legacy\.320583\.url"):
        load_settings(file=_with_legacy(tmp_path, url), environment=GOOD)


def test_a_county_has_one_source_of_its_own(tmp_path: Path) -> None:
    file = _with_legacy(tmp_path, "http://127.0.0.1:9", '[nodes]\n320583 = "http://127.0.0.1:9"\n')
    with pytest.raises(Malformed, match="county 320583 has a node and a legacy service"):
        load_settings(file=file, environment=GOOD)


def test_settings_are_frozen() -> None:
    settings = load_settings(file=None, environment=GOOD)
    with pytest.raises(ValidationError):
        settings.port = 1


def test_no_setting_holds_a_secret_value() -> None:
    """Secrets stand in files: a setting may only name one."""
    secret = [row[0] for row in settings_table() if "pass" in row[0] or "secret" in row[0] or "key" in row[0]]
    assert all(name.endswith("_file") for name in secret)
    assert all(row[3] for row in settings_table())
