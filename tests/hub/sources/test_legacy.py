"""A county's GB/T 36906 service, over real sockets: what it is asked, what of its answer counts, and every fault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx2
import pytest

from hub.sources import LegacyService, LegacySource
from hub.sources.legacy import Listed, parse_listing, parse_verified
from ledger.errors import Malformed, Unavailable
from schema.context import FaceAnswer, FaceRequest
from tests.alliance import license_of
from tests.legacy_server import ACCESS, FAULTS, Holdings, legacy_app, on_the_wire
from tests.ports import CLERK, NOW, FakeClock
from tests.servers import serving

FACE: Final = license_of(1).claims()
IDENTIFIER: Final = license_of(1).identifier
TYPE: Final = FACE["certificateTypeCode"]
HELD: Final = {IDENTIFIER: on_the_wire(FACE)}
LATE: Final = frozenset({"silent", "a byte at a time"})
Started = Callable[..., Awaitable[LegacyService]]


@pytest.fixture
async def service() -> AsyncIterator[Started]:
    """Give a function that starts a service and gives its client."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))

        async def start(holdings: Holdings, token: str = ACCESS["accessToken"]) -> LegacyService:
            url = await stack.enter_async_context(serving(legacy_app(holdings)))
            paths: Any = {call: f"/share/{call}" for call in ("search", "metadata", "verify")}
            return LegacyService(
                url=url, paths=paths, access_id=ACCESS["accessId"], access_token=token, client=client
            )  # fmt: skip

        yield start


def _request(*fields: str) -> FaceRequest:
    return FaceRequest(
        certificate_identifier=IDENTIFIER, county="370214", fields=fields, use_cause="办理", caller=CLERK
    )


async def _face(service: LegacyService, *fields: str) -> FaceAnswer:
    (answer,) = await LegacySource(service=service, clock=FakeClock(NOW)).faces([_request(*fields)])
    return answer


async def test_the_selection_is_the_metadata_range(service: Started) -> None:
    holdings = Holdings(faces=HELD)
    answer = await _face(await service(holdings), "certificateHolderName", "certificateIssuedDate", "KZ_ADDRESS")
    assert answer == FaceAnswer(
        values={
            "certificateHolderName": ["示例食品店"], "certificateIssuedDate": "2026-04-01", "KZ_ADDRESS": "示例路1号",
        },
        source="legacy", as_of=NOW,
    )  # fmt: skip
    asked = {"certIdentifier": IDENTIFIER, "metadataRange": ["ZZBS", "CZZT", "ZZBFRQ", "KZ_ADDRESS"],
             "useCause": "办理"}  # fmt: skip
    assert holdings.asked == [("metadata", asked)]


async def test_an_element_without_a_short_name_is_asked_by_its_name(service: Started) -> None:
    holdings = Holdings(faces=HELD)
    answer = await _face(await service(holdings), "certificateAreaCode")
    assert answer.values == {"certificateAreaCode": "370214"}
    assert holdings.asked[0][1]["metadataRange"] == ["ZZBS", "certificateAreaCode"]


async def test_no_fields_ask_for_the_whole_face(service: Started) -> None:
    holdings = Holdings(faces={IDENTIFIER: HELD[IDENTIFIER] | {"internalRemark": "x", "certificateName": "y"}})
    answer = await _face(await service(holdings))
    assert answer.values == FACE
    assert holdings.asked[0][1]["metadataRange"] == []


async def test_what_the_service_sends_beyond_the_question_goes_nowhere(service: Started) -> None:
    answer = await _face(await service(Holdings(faces=HELD, says_too_much=True)), "certificateName")
    assert answer.values == {"certificateName": "营业执照"}


async def test_a_license_that_it_does_not_hold_is_absent(service: Started) -> None:
    answer = await _face(await service(Holdings()), "certificateName")
    assert answer == FaceAnswer(values=None, source="legacy", as_of=NOW, code="absent")


async def test_every_other_answer_is_a_fault_of_the_service(service: Started) -> None:
    holdings = Holdings(faces=HELD)
    client, found = await service(holdings), {}
    for case in sorted(FAULTS.keys() - LATE):
        holdings.fault = case
        with pytest.raises(Unavailable) as caught:
            await _face(client)
        assert "营业执照" not in caught.value.message
        found[case] = caught.value.code
    assert found == dict.fromkeys(found, "source_unavailable") | {"its own time-out": "deadline"}
    assert found.keys() == FAULTS.keys() - LATE


