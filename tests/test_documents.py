"""What is written for people is true: README, settings table, command table, compose file, Makefile, SDL."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from graphql import parse, validate

from hub.governance.drafts import RULE_BOUNDS
from hub.settings import PREFIX, load_settings, settings_table
from ledger.governance import RULES
from schema.access import SCOPES
from schema.assembly import build_schema, export_schema
from tests.command_tree import check_arguments, commands

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text("utf-8")
FILE: Final = re.compile(
    r"[\w./-]+\.(csv|der|draft|eseal|json|key|lic-receipt|ndjson|pass|pdf|pem|png|sig|svg|toml|txt)"
)
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
TARGETS: Final = re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
SHELL_WORDS: Final = {
    "cd",
    "chmod",
    "cp",
    "curl",
    "docker",
    "git",
    "make",
    "mkdir",
    "openssl",
    "printf",
    "sudo",
    "tongban",
    "umask",
}


def table(marker: str) -> list[list[str]]:
    """Read the README's table between two markers: its rows below the header, no backticks around a cell."""
    _, begin, rest = README.partition(f"<!-- {marker} -->\n")
    text, end, _ = rest.partition(f"<!-- /{marker} -->")
    assert begin, f"the README has no table of {marker}"
    assert end, f"the table of {marker} has no end"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in row] for row in rows[2:]]


def blocks(language: str) -> list[str]:
    """Give the README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def command_lines() -> list[str]:
    """Give every command line that the README shows, continued lines joined."""
    typed = [block.replace("\\\n", " ") for block in blocks("bash")]
    lines = [line for block in typed for line in block.splitlines() if line and not line.startswith("#")]
    shown = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    return [line.split("  #")[0].strip() for line in lines + shown]


MAKERS: Final = {
    "ledger holder-key": 0,
    "ledger keygen": "--data",
    "county init": "--data",
    "seal test-ca": 0,
    "sync": 0,
}
READERS_OWN: Final = {"hub.toml", "demo-out"}


def made_and_read(line: str) -> tuple[set[str], set[str]]:
    """Give the files and folders that a command line of ours makes, and the files that it reads."""
    name, words = check_arguments(line), line.split()[1:]
    rest = words[len(name.split()) :]
    files = {word for word in rest if FILE.fullmatch(word) and "://" not in word}
    maker = MAKERS.get(name)
    made = set() if maker is None else {rest[maker if isinstance(maker, int) else rest.index(str(maker)) + 1]}
    outputs = {"--output", "--qr"} if name == "county present" else {"--output"}
    made |= {value for option, value in pairwise(rest) if option in outputs}
    return made, files - made


def inline_commands() -> list[str]:
    """Give what the README's running text sets as a command of ours."""
    return re.findall(r"`(tongban [^`]+)`", README)


def test_the_settings_table_is_that_of_the_settings() -> None:
    assert [tuple(row) for row in table("settings")] == settings_table()


def test_the_command_table_lists_exactly_the_commands() -> None:
    rows = table("commands")
    assert sorted(row[0].removeprefix("tongban ") for row in rows) == sorted(commands())
    assert [row[0] for row in rows if len(row) != 2 or not row[1]] == []


def test_the_table_of_rules_has_their_values_and_bounds() -> None:
    rows = [(name, *RULE_BOUNDS[name], seconds) for name, seconds in RULES.items()]
    said = [(row[0], *map(int, row[2].split(" to ")), int(row[1])) for row in table("rules")]
    assert said == rows


def test_every_option_of_the_command_table_exists() -> None:
    for name, meaning in table("commands"):
        known = {option for each in commands()[name.removeprefix("tongban ")].params for option in each.opts}
        assert set(re.findall(r"--[a-z][a-z-]*", meaning)) <= known


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_of_the_readme_can_be_typed(line: str) -> None:
    line = line.removeprefix(".venv/bin/")
    word, *rest = line.split()
    assert word in SHELL_WORDS
    if word == "tongban":
        check_arguments(line)
    if word == "make":
        assert rest[0] in TARGETS
    if line.startswith("docker compose run ") and "--entrypoint" not in rest:
        service = next(place for place, each in enumerate(rest) if each in SERVICES)
        check_arguments(" ".join(["tongban", *rest[service + 1 :]]))


def test_every_file_that_a_readme_command_reads_was_made_by_one_before() -> None:
    there = set(READERS_OWN)
    for line in [each for each in command_lines() if not each.startswith((".venv/", "docker"))]:
        made, files = made_and_read(line) if line.startswith("tongban ") else ({line.split()[-1]}, set())
        assert {file for file in files if not {file, file.split("/")[0]} & there} == set(), line
        there |= made


