"""What Locust is handed: scene and tokens come back as they were written, and are kept from others."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.load.__main__ import main
from loadtests.load.scene import Scene, read_tokens, write_tokens
from loadtests.population import Holder

SCENE = Scene(
    county="320583",
    holders=(Holder(type_code="001", code="C", identifiers=("1.2.A",), consent="c"),),
    cases=("n",),
    offerings=(("m", "370214"),),
    statics="http://127.0.0.1:1",
)


def test_a_scene_is_read_as_it_was_written(tmp_path: Path) -> None:
    SCENE.write(tmp_path / "scene.json")
    assert Scene.read(tmp_path / "scene.json") == SCENE


def test_tokens_are_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    write_tokens(path, {"HANDLER": ["a", "b"]})
    assert read_tokens(path) == {"HANDLER": ["a", "b"]}
    write_tokens(path, {"HANDLER": []})
    with pytest.raises(ValueError, match="expected lists of tokens by role"):
        read_tokens(path)
    path.chmod(0o644)
    with pytest.raises(ValueError, match="can be read by others"):
        read_tokens(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--staging", "https://hub.example"],
        ["--county-data", "c"],
        ["--staging", "hub.example", "--county-data", "c", "--passphrase-file", "p", "--holders", "h"],
        ["--staging", "https://hub.example/path", "--county-data", "c", "--passphrase-file", "p", "--holders", "h"],
    ],
)
def test_nobody_elses_hub_is_loaded_by_mistake(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "--staging" in capsys.readouterr().err
