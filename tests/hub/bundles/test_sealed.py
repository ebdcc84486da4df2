"""Bundles as files: round trips, and every way in which a file is none, each with its code."""

from __future__ import annotations

import gzip
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.bundles.head import MAGIC, BundleHead, build_head, check_signature, parse_head
from hub.bundles.keys import BundleKey, answer_key, parse_public_key, public_file
from hub.bundles.lines import AnswerLine, OutboxLine, answer_lines, outbox_lines
from hub.bundles.sealed import CHUNK_BYTES, CheckedBundle, opened_bundle, write_bundle
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from tests.entropy import seeded, signer_of
from tests.ports import NOW

SIGNER: Final = signer_of("370214#4")
KEY: Final = BundleKey.of_secret(seeded("bundle")(32))
OTHER: Final = BundleKey.of_secret(seeded("other")(32))
HEAD: Final = BundleHead(
    kind="outbox", county="370214", number=7, previous=bytes(32), iat=NOW, to=KEY.thumbprint, length=1, total=bytes(32),
    answer_key=OTHER.public,
)  # fmt: skip
LINES: Final = [b'{"id":"a","face":"%s"}' % (b"x" * 300_000)] * 8


def _written(path: Path, lines: list[bytes], head: BundleHead = HEAD) -> bytes:
    return write_bundle(path, lines, head, KEY, kid="370214#4", signer=SIGNER)


def _read(path: Path, key: BundleKey = KEY) -> list[bytes]:
    with opened_bundle(path) as bundle:
        check_signature(bundle.signed, SIGNER.public_key)
        return list(bundle.check_body().lines(key))


def test_what_was_written_is_read_over_several_chunks(tmp_path: Path) -> None:
    digest = _written(tmp_path / "a", LINES)
    assert _read(tmp_path / "a") == LINES
    with opened_bundle(tmp_path / "a") as bundle:
        assert bundle.signed.digest == digest
        assert bundle.head == replace(HEAD, length=sum(map(len, LINES)) + 8, total=bundle.head.total)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.sampled_from([1, 2, CHUNK_BYTES - 2, CHUNK_BYTES - 1, 400_000]), min_size=1, max_size=4))
