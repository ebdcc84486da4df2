"""An offering names a matter that is on the list on the offering's first day: exact on both sides of every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

import pytest

from hub.journal.intake import check_record
from hub.journal.offerings import build_offering
from ledger.errors import Conflict
from ledger.matterlist import ListChange, MatterChange, MatterList
from tests.hub.test_journal import SIGNERS, T0, key_state
from tests.offerings import LISTED, MATTER, offering

NEW: Final = "000117009000"
ADDED: Final = MatterChange(act="add", code=NEW, since="2026-07-15", mode="全程网办", name="新事项")
REMOVED: Final = MatterChange(act="remove", code=MATTER, since="2026-08-01")
DECIDED: Final = MatterList().apply(
    ListChange(begin=(MATTER,)), earliest=date(2026, 6, 2), index=1
).apply(ListChange(changes=(REMOVED, ADDED)), earliest=date(2026, 6, 2), index=2)  # fmt: skip


@pytest.mark.parametrize(
    ("matter", "day", "decided", "listed"),
    [
        (MATTER, "2026-07-31", DECIDED, True),
        (MATTER, "2026-08-01", DECIDED, False),
        (MATTER, "2026-08-01", MatterList(), True),
        (NEW, "2026-07-14", DECIDED, False),
        (NEW, "2026-07-15", DECIDED, True),
        (NEW, "2026-07-15", MatterList(), False),
    ],
)
def test_the_list_of_the_offerings_first_day_decides(matter: str, day: str, decided: MatterList, listed: bool) -> None:
    """As long as the ledger has no list, the catalogue's matters are on it every day."""
    keys = replace(key_state(), matters=decided)
    claims = offering(matter=matter, planEffectiveDate=day)
    raw = build_offering(claims, iat=T0, kid="370214#4", signer=SIGNERS["370214#4"])
    if listed:
        assert check_record(raw, keys, LISTED, T0).raw == raw
        return
    with pytest.raises(Conflict) as caught:
        check_record(raw, keys, LISTED, T0)
    message = f"the catalogue lists no matter {matter} on {day}"
    assert (caught.value.code, caught.value.message) == ("not_listed", message)
