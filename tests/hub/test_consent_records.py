"""Consents as records: read strictly; taken once, by whom they follow; ended by who stated or granted them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from hub.journal.consents import CONSENT_TYP, REVOCATION_TYP, build_revocation, consent_of, revocation_of
from hub.journal.records import parse_record, parse_statement
from hub.journal.store import JournalRow, JournalStore
from hub.journal.writer import create_journal
from ledger.consents import MAX_CONSENT_S
from ledger.encoding import JsonValue
from ledger.errors import Malformed, NotVerified
from ledger.jws import compact_jws, parse_jws
from ledger.transparency.merkle import leaf_hash
from tests.consents import (
    ASKING,
    EVIDENCE,
    HOLDER,
    LICENSE,
    LICENSE_RECORD,
    SEAL,
    SEALING,
    consent,
    consent_id,
    license_record,
    recorded,
    revoked,
    signed,
    signed_text,
    withdrawn,
)
from tests.entropy import signer_of
from tests.journal_files import check, code_of, dump, opened, rows
from tests.statements import NOW, County


def stated(payload: dict[str, JsonValue], typ: str = CONSENT_TYP, **header: str) -> bytes:
    """Sign whatever the payload is."""
    kid = f"{ASKING}#4"
    return compact_jws({"alg": "Ed25519", "typ": typ, "kid": kid, **header}, payload, signer_of(kid))


def payload(raw: bytes, **changed: JsonValue) -> dict[str, JsonValue]:
    """The payload of a sound record, with some members changed."""
    return {**parse_jws(raw).payload, **changed}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that holds the license whose seal confirms the holder's key."""
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        assert store.append(rows(LICENSE_RECORD)) == [0]
    return file


def test_a_recorded_consent_is_read_back() -> None:
    raw = recorded(consent())
    found = consent_of(parse_jws(raw))
    assert (found.iss, found.iat, found.consent, found.holder) == (ASKING, NOW, consent(), HOLDER)
    assert (found.evidence, found.license, found.grant) == (EVIDENCE, None, None)
    assert (found.states, found.follows, found.case) == (f"consent/{consent_id(1)}", None, None)
    assert parse_record(raw) == parse_statement(raw) == found
    assert found.raw == raw == stated(payload(raw))


def test_a_signed_consent_names_the_license_whose_seal_confirms_the_key() -> None:
    found = consent_of(parse_jws(signed(consent())))
    assert (found.license, found.follows, found.evidence) == (LICENSE, LICENSE, None)
    assert found.grant is not None
    assert found.grant.seal.raw == SEAL
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301  # as a worker of the check gives it back


