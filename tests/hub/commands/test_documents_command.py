"""`tongban documents`: what it prints of a hub's view, and what it does with an answer that is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest
from starlette.applications import Starlette

from hub.graphql.busiest import BusiestDocuments
from hub.monitoring import Monitoring
from tests.command_line import tongban
from tests.served_hub import served

NAMES: Final = tuple("sha256:" + digit * 64 for digit in "ab")


@dataclass
class Telling:
    """A hub that has this view and nothing else."""

    view: Any

    def app(self) -> Starlette:
        return Starlette(routes=Monitoring(bytes, lambda: self.view).routes())

    def close(self) -> None:
        """Nothing is open."""


def busiest() -> Any:
    view = BusiestDocuments()
    for name, seconds in zip(NAMES, (0.25, 1.5), strict=True):
        view.add(name, seconds, 0.125, 2, failed=False)
    return view.view()


def test_the_busiest_documents_are_listed() -> None:
    with served(Telling(busiest())) as url:
        shown = tongban("documents", "--url", url)
        told = tongban("documents", "--url", f"{url}/", "--top", 1, "--json")
    assert [line.split()[1] for line in shown.out.splitlines() if "sha256" in line] == list(reversed(NAMES))
    assert json.loads(told.out)["documents"] == [
        {
            "document": NAMES[1],
            "count": 1,
            "failed": 0,
            "statements": 2,
            "totalMs": 1500.0,
            "readMs": 125.0,
            "slowestMs": 1500.0,
        }
    ]
    assert (shown.code, told.code) == (0, 0)


@pytest.mark.parametrize(
    "view",
    [
        {}, {"documents": {}}, {"documents": [{}]}, {"documents": [1] * 1025},
        {"documents": [busiest()["documents"][0] | {"document": "\x1b[2J"}]},
        {"documents": [busiest()["documents"][0] | {"count": "1"}]},
    ],
)  # fmt: skip
def test_an_answer_that_is_no_view_is_none(view: Any) -> None:
    with served(Telling(view)) as url:
        ended = tongban("documents", "--url", url)
    assert (ended.code, ended.out) == (3, "")
    assert "not_ready" in ended.err


def test_a_hub_that_is_away() -> None:
    assert tongban("documents", "--url", "http://127.0.0.1:1").code == 3
