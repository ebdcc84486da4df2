"""The audits of npm's `graphql-http`, the reference suite of GraphQL over HTTP, against a live hub."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hub.demo.alliance import Alliance
from tests.interop.subgraphs import install
from tests.live_alliance import LIVE_COUNTIES

AUDITS: Final = 61

pytestmark = [pytest.mark.timeout(1800), pytest.mark.npm]  # npm fetches the suite by the hashes of its lock


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an alliance, and give its hub's GraphQL endpoint. For development: four audits ask for `__type`."""
    alliance = Alliance.found(tmp_path_factory.mktemp("alliance"), LIVE_COUNTIES, provinces=2)
    with alliance.running(graph=False, dev=True):
        yield f"{alliance.url('hub')}/graphql"


def test_every_audit_is_ok(tmp_path: Path, url: str) -> None:
    program = install(tmp_path / "node").with_name("audit.mjs")
    done = subprocess.run(["node", program, url], capture_output=True, text=True, check=False)
    audits = [json.loads(line) for line in done.stdout.splitlines()]
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert (len(audits), done.returncode, done.stderr) == (AUDITS, 0, "")