def test_the_end_of_a_consent_is_read_back() -> None:
    found = revocation_of(parse_jws(revoked(consent_id(1), withdrawal=withdrawn(consent_id(1)))))
    assert (found.states, found.follows, found.case) == (
        f"consent/{consent_id(1)}/revoked", f"consent/{consent_id(1)}", None,
    )  # fmt: skip
    assert (found.withdrawal, found.evidence) == (withdrawn(consent_id(1)), None)
    shown = revocation_of(parse_jws(revoked(consent_id(1), evidence=EVIDENCE)))
    assert (shown.withdrawal, shown.evidence) == (None, EVIDENCE)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301  # the same


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "license"}, "bad_payload"),
        ({"iss": "370214"}, "bad_header"),
        ({"iat": -1}, "bad_number"),
        ({"id": "short"}, "bad_payload"),
        ({"expires": NOW}, "bad_payload"),
        ({"expires": NOW + MAX_CONSENT_S + 1}, "bad_payload"),
        ({"holder": "张三"}, "bad_payload"),
        ({"holder": None}, "bad_payload"),
        ({"evidence": None}, "bad_payload"),
        ({"evidence": "AAAA"}, "bad_base64"),
        ({"license": LICENSE}, "bad_payload"),
        ({"license": "x", "evidence": None}, "bad_identifier"),
        ({"signed": signed_text(consent())}, "bad_payload"),
        ({"signed": signed_text(consent()), "evidence": None}, "bad_payload"),
        ({"signed": 1, "license": LICENSE, "evidence": None}, "bad_payload"),
        ({"signed": "a.b~c", "license": LICENSE, "evidence": None}, "bad_disclosure_form"),
        ({"purpose": "别的"}, "bad_payload"),
        ({"name": "张三"}, "unknown_member"),
    ],
)
def test_a_consent_that_breaks_its_form_is_malformed(changed: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(stated(payload(recorded(consent()), **changed)))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "consent"}, "bad_payload"),
        ({"id": None}, "bad_payload"),
        ({"signed": "a.b"}, "bad_payload"),
        ({"reason": "x"}, "unknown_member"),
        ({"evidence": "AAAA"}, "bad_base64"),
        ({"evidence": 1}, "bad_payload"),
        ({"evidence": ["A"], "signed": {}}, "bad_payload"),
        ({"evidence": "A" * 43, "signed": "a.b.c"}, "bad_payload"),
    ],
)
def test_an_end_that_breaks_its_form_is_malformed(changed: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_statement(stated(payload(revoked(consent_id(1)), **changed), REVOCATION_TYP))
    assert caught.value.code == code
    with pytest.raises(Malformed, match="bad_payload"):
        build_revocation("x", iat=NOW, kid=f"{ASKING}#4", signer=signer_of(f"{ASKING}#4"))


def test_the_longest_consent_is_366_days() -> None:
    parse_statement(recorded(consent(expires=NOW + MAX_CONSENT_S)))


def test_consents_of_both_kinds_are_taken_and_ended_and_the_journal_holds(path: Path) -> None:
    first, second, third = (consent_id(number) for number in (1, 2, 3))
    records = rows(
        recorded(consent(1)), signed(consent(2)), signed(consent(3)), revoked(first),
        revoked(second, by=SEALING, withdrawal=withdrawn(second)), revoked(third),
    )  # fmt: skip
    with opened(path) as store:
        assert store.append(records) == [1, 2, 3, 4, 5, 6]
        assert store.append(records) == [1, 2, 3, 4, 5, 6]
        named = (f"consent/{first}", f"consent/{first}/revoked", "consent/x")
        assert [store.reader.stated(name) for name in named] == [records[0].raw, records[3].raw, None]
    assert check(path) == 7


@pytest.mark.parametrize("kind", [recorded, signed])
def test_a_holder_ends_a_consent_at_any_county_however_it_came_about(path: Path, kind: Any) -> None:
    """Stated by one county for another to read by: both end it as they say, a third with evidence, and only once."""
    name, third = consent_id(1), "130207"
    terms = kind(consent(), by=SEALING)
    ends = [revoked(name, by=SEALING), revoked(name, by=ASKING), revoked(name, by=third, evidence=EVIDENCE)]
    for number, end in enumerate(ends):
        create_journal(file := path.with_name(f"{number}.sqlite"))
        with opened(file) as store:
            bare, other = revoked(name, by=third), ends[number - 1]
            found = store.append(rows(LICENSE_RECORD, terms, bare, end, other, end))
        assert list(map(code_of, found)) == [0, 1, "not_party", 2, "duplicate_identifier", 2]
        assert check(file) == 3


def test_what_may_not_stand_is_refused_by_its_code_and_changes_nothing(path: Path) -> None:
    name, other = consent_id(1), consent_id(2)
    with opened(path) as store:
        assert store.append(rows(signed(consent(1)), recorded(consent(2)))) == [1, 2]
    before = dump(path)
    forged = signed_text(consent(3))[:-4] + "AAAA"
    wrong = {
        recorded(consent(1)): "duplicate_identifier",  # the name is taken, by whatever county
        recorded(consent(2), by=SEALING): "duplicate_identifier",
        signed(consent(3), text=forged): "holder_binding",
        signed(consent(3), text=signed_text(consent(4))): "holder_binding",  # other terms
        signed(consent(3), holder=County.holder("2")): "wrong_target",  # another holder
        signed(consent(3), at=NOW - 1): "iat_too_old",  # before the license was stated
        revoked(consent_id(9)): "wrong_target",  # no such consent
        revoked(name, by=SEALING): "not_party",  # neither who stated it or reads by it, nor the holder
        revoked(other, by=SEALING, withdrawal=withdrawn(other)): "holder_binding",  # no key granted it
        revoked(consent_id(9), by=SEALING, evidence=EVIDENCE): "wrong_target",
        revoked(name, withdrawal=withdrawn(other)): "holder_binding",
        revoked(name, by=SEALING, withdrawal=withdrawn(name)[:-4] + "AAAA"): "holder_binding",
        revoked(name, at=NOW - 1): "iat_too_old",
    }
    with opened(path) as store:
        assert list(map(code_of, store.append(rows(*wrong)))) == list(wrong.values())
    assert dump(path) == before


def test_a_key_grants_nothing_for_a_license_of_two_holders_or_of_another_seal(tmp_path: Path) -> None:
    """A seal confirms one key; whose of two holders it is, nobody can say."""
    two = license_record(HOLDER, County.holder("2"))
    moved = license_record(HOLDER, leaf=leaf_hash(b"another seal"))
    for number, record in enumerate((two, moved)):
        create_journal(tmp_path / f"{number}.sqlite")
        with opened(tmp_path / f"{number}.sqlite") as store:
            assert list(map(code_of, store.append(rows(record, signed(consent()))))) == [0, "wrong_target"]


def test_a_signed_consent_waits_for_its_license(tmp_path: Path) -> None:
    create_journal(tmp_path / "journal.sqlite")
    with opened(tmp_path / "journal.sqlite") as store:
        assert list(map(code_of, store.append(rows(signed(consent()))))) == ["wrong_target"]
        assert store.append(rows(LICENSE_RECORD, signed(consent()))) == [0, 1]


def test_a_revocation_follows_a_consent_and_nothing_else() -> None:
    record = revocation_of(parse_jws(revoked(consent_id(1))))
    with pytest.raises(Exception, match="not_party"):
        record.after(parse_statement(LICENSE_RECORD))  # type: ignore[arg-type]


def test_a_forged_grant_that_the_hub_wrote_is_found_by_the_check(path: Path) -> None:
    """Around its own judgement: hashes, the county's signature and the index are right, the holder's signature is not."""
    raw = signed(consent(), text=signed_text(consent(2)))
    with opened(path) as store:
        assert _forced(store, raw) == [1]
    with pytest.raises(NotVerified, match=r"^corrupt_store: record 1: it could not be stated there: the holder signed"):
        check(path)


def _forced(store: JournalStore, raw: bytes) -> list[object]:
    return [*store.append([JournalRow(raw=raw, states=parse_statement(raw).states)])]  # type: ignore[union-attr]
