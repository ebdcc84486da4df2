"""`tongban ledger matters`: propose, sign and submit as a rule entry, and the list on a day, against a hub on a socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from hub.keyfiles import write_private
from ledger.workdays import china_day
from tests.alliance import PASSPHRASE, found_alliance
from tests.command_line import Result, tongban
from tests.governed import GovernedHub
from tests.ports import FakeClock
from tests.servers import serving

COUNTIES: Final = ("130283", "320583", "370214")
NEW: Final = "000113031000"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[tuple[GovernedHub, Path, str]]:
    """Give three counties of which any two sign a change, and their hub on a socket."""
    founded = found_alliance(tmp_path, COUNTIES, k=2, silent=1)
    write_private(tmp_path / "county.pass", PASSPHRASE + b"\n")
    async with (
        GovernedHub.running(founded, tmp_path, FakeClock(int(time.time()))) as hub,
        serving(hub.app) as url,
    ):
        yield hub, tmp_path, f"{url}/ledger"
    founded.close()


async def typed(*words: object) -> Result:
    """Run a command beside the hub, which goes on serving."""
    return await asyncio.to_thread(tongban, *words)


def rows_of(result: Result) -> dict[str, Any]:
    assert (result.code, result.err) == (0, "")
    return {row["code"]: row for row in map(json.loads, result.out.splitlines())}


async def test_a_matter_is_added_by_commands_and_stands_on_the_list_from_its_day(
    desk: tuple[GovernedHub, Path, str],
) -> None:
    hub, folder, url = desk
    today = china_day(hub.clock())
    since, before = (today + timedelta(days=5)).isoformat(), (today + timedelta(days=4)).isoformat()
    draft, place = folder / "change.draft", ("--data", folder / "370214", "--url", url)
    named = ("--add", f"{NEW}=新事项:多地联办", "--remove", "001001001000", "--from", since, "--output", draft)
    told = await typed("ledger", "matters", "propose", *named, *place)
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[1:3] == [
        "the list of matters begins with the 30 of the table",
        f"matter {NEW} comes to the list on {since}: 新事项 (多地联办)",
    ]
    files: list[object] = []
    for county in COUNTIES[:2]:
        own = ("--data", folder / county, "--passphrase-file", folder / "county.pass", "--url", url)
        files += ["--signature", folder / f"{county}.sig"]
        assert (await typed("ledger", "rule", "sign", draft, *own, "--yes", "--output", files[-1])).code == 0
    assert (await typed("ledger", "rule", "submit", draft, *files, *place)).code == 0
    lists = [
        rows_of(await typed("ledger", "matters", "list", *place, "--on", day, "--json")) for day in (before, since)
    ]
    assert [len(rows) for rows in lists] == [30, 30]
    assert lists[0].keys() ^ lists[1].keys() == {NEW, "001001001000"}
    assert lists[1][NEW] == {"code": NEW, "name": "新事项", "mode": "多地联办", "since": since, "until": None}
    assert lists[0]["001001001000"]["until"] == since
    shown = (await typed("ledger", "matters", "list", *place, "--on", since)).out.splitlines()
    assert f"{NEW} 新事项 多地联办 {since}.." in shown
    assert shown[-1] == f"30 matters on {since}"


@pytest.mark.parametrize(
    ("options", "exit_code", "code"),
    [
        ((), 2, "bad_setting"),
        (("--add", NEW), 2, "bad_setting"),
        (("--add", f"{NEW}=新事项:网办"), 2, "bad_setting"),
        (("--add", f"{NEW}=新 事项:全程网办"), 2, "bad_payload"),
        (("--add", f"{NEW}=新:全程网办", "--remove", NEW), 2, "bad_setting"),
        (("--remove", NEW), 5, "not_listed"),
        (("--change", f"{NEW}=新:全程网办"), 5, "not_listed"),
        (("--add", "001001001000=新:全程网办"), 5, "already_listed"),
        (("--remove", "001001001000", "--from", "2026-01-01"), 5, "past_day"),
    ],
)
def test_a_wrong_wish_leaves_with_its_class_and_no_draft(
    tmp_path: Path, options: tuple[str, ...], exit_code: int, code: str
) -> None:
    founded = found_alliance(tmp_path, COUNTIES[:2], k=2)
    founded.close()
    later = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011  # far enough from today anywhere
    since = () if "--from" in options else ("--from", later)
    draft = tmp_path / "change.draft"
    words = (*options, *since, "--data", tmp_path / COUNTIES[0], "--offline", "--output", draft)
    result = tongban("ledger", "matters", "propose", *words)
    assert (result.code, result.err.split(":")[1].strip(), draft.exists()) == (exit_code, code, False)


def test_a_folder_that_knows_of_no_list_shows_the_table(tmp_path: Path) -> None:
    founded = found_alliance(tmp_path, COUNTIES[:2], k=2)
    founded.close()
    rows = rows_of(tongban("ledger", "matters", "list", "--data", tmp_path / COUNTIES[0], "--offline", "--json"))
    assert len(rows) == 30
    assert rows["000101005000"] == {
        "code": "000101005000", "name": "食品经营许可新办", "mode": "异地代收代办", "since": None, "until": None,
    }  # fmt: skip
