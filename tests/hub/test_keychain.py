"""The chain of keys: what a log leaves out, makes up or shows late is found; a folder's chain only grows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from hub.county.inspection import check_county
from hub.county.rotation import rotate
from hub.filesums import remember_files
from hub.governance.drafts import MemberWishes, draft_members
from hub.governance.governing import joined
from hub.keychain import FolderChain, KeyChain, fetch_chain, parse_key_entries
from hub.logclient import HttpLog
from ledger.errors import Malformed, NotVerified, Unavailable
from ledger.sync_files import parse_keys
from tests.alliance import HUB_URL, NOW, found_alliance
from tests.governed import GovernedHub
from tests.in_loop import reaching
from tests.ports import FakeClock

HOME: Final = "370214"


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[GovernedHub]:
    """Give a hub whose key state has changed once, at index 2; the folders have not heard of it."""
    founded = found_alliance(tmp_path)
    async with GovernedHub.running(founded, tmp_path, FakeClock(NOW)) as running:
        await _add_key(running)
        yield running
    founded.close()


async def _add_key(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    wishes = MemberWishes(add=[rotate(home, "seal", now=NOW).file])
    chain = await hub.chain()
    draft = draft_members(chain.state, wishes, iat=NOW)
    await asyncio.to_thread(hub.log.submit, joined(draft, await hub.sign(draft, (HOME,)), chain))


class Bent(HttpLog):
    """The hub's log, with answers bent on the way."""

    def __init__(self, hub: GovernedHub, bend: Callable[[str, bytes], bytes]) -> None:
        super().__init__(f"{HUB_URL}/ledger", reaching(hub.app))
        self._bend = bend

    def need(self, path: str, max_bytes: int) -> bytes:
        return self._bend(path, super().need(path, max_bytes))


def without_keys(path: str, answer: bytes) -> bytes:
    return b"[]" if path.startswith("keys") else answer


def moved(path: str, answer: bytes) -> bytes:
    return answer.replace(b'"index":2', b'"index":1') if path.startswith("keys") else answer


def unsigned(path: str, answer: bytes) -> bytes:
    if not path.startswith("keys"):
        return answer
    (row,) = json.loads(answer)
    entry = json.loads(row["entry"])
    entry["signatures"][0]["signature"] = "A" * 85 + "A"
    row["entry"] = json.dumps(entry, separators=(",", ":"))
    return json.dumps([row], separators=(",", ":")).encode()


def unwitnessed(path: str, answer: bytes) -> bytes:
    lines = answer.splitlines(keepends=True)
    return b"".join(lines[:-1]) if path == "checkpoint" else answer


@pytest.mark.parametrize(
    ("bend", "code"),
    [(without_keys, "keys_behind"), (moved, "keys_behind"), (unsigned, "bad_signature"), (unwitnessed, "no_quorum")],
)
async def test_what_a_log_says_falsely_of_its_keys_is_refused(
    hub: GovernedHub, bend: Callable[[str, bytes], bytes], code: str
) -> None:
    anchor = hub.alliance.nodes[HOME].verifier.anchor
    known = KeyChain.follow(hub.alliance.genesis, ())
    with pytest.raises(NotVerified) as caught:
        await asyncio.to_thread(fetch_chain, Bent(hub, bend), anchor, known, NOW)
    assert caught.value.code == code
    chain = await asyncio.to_thread(fetch_chain, hub.log, anchor, known, NOW)
    assert ([index for index, _ in chain.entries], chain.size, chain.time) == ([2], 3, NOW)


