"""The two routes for mirrors: who gets what, what is a plain 404, and a journal that only the hub can open."""

from __future__ import annotations

import pytest

from hub.governance.founding import open_hub_keys
from hub.journal.sealed import JournalSeal
from hub.mirror.pages import parse_page
from ledger.errors import NotVerified
from tests.entropy import seeded
from tests.folder_log import TOKEN, FolderLog
from tests.hub_folder import PASSPHRASE, HubFolder

SEAL = JournalSeal(bytes(32), seeded("nonces"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> FolderLog:
    """Give a log of 289 entries in three publications, whose last head binds 281 journal records of 285."""
    hub = HubFolder.make(tmp_path_factory.mktemp("hub"))
    hub.work(30, accesses=2)
    hub.work(248)
    hub.work(3, accesses=1)
    return FolderLog(hub.data)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("checkpoints/000", 200),
        ("checkpoints/001", 404),
        ("checkpoints/000.p/3", 404),
        ("checkpoints/0", 404),
        ("checkpoints/", 404),
        ("journal/sealed/000", 200),
        ("journal/sealed/001.p/25", 200),
        ("journal/sealed/001.p/26", 404),
        ("journal/sealed/001", 404),
        ("journal/sealed/x", 404),
    ],
)
def test_what_is_there_and_what_is_not(log: FolderLog, path: str, status: int) -> None:
    with log.client() as client:
        answer = client.get(f"/ledger/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == status


def test_checkpoints_are_for_anyone_and_the_journal_for_members(log: FolderLog) -> None:
    with log.client() as client:
        page = client.get("/ledger/checkpoints/000")
        sealed = client.get("/ledger/journal/sealed/000")
    assert (page.status_code, page.headers["content-type"]) == (200, "application/json")
    assert [row.size for row in parse_page(page.content)] == [33, 282, 286]
    assert (sealed.status_code, sealed.json()["error"]["code"]) == (401, "token_required")


def test_only_the_hubs_key_opens_what_a_mirror_keeps(log: FolderLog) -> None:
    with log.client() as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        one, other = (client.get("/ledger/journal/sealed/000", headers=headers).content for _ in range(2))
    assert one != other
    own = JournalSeal(open_hub_keys(log.data, PASSPHRASE).vault, seeded("x"))
    assert own.open(0, 256, one) == own.open(0, 256, other)
    assert b"certificateIdentifier" not in one
    with pytest.raises(NotVerified, match="does not open with this key"):
        SEAL.open(0, 256, one)


@pytest.mark.parametrize("records", [[b"a"], [b"", b"x" * 70_000], [b"%d" % n for n in range(256)]])
def test_records_come_back_in_their_place_alone(records: list[bytes]) -> None:
    sealed, width = SEAL.seal(7, records), len(records)
    assert SEAL.open(7, width, sealed) == records
    for number, count, data in (
        (8, width, sealed),
        (7, width + 1, sealed),
        (7, width, sealed[:-1]),
        (7, width, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (7, width, b""),
    ):
        with pytest.raises(NotVerified, match="corrupt_store"):
            SEAL.open(number, count, data)


def test_sealed_bytes_that_are_no_records_are_refused() -> None:
    """As a hub with a fault might have sealed them."""
    for plain in (b"\x00\x00\x00\x02x", b"\x00\x00", b"\x00\x00\x00\x01xy"):
        nonce = bytes(12)
        label = b"tongban-journal/v1\x00" + (0).to_bytes(8, "big") + (1).to_bytes(2, "big")
        sealed = nonce + SEAL._cipher.encrypt(nonce, plain, label)
        with pytest.raises(NotVerified, match="does not hold 1 records"):
            SEAL.open(0, 1, sealed)
