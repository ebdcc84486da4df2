"""The sources that the settings name."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from hub.auth import TokenIssuer
from hub.settings import LegacySetting, Settings
from hub.sources import LegacySource, NodeSource, connections_of, legacy_service, sources_of
from ledger.errors import Malformed
from tests.entropy import seeded, signer_of
from tests.ports import FakeClock


def _token(folder: Path, text: bytes = b"example-token\n", mode: int = 0o600) -> Path:
    path = folder / "legacy.token"
    path.write_bytes(text)
    path.chmod(mode)
    return path


def _setting(token: Path) -> LegacySetting:
    return LegacySetting(url="https://share.example/api", access_id="tongban", token_file=token)


async def test_each_county_gets_the_source_that_is_named(tmp_path: Path) -> None:
    token = _token(tmp_path)
    settings = Settings(
        data=tmp_path, passphrase_file=token, nodes={"370214": "http://127.0.0.1:9"},
        legacy={"320583": _setting(token)},
    )  # fmt: skip
    issuer = TokenIssuer(signer_of("hub token"), issuer="https://hub.example", random=seeded("configured"))
    async with httpx2.AsyncClient(trust_env=False) as client:
        found = sources_of(settings, client, issuer, FakeClock())
    assert isinstance(found["370214"], NodeSource)
    legacy = found["320583"]
    assert isinstance(legacy, LegacySource)
    assert (legacy.service.access_token, legacy.service.paths["metadata"]) == ("example-token", "/metadata")
    assert found.keys() == {"320583", "370214"}
    assert connections_of(settings) == 16
    assert "example-token" not in repr(legacy)
    assert "example-token" not in settings.model_dump_json()


@pytest.mark.parametrize(("text", "mode"), [(b"x\n", 0o644), (b"a\nb\n", 0o600), (b"\xff\n", 0o600), (b"", 0o600)])
async def test_a_token_file_that_is_none_is_refused(tmp_path: Path, text: bytes, mode: int) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        with pytest.raises(Malformed) as caught:
            legacy_service(_setting(_token(tmp_path, text, mode)), client)
    assert caught.value.code == "bad_file"
