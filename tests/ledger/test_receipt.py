from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.attestation import present
from ledger.errors import Malformed
from ledger.receipt import MAX_KEYS, MAX_RECEIPT_BYTES, Receipt, format_receipt, parse_receipt, with_presentation
from ledger.transparency.proof import TlogProof
from tests.cases.case import edited, receipt
from tests.small_log import CLAIMS, SEALED, SHOWN, T0, issue_at, sealed_log

HASH: Final = st.binary(min_size=32, max_size=32)
PATH: Final = st.lists(HASH, max_size=63).map(tuple)
NOTE: Final = sealed_log()[1]


def code_of(data: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        parse_receipt(data)
    return caught.value.code


@given(
    index=st.integers(0, 2**53 - 1),
    path=PATH,
    head_path=PATH,
    status_path=PATH,
    tile=st.binary(min_size=64, max_size=64),
    keys=st.dictionaries(st.integers(1, 2**53 - 1), st.from_regex(r"[ -~]{1,40}", fullmatch=True), max_size=4),
)
@settings(max_examples=60)
def test_what_is_written_is_read_again(
    index: int, path: Any, head_path: Any, status_path: Any, tile: bytes, keys: dict[int, str]
) -> None:
    whole = Receipt(
        sd_jwt=SEALED,
        proof=TlogProof(index=index, path=path, checkpoint=NOTE),
        head=b"a.b.c",
        head_path=head_path,
        tile=tile,
        status_path=status_path,
        keys=tuple((index, keys[index].encode()) for index in sorted(keys)),
    )
    data = format_receipt(whole)
    assert parse_receipt(data) == whole
    assert format_receipt(parse_receipt(data)) == data


def test_a_text_beyond_ascii_is_written_as_it_was_read() -> None:
    """Found by fuzzing: the head of a receipt may be any text until step 6, and the holder may show other claims of it."""
    data = edited(lambda d: d["head"].update(jws="\u2014") or d.update(keys=[{"index": 2, "entry": "\ufeff"}]))
    assert format_receipt(parse_receipt(data)) == data
    assert with_presentation(data, json.loads(data)["sd_jwt"]) == data


def test_members_stand_in_the_order_of_the_format() -> None:
    assert list(json.loads(receipt)) == ["v", "sd_jwt", "proof", "head", "status"]
    with_keys = replace(parse_receipt(receipt), keys=((3, b"{}"),))
    assert list(json.loads(format_receipt(with_keys))) == ["v", "sd_jwt", "proof", "head", "status", "keys"]


def test_the_entry_is_the_text_before_the_first_tilde() -> None:
    assert parse_receipt(receipt).entry == SEALED.partition("~")[0].encode()


@pytest.mark.parametrize("names", [(), ("certificateTypeName",), SHOWN, tuple(CLAIMS)])
def test_the_holder_puts_another_choice_of_claims_into_a_receipt(names: tuple[str, ...]) -> None:
    shown = present(SEALED, names)
    data = with_presentation(receipt, shown)
    assert parse_receipt(data) == replace(parse_receipt(receipt), sd_jwt=shown)


@pytest.mark.parametrize("other", [issue_at(T0 + 61), "", "x~", SEALED.replace(".", "..", 1)])
def test_a_presentation_of_another_seal_is_refused(other: str) -> None:
    with pytest.raises(Malformed, match="bad_receipt"):
        with_presentation(receipt, other)


def test_what_would_be_refused_is_not_written() -> None:
    with pytest.raises(Malformed, match="too_large"):
        format_receipt(replace(parse_receipt(receipt), sd_jwt="a" * 65_537))


def keys(*indexes: int) -> bytes:
    return edited(lambda d: d.update(keys=[{"index": index, "entry": "{}"} for index in indexes]))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes(MAX_RECEIPT_BYTES + 1), "too_large"),
        (edited(lambda d: d.update(sd_jwt="a" * 65_537)), "too_large"),
        (edited(lambda d: d["head"].update(jws="a" * 16_385)), "too_large"),
        (edited(lambda d: d["status"].update(tile="A" * 129)), "too_large"),
        (edited(lambda d: d.update(sd_jwt=1)), "bad_receipt"),
        (edited(lambda d: d["head"].update(path={})), "bad_receipt"),
        (edited(lambda d: d["head"].update(path=[1])), "bad_receipt"),
        (edited(lambda d: d["status"].update(path=["A" * 44] * 64)), "bad_receipt"),
        (edited(lambda d: d["status"].update(path=["A" * 44])), "bad_proof_form"),
        (edited(lambda d: d.update(status={"path": [], "tile": d["status"]["tile"]})), "bad_receipt"),
        (edited(lambda d: d["head"].update(size=3)), "unknown_member"),
        (edited(lambda d: d.update(head=[])), "bad_receipt"),
        (b"[]", "bad_receipt"),
        (keys(0), "bad_number"),
        (keys(2, 1), "bad_receipt"),
        (keys(1, 1), "bad_receipt"),
        (keys(*range(1, MAX_KEYS + 2)), "bad_receipt"),
    ],
)
def test_what_is_no_receipt_is_refused(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_as_many_key_entries_as_allowed_are_read() -> None:
    assert len(parse_receipt(keys(*range(1, MAX_KEYS + 1))).keys) == MAX_KEYS
