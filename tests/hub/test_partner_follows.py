"""A partner follows a subscription over the real streaming endpoint: every answer once, and an end that is told."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import pytest

from hub.partner import Partner
from ledger.errors import Unavailable
from tests.casefile import CaseFile
from tests.live_streams import BEGINNING, EVENTS, LiveStreams


async def test_a_partner_hears_each_event_from_a_cursor_on(tmp_path: Path) -> None:
    file = CaseFile()
    async with LiveStreams.running(tmp_path) as hub:
        await hub.state(file.apply())
        partner = Partner(hub.url, "good")

        def first() -> list[str]:
            heard = partner.follow(EVENTS, {"case": file.number}, after=BEGINNING, seconds=60)
            return [each["data"]["caseEvents"]["kind"] for each in islice(heard, 1)]

        assert await asyncio.to_thread(first) == ["STEP"]


@pytest.mark.parametrize("token", ["good", "nobody's"])
async def test_a_stream_that_tells_nothing_more_is_given_up(tmp_path: Path, token: str) -> None:
    async with LiveStreams.running(tmp_path) as hub:
        heard = Partner(hub.url, token).follow(EVENTS, {}, after=BEGINNING, seconds=0)
        with pytest.raises(Unavailable) as caught:
            await asyncio.to_thread(list, heard)
    assert (caught.value.code, "has ended" in caught.value.message) == ("not_ready", True)
