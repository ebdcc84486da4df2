"""At start a hub says how sound its policy is: two disjoint quorums are named, and both figures are metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.hub_folder import HubFolder
from tests.made_hub import made_hub


@pytest.mark.parametrize(
    ("rule", "shared", "block", "warned"),
    [("all", 2, 1, []), ("any", 0, 2, [[["w320583"], ["w370214"]]])],
    ids=["all of two", "any of two"],
)
async def test_disjoint_quorums_are_named_in_the_log(
    tmp_path: Path, rule: str, shared: int, block: int, warned: list[list[list[str]]]
) -> None:
    folder = HubFolder.make(tmp_path)
    policy = folder.data / "policy"
    policy.write_bytes(policy.read_bytes().replace(b"group g all", f"group g {rule}".encode()))
    with capture_logs() as lines:
        async with made_hub(folder) as hub:
            text = hub.metrics.text().decode()
    assert [line["quorums"] for line in lines if line["event"] == "disjoint_quorums"] == warned
    assert f"tongban_policy_shared {shared}.0" in text
    assert f"tongban_policy_block {block}.0" in text
