"""Faces of one answer go to the sources in one call, whatever the depth at which they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from schema.context import FaceAnswer, FaceRequest
from schema.loaders import FaceLoader, face_loader
from tests.ports import CLERK, NOW, FakeFaceSources, request_context

REQUEST = FaceRequest(
    certificate_identifier="L1", county="370214", fields=("certificateName",), use_cause="cause", caller=CLERK
)


def face(**values: object) -> FaceAnswer:
    """An answer of a county's node."""
    return FaceAnswer(values=values, source="node", as_of=NOW)


async def _later(loader: FaceLoader, request: FaceRequest, ticks: int) -> FaceAnswer:
    for _ in range(ticks):
        await asyncio.sleep(0)
    return await loader.load(request)


async def test_requests_of_several_ticks_go_in_one_call_and_answers_go_to_their_askers() -> None:
    sources = FakeFaceSources(kept={f"L{n}": {"certificateName": f"name {n}"} for n in range(4)})
    loader = FaceLoader(sources)
    asked = [replace(REQUEST, certificate_identifier=f"L{n}") for n in range(4)]
    answers = await asyncio.gather(*(_later(loader, request, n) for n, request in enumerate(asked)))
    assert answers == [face(certificateName=f"name {n}") for n in range(4)]
    assert sources.calls == [tuple(asked)]


async def test_two_selections_of_one_license_are_one_request_for_the_fields_of_both() -> None:
    sources = FakeFaceSources(kept={"L1": {"certificateName": "name", "KZ_A": 1}})
    loader = FaceLoader(sources)
    other = replace(REQUEST, fields=("KZ_A", "certificateName"))
    answers = await asyncio.gather(loader.load(REQUEST), loader.load(other))
    assert answers == [face(certificateName="name", KZ_A=1)] * 2
    assert sources.calls == [(replace(REQUEST, fields=("certificateName", "KZ_A")),)]


async def test_a_request_for_all_fields_stays_one_for_all_when_merged() -> None:
    sources = FakeFaceSources(kept={"L1": {"certificateName": "name"}})
    loader = FaceLoader(sources)
    await asyncio.gather(loader.load(REQUEST), loader.load(replace(REQUEST, fields=())))
    assert sources.calls == [(replace(REQUEST, fields=()),)]


async def test_another_cause_is_another_request() -> None:
    sources = FakeFaceSources(kept={"L1": {"certificateName": "name"}})
    loader = FaceLoader(sources)
    other = replace(REQUEST, use_cause="another cause")
    await asyncio.gather(loader.load(REQUEST), loader.load(other))
    assert sources.calls == [(REQUEST, other)]


async def test_what_is_asked_after_an_answer_is_a_new_call() -> None:
    sources = FakeFaceSources(kept={"L1": {"certificateName": "name"}})
    loader = FaceLoader(sources)
    await loader.load(REQUEST)
    await loader.load(REQUEST)
    assert sources.calls == [(REQUEST,), (REQUEST,)]


class _BrokenSources:
    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        raise ValueError("the port broke its promise")


async def test_a_port_that_raises_fails_every_asker_and_leaves_no_one_waiting() -> None:
    loader = FaceLoader(_BrokenSources())
    answers = await asyncio.gather(loader.load(REQUEST), loader.load(REQUEST), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["the port broke its promise"] * 2


async def test_an_asker_that_gave_up_does_not_disturb_the_others() -> None:
    loader = FaceLoader(FakeFaceSources(kept={"L1": {"certificateName": "name"}}))
    gone = asyncio.ensure_future(loader.load(REQUEST))
    stays = asyncio.ensure_future(loader.load(REQUEST))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == face(certificateName="name")
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_each_request_of_a_client_has_its_own_loader() -> None:
    one, other = request_context(), request_context()
    assert face_loader(one) is face_loader(one)
    assert face_loader(one) is not face_loader(other)
