"""schemathesis, a fuzzer of other people, against a live hub by its schema: no server error in 2,000 cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from graphql import build_schema

from hub.demo.alliance import Alliance, EngineChoice
from hub.partner import access_token
from tests.live_alliance import LIVE_COUNTIES

CASES: Final = 2_000
_MORE: Final = 25  # some root fields have so few arguments that the cases run out
SDL: Final = Path(__file__).parents[2] / "schema" / "schema.graphql"
ROOM: Final = EngineChoice(
    variables={
        "TONGBAN_CLIENT_NEW_PER_MINUTE": "1000000",
        "TONGBAN_ASKED_PER_HOUR": "100000",
        "TONGBAN_MISSES_PER_HOUR": "100000",
        "TONGBAN_TOKEN_LIFETIME_S": "3600",
    }
)
"""So that what is fuzzed are the answers, not the quotas: each case is a new document that finds nobody."""

pytestmark = [pytest.mark.timeout(1800), pytest.mark.installed]


@pytest.fixture(scope="module")
def alliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    """Run an alliance with its graph."""
    alliance = Alliance.found(tmp_path_factory.mktemp("alliance"), LIVE_COUNTIES, provinces=2, engine=ROOM)
    with alliance.running():
        yield alliance


def _operations() -> int:
    """Count what schemathesis tests one by one: root fields."""
    schema = build_schema(SDL.read_text("utf-8"))
    return sum(len(each.fields) for each in (schema.query_type, schema.mutation_type) if each is not None)


def test_no_case_ends_in_a_server_error(alliance: Alliance, tmp_path: Path) -> None:
    with alliance.node("370214") as node:
        token = access_token(node, None)
    report = tmp_path / "report.json"
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", str(SDL), "--url", f"{alliance.url('hub')}/graphql",
        "--checks", "no_fault_of_the_hub", "--max-examples", str(CASES // _operations() + _MORE), "--seed", "1",
        "--generation-database", "none", "--header", f"Authorization: Bearer {token}", "--no-color", "--workers", "1",
        "--report", "json", "--report-json-path", str(report), "--request-timeout", "30",
    ]  # fmt: skip
    hooks = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.interop.schemathesis_hooks"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=hooks, cwd=tmp_path, timeout=1700)
    assert done.returncode == 0, done.stdout[-4000:]
    cases = json.loads(report.read_text("utf-8"))["test_cases"]
    assert cases.pop("generated") >= CASES
    assert set(cases.values()) == {0}, cases
