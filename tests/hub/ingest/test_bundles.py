"""Bundles of a county that no network reaches, against a real ledger and journal: there, back, twice, and cut off."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.bundles.head import BundleHead
from hub.bundles.keys import BundleKey
from hub.bundles.lines import OutboxLine
from hub.bundles.sealed import opened_bundle, write_bundle
from hub.ingest.bundles import BundleBook, Taken
from ledger.encoding import b64u_encode
from ledger.errors import Conflict, TongbanError, Unavailable
from ledger.transparency.merkle import leaf_hash
from tests.alliance import Alliance, found_alliance, license_of
from tests.closed_network import COUNTY, HUB_KEY, ClosedNetwork
from tests.entropy import seeded
from tests.ports import NOW, FakeClock


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    founded = found_alliance(tmp_path)
    yield founded
    founded.close()


@pytest.fixture
async def closed(alliance: Alliance, tmp_path: Path) -> AsyncIterator[ClosedNetwork]:
    async with ClosedNetwork.running(alliance, tmp_path, FakeClock(NOW)) as network:
        yield network


async def test_seals_go_out_and_receipts_come_back_then_a_revocation_and_the_faces(closed: ClosedNetwork) -> None:
    closed.seal(1, 2)
    made = closed.export()
    assert (made.number, dict(made.lines)) == (1, {"entry": 2, "record": 2})
    taken = await closed.take(made.path)
    assert taken == Taken(county=COUNTY, number=1, again=False, lines={"entry": 2, "record": 2}, refused=[])
    assert closed.states() == ["pending", "pending"]
    brought = closed.bring()
    assert (brought.settled, brought.waiting, brought.refused) == (4, 0, [])
    assert closed.states() == ["done", "done"]
    item = closed.node.outbox.of(license_of(1, county=COUNTY).identifier)[0]
    assert item.evidence is not None
    assert closed.bundles.export(HUB_KEY, NOW, faces=False) is None
    closed.node.revoke(license_of(1, county=COUNTY).identifier, "03", NOW)
    brought = await closed.round(faces=True)
    assert (brought.number, brought.settled, brought.faces) == (2, 1, 2)
    assert closed.states() == ["done", "done", "done"]
    assert closed.vault.face(COUNTY, license_of(2, county=COUNTY).identifier) is not None
    assert closed.bundles.export(HUB_KEY, NOW, faces=True) is None


async def test_everything_twice_changes_nothing(closed: ClosedNetwork) -> None:
    closed.seal(1, 2)
    path = closed.export().path
    first = await closed.take(path)
    logged, records = closed.logged(), closed.node.outbox.counts(NOW)
    again = await closed.take(path, "second")
    assert (again, closed.logged()) == (replace(first, again=True), logged)
    assert len(logged) == 2
    assert closed.node.outbox.counts(NOW) == records
    assert closed.bring("second").settled == 4
    brought = closed.bring("answer")
    assert (brought.settled, brought.waiting, closed.states()) == (0, 0, ["done", "done"])


async def test_a_bundle_that_comes_again_puts_no_erased_face_back(closed: ClosedNetwork) -> None:
    """Whoever kept the file could undo an erasure with it; what is still in the vault stays there."""
    closed.seal(1, 2)
    await closed.round()
    path = Path(shutil.copy(closed.export(faces=True).path, closed.folder / "kept"))
    first, second = (license_of(number, county=COUNTY).identifier for number in (1, 2))
    await closed.take(path)
    closed.vault.erase(COUNTY, first)
    taken = await closed.take(path, "once more")
    assert [(kind, name, error.code) for kind, name, error in taken.refused] == [("face", first, "wrong_target")]
    assert closed.vault.face(COUNTY, first) is None
    assert closed.vault.face(COUNTY, second) is not None


async def test_an_import_that_was_cut_off_leaves_no_bundle_for_ever(closed: ClosedNetwork) -> None:
    """The newest copy was deleted, the older one not yet: the same answer once more deletes that, too."""
    closed.seal(1)
    older = closed.export().path
    closed.seal(2)
    newest = closed.export().path
    await closed.take(newest, without=True)
    kept = older.read_bytes()
    closed.bring()
    older.write_bytes(kept)
    closed.bring()
    assert (older.exists(), newest.exists()) == (False, False)


async def test_a_lost_bundle_is_named_and_written_again(closed: ClosedNetwork) -> None:
    closed.seal(1)
    closed.export()
    closed.seal(2)
    second = closed.export().path
    with pytest.raises(Conflict) as caught:
        await closed.take(second)
    assert (caught.value.code, caught.value.message) == ("bundle_missing", "bundle 1 of 370214 was not taken in")
    assert closed.logged() == []
    await closed.take(closed.bundles.again(1))
    assert len(closed.logged()) == 1
    await closed.take(second)
    assert closed.bring().settled == 4
    with pytest.raises(Conflict, match="bundle 1 is not kept here"):
        closed.bundles.again(1)


async def test_an_unanswered_bundle_stands_in_the_next_one_and_an_old_one_is_refused(closed: ClosedNetwork) -> None:
    closed.seal(1)
    old = shutil.copy(closed.export().path, closed.folder / "old")
    await closed.take(Path(old), "lost on its way back")
    closed.seal(2)
    closed.export()
    closed.seal(3)
    await closed.take(closed.export().path, without=True)  # number 2 never came: its lines stand in number 3
    brought = closed.bring()
    assert (brought.number, brought.settled, closed.states()) == (3, 6, ["done", "done", "done"])
    assert await _code(closed, Path(old)) == "stale_prev"


async def test_what_the_hub_refuses_is_told_on_both_sides_and_the_rest_stands(closed: ClosedNetwork) -> None:
    """An entry with a changed signature beside a good one; a face that no seal in the ledger stands for."""
    closed.seal(1, 2)
    lines = closed.bundles._lines(faces=True)
    bad = lines[0].data[:-4] + (b"AAAA" if lines[0].data[-4:] != b"AAAA" else b"BBBB")
    lines[0] = replace(lines[0], data=bad)
    taken = await closed.take(_bundle(closed, lines))
    bad_leaf = b64u_encode(leaf_hash(closed.node.outbox.unsettled(1)[0].entry))
    first = license_of(1, county=COUNTY).identifier
    found = [(kind, name, error.code) for kind, name, error in taken.refused]
    assert found == [("entry", bad_leaf, "bad_signature"), ("record", bad_leaf, "wrong_target"),
                     ("face", first, "wrong_target")]  # fmt: skip


async def test_what_travelled_too_long_is_signed_anew_and_goes_out_again(closed: ClosedNetwork) -> None:
    closed.seal(1)
    closed.clock.advance(2 * 86_400)
    brought = await closed.round()
    assert (brought.settled, brought.waiting, brought.refused) == (0, 1, [])
    assert (await closed.round()).settled == 2
    assert closed.states() == ["done"]


def _bundle(closed: ClosedNetwork, lines: list[OutboxLine], **changes: Any) -> Path:
    key = closed.node.keys.key("journal")
    head = BundleHead(
        kind="outbox", county=COUNTY, number=1, previous=None, iat=NOW, to="", length=0, total=b"",
        answer_key=HUB_KEY.public,
    )  # fmt: skip
    path = closed.folder / "made"
    recipient = changes.pop("recipient", HUB_KEY)
    signer, kid = changes.pop("signer", key.signer), changes.pop("kid", key.kid)
    write_bundle(
        path, (each.text() for each in lines), replace(head, **changes), recipient, kid=kid, signer=signer
    )  # fmt: skip
    return path


LINE = OutboxLine(kind="entry", id="x", data=b"eyJ")


async def _code(closed: ClosedNetwork, path: Path) -> str:
    with pytest.raises(TongbanError) as caught:
        await closed.take(path)
    return caught.value.code


async def test_a_bundle_that_is_refused_sends_nothing(closed: ClosedNetwork, alliance: Alliance) -> None:
    closed.seal(1, 2, 3)
    good, own, other = closed.bundles._lines(faces=False), closed.node.keys, alliance.nodes["320583"].keys
    made: dict[str, tuple[str, list[OutboxLine], dict[str, Any]]] = {
        "a key that nobody listed": ("unknown_kid", good, {"kid": f"{COUNTY}#99"}),
        "a key for another use": ("key_use", good, {"kid": own.kid("seal"), "signer": own.seal}),
        "another key's signature": ("bad_signature", good, {"signer": own.seal}),
        "another county's key": ("unknown_kid", good, {"kid": other.kid("journal"), "signer": other.journal}),
        "for another hub": ("wrong_target", good, {"recipient": BundleKey.of_secret(seeded("another hub")(32))}),
        "an entry after a record": ("bad_bundle", [*good, good[0]], {}),
        "an id that is none": ("bad_bundle", [*good, replace(LINE, kind="face", id="a b")], {}),
    }
    for what, (code, lines, changes) in made.items():
        assert (what, await _code(closed, _bundle(closed, lines, **changes))) == (what, code)
    for what, data in _damaged(_bundle(closed, good)).items():
        (closed.folder / "damaged").write_bytes(data)
        assert (what, await _code(closed, closed.folder / "damaged")) == (what, "bundle_damaged")
    assert (closed.logged(), (closed.folder / "answer").exists()) == ([], False)


def _damaged(path: Path) -> dict[str, bytes]:
    """Give a file with its head whole, and each time something else behind it."""
    whole = path.read_bytes()
    with opened_bundle(path) as bundle:
        start = bundle.signed.size
    return {
        "cut": whole[:-1],
        "longer": whole + b"x",
        "a changed byte": whole[: start + 100] + bytes([whole[start + 100] ^ 1]) + whole[start + 101 :],
        "no chunks": whole[:start],
    }


async def test_an_answer_that_is_refused_changes_nothing(closed: ClosedNetwork) -> None:
    closed.seal(1)
    path = closed.export().path
    shutil.copy(path, closed.folder / "outbox")
    await closed.take(path, "by another key", intake={"signer": closed.node.keys.journal})
    await closed.take(path, "of another kid", intake={"kid": "another"})
    await closed.take(path)
    whole = (closed.folder / "answer").read_bytes()
    (closed.folder / "damaged").write_bytes(whole[:-1])
    codes = {"by another key": "bad_signature", "of another kid": "unknown_kid", "outbox": "bad_bundle",
             "damaged": "bundle_damaged"}  # fmt: skip
    for name, code in codes.items():
        with pytest.raises(TongbanError) as refused:
            closed.bring(name)
        assert (name, refused.value.code) == (name, code)
    assert await _code(closed, closed.folder / "answer") == "bad_bundle"
    with closed.bundles._database.transaction() as connection:
        connection.execute("DELETE FROM bundle")  # as in another county's folder, or one made anew
    with pytest.raises(Conflict) as caught:
        closed.bring()
    assert (caught.value.code, closed.states()) == ("wrong_target", ["pending"])


class CutOff(Exception):
    """A kill, at the place where it is raised."""


class CutBook(BundleBook):
    """A book whose process is killed before it notes anything."""

    def note(self, head: BundleHead, digest: bytes, now: int) -> None:
        raise CutOff


def _cut_transport(closed: ClosedNetwork, after: int) -> httpx2.AsyncClient:
    inner, calls = httpx2.ASGITransport(app=closed.hub.app), iter(range(1000))

    class Cut(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await inner.handle_async_request(request)
            if next(calls) == after:
                raise CutOff
            return answer

    return httpx2.AsyncClient(transport=Cut(), base_url="https://hub.example")


async def test_cut_off_between_any_two_steps_loses_nothing(closed: ClosedNetwork) -> None:
    """The same commands once more end where an undisturbed round ends, with no entry and no record twice."""
    closed.seal(1, 2)
    path, deposit = closed.export(faces=True).path, closed.vault.deposit

    def cut_deposit(county: str, face: str, now: int) -> str:
        deposit(county, face, now)
        raise CutOff

    book = CutBook(closed.folder / "cut.sqlite")
    cuts: list[dict[str, Any]] = [
        {"client": _cut_transport(closed, 0)},  # entries were sent
        {"client": _cut_transport(closed, 1)},  # and records
        {"deposit": cut_deposit},  # and a face
        {"book": book},  # and the answer was written
    ]
    for parts in cuts:
        with pytest.raises(CutOff):
            await closed.take(path, intake=parts)
    book.close()
    await closed.take(path)
    _cut_import(closed)
    assert closed.states() == ["logged", "logged"]
    brought = closed.bring()
    assert (closed.states(), brought.faces, len(closed.logged())) == (["done", "done"], 2, 2)
    assert closed.bundles.export(HUB_KEY, NOW, faces=True) is None


def _cut_import(closed: ClosedNetwork) -> None:
    """Kill the import after its first transaction."""
    settle = closed.node.outbox.settle

    def cut_settle(outcomes: Any) -> None:
        settle(outcomes)
        raise CutOff

    closed.node.outbox.settle = cut_settle  # type: ignore[method-assign]
    with pytest.raises(CutOff):
        closed.bring()
    closed.node.outbox.settle = settle  # type: ignore[method-assign]


async def test_a_bundle_that_was_kept_and_not_noted_is_made_again(closed: ClosedNetwork) -> None:
    """Nobody was given it: it was kept before it was noted, and is noted before it is handed out."""
    closed.seal(1)
    closed.export()
    with closed.bundles._database.transaction() as connection:
        connection.execute("DELETE FROM bundle")
    made = closed.export()
    assert made.number == 1
    await closed.take(made.path)
    assert closed.bring().settled == 2


async def test_a_hub_that_is_away_is_asked_again(closed: ClosedNetwork) -> None:
    closed.seal(1)
    path = closed.export().path
    dead = httpx2.AsyncClient(
        transport=httpx2.MockTransport(lambda _request: httpx2.Response(503)), base_url="https://hub.example"
    )
    with pytest.raises(Unavailable) as caught:
        await closed.take(path, intake={"client": dead})
    assert (caught.value.code, (closed.folder / "answer").exists()) == ("not_ready", False)
    await closed.take(path)
    assert closed.bring().settled == 2
