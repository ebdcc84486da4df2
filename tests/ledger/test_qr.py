"""The text of a QR code, and its verdict against a synced log."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.attestation import present
from ledger.base45 import base45_decode, base45_encode
from ledger.deflated import deflate
from ledger.errors import Malformed
from ledger.examination import HolderChallenge
from ledger.qr import MAX_QR_CHARS, LandmarkPath, QrPayload, format_qr, parse_qr
from ledger.qr_verifier import FieldVerifier
from ledger.verdict import Outcome, StepState, Verdict
from tests.small_log import T0
from tests.synced_log import LANDMARK, NOW, REVOKED, SEALS, SIZE, T, qr_of, synced_book, synced_files, view

FIELD: FieldVerifier = synced_files().open(now=NOW)
SHOWN = present(SEALS[1], ("certificateTypeName",))


def verdict_of(text: str, *, now: int = NOW, max_age: int = 86_400, **more: object) -> Verdict:
    return FIELD.verify_qr(text, now=now, max_age=max_age, **more)  # type: ignore[arg-type]


def raw(data: bytes) -> str:
    """Write any bytes as a code's text."""
    return "LIC1:" + base45_encode(deflate(data))


def test_the_wire_form_is_the_one_of_the_reference() -> None:
    text = qr_of(1)
    stream = base45_decode(text.removeprefix("LIC1:"))
    path = b"".join(view(synced_book(), LANDMARK).inclusion_path(1))
    tail = (1).to_bytes(8, "big") + LANDMARK.to_bytes(8, "big") + bytes([len(path) // 32]) + path
    assert stream == deflate(SHOWN.encode() + b"\x00" + tail)
    assert base45_decode(qr_of(1, size=None)[5:]) == deflate(SHOWN.encode() + b"\x00" + (1).to_bytes(8, "big"))


@given(
    index=st.integers(0, 2**53 - 1),
    size=st.none() | st.integers(0, 2**53 - 1),
    path=st.lists(st.binary(min_size=32, max_size=32), max_size=40),
)
def test_what_is_written_is_read(index: int, size: int | None, path: list[bytes]) -> None:
    landmark = None if size is None else LandmarkPath(size=size, path=tuple(path))
    payload = QrPayload(presentation=SHOWN, index=index, landmark=landmark)
    text = format_qr(payload)
    assert parse_qr(text) == payload
    assert len(text) <= MAX_QR_CHARS


def test_what_no_code_holds_is_not_written() -> None:
    path = tuple(sha256(bytes([number])).digest() for number in range(63))
    with pytest.raises(Malformed, match=r"^too_large: "):
        format_qr(QrPayload(presentation=SEALS[1] * 3, index=1, landmark=LandmarkPath(size=9, path=path)))


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (QrPayload(presentation="a\x00b", index=1), "bad_qr"),
        (QrPayload(presentation="a", index=2**53), "bad_number"),
        (QrPayload(presentation="a", index=-1), "bad_number"),
        (QrPayload(presentation="a", index=1, landmark=LandmarkPath(size=2**53, path=())), "bad_number"),
        (QrPayload(presentation="a", index=1, landmark=LandmarkPath(size=1, path=(b"short",))), "bad_qr"),
        (QrPayload(presentation="a", index=1, landmark=LandmarkPath(size=1, path=(bytes(32),) * 64)), "bad_qr"),
        (QrPayload(presentation="a", index=1, landmark=LandmarkPath(size=1, path=(bytes(32),) * 300)), "bad_qr"),
    ],
)
def test_what_would_not_be_read_is_not_written(payload: QrPayload, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        format_qr(payload)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_qr"),
        ("lic1:", "bad_qr"),
        ("LIC2:00", "bad_qr"),
        (f" {qr_of(1)}", "bad_qr"),
        ("LIC1:", "bad_encoding"),
        (qr_of(1) + "\n", "bad_base45"),
        ("LIC1:" + base45_encode(base45_decode(qr_of(1)[5:]) + b"\x00"), "bad_encoding"),
        ("LIC1:" + base45_encode(base45_decode(qr_of(1)[5:])[:-1]), "bad_encoding"),
        ("LIC1:" + "0" * 4292, "too_large"),
        (raw(bytes(65_537)), "too_large"),
        (raw(b"no end"), "bad_qr"),
        (raw(b"a\x00" + bytes(7)), "bad_qr"),
        (raw(b"a\x00" + bytes(9)), "bad_qr"),
        (raw(b"a\x00" + bytes(16)), "bad_qr"),
        (raw(b"a\x00" + bytes(16) + b"\x01" + bytes(31)), "bad_qr"),
        (raw(b"a\x00" + bytes(16) + b"\x01" + bytes(33)), "bad_qr"),
        (raw(b"a\x00" + bytes(16) + b"\x40" + bytes(64 * 32)), "bad_qr"),
        (raw(b"a\x00" + b"\x00\x20" + bytes(6)), "bad_number"),  # 2^53
        (raw(b"a\x00" + bytes(8) + b"\xff" * 8 + b"\x00"), "bad_number"),
        (raw(b"\xff\x00" + bytes(8)), "bad_encoding"),
    ],
)
def test_what_is_no_code_is_refused(text: str, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_qr(text)
    assert caught.value.code == code
    verdict = verdict_of(text)
    assert (verdict.outcome, verdict.code, verdict.index) == (Outcome.FORGED, "malformed", None)


def test_a_code_under_a_landmark_is_valid_and_its_verdict_says_what_the_sync_answered() -> None:
    verdict = verdict_of(qr_of(1))
    assert (verdict.outcome, verdict.clerk, verdict.index) == (Outcome.VALID, "有效", 1)
    assert (verdict.time, verdict.age) == (T, 600)
    assert verdict.claims["certificateTypeName"] == "营业执照"
    assert "certificateHolderName" not in verdict.claims
    by_sync = [step.number for step in verdict.steps if step.detail.startswith("by the sync: ")]
    assert by_sync == [3, 4, 6, 7, 11]
    assert "no cosignatures" in verdict.steps[3].detail
    assert {step.state for step in verdict.steps} == {StepState.PASSED}
    assert len(verdict.steps) == 14


def test_a_code_under_the_synced_checkpoint_itself_is_valid() -> None:
    assert verdict_of(qr_of(8, size=SIZE)).outcome is Outcome.VALID


def test_a_revocation_after_the_landmark_is_seen() -> None:
    assert verdict_of(qr_of(REVOKED)).outcome is Outcome.REVOKED


def test_past_its_age_a_sync_says_so() -> None:
    verdict = verdict_of(qr_of(1), now=T + 86_401)
    assert (verdict.outcome, verdict.code, verdict.age) == (Outcome.STALE, "stale", 86_401)
    assert "86401 s old" in verdict.message


def test_an_expired_license_is_expired() -> None:
    verdict = verdict_of(qr_of(1), now=T0 + 31_536_060, max_age=10**9)
    assert (verdict.outcome, verdict.code) == (Outcome.EXPIRED, "expired")


def test_a_pointer_proves_no_place() -> None:
    """Whose license is revoked would write the index of one that is not."""
    payload = parse_qr(qr_of(REVOKED, size=None))
    for index in (REVOKED, 1):
        verdict = verdict_of(format_qr(replace(payload, index=index)))
        assert (verdict.outcome, verdict.code) == (Outcome.UNWITNESSED, "no_inclusion")
        assert verdict.failed is not None
        assert verdict.failed.number == 5
        assert verdict.claims == {}


def test_a_pointer_with_a_path_from_elsewhere_is_judged() -> None:
    tree = view(synced_book(), SIZE)
    text = qr_of(REVOKED, size=None)
    assert verdict_of(text, path=tree.inclusion_path(REVOKED)).outcome is Outcome.REVOKED
    assert verdict_of(qr_of(1, size=None), path=tree.inclusion_path(1)).outcome is Outcome.VALID
    other = format_qr(replace(parse_qr(text), index=1))
    assert verdict_of(other, path=tree.inclusion_path(1)).code == "bad_inclusion"


@pytest.mark.parametrize("size", [5, 7, 11, 2**53 - 1])
def test_a_landmark_that_is_not_known_asks_for_a_sync(size: int) -> None:
    payload = parse_qr(qr_of(1))
    assert payload.landmark is not None
    verdict = verdict_of(format_qr(replace(payload, landmark=replace(payload.landmark, size=size))))
    assert (verdict.outcome, verdict.code) == (Outcome.STALE, "unknown_landmark")


def test_no_other_index_and_no_other_seal_stands_at_a_place() -> None:
    payload = parse_qr(qr_of(REVOKED))
    for changed in (replace(payload, index=1), replace(payload, presentation=present(SEALS[6], ()))):
        verdict = verdict_of(format_qr(changed))
        assert (verdict.outcome, verdict.code) == (Outcome.FORGED, "bad_inclusion")


def test_a_disclosure_of_another_license_is_refused() -> None:
    foreign = SEALS[3].split("~")[1].replace("a", "b", 1)
    payload = parse_qr(qr_of(1))
    verdict = verdict_of(format_qr(replace(payload, presentation=f"{payload.presentation}{foreign}~")))
    assert verdict.outcome is Outcome.FORGED
    assert verdict.failed is not None
    assert verdict.failed.number == 9


def test_key_binding_is_asked_for_by_the_verifier_alone() -> None:
    verdict = verdict_of(qr_of(1), holder=HolderChallenge(aud="counter 3", nonce="n-1"))
    assert (verdict.outcome, verdict.code) == (Outcome.FORGED, "holder_binding")


@settings(max_examples=200)
@given(st.data())
def test_a_changed_byte_is_never_valid(data: st.DataObject) -> None:
    """What a code says can be cut or changed anywhere: nothing of it passes."""
    payload = bytearray(SHOWN.encode() + b"\x00" + base45_decode_tail())
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    assert verdict_of(raw(bytes(payload))).outcome in {Outcome.FORGED, Outcome.STALE, Outcome.UNWITNESSED}


def base45_decode_tail() -> bytes:
    """Give the tail of the first seal's code."""
    path = b"".join(view(synced_book(), LANDMARK).inclusion_path(1))
    return (1).to_bytes(8, "big") + LANDMARK.to_bytes(8, "big") + bytes([len(path) // 32]) + path


@settings(max_examples=200)
@given(st.text(max_size=300) | st.text("0123456789ABCDEF $%*+-./:", max_size=300).map("LIC1:".__add__))
def test_any_text_gives_a_verdict(text: str) -> None:
    assert verdict_of(text).outcome is Outcome.FORGED
