"""A license shown as a QR code and checked in the field: seal, present, sync, verify, revoke, sync, verify."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hub.county.member import MemberFile
from hub.county.outbox import Settled
from hub.governance.founding import draft_genesis, draft_policy
from ledger.jws import join_general
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from ledger.transparency.sequencer import landmark_day
from tests.alliance import identifier_of, license_of
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.logbook import Cosigner, LogBook
from tests.shown_log import ShownLog
from tests.small_log import LOG, ORIGIN
from tests.synced_log import T, files_of, synced_book

ONE = str(identifier_of(1))
DAY = 86_400


class Field:
    """One county, its log behind HTTP, and a verifier's folder. Times are today's, since commands read the clock."""

    def __init__(self, path: Path, log: ShownLog, url: str) -> None:
        self.path, self.log, self.url = path, log, url
        self.now = int(time.time())
        self.folder = CountyFolder.make(path, hub_url=url.removesuffix("/ledger"))
        member = MemberFile.parse((self.folder.data / "member.json").read_bytes())
        key = VerifierKey.of(ORIGIN, NOTE_ED25519, LOG)
        self.policy = draft_policy([member], log=key, url=url, provinces_needed=1)
        payload = draft_genesis([member], origin=ORIGIN, k=1, iat=self.now - 2 * DAY)
        with self.folder.opened() as node:
            genesis = join_general(payload, [node.sign_genesis(payload)])
            self.witness = Cosigner(node.witness_name, node.keys.witness)
        for name, data in (("genesis", genesis), ("policy", self.policy)):
            (self.folder.data / name).write_bytes(data)
        self.book = LogBook(genesis, LOG)

    def seal(self) -> None:
        """Seal a license and log it, two days ago."""
        with self.folder.opened() as node:
            node.seal(license_of(1), self.now - 2 * DAY)
            (item,) = node.outbox.of(ONE)
            node.outbox.settle([Settled(item=item, state="logged", log_index=self.book.add(item.entry))])

    def revoke(self) -> None:
        """Revoke it and log that."""
        with self.folder.opened() as node:
            node.revoke(ONE, "04", self.now - 60)
            self.book.add(node.outbox.of(ONE)[1].entry)

    def publish(self, *landmarks: int) -> None:
        """End the batch; landmarks: sizes, the first of yesterday, the second of today."""
        self.book.close()
        days = (landmark_day(self.now - DAY), landmark_day(self.now))
        files = files_of(
            self.book, time=self.now - 5, landmarks=landmarks, days=days, cosigners=[self.witness], policy=self.policy
        )
        self.log.show_files(self.book, files)

    def sync(self) -> Result:
        data = self.folder.data
        return tongban("sync", self.path / "field", "--policy", data / "policy", "--genesis", data / "genesis")

    def present(self) -> Result:
        command = ("county", "present", ONE, "--show", "certificateTypeName", *self.folder.options)
        return tongban(*command, "--qr", self.path / "a.txt")

    def verify(self) -> Result:
        return tongban("verify", "--qr", self.path / "a.txt", "--sync", self.path / "field")


def test_a_license_is_shown_and_checked_away_from_the_network(tmp_path: Path) -> None:
    log = ShownLog(synced_book(), time=T)
    with log.served() as url:
        field = Field(tmp_path, log, url)
        field.seal()
        field.publish(3)
        shown = field.present()
        assert shown.code == 0
        assert f"under the landmark of {landmark_day(field.now - DAY)}\n" in shown.out
        assert field.sync().code == 0
        field.revoke()
        field.publish(3, 5)
    verdict = field.verify()  # nobody listens any more
    assert (verdict.code, verdict.out.split()[0]) == (0, "VALID")
    assert "entry 1, under the landmark of size 3" in verdict.out
    assert "营业执照" in verdict.out


def test_a_revocation_reaches_the_field_with_the_next_sync(tmp_path: Path) -> None:
    log = ShownLog(synced_book(), time=T)
    with log.served() as url:
        field = Field(tmp_path, log, url)
        field.seal()
        field.publish(3)
        assert (field.present().code, field.sync().code) == (0, 0)
        field.revoke()
        field.publish(3, 5)
        assert "revoked            1  +1" in field.sync().out
    assert (field.verify().code, field.verify().out.split()[0]) == (1, "REVOKED")


def test_a_seal_of_today_is_shown_under_a_landmark_that_moves(tmp_path: Path) -> None:
    log = ShownLog(synced_book(), time=T)
    with log.served() as url:
        field = Field(tmp_path, log, url)
        field.publish()
        field.seal()
        field.publish(2, 4)
        assert "which moves until midnight (UTC+8)" in field.present().out
        assert field.sync().code == 0
    assert field.verify().code == 0


@pytest.mark.parametrize("landmarks", [(), (2,)])
def test_a_seal_without_a_landmark_has_no_code_yet(tmp_path: Path, landmarks: tuple[int, ...]) -> None:
    log = ShownLog(synced_book(), time=T)
    with log.served() as url:
        field = Field(tmp_path, log, url)
        field.publish()
        field.seal()
        field.publish(*landmarks)
        result = field.present()
    assert (result.code, result.err.split(":")[1]) == (1, " unknown_landmark")
