"""The list of matters is governed by k of n: drafts, what people are told, and what the ledger takes, on real parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from hub.governance.changes import described
from hub.governance.drafts import checked
from hub.governance.governing import joined
from hub.governance.matters import ListedRow, MatterTable, draft_matters, listed_on
from hub.ingest.data import read_table, table_bytes
from hub.keychain import KeyChain
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from ledger.matterlist import MatterChange
from ledger.workdays import china_day
from tests.alliance import NOW, Alliance, found_alliance
from tests.governed import GovernedHub
from tests.ports import FakeClock

COUNTIES: Final = ("130283", "320583", "370214")
TABLE: Final = MatterTable.shipped()
ROWS: Final = read_table("matters")
FOOD, NEW = "000101005000", "000113031000"
TOMORROW: Final = (china_day(NOW) + timedelta(days=1)).isoformat()
TODAY: Final = china_day(NOW).isoformat()


@pytest.fixture
def alliance(tmp_path: Path) -> AsyncIterator[Alliance]:
    """Give three counties of which any two sign a change."""
    founded = found_alliance(tmp_path, COUNTIES, k=2, silent=1)
    yield founded
    founded.close()


@pytest.fixture
async def hub(alliance: Alliance, tmp_path: Path) -> AsyncIterator[GovernedHub]:
    async with GovernedHub.running(alliance, tmp_path, FakeClock(NOW)) as running:
        yield running


def change(act: str, code: str, since: str = TOMORROW, name: str = "新事项") -> MatterChange:
    told = {} if act == "remove" else {"name": name, "mode": "多地联办"}
    return MatterChange(act=act, code=code, since=since, **told)


def test_the_table_is_the_list_until_the_ledger_has_one(alliance: Alliance) -> None:
    rows = listed_on(alliance.state, date(2020, 1, 1))
    assert [(row.code, row.name) for row in rows] == sorted((row["code"], row["name"]) for row in ROWS)
    assert {(row.since, row.until) for row in rows} == {(None, None)}
    assert TABLE.fault(alliance.state) is None


async def test_two_of_three_members_change_the_list(hub: GovernedHub) -> None:
    """The first change begins it; every day has its list, the days before as they were."""
    first = draft_matters((await hub.chain()).state, TABLE, [change("add", NEW)], iat=NOW)
    with pytest.raises(NotVerified, match="not_enough_signers"):
        joined(first, await hub.sign(first, ["370214"]), await hub.chain())
    await hub.enact(first, ("130283", "320583"))
    state = (await hub.chain()).state
    assert state.documents["matters"] == sha256(table_bytes("matters")).digest()
    later = (china_day(NOW) + timedelta(days=9)).isoformat()
    second = [change("remove", NEW, later), change("change", FOOD, later, "食品经营许可")]
    await hub.enact(draft_matters(state, TABLE, second, iat=NOW), ("320583", "370214"))
    state = (await hub.chain()).state
    days = [date.fromisoformat(day) for day in (TODAY, TOMORROW, later)]
    lists = [{row.code: row for row in listed_on(state, day)} for day in days]
    assert [len(rows) for rows in lists] == [30, 31, 30]
    assert [NEW in rows for rows in lists] == [False, True, False]
    assert lists[1][NEW] == ListedRow(code=NEW, name="新事项", mode="多地联办", since=TOMORROW, until=later)
    assert [lists[0][FOOD].name, lists[2][FOOD].name] == ["食品经营许可新办", "食品经营许可"]
    assert (lists[0][FOOD].until, lists[2][FOOD].since) == (later, later)


def test_people_are_told_what_a_change_does_to_the_list(alliance: Alliance) -> None:
    chain = KeyChain.follow(alliance.genesis, ())
    wishes = [change("add", NEW), change("change", FOOD, name="食品经营许可"), change("remove", "001001001000")]
    draft = draft_matters(chain.state, TABLE, wishes, iat=NOW)
    assert described(chain.state, checked(draft, chain, NOW), draft.change) == [
        f"document matters: SHA-256 {TABLE.digest.hex()} (was none)",
        "the list of matters begins with the 30 of the table",
        f"matter {FOOD} (食品经营许可新办) becomes on {TOMORROW}: 食品经营许可 (多地联办)",
        f"matter {NEW} comes to the list on {TOMORROW}: 新事项 (多地联办)",
        (
            f"matter 001001001000 (内资企业及分支机构设立登记) leaves the list on {TOMORROW}; "
            "counties' offerings of it end then"
        ),
    ]


@pytest.mark.parametrize(
    ("wishes", "kind", "code"),
    [
        ([], Malformed, "bad_setting"),
        ([change("add", NEW), change("remove", NEW)], Malformed, "bad_setting"),
        ([change("add", "12")], Malformed, "bad_payload"),
        ([change("add", NEW, name="新\u202e事项")], Malformed, "bad_payload"),
        ([change("add", FOOD)], Conflict, "already_listed"),
        ([change("change", NEW)], Conflict, "not_listed"),
        ([change("remove", NEW)], Conflict, "not_listed"),
        ([change("remove", FOOD, TODAY)], Conflict, "past_day"),
        ([change("remove", FOOD, "1999-01-01")], Conflict, "past_day"),
    ],
)
def test_what_cannot_be_is_refused_before_anyone_signs(
    alliance: Alliance, wishes: list[MatterChange], kind: type[TongbanError], code: str
) -> None:
    chain = KeyChain.follow(alliance.genesis, ())
    with pytest.raises(kind) as caught:
        checked(draft_matters(chain.state, TABLE, wishes, iat=NOW), chain, NOW)
    assert caught.value.code == code


async def test_who_has_another_table_says_so_and_drafts_nothing(hub: GovernedHub) -> None:
    await hub.enact(draft_matters((await hub.chain()).state, TABLE, [change("add", NEW)], iat=NOW), COUNTIES[:2])
    state, other = (await hub.chain()).state, MatterTable(table_bytes("matters") + b"\n")
    named = f"the table of matters is not the one that the key state names, SHA-256 {TABLE.digest.hex()}"
    assert (TABLE.fault(state), other.fault(state)) == (None, named)
    with pytest.raises(Conflict) as caught:
        draft_matters(state, other, [change("remove", NEW)], iat=NOW)
    assert (caught.value.code, caught.value.message) == ("wrong_target", named)