@pytest.mark.parametrize("line", sorted(set(inline_commands())))
def test_every_command_in_running_text_exists(line: str) -> None:
    words = line.split()[1:]
    names = [name for name in commands() if words[: len(name.split())] == name.split()]
    groups = {name.split()[0] for name in commands() if " " in name}
    assert names or words[0] in groups
    for name in names:
        known = {option for each in commands()[name].params for option in each.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z0-9-]+)`", README))))
def test_every_target_in_running_text_exists(target: str) -> None:
    assert target in TARGETS


def test_the_makefile_has_the_targets_that_people_expect() -> None:
    assert {"help", "demo", "serve", "test", "check", "lint", "bench", "neo4j", "clean"} <= set(TARGETS)


def test_every_scope_is_listed() -> None:
    assert re.findall(r"^\| `([a-z]+\.[a-z.]+)` \|", README, re.MULTILINE) == list(SCOPES)


@pytest.mark.parametrize("document", blocks("graphql"))
def test_every_graphql_document_of_the_readme_is_valid(document: str) -> None:
    assert validate(build_schema()._schema, parse(document)) == []


@pytest.mark.parametrize("code", blocks("python"))
def test_every_import_of_the_readme_works(code: str) -> None:
    lines = [line for line in code.splitlines() if line.startswith(("import ", "from "))]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_settings_file_of_the_readme_can_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.toml").write_text(text, "utf-8")
    assert load_settings(file=tmp_path / "hub.toml", environment={}).nodes.keys() == {"370214", "320583"}


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_readme_shows_a_verdict_on_its_first_screen() -> None:
    """A reader sees what it is and what comes out before line 25."""
    first = README.splitlines()[:25]
    assert any(line.startswith("VALID 有效") for line in first)
    assert any("tongban verify" in line for line in first)


def test_headings_of_the_readme_go_down_step_by_step() -> None:
    text = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    levels = [len(found) for found in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [(above, below) for above, below in pairwise(levels) if below > above + 1] == []


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert (ROOT / "schema" / "schema.graphql").read_text("utf-8") == export_schema()


def test_the_compose_file_has_the_form_of_the_specification() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_runs_neo4j_a_hub_and_two_county_nodes() -> None:
    assert sorted(SERVICES) == ["county-320583", "county-370214", "hub", "neo4j"]
    assert SERVICES["neo4j"]["image"] == "neo4j:5.26.26-community"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_a_health_check_a_volume_and_secrets_as_files(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert [volume.split(":")[0] for volume in service["volumes"]] == [f"{name}-data"]
    assert set(service["secrets"]) <= COMPOSE["secrets"].keys()
    secret = re.compile(r"PASS|SECRET|AUTH|KEY|TOKEN", re.IGNORECASE)
    values = {key: value for key, value in service.get("environment", {}).items() if secret.search(key)}
    assert {key: value for key, value in values.items() if not key.endswith("_FILE")} == {}
    assert all(value.removeprefix("/run/secrets/") in service["secrets"] for value in values.values())
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_secret_is_a_file_outside_of_the_repository() -> None:
    assert {name: set(secret) for name, secret in COMPOSE["secrets"].items()} == {
        name: {"file"} for name in COMPOSE["secrets"]
    }
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert "secrets/" in ignored or "/secrets/" in ignored
    assert set(COMPOSE["volumes"]) == {f"{name}-data" for name in SERVICES}


@pytest.mark.parametrize("name", [name for name in sorted(SERVICES) if name != "neo4j"])
def test_every_service_of_ours_runs_a_command_that_exists_as_nobody_special(name: str) -> None:
    service = SERVICES[name]
    check_arguments(" ".join(["tongban", *service["command"]]))
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "USER tongban" in service["build"]["dockerfile_inline"]


def test_the_hub_of_the_compose_file_has_settings_that_can_be_read(tmp_path: Path) -> None:
    environment = {key: str(value) for key, value in SERVICES["hub"]["environment"].items()}
    environment["TONGBAN_PUBLIC_URL"] = re.sub(r"\$\{[^:]+:-(.*)\}", r"\1", environment["TONGBAN_PUBLIC_URL"])
    (config,) = SERVICES["hub"]["configs"]
    assert environment.pop(f"{PREFIX}CONFIG") == config["target"]
    content = COMPOSE["configs"][config["source"]]["content"]
    (tmp_path / "hub.toml").write_text(content, "utf-8")
    settings = load_settings(file=tmp_path / "hub.toml", environment=environment)
    assert (settings.engine, settings.url) == ("neo4j", "http://127.0.0.1:8080")
    assert settings.nodes == {name[7:]: f"http://{name}:8080" for name in SERVICES if name.startswith("county-")}
    assert tomllib.loads(content).keys() == {"nodes"}
