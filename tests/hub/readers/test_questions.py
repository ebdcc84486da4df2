"""What a reader may ask of the hub: for the caller of its document, while somebody waits for it, and for nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from hub.graphql.execution import GraphQLRequest
from hub.graphql.probes import CallerProbes
from hub.readers import messages
from hub.readers.questions import Questions
from ledger.errors import TongbanError
from ledger.transparency.snapshot import Snapshot
from schema.access import ANONYMOUS
from schema.context import Access, FaceRequest
from schema.readafter import ReadAfter
from schema.roles import RoleKind
from tests.ports import CLERK, NOW, FakeClock, FakeEvents, FakeFaceSources, FakeJournal, FakeProjection

ACCESS: Final = Access(
    county="370214", client="370214#3", token_id="token-1", use_cause="x", basis="case/1", matter="000101002000",
    root_field="license", holder="h", licenses=("1",), fields=("License.status",), time=NOW,
)  # fmt: skip
OTHER: Final = replace(CLERK, county="220103", client="220103#3", token_id="token-2")


class Hub:
    """The questions of one hub, with two documents under way: 1 of a clerk, 2 of another county."""

    def __init__(self) -> None:
        self.journal = FakeJournal()
        self.faces = FakeFaceSources(kept={"1": {"name": "甲", "number": "2"}})
        self.questions = Questions(
            journal=self.journal, probes=CallerProbes(asked=2, misses=1, clock=FakeClock()), faces=self.faces,
            projection=FakeProjection(at=ReadAfter(ledger=5), bookmarks=("mark",)), events=FakeEvents(),
        )  # fmt: skip
        self.questions.asking.update({1: CLERK, 2: OTHER})

    async def ask(self, name: str, value: Any, body: bytes = b"") -> Any:
        answer, data = await self.questions.answers[name](value, body)
        assert data == b""
        return answer

    async def code(self, name: str, value: Any, body: bytes = b"") -> str:
        with pytest.raises(TongbanError) as refused:
            await self.ask(name, value, body)
        return refused.value.code


async def test_a_record_names_the_caller_of_its_document_and_nobody_else() -> None:
    hub, told = Hub(), messages.told_access(ACCESS)
    assert [await hub.ask("record", [number, told]) for number in (1, 2)] == [0, 1]
    others = replace(ACCESS, county="220103", client="220103#3", token_id="token-2")
    assert hub.journal.records == [ACCESS, others]
    assert await hub.code("record", [3, told]) == "deadline"  # nobody waits for it
    assert hub.journal.records == [ACCESS, others]


async def test_the_guard_counts_by_who_asks_whatever_process_says_so() -> None:
    hub = Hub()
    assert [await hub.ask("admit", [1, subject]) for subject in ("a", "b", "a")] == [None] * 3
    assert await hub.code("admit", [1, "c"]) == "too_many_asked"
    assert await hub.ask("admit", [2, "c"]) is None
    await hub.ask("missed", 1)
    assert await hub.code("admit", [1, None]) == "too_many_misses"
    assert await hub.ask("admit", [2, None]) is None
    assert await hub.code("admit", [3, "a"]) == "deadline"
    assert await hub.code("missed", 3) == "deadline"


async def test_faces_are_asked_in_the_name_of_the_caller() -> None:
    hub = Hub()
    asked = FaceRequest(certificate_identifier="1", county="370214", fields=("name",), use_cause="x", caller=CLERK)
    (told,) = await hub.ask("faces", [1, [messages.told_question(asked)]])
    assert messages.face_answer(told).values == {"name": "甲"}
    assert hub.faces.calls == [(asked,)]
    assert await hub.code("faces", [3, [messages.told_question(asked)]]) == "deadline"


async def test_the_projection_and_the_feed_answer_any_document() -> None:
    hub = Hub()
    assert await hub.ask("reach", "5.0") == ("mark",)
    assert await hub.code("reach", "6.0") == "not_projected"
    assert await hub.code("reach", "six") == "bad_read_after"
    assert await hub.ask("newest", None) == "start"


@pytest.mark.parametrize(
    "caller", [CLERK, ANONYMOUS, replace(CLERK, role=RoleKind.HOLDER, holder="h" * 43, scopes=frozenset())]
)
def test_a_principal_comes_across_whole(caller: Any) -> None:
    assert messages.principal(messages.told_principal(caller)) == caller


@pytest.mark.parametrize(
    "asked",
    [
        GraphQLRequest(query="{ a }", operation_name="A", variables={"n": [1, None]}, tell_cost=True),
        GraphQLRequest(document_id="sha256:00", read_after=ReadAfter(ledger=7, journal=1)),
    ],
)
def test_a_request_comes_across_whole(asked: GraphQLRequest) -> None:
    assert messages.request(messages.told_request(asked)) == asked


def test_a_checkpoint_comes_across_whole() -> None:
    shown = Snapshot(size=7, root=b"r" * 32, note=b"n", quorum_note=b"q", time=NOW, cosigners=("a", "b"))
    assert messages.snapshot(messages.told_snapshot(shown)) == shown
    assert messages.snapshot(messages.told_snapshot(None)) is None