async def test_a_wrong_token_is_a_fault_and_stands_in_no_text(service: Started) -> None:
    client = await service(Holdings(faces=HELD), token="wrong")
    with pytest.raises(Unavailable) as caught:
        await _face(client, "certificateName")
    assert caught.value.message == "the county's service answered with head status 11"
    assert "wrong" not in repr(client)


async def test_a_dead_service_is_a_fault() -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        dead = LegacyService(
            url="http://127.0.0.1:1", paths={"metadata": "/m", "search": "/s", "verify": "/v"}, access_id="a",
            access_token="b", client=client,
        )  # fmt: skip
        with pytest.raises(Unavailable) as caught:
            await _face(dead, "certificateName")
    assert caught.value.code == "source_unavailable"


async def test_search_lists_a_holders_licenses_of_a_type(service: Started) -> None:
    client = await service(Holdings(faces=HELD))
    found = await client.search(
        holder_type_code="001", holder_code="92370214MA3C00000X", type_code=TYPE, use_cause="办理"
    )
    assert found == [Listed(certificate_identifier=IDENTIFIER, certificate_name="营业执照", status="01")]
    assert await client.search(holder_type_code="001", holder_code="x", type_code=TYPE, use_cause="办理") == []


async def test_verify_compares_elements(service: Started) -> None:
    holdings = Holdings(faces=HELD)
    client = await service(holdings)
    right = {"certificateName": "营业执照", "certificateIssuedDate": "2026-04-01", "KZ_ADDRESS": "示例路1号"}
    assert await client.verify(TYPE, right, "办理") == "有效"
    assert await client.verify(TYPE, {"certificateName": "食品经营许可证"}, "办理") == "存疑"
    assert await client.verify("X", {"certificateName": "营业执照"}, "办理") == "查无"
    asked = {"ZZMC": "营业执照", "ZZBFRQ": "20260401", "KZ_ADDRESS": "示例路1号"}
    assert holdings.asked[0] == ("verify", {"certTypeCode": TYPE, "certData": asked, "useCause": "办理"})


@pytest.mark.parametrize(
    ("status", "result", "found"),
    [("0", "0", "有效"), ("0", 1, "存疑"), ("0", "2", "失效"), ("0", "3", "失效"), ("0", "4", "存疑"), ("0", "5", "查无"),
     ("0", "6", "存疑"), ("0", "7", "存疑"), ("3", None, "查无"), ("10", None, "查无"), ("21", None, "失效"),
     ("22", None, "失效"), ("23", None, "存疑")],
)  # fmt: skip
def test_every_result_of_a_verify_call_is_one_of_four(status: str, result: Any, found: str) -> None:
    data = "null" if result is None else f'{{"result":{result!r}}}'.replace("'", '"')
    assert parse_verified(f'{{"head":{{"status":"{status}"}},"data":{data}}}'.encode()) == found


@pytest.mark.parametrize(
    "body", [b'{"head":{"status":"0"},"data":{"result":"8"}}', b'{"head":{"status":"0"},"data":0}']
)
def test_a_result_beyond_the_standard_is_a_fault(body: bytes) -> None:
    with pytest.raises(Unavailable):
        parse_verified(body)


@pytest.mark.parametrize(
    "row", ['{"certIdentifier":"a","certName":"b"}', '{"certIdentifier":"a","certName":7,"status":""}']
)
def test_a_listing_that_is_none_is_a_fault(row: str) -> None:
    with pytest.raises(Unavailable):
        parse_listing(f'{{"head":{{"status":"0"}},"data":[{row}]}}'.encode())


async def test_a_question_that_the_standard_does_not_allow_is_not_sent(service: Started) -> None:
    holdings = Holdings()
    client = await service(holdings)
    with pytest.raises(Malformed, match="useCause"):
        await client.metadata(IDENTIFIER, ["certificateName"], "")
    with pytest.raises(Malformed, match="Annex A"):
        await client.search(holder_type_code="007", holder_code="x", type_code=TYPE, use_cause="x")
    with pytest.raises(Malformed, match="certTypeCode"):
        await client.search(holder_type_code="001", holder_code="x", type_code="x y", use_cause="x")
    with pytest.raises(Malformed, match="elements"):
        await client.verify(TYPE, {"remark": "x"}, "x")
    with pytest.raises(Unavailable, match="cannot be asked"):
        await LegacySource(service=client, clock=FakeClock(NOW)).faces(
            [FaceRequest(certificate_identifier="x", county="370214", fields=(), use_cause="", caller=CLERK)]
        )
    assert holdings.asked == []
