"""The county node: seals once and for good, in one commit with its outbox; erases; signs; counts."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hub.county import CountyNode, Sealed, init_county, open_county
from hub.county.outbox import Settled
from hub.county.sealing import day_start
from hub.journal.records import parse_license_record
from ledger.attestation import SdJwt, check
from ledger.encoding import b64u_encode
from ledger.entries import StatusChange, parse_entry, parse_seal
from ledger.errors import Conflict, Malformed, TongbanError, Unavailable
from ledger.identifiers import holder_key
from ledger.status import Status
from ledger.suites import verify
from ledger.transparency.merkle import leaf_hash
from tests.alliance import NOW, Alliance, identifier_of, license_of
from tests.entropy import seeded

ONE = str(identifier_of(1))


def _logged(node: CountyNode, index: int = 5, identifier: str = ONE) -> None:
    (item,) = node.outbox.of(identifier)
    node.outbox.settle([Settled(item=item, state="logged", log_index=index, evidence=b"receipt")])


def test_a_seal_is_an_attestation_over_all_claims_signed_by_the_seal_key(node: CountyNode) -> None:
    sealed = node.seal(license_of(), NOW)
    (item,) = node.outbox.of(ONE)
    seal = parse_seal(item.entry)
    assert (sealed.leaf, sealed.fresh, item.leaf) == (leaf_hash(item.entry), True, sealed.leaf)
    assert (seal.iss, seal.iat, seal.expires) == ("370214", NOW, None)
    assert seal.vct == "urn:tongban:license:11100000MB0143028R001"
    (signature,) = seal.signatures
    assert signature.kid == "370214#2"
    verify(node.keys.seal.public_key, signature.message, signature.signature)
    face = node.records.face(ONE)
    assert face is not None
    shown = check(SdJwt.parse(face.sd_jwt), seal.jws.payload)
    assert {name: shown[name] for name in license_of().claims()} == license_of().claims()


def test_the_journal_record_states_the_license_without_names_and_numbers(node: CountyNode) -> None:
    sealed = node.seal(license_of(expires=date(2031, 3, 31)), NOW)
    (item,) = node.outbox.of(ONE)
    assert item.journal is not None
    record = parse_license_record(item.journal)
    (signature,) = record.jws.signatures
    verify(node.keys.journal.public_key, signature.message, signature.signature)
    assert (record.leaf, record.iss, record.iat, signature.kid) == (sealed.leaf, "370214", NOW, "370214#4")
    assert record.holders == (holder_key(node.keys.holder, "001", "92370214MA3C00000X"),)
    assert (record.issued, record.effective, record.expires) == ("2026-04-01", "2026-04-01", "2031-03-31")


def test_validity_is_in_chinas_time(node: CountyNode) -> None:
    record = replace(
        license_of(), certificate_effective_date=date(2026, 7, 1), certificate_expiring_date=date(2026, 7, 1)
    )
    node.seal(record, NOW)
    seal = parse_seal(node.outbox.of(ONE)[0].entry)
    assert day_start(date(1970, 1, 2)) == 16 * 3600
    assert (seal.not_before, seal.expires) == (1_782_835_200, 1_782_921_600)  # 2026-07-01 and -02, 00:00 UTC+8


def test_a_license_that_has_ended_is_not_sealed(node: CountyNode) -> None:
    ended = replace(license_of(), certificate_expiring_date=date(2026, 5, 31))
    with pytest.raises(Malformed) as caught:
        node.seal(ended, NOW)
    assert caught.value.code == "bad_row"
    assert node.seal(ended, day_start(date(2026, 6, 1)) - 1).fresh


def test_the_same_license_again_is_not_sealed_again(node: CountyNode) -> None:
    first = node.seal(license_of(extend={"KZ_A": "1", "KZ_B": "2"}), NOW)
    again = node.seal(license_of(extend={"KZ_B": "2", "KZ_A": "1"}), NOW + 100)
    assert again == replace(first, fresh=False)
    assert len(node.outbox.of(ONE)) == 1


def test_one_identifier_with_another_content_is_a_conflict(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    with pytest.raises(Conflict) as caught:
        node.seal(license_of(name="另一家店"), NOW)
    assert caught.value.code == "duplicate_identifier"


def test_in_a_batch_what_cannot_be_sealed_spoils_no_other(node: CountyNode) -> None:
    batch = [
        license_of(1),
        license_of(1),
        license_of(1, name="另一家店"),
        replace(license_of(2), certificate_expiring_date=date(2026, 5, 1)),
        license_of(3, extend={"KZ_LONG": "x" * 9000}),
        license_of(4),
    ]
    outcomes = node.seal_many(batch, NOW)
    assert [each.code if isinstance(each, TongbanError) else each.fresh for each in outcomes] == [
        True, False, "duplicate_identifier", "bad_row", "too_large", True,
    ]  # fmt: skip
    assert node.status(NOW).sealed == node.status(NOW).pending == 2


def test_a_seal_and_its_delivery_are_one_commit(node: CountyNode) -> None:
    """When the outbox takes nothing, the record is not there either."""
    refusing = "CREATE TRIGGER refusing BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'refused'); END"
    with sqlite3.connect(node.data / "records.sqlite") as connection:
        connection.execute(refusing)
    with pytest.raises(sqlite3.IntegrityError):
        node.seal(license_of(), NOW)
    assert node.status(NOW).sealed == 0
    with connection:
        connection.execute("DROP TRIGGER refusing")
    connection.close()
    assert node.seal(license_of(), NOW).fresh


def test_two_open_folders_see_each_others_seals(node: CountyNode, alliance: Alliance) -> None:
    """The `seal` command works on the files of a node that serves."""
    other = open_county(node.data, b"correct horse", random=seeded("another process"))
    first = other.seal(license_of(), NOW)
    assert node.seal(license_of(), NOW) == Sealed(identifier=ONE, leaf=first.leaf, fresh=False)
    assert [item.leaf for item in node.outbox.due("pending", NOW, 10)] == [first.leaf]
    other.close()


def test_the_database_holds_no_name_and_no_number_in_the_clear(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    node.close()
    data = b"".join(path.read_bytes() for path in node.data.glob("records.sqlite*"))
    for secret in ("示例食品店", "92370214MA3C00000X", "示例路1号"):
        assert secret.encode() not in data
        for shift in range(3):  # base64 of the text, wherever it may begin within a disclosure
            inner = b64u_encode(b"\x00" * shift + secret.encode())[4:-4].encode()
            assert inner not in data


def test_erasure_leaves_the_seal_and_no_face(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    node.erase(ONE)
    assert node.records.face(ONE) is None
    assert node.status(NOW).sealed == 1
    with sqlite3.connect(node.data / "records.sqlite") as connection:
        row = connection.execute("SELECT digest, wrapped, body FROM record").fetchone()
    connection.close()
    assert row == (None, None, None)
    with pytest.raises(Conflict) as caught:
        node.seal(license_of(), NOW)
    assert caught.value.code == "duplicate_identifier"


def test_an_erased_data_key_lingers_in_no_file(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    with sqlite3.connect(node.data / "records.sqlite") as connection:
        (wrapped,) = connection.execute("SELECT wrapped FROM record").fetchone()
    connection.close()
    files = [path for path in node.data.iterdir() if path.name.startswith("records.sqlite")]
    assert any(wrapped in path.read_bytes() for path in files)
    node.erase(ONE)
    assert [path.name for path in files if path.exists() and wrapped in path.read_bytes()] == []


def test_what_is_not_there_cannot_be_erased_or_shown(node: CountyNode) -> None:
    with pytest.raises(Conflict):
        node.erase(ONE)
    with pytest.raises(Conflict):
        node.present(ONE, [])


def test_a_license_without_receipt_is_not_shown(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    with pytest.raises(Conflict) as caught:
        node.present(ONE, [])
    assert caught.value.code == "wrong_target"


def test_a_revocation_names_index_and_leaf_of_the_seal(node: CountyNode) -> None:
    sealed = node.seal(license_of(), NOW)
    _logged(node)
    leaf = node.revoke(ONE, "04", NOW + 60)
    change = parse_entry(node.outbox.of(ONE)[1].entry)
    assert isinstance(change, StatusChange)
    assert (change.of, change.target, change.to, change.reason) == (5, sealed.leaf, Status.REVOKED, "04")
    assert (change.iss, change.iat, leaf) == ("370214", NOW + 60, change.leaf)


def test_the_same_change_again_is_no_second_entry(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    _logged(node)
    assert node.revoke(ONE, "04", NOW) == node.revoke(ONE, "04", NOW + 10)
    assert len(node.outbox.of(ONE)) == 2
    with pytest.raises(Conflict) as caught:
        node.revoke(ONE, "03", NOW)
    assert caught.value.code == "final_status"


def test_a_license_is_suspended_and_reinstated(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    _logged(node)
    node.change_status(ONE, Status.SUSPENDED, "02", NOW)
    with pytest.raises(Conflict) as caught:
        node.change_status(ONE, Status.SUSPENDED, "06", NOW)
    assert caught.value.code == "same_status"
    node.change_status(ONE, Status.VALID, "01", NOW + 1)
    node.change_status(ONE, Status.SUSPENDED, "02", NOW + 2)
    assert len(node.outbox.of(ONE)) == 4


def test_a_change_that_was_refused_does_not_stand_in_the_way(node: CountyNode) -> None:
    node.seal(license_of(), NOW)
    _logged(node)
    node.revoke(ONE, "04", NOW)
    refused = node.outbox.of(ONE)[1]
    node.outbox.settle([Settled(item=refused, state="failed", code="key_not_active")])
    assert node.revoke(ONE, "04", NOW + 1) != refused.leaf


def test_a_renewed_license_takes_the_place_of_the_old_one(node: CountyNode) -> None:
    two = str(identifier_of(2))
    node.seal_many([license_of(1), license_of(2)], NOW)
    _logged(node)
    with pytest.raises(Conflict) as caught:
        node.supersede(ONE, two, NOW)
    assert caught.value.code == "wrong_target"
    _logged(node, 9, two)
    node.supersede(ONE, two, NOW)
    change = parse_entry(node.outbox.of(ONE)[1].entry)
    assert isinstance(change, StatusChange)
    assert (change.of, change.to, change.by, change.reason) == (5, Status.SUPERSEDED, 9, "01")
    with pytest.raises(Conflict) as caught:
        node.revoke(ONE, "04", NOW)
    assert caught.value.code == "final_status"


@pytest.mark.parametrize("reason", ["01", "02", "4", "", "40"])
def test_a_reason_that_is_none_is_refused(node: CountyNode, reason: str) -> None:
    node.seal(license_of(), NOW)
    _logged(node)
    with pytest.raises(Malformed):
        node.revoke(ONE, reason, NOW)
    assert len(node.outbox.of(ONE)) == 1


def test_a_folder_is_a_node_once(tmp_path: Path, alliance: Alliance) -> None:
    with pytest.raises(Conflict) as caught:
        init_county(
            tmp_path / "370214",
            county="370214",
            name="x",
            domain="x",
            listen_url="http://x",
            hub_url="http://x",
            passphrase=b"x",
            holder_key=bytes(32),
            random=seeded("x"),
            now=NOW,
        )
    assert caught.value.code == "already_exists"


def test_an_empty_folder_is_no_node(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        open_county(tmp_path, b"x", random=seeded("x"))
    assert caught.value.code == "bad_file"


def test_without_the_alliances_files_a_node_seals_and_is_not_ready_to_verify(node: CountyNode) -> None:
    (node.data / "genesis").unlink()
    assert node.seal(license_of(), NOW).fresh
    with pytest.raises(Unavailable) as caught:
        _ = node.verifier
    assert caught.value.code == "not_ready"
