"""Addresses that a webhook may have: public ones alone, also where an IPv4 address stands in an IPv6 one."""

from __future__ import annotations

from typing import Final

import pytest

from hub.events.targets import resolved
from ledger.errors import Refused

REFUSED: Final = (
    "10.0.0.1", "127.0.0.1", "169.254.169.254", "192.88.99.1", "224.0.0.1", "[::1]", "[::]", "[::8.8.8.8]",
    "[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::169.254.169.254]", "[64:ff9b::192.88.99.1]",
    "[64:ff9b:1::8.8.8.8]", "[64:ff9b:1:ffff::1]", "[2002:a00:1::1]", "[2002:7f00:1::]", "[2002:c058:6301::]",
    "[2001:0:808:808::1]", "[fe80::1]", "[fec0::1]", "[feff::1]", "[fc00::1]", "[ff02::1]",
)  # fmt: skip
PUBLIC: Final = (
    "8.8.8.8", "192.88.98.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]", "[2002:808:808::1]",
)  # fmt: skip


@pytest.mark.parametrize("host", REFUSED)
async def test_what_leads_into_a_network_of_its_own_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="forbidden"):
        await resolved(f"https://{host}/events", private=False)


@pytest.mark.parametrize("host", PUBLIC)
async def test_what_is_public_is_asked(host: str) -> None:
    assert (await resolved(f"https://{host}/events", private=False)).url.endswith(":443/events")
