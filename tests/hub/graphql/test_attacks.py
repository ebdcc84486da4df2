"""Every attack of `tests/attacks` is answered as its file says, and tells nothing."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.attacks.attack import ATTACKS, Attack
from tests.graph_fakes import CannedGraph
from tests.graphql_http import client, codes_of

INNER: Final = re.compile(
    r"Traceback|File \"|MATCH|RETURN|Neo4j|ArcadeDB|com\.arcadedb|\.py\b|object at 0x", re.IGNORECASE
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_attack_is_answered_as_expected(attack: Attack) -> None:
    graph = CannedGraph()
    async with client(graph) as http:
        response = await attack.send(http)
    body = response.json()
    assert (response.status_code, codes_of(body), body.get("data")) == (attack.status, attack.codes, attack.data)
    assert response.headers["cache-control"] == "no-store"
    assert INNER.search("".join(error["message"] for error in body.get("errors", ()))) is None
    assert not any("DETACH" in statement.text for statement in graph.asked)


def test_there_are_enough_of_them_and_each_has_a_name() -> None:
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
