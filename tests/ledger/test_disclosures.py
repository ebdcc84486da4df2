from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.disclosures import MAX_DISCLOSURE_CHARS, NEVER_DISCLOSED, Disclosure, decoy
from ledger.encoding import JsonValue, b64u_decode, b64u_encode
from ledger.errors import Malformed
from tests.entropy import seeded
from tests.json_values import claim_names, json_values
from tests.vector_files import read_vectors

RFC: Final = read_vectors("rfc9901.json")
FLAT: Final = {name: row for name, row in RFC["disclosures"].items() if name not in {"US", "DE"}}


def text_of(array: Any) -> str:
    return b64u_encode(json.dumps(array).encode())


def fault(text: str) -> str:
    with pytest.raises(Malformed) as caught:
        Disclosure.parse(text)
    return caught.value.code


@pytest.mark.parametrize("name", FLAT)
def test_disclosures_of_the_rfc_have_its_digests(name: str) -> None:
    disclosure = Disclosure.parse(FLAT[name]["text"])
    assert disclosure.name == name
    assert disclosure.digest == FLAT[name]["digest"]


def test_white_space_and_raw_characters_count() -> None:
    """The digest is over the text that came, whatever JSON writer made it."""
    [[array, digest]] = RFC["flat_digests"]
    disclosure = Disclosure.parse(b64u_encode(array.encode()))
    assert disclosure.digest == digest
    assert disclosure.value == "Möbius"
    escaped = Disclosure.parse(b64u_encode(array.replace("ö", "\\u00f6").encode()))
    assert escaped.value == disclosure.value
    assert escaped.digest != disclosure.digest


def test_an_array_element_of_the_rfc_is_not_of_this_profile() -> None:
    assert fault(RFC["disclosures"]["US"]["text"]) == "bad_disclosure_form"


@settings(max_examples=80)
@given(name=claim_names, value=json_values)
def test_what_is_made_is_read_back(name: str, value: JsonValue) -> None:
    made = Disclosure.make(name, value, seeded("salt"))
    read = Disclosure.parse(made.text)
    assert (read.name, read.value, read.text) == (name, value, made.text)
    assert b64u_decode(read.salt, size=16) == seeded("salt")(16)
    assert read.digest == b64u_encode(sha256(made.text.encode()).digest())


@pytest.mark.parametrize(
    "array",
    [[], ["salt", "name"], ["salt", "name", 1, 2], {"salt": 1}, "salt", None, [1, "name", 2], ["salt", 1, 2]],
)
def test_what_is_no_triple_of_salt_name_and_value_is_refused(array: Any) -> None:
    assert fault(text_of(array)) == "bad_disclosure_form"


@pytest.mark.parametrize("name", sorted(NEVER_DISCLOSED))
def test_no_disclosure_has_the_name_of_what_a_verifier_reads(name: str) -> None:
    assert fault(text_of(["salt", name, 1])) == "bad_disclosure_form"


@pytest.mark.parametrize("name", ["_sd", "..."])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": [1, {"b": v}]}])
def test_a_value_with_disclosures_of_its_own_is_refused(name: str, wrap: Any) -> None:
    assert fault(text_of(["salt", "claim", wrap({name: "x"})])) == "bad_disclosure_form"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_json"),
        ("W10=", "bad_base64"),
        ("W1 0", "bad_base64"),
        ("W11", "bad_base64"),
        ("é", "bad_base64"),
        ("\ud800", "bad_base64"),
        (b64u_encode(b"\xff"), "bad_encoding"),
        (b64u_encode(b'\xef\xbb\xbf["s","n",1]'), "bad_json"),
        (b64u_encode(b'["s","n",1]x'), "bad_json"),
        (b64u_encode(b'["s","n",NaN]'), "bad_number"),
        (b64u_encode(b'["s","n",9007199254740992]'), "bad_number"),
        (b64u_encode(b'["s","n",{"a":1,"a":2}]'), "duplicate_member"),
        (b64u_encode(b'["s","n","\\ud800"]'), "bad_encoding"),
        (b64u_encode(b'["s","n",' + b"[" * 8 + b"]" * 8 + b"]"), "bad_json"),
        ("A" * (MAX_DISCLOSURE_CHARS + 1), "too_large"),
    ],
)
def test_a_text_that_is_not_canonical_is_refused(text: str, code: str) -> None:
    assert fault(text) == code


def test_the_longest_disclosure_is_read() -> None:
    overhead = len(b'["","n",""]')
    text = text_of(["", "n", ""])
    assert len(text) < MAX_DISCLOSURE_CHARS
    longest = b64u_encode(b'["","n","' + b"x" * (MAX_DISCLOSURE_CHARS * 3 // 4 - overhead) + b'"]')
    assert len(longest) == MAX_DISCLOSURE_CHARS
    assert Disclosure.parse(longest).name == "n"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("exp", 1, "bad_disclosure_form"),
        ("claim", {"_sd": []}, "bad_disclosure_form"),
        ("claim", float("nan"), "bad_json"),
        ("claim", "\ud800", "bad_json"),
        ("claim", 2**53, "bad_number"),
        ("claim", "x" * MAX_DISCLOSURE_CHARS, "too_large"),
    ],
)
def test_what_would_not_be_read_is_not_made(name: str, value: JsonValue, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        Disclosure.make(name, value, seeded("salt"))
    assert caught.value.code == code


def test_a_decoy_is_the_digest_of_32_random_bytes() -> None:
    assert decoy(lambda size: b"\x05" * size) == b64u_encode(sha256(b"\x05" * 32).digest())


@settings(max_examples=200)
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert Disclosure.parse(text).text == text
    except Malformed:
        return