async def test_a_log_that_is_older_than_what_is_known_is_refused(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    paths = ("checkpoint", "head?size=4", "keys?from=1", "keys?from=3")
    shown = {path: await asyncio.to_thread(hub.log.need, path, 65_536) for path in paths}
    newest = await hub.chain()
    await hub.follow(home)
    await _add_key(hub)
    newer = await hub.chain()
    assert [index for index, _ in newer.entries] == [2, 4]
    old = Bent(hub, lambda path, _answer: shown[path])
    with pytest.raises(NotVerified, match="the log shows 3 entries, 5 are known here"):
        await asyncio.to_thread(fetch_chain, old, home.verifier.anchor, newer, NOW)
    again = await asyncio.to_thread(fetch_chain, old, home.verifier.anchor, newest, NOW)
    assert again.entries == newest.entries


async def test_a_folders_chain_grows_and_is_seen_by_every_process(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    other = FolderChain(home.data)
    assert (other.chain().entries, home.keys.kid("seal")) == ((), "370214#2")
    newest = await hub.chain()
    assert [other.keep(newest), other.keep(newest), home.chain.keep(other.chain())] == [True, False, False]
    assert parse_keys((home.data / "keys.json").read_bytes()) == [(0, hub.alliance.genesis), *newest.entries]
    assert home.keys.kid("seal") == "370214#5"
    with pytest.raises(NotVerified, match="bad_consistency"):
        other.keep(KeyChain.follow(hub.alliance.genesis, ()))
    assert [path.name for path in home.data.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{}", b"[] ", b'[{"index":1}]', b'[{"index":1,"entry":1}]',
        b'[{"index":2,"entry":"x"},{"index":1,"entry":"y"}]', b'[{"index":1,"entry":"x"},{"index":1,"entry":"x"}]',
    ],
)  # fmt: skip
def test_key_entries_are_read_strictly(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse_key_entries(text, b"")
    with pytest.raises(NotVerified, match="bad_consistency"):
        parse_key_entries(b'[{"index":0,"entry":"x"}]', b"y")


def test_a_damaged_folder_signs_nothing(tmp_path: Path) -> None:
    founded = found_alliance(tmp_path)
    home = founded.nodes[HOME]
    (home.data / "keys.json").write_bytes(b"[")
    with pytest.raises(Malformed):
        _ = home.keys
    (home.data / "keys.json").unlink()
    assert home.keys.kid("seal") == "370214#2"
    founded.close()


def test_a_folder_without_genesis_has_no_chain(tmp_path: Path) -> None:
    chain = FolderChain(tmp_path)
    assert chain.founded() is None
    with pytest.raises(Unavailable, match="not_ready"):
        chain.chain()


async def test_a_log_that_is_not_there_or_states_an_error_is_told(hub: GovernedHub) -> None:
    nowhere = HttpLog(f"{HUB_URL}/nowhere", reaching(hub.app))
    with pytest.raises(Unavailable, match=f"no_log: the log at {HUB_URL}/nowhere has no checkpoint"):
        await asyncio.to_thread(nowhere.need, "checkpoint", 65_536)
    with pytest.raises(Malformed, match="bad_number"):
        await asyncio.to_thread(hub.log.need, "keys?from=x", 65_536)


async def test_two_that_keep_chains_at_once_leave_the_longer_one(hub: GovernedHub) -> None:
    """The one that knows less may come last, from another process or thread: it shortens nothing."""
    home = hub.alliance.nodes[HOME]
    short = await hub.chain()
    await _add_key(hub)
    long = await hub.chain()
    for _ in range(10):
        (home.data / "keys.json").unlink(missing_ok=True)
        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(FolderChain(home.data).keep, chain) for chain in (long, short)]
        assert done[0].result()
        assert isinstance(done[1].exception(), NotVerified | None)
        assert FolderChain(home.data).chain().entries == long.entries


async def test_a_chain_that_grows_is_no_damage_and_a_damaged_one_is_found(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME].data
    remember_files(home)
    FolderChain(home).keep(await hub.chain())
    assert check_county(home).files > 0
    text = (home / "keys.json").read_bytes()
    (home / "keys.json").write_bytes(text.replace(b'"index":2', b'"index":3'))
    check_county(home)  # another index is another history, which only a head can refute: it is fetched again
    (home / "keys.json").write_bytes(text[:-200] + b"x" + text[-199:])
    with pytest.raises(NotVerified, match=r"^corrupt_store: keys\.json: "):
        check_county(home)
