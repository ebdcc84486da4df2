"""SM2 certificates: the standard's key and signature, what is read and refused, PEM files, chains of roots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from asn1crypto import core, x509

from ledger.errors import Malformed, NotVerified
from ledger.eseal.asn1 import X509
from ledger.eseal.certificates import Certificate, pem_blocks, read_certificates
from ledger.eseal.chains import TrustStore
from ledger.eseal.der import asn1_time
from ledger.eseal.revocation import MAX_CRL_BYTES, RevocationList, Revoked, read_revocations
from ledger.eseal.testca import issue_certificate, issue_revocations
from ledger.sm2 import der_from_raw
from ledger.suites import load_public_key
from tests.entropy import signer_of
from tests.eseals import DAY, NOW, ROOT, STORE, USCC, authority, certificate, key, list_of, root
from tests.small_log import T0

GOOD: Final = certificate("signer")


def test_a_certificate_says_what_was_issued() -> None:
    assert (GOOD.subject, GOOD.issuer) == (
        f"organizationIdentifier={USCC['370214']}, CN=TEST 测试 signer, C=CN",
        "CN=TEST 测试 root, C=CN",
    )
    assert (GOOD.not_before, GOOD.not_after) == (T0 - 30 * DAY, T0 + 365 * DAY)
    assert (GOOD.is_ca, GOOD.path_length, GOOD.organization) == (False, None, USCC["370214"])
    assert GOOD.uses == {"digital_signature", "non_repudiation"}
    assert GOOD.public_key == key("signer").public_key
    assert GOOD.authority_key == ROOT.subject_key
    assert (ROOT.is_ca, ROOT.uses, ROOT.self_issued) == (True, {"key_cert_sign", "crl_sign"}, True)
    assert (GOOD.is_signed_by(ROOT), ROOT.is_signed_by(ROOT), GOOD.is_signed_by(GOOD)) == (True, True, False)


def test_the_standards_signature_verifies_under_a_certificate() -> None:
    """GB/T 32918.5, A.2: key, message, r and s."""
    x = bytes.fromhex("09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020")
    y = bytes.fromhex("CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13")
    holder = certificate("standard", public_key=load_public_key("SM2", x, y))
    r = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    s = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    signature = der_from_raw(bytes.fromhex(r + s))
    holder.verify(b"message digest", signature)
    for message, changed in ((b"message digesT", signature), (b"message digest", signature + b"\x00")):
        with pytest.raises(NotVerified, match="bad_signature"):
            holder.verify(message, changed)


def edited(edit: Any) -> bytes:
    """Change a certificate without signing it anew: only how it is read counts here."""
    value = x509.Certificate.load(GOOD.der)
    edit(value)
    return bytes(value.dump(force=True))


def extension(oid: str, value: bytes, *, critical: bool = False) -> dict[str, Any]:
    return {"extn_id": oid, "critical": critical, "extn_value": core.ParsableOctetString(value)}


def with_extensions(*added: dict[str, Any]) -> bytes:
    def edit(value: Any) -> None:
        present = [x509.Extension.load(each.dump()) for each in value["tbs_certificate"]["extensions"]]
        value["tbs_certificate"]["extensions"] = [*present, *(x509.Extension(each) for each in added)]

    return edited(edit)


def tbs(name: str, member: object) -> bytes:
    return edited(lambda value: value["tbs_certificate"].__setitem__(name, member))


OTHER_ALGORITHM: Final = {"algorithm": "sha256_ecdsa"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_certificate"),
        (GOOD.der + b"\x00", "bad_certificate"),
        (GOOD.der[:-1], "bad_certificate"),
        (b"\x30" * 8193, "too_large"),
        (tbs("version", "v1"), "bad_certificate"),
        (tbs("serial_number", 0), "bad_certificate"),
        (tbs("serial_number", -1), "bad_certificate"),
        (tbs("serial_number", 2**160), "bad_certificate"),
        (tbs("signature", OTHER_ALGORITHM), "bad_certificate"),
        (edited(lambda value: value.__setitem__("signature_algorithm", OTHER_ALGORITHM)), "bad_certificate"),
        (with_extensions(extension("2.5.29.32", b"\x30\x00", critical=True)), "bad_certificate"),
        (with_extensions(extension("2.5.29.15", b"\x03\x02\x07\x80")), "bad_certificate"),
    ],
)
def test_what_is_no_good_certificate_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        Certificate.parse(data)
    assert caught.value.code == code


def with_parameters(parameters: Any) -> bytes:
    """Write parameters beside both names of the signature algorithm."""
    named = {"algorithm": "1.2.156.10197.1.501", "parameters": parameters}

    def edit(value: Any) -> None:
        value["signature_algorithm"] = named
        value["tbs_certificate"]["signature"] = named

    return edited(edit)


def test_parameters_of_the_signature_are_absent_or_null() -> None:
    assert Certificate.parse(with_parameters(core.Null())).subject == GOOD.subject
    with pytest.raises(Malformed, match="bad_certificate"):
        Certificate.parse(with_parameters(core.Integer(1)))


def test_a_path_length_stands_for_a_ca_only() -> None:
    with pytest.raises(Malformed, match="bad_certificate"):
        certificate("signer", path_length=0)


def test_a_list_by_another_algorithm_is_refused() -> None:
    value = X509.revocations.load(list_of(GOOD, date=NOW))
    value["signature_algorithm"] = value["tbs_cert_list"]["signature"] = OTHER_ALGORITHM
    with pytest.raises(Malformed, match="bad_certificate"):
        RevocationList.parse(value.dump(force=True))


def test_an_extension_that_nobody_needs_is_passed_over() -> None:
    assert Certificate.parse(with_extensions(extension("2.5.29.32", b"\x30\x00"))).subject == GOOD.subject


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("06082a811ccf5501822d", "06082a8648ce3d030107", "bad_certificate"),  # P-256
        ("034200" + "04", "034200" + "02", "bad_certificate"),
    ],
)
def test_a_key_of_another_curve_or_form_is_refused(old: str, new: str, code: str) -> None:
    changed = bytes.fromhex(GOOD.der.hex().replace(old, new, 1))
    with pytest.raises(Malformed, match=code):
        Certificate.parse(changed)


def test_a_key_that_is_no_point_is_refused() -> None:
    point = GOOD.public_key.x
    with pytest.raises(Malformed, match="weak_key"):
        Certificate.parse(GOOD.der.replace(point, point[:-1] + bytes([point[-1] ^ 1])))


def test_a_certificate_of_two_bodies_is_refused() -> None:
    levels = list(x509.Certificate.load(GOOD.der).subject.chosen)
    two = x509.Name("", x509.RDNSequence([*levels, *levels]))
    with pytest.raises(Malformed, match="bad_certificate"):
        Certificate.parse(tbs("subject", two))


def test_pem_and_der_files_are_read_with_text_around() -> None:
    bundle = b"subject=TEST\n" + GOOD.pem() + b"\r\n" + ROOT.pem().replace(b"\n", b"\r\n")
    assert read_certificates(bundle) == (GOOD, ROOT)
    assert read_certificates(GOOD.der) == (GOOD,)
    assert read_certificates(b"no certificate") == ()
    assert pem_blocks(bundle, "X509 CRL") == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\n" * 1_048_577, "too_large"),
        (ROOT.pem() * 257, "bad_file"),
        (ROOT.pem().replace(b"=\n-", b"\n-").replace(b"M", b"=", 1), "bad_file"),
    ],
)
def test_pem_files_are_bounded_and_strict(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        pem_blocks(data, "CERTIFICATE")
    assert caught.value.code == code


def test_the_test_ca_takes_sm2_keys_and_its_own_key_only() -> None:
    with pytest.raises(Malformed, match="unknown_alg"):
        issue_revocations(ROOT, signer_of("no SM2"), {}, this_update=NOW)
    with pytest.raises(Malformed, match="bad_certificate"):
        certificate("signer", ROOT, by="strangers")
    assert issue_certificate.__doc__ is not None
    assert "TEST" in issue_certificate.__doc__


def test_a_far_end_is_written_as_rfc_5280_says() -> None:
    late = certificate("late", not_after=2_524_608_000)
    assert (late.not_after, b"\x18\x0f20500101000000Z" in late.der) == (2_524_608_000, True)
    with pytest.raises(Malformed, match="bad_number"):
        certificate("never", not_after=2**40)


def test_only_self_signed_certificates_of_a_file_are_roots() -> None:
    east = authority("CA east")
    store = TrustStore.of([GOOD, east, ROOT])
    assert (store.roots, store.intermediates) == ((ROOT,), (GOOD, east))


def check(holder: Certificate, store: TrustStore = STORE, at: int = NOW) -> list[str]:
    chain = store.check(holder, at=at, proven=None)
    return [each.subject for each in chain.path]


def test_a_root_that_was_renewed_under_one_name_and_key_is_found() -> None:
    """Two ways to a root: the first one that holds counts."""
    ended = root("root", not_after=T0, serial=9)
    store = TrustStore(roots=(ended, ROOT))
    assert len(check(GOOD, store)) == 2
    with pytest.raises(NotVerified, match="certificate_expired"):
        check(GOOD, TrustStore(roots=(ended,)))


def test_a_circle_of_cas_comes_to_an_end() -> None:
    one = authority("CA one")
    two = authority("CA two", one)
    circle = authority("CA one", two)
    with pytest.raises(NotVerified, match="bad_chain"):
        check(certificate("signer", two), TrustStore(roots=(), intermediates=(two, circle)))


def test_a_chain_has_at_most_six_certificates() -> None:
    cas: list[Certificate] = []
    for number in range(5):
        cas.append(authority(f"CA {number}", cas[-1] if cas else None))
    store = TrustStore(roots=(ROOT,), intermediates=tuple(cas))
    assert len(check(certificate("signer", cas[3]), store)) == 6
    with pytest.raises(NotVerified, match="bad_chain"):
        check(certificate("signer", cas[4]), store)


def test_a_key_identifier_tells_two_cas_of_one_name_apart() -> None:
    twin = root("root", by="twin")
    assert check(GOOD, TrustStore(roots=(twin, ROOT)))[-1] == ROOT.subject


def test_a_list_may_hold_as_many_certificates_as_its_bytes_do() -> None:
    lines = {2**100 + number: Revoked(date=T0, reason="key_compromise") for number in range(2800)}
    crl = issue_revocations(ROOT, key("root"), lines, this_update=NOW)
    assert (len(crl) < MAX_CRL_BYTES, dict(read_revocations(crl)[0].revoked) == lines) == (True, True)


def test_lists_of_revocation_are_read_as_they_were_made() -> None:
    crl = issue_revocations(
        ROOT, key("root"), {7: Revoked(date=T0, reason="key_compromise")}, this_update=NOW, next_update=NOW + DAY
    )
    (parsed,) = read_revocations(crl)
    assert (parsed.this_update, parsed.next_update, parsed.issuer) == (NOW, NOW + DAY, ROOT.subject)
    assert dict(parsed.revoked) == {7: Revoked(date=T0, reason="key_compromise")}
    parsed.check(ROOT)
    with pytest.raises(NotVerified, match="bad_signature"):
        parsed.check(root("root", by="strangers"))
    with pytest.raises(NotVerified, match="certificate_use"):
        parsed.check(replace(ROOT, uses=frozenset({"key_cert_sign"})))


@pytest.mark.parametrize(
    "edit",
    [
        lambda tbs: tbs.__setitem__("signature", OTHER_ALGORITHM),
        lambda tbs: tbs.__setitem__(
            "crl_extensions", [{"extn_id": "delta_crl_indicator", "critical": True, "extn_value": 1}]
        ),
        lambda tbs: tbs["revoked_certificates"][0].__setitem__(
            "crl_entry_extensions", [{"extn_id": "crl_reason", "critical": True, "extn_value": "superseded"}]
        ),
    ],
)
def test_lists_with_what_is_not_understood_are_refused(edit: Any) -> None:
    value = X509.revocations.load(list_of(GOOD, date=NOW))
    edit(value["tbs_cert_list"])
    with pytest.raises(Malformed, match="bad_certificate"):
        RevocationList.parse(value.dump(force=True))


def test_the_earlier_date_of_invalidity_counts() -> None:
    value = X509.revocations.load(list_of(GOOD, date=NOW))
    extension_ = {"extn_id": "invalidity_date", "extn_value": asn1_time(T0)}
    value["tbs_cert_list"]["revoked_certificates"][0]["crl_entry_extensions"] = [extension_]
    parsed = RevocationList.parse(value.dump(force=True))
    assert dict(parsed.revoked) == {GOOD.serial: Revoked(date=T0, reason="unspecified")}
