"""The face of a license: what is selected is asked, what is late or nonsense gives a reason."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.consents import Purpose
from schema.context import Basis, FaceAnswer, FaceRequest
from schema.faces import FACE_FIELDS
from tests.answers import ask_licenses
from tests.ports import CLERK, NOW, FakeFaceSources, request_context

ROWS = [
    {"certificateIdentifier": "L1", "sealedBy": "370214"},
    {"certificateIdentifier": "L2", "sealedBy": "130202"},
]
FACE = {
    "certificateName": "营业执照",
    "certificateIdentifier": "L1",
    "certificateHolderName": ["示例食品店", "示例商行"],
    "certificateExpiringDate": None,
    "KZ_ADDRESS": "示例路1号",
    "KZ_CAPITAL": 100000,
}
WHOLE = Basis(name="consent/x", holder="h", matter=None, fields=None, purpose=Purpose.HANDLING)


async def _faces(
    selection: str, sources: FakeFaceSources, rows: Any = ROWS[:1], basis: Basis | None = WHOLE
) -> list[Any]:
    granted = {} if basis is None else {"licenses": basis}
    context = request_context(faces=sources, granted=granted)
    data = await ask_licenses(f"{{ licenses {{ {selection} }} }}", context, rows)
    return [row["face"] for row in data["licenses"]]


async def test_only_the_selected_fields_are_asked_for_with_caller_and_cause() -> None:
    sources = FakeFaceSources(kept={"L1": FACE})
    selection = (
        'face { ... on Face { holder: certificateHolderName certificateName extendInfo(fields: ["KZ_ADDRESS"]) } }'
    )
    assert await _faces(selection, sources) == [
        {
            "holder": ["示例食品店", "示例商行"],
            "certificateName": "营业执照",
            "extendInfo": {"KZ_ADDRESS": "示例路1号"},
        }
    ]
    fields = ("certificateName", "certificateHolderName", "KZ_ADDRESS")
    request = FaceRequest(
        certificate_identifier="L1", county="370214", fields=fields, use_cause="办理食品经营许可", caller=CLERK
    )
    assert sources.calls == [(request,)]


async def test_fragments_are_followed_and_skipped_fields_are_not_asked_for() -> None:
    sources = FakeFaceSources(kept={"L1": FACE})
    document = """
      query { licenses { face { ...Named
        ... on Face @skip(if: true) { certificateHolderCode }
        ... on Face { certificateNumber @include(if: false) certificateExpiringDate } } } }
      fragment Named on Face { certificateName }"""
    data = await ask_licenses(document, request_context(faces=sources, granted={"licenses": WHOLE}), ROWS[:1])
    assert data["licenses"] == [{"face": {"certificateName": "营业执照", "certificateExpiringDate": None}}]
    assert sources.calls[0][0].fields == ("certificateName", "certificateExpiringDate")


async def test_a_selection_without_metadata_asks_for_the_identifier_alone() -> None:
    sources = FakeFaceSources(kept={"L1": FACE})
    faces = await _faces("face { __typename ... on Face { source asOf } }", sources)
    assert faces == [{"__typename": "Face", "source": "node", "asOf": "2026-06-01T09:00:00.000Z"}]
    assert sources.calls[0][0].fields == ("certificateIdentifier",)


async def test_all_licenses_of_an_answer_go_in_one_call_and_a_dead_county_spoils_only_its_own() -> None:
    sources = FakeFaceSources(kept={"L1": FACE}, codes={"130202": "deadline"})
    selection = "face { ... on Face { certificateName } ... on FaceUnavailable { code county message } }"
    assert await _faces(selection, sources, ROWS) == [
        {"certificateName": "营业执照"},
        {"code": "deadline", "county": "130202", "message": "the county did not answer in time"},
    ]
    assert [len(call) for call in sources.calls] == [2]


async def test_a_face_that_is_not_kept_is_absent() -> None:
    faces = await _faces("face { ... on FaceUnavailable { code message } }", FakeFaceSources())
    assert faces == [{"code": "absent", "message": "the county keeps no face of this license"}]


async def test_a_single_holder_written_as_text_is_a_list_of_one() -> None:
    sources = FakeFaceSources(kept={"L1": {"certificateHolderName": "示例食品店"}})
    assert await _faces("face { ... on Face { certificateHolderName } }", sources) == [
        {"certificateHolderName": ["示例食品店"]}
    ]


class _Source(FakeFaceSources):
    """Gives one answer, whatever is asked."""

    def __init__(self, answer: FaceAnswer) -> None:
        super().__init__()
        self.answer = answer

    def _answer(self, request: FaceRequest) -> FaceAnswer:
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        FaceAnswer(values={"certificateName": 5}, source="node", as_of=NOW),
        FaceAnswer(values={"certificateName": {"a": "b"}}, source="node", as_of=NOW),
        FaceAnswer(values={"certificateName": "名" * 4097}, source="node", as_of=NOW),
        FaceAnswer(values={"certificateHolderName": [None]}, source="node", as_of=NOW),
        FaceAnswer(values={"certificateName": "名"}, source="node", as_of=2**60),
        FaceAnswer(values=None, code=None),
    ],
)
async def test_nonsense_from_a_county_is_a_reason_and_no_error(answer: FaceAnswer) -> None:
    faces = await _faces(
        "face { ... on Face { certificateName certificateHolderName } ... on FaceUnavailable { code } }",
        _Source(answer),
    )
    assert faces == [{"code": "source_unavailable"}]


async def test_a_name_that_the_license_lacks_is_null_in_extend_info() -> None:
    sources = FakeFaceSources(kept={"L1": FACE})
    faces = await _faces('face { ... on Face { extendInfo(fields: ["KZ_CAPITAL", "KZ_NONE"]) } }', sources)
    assert faces == [{"extendInfo": {"KZ_CAPITAL": 100000, "KZ_NONE": None}}]


def test_the_metadata_names_are_those_that_a_county_keeps() -> None:
    """GB/T 36903 in English, reference section 1.3; the seal's and the copy's own elements are no part of a face."""
    assert len(FACE_FIELDS) == 16
    assert list(FACE_FIELDS)[-1] == "associatedZzeCertID"