def test_lines_of_any_length_come_back(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    path = tmp_path_factory.mktemp("bundle") / "a"
    lines = [b"x" * size for size in sizes]
    _written(path, lines)
    assert _read(path) == lines


def test_swapped_chunks_are_refused_and_would_not_open(tmp_path: Path) -> None:
    """The signed sum finds them first; the number of each chunk stands in its own encryption as well."""
    path = tmp_path / "a"
    _written(path, LINES)
    data, size = path.read_bytes(), CHUNK_BYTES + 48
    with opened_bundle(path) as bundle:
        start = bundle.signed.size
    first, second = data[start : start + size], data[start + size : start + 2 * size]
    path.write_bytes(data[:start] + second + first + data[start + 2 * size :])
    with opened_bundle(path) as bundle:
        with pytest.raises(NotVerified) as caught:
            bundle.check_body()
        assert caught.value.code == "bundle_damaged"
        unchecked = CheckedBundle(bundle=bundle, sums=tuple(sha256(chunk).digest() for chunk in bundle.chunks()))
        with pytest.raises(NotVerified, match="chunk 0 does not open"):
            list(unchecked.lines(KEY))


def test_what_is_written_into_the_file_after_its_check_is_not_opened(tmp_path: Path) -> None:
    """Whoever has the hub's public key can encrypt lines of his own, of the same length and in the same place."""
    path, forged = tmp_path / "a", tmp_path / "forged"
    _written(path, LINES)
    _written(forged, [line.replace(b"x", b"y") for line in LINES])
    with opened_bundle(path) as bundle:
        checked, read = bundle.check_body(), []
        lines = checked.lines(KEY)
        read.append(next(lines))
        start = bundle.signed.size
        with path.open("r+b") as file:
            file.seek(start + CHUNK_BYTES + 48)
            file.write(forged.read_bytes()[forged.stat().st_size - path.stat().st_size + start + CHUNK_BYTES + 48 :])
        with pytest.raises(NotVerified, match="chunk 1 was changed while the bundle was read") as caught:
            read.extend(lines)
    assert caught.value.code == "bundle_damaged"
    assert set(read) == {LINES[0]}


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    _written(tmp_path / "a", LINES)
    for key in (OTHER, BundleKey(public=KEY.public)):
        with pytest.raises(Conflict) as caught:
            _read(tmp_path / "a", key)
        assert caught.value.code == "wrong_target"


def test_a_line_that_is_too_long_and_one_without_an_end_are_refused(tmp_path: Path) -> None:
    _written(tmp_path / "a", [b"x" * (CHUNK_BYTES + 1)])
    with pytest.raises(Malformed, match="a line has more than"):
        _read(tmp_path / "a")


def test_a_bundle_beyond_the_limit_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        _written(tmp_path / "a", [b"x" * CHUNK_BYTES] * 256)
    assert caught.value.code == "too_large"
    assert list(tmp_path.iterdir()) == []


def _head_with(**members: Any) -> bytes:
    class Changed(BundleHead):
        def payload(self) -> dict[str, Any]:
            return super().payload() | members

    made = Changed(**{name: getattr(HEAD, name) for name in HEAD.__dataclass_fields__})
    return build_head(made, "370214#4", SIGNER)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_bundle"),
        (b"tongban-bundle 2\n", "bad_bundle"),
        (MAGIC + b"x" * 20_000, "bad_bundle"),
        (gzip.compress(build_head(HEAD, "370214#4", SIGNER)), "bad_bundle"),
        (MAGIC + b"a.b.c\n", "bad_base64"),
        (_head_with(bytes=10 * 2**30), "too_large"),
        (_head_with(bytes=0), "bad_number"),
        (_head_with(number=0), "bad_number"),
        (_head_with(number=1), "bad_bundle"),
        (_head_with(previous=None), "bad_bundle"),
        (_head_with(kind="answer"), "bad_bundle"),
        (_head_with(kind="other"), "bad_bundle"),
        (_head_with(answerKey=None), "bad_bundle"),
        (_head_with(county="37021"), "bad_bundle"),
        (_head_with(to="x"), "bad_bundle"),
        (_head_with(more=1), "unknown_member"),
    ],
)
def test_a_head_that_is_none_is_refused(data: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(Malformed) as caught, opened_bundle(tmp_path / "a"):
        pass
    assert caught.value.code == code


def test_members_in_another_order_are_refused() -> None:
    class Turned(BundleHead):
        def payload(self) -> dict[str, Any]:
            return dict(reversed(super().payload().items()))

    made = Turned(**{name: getattr(HEAD, name) for name in HEAD.__dataclass_fields__})
    with pytest.raises(Malformed, match="another order"):
        parse_head(build_head(made, "370214#4", SIGNER))


def test_a_changed_head_has_no_signature() -> None:
    for signer in (signer_of("another"), signer_of("another suite", "ES256")):
        signed = parse_head(build_head(HEAD, "370214#4", signer))
        with pytest.raises(NotVerified) as caught:
            check_signature(signed, SIGNER.public_key)
        assert caught.value.code == "bad_signature"


@pytest.mark.parametrize("name", ["", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Malformed) as caught, opened_bundle(tmp_path / (name or "nothing")):
        pass
    assert caught.value.code == "bad_file"


def test_the_hubs_public_file_is_read_as_it_is_written() -> None:
    assert parse_public_key(public_file(KEY)) == BundleKey(public=KEY.public)


def test_each_bundle_has_an_answer_key_of_its_own() -> None:
    keys = [answer_key(bytes(32), county, number) for county in ("370214", "320583") for number in (1, 2)]
    assert len({key.public for key in keys}) == 4
    assert answer_key(bytes(32), "370214", 1).public == keys[0].public


def test_lines_come_back() -> None:
    sent = [OutboxLine(kind="entry", id="a", data=b"x"), OutboxLine(kind="face", id="1.2.3", data=b"y~")]
    assert list(outbox_lines(line.text() for line in sent)) == sent
    told = [AnswerLine(kind="record", id="a", answer={"position": 7})]
    assert list(answer_lines(line.text() for line in told)) == told


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b'{"entry":"x","id":"a"}', b'{"id":"a"}', b'{"id":"a","entry":"x","face":"y"}', b'{"id":"","entry":"x"}',
     b'{"id":"a","entry":7}', '{"id":"a","entry":"执"}'.encode(), b'{"id":7,"entry":"x"}'],
)  # fmt: skip
def test_a_line_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(TongbanError) as caught:
        list(outbox_lines([line]))
    assert caught.value.code == "bad_bundle"


def test_lines_have_an_order_and_a_number() -> None:
    with pytest.raises(Malformed, match="too late"):
        list(outbox_lines([b'{"id":"a","record":"x"}', b'{"id":"a","entry":"x"}']))
    with pytest.raises(Malformed) as caught:
        list(outbox_lines([b'{"id":"a","entry":"x"}'] * 30_001))
    assert caught.value.code == "too_large"
    with pytest.raises(Malformed, match="no object"):
        list(answer_lines([b'{"id":"a","entry":"x"}']))
