"""The sync folder: every file checked against the pinned policy and genesis, small whatever the log's size."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.deflated import deflate
from ledger.errors import Malformed, TongbanError
from ledger.landmarks import (
    Growth,
    check_landmarks,
    format_growth,
    format_landmarks,
    parse_growth,
    parse_landmarks,
    prove_landmarks,
)
from ledger.status import Status, StatusArray
from ledger.sync_files import SYNC_FILES, SyncFiles, format_keys, parse_keys
from ledger.transparency.store import Landmark
from ledger.verdict import Outcome
from tests.small_log import AUDITORS, GENESIS, POLICY, SEALED, T0, sealed_log, small_log
from tests.synced_log import LANDMARK, NOW, REVOKED, SEALS, SIZE, T, files_of, qr_of, synced_book, synced_files, view

FILES = synced_files()


def code_of(files: SyncFiles, *, now: int = NOW) -> str:
    with pytest.raises(TongbanError) as caught:
        files.open(now=now)
    return caught.value.code


def test_a_folder_opens_with_statuses_keys_and_roots() -> None:
    synced = FILES.open(now=NOW).synced
    assert (synced.size, synced.time, synced.checkpoint.size) == (SIZE - 1, T, SIZE)
    assert [index for index in range(synced.size) if synced.status_of(index)] == [REVOKED]
    assert synced.roots == {size: view(synced_book(), size).root for size in (LANDMARK, SIZE)}


def test_the_files_keep_their_names() -> None:
    named = FILES.named()
    assert list(named) == list(SYNC_FILES)
    assert SyncFiles.of(named) == FILES
    assert (named["policy"], named["genesis"]) == (POLICY, GENESIS)


def test_a_missing_file_and_a_huge_one_are_named() -> None:
    named = FILES.named()
    with pytest.raises(Malformed, match=r"^bad_file: .*growth"):
        SyncFiles.of({name: data for name, data in named.items() if name != "growth"})
    with pytest.raises(Malformed, match=r"^too_large: policy "):
        SyncFiles.of({**named, "policy": bytes(65_537)})


def test_a_newer_folder_decides_on_an_older_receipt() -> None:
    book, note = sealed_log()
    receipt = book.receipt(1, SEALED, note)
    later, _ = small_log()
    field = files_of(later, time=T0 + 3660, landmarks=(3,)).open(now=T0 + 3700)
    assert field.verify(receipt, now=T0 + 3700, max_age=60).outcome is Outcome.REVOKED
    stale = field.verify(receipt, now=T0 + 3660 + 86_401, max_age=86_400)
    assert (stale.outcome, stale.age) == (Outcome.REVOKED, 86_401)


def test_a_receipt_of_another_history_is_refused() -> None:
    """Two trees of one size, both with a quorum: the one that was not synced is the forged one."""
    book, _ = sealed_log()
    book.entries[1] = SEALS[3].partition("~")[0].encode()
    note = book.checkpoint([(AUDITORS["320583"], T0 + 120), (AUDITORS["370214"], T0 + 121)])
    forked = book.receipt(1, SEALS[3], note)
    later, _ = small_log()
    verdict = files_of(later, time=T0 + 3660, landmarks=(3,)).open(now=T0 + 3700).verify(
        forked, now=T0 + 3700, max_age=86_400
    )  # fmt: skip
    assert (verdict.outcome, verdict.code) == (Outcome.FORGED, "bad_consistency")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"checkpoint": FILES.checkpoint.rsplit("\u2014".encode(), 1)[0]}, "no_quorum"),
        ({"status": deflate(bytes(3))}, "bad_status_proof"),
        ({"status": deflate(bytes(2))}, "bad_status_proof"),
        ({"status": FILES.status + b"\x00"}, "bad_encoding"),
        ({"keys": format_keys([(1, GENESIS)])}, "bad_head"),
        ({"keys": b"[]"}, "bad_file"),
        ({"keys": FILES.keys + b" "}, "bad_json"),
        ({"keys": format_keys([(0, GENESIS), (SIZE, GENESIS)])}, "bad_head"),
        ({"landmarks": b""}, "bad_consistency"),
        ({"growth": b""}, "bad_consistency"),
        ({"landmarks": b"", "growth": b"6 10 AAAA\n"}, "bad_file"),
        ({"landmarks": FILES.landmarks + FILES.landmarks}, "bad_consistency"),
        ({"landmarks": FILES.landmarks + FILES.landmarks.replace(b" 6 ", b" 5 ")}, "bad_file"),
        ({"landmarks": FILES.landmarks.replace(b" 6 ", b" 5 ")}, "bad_consistency"),
        ({"landmarks": FILES.landmarks.replace(b"-01 ", b" ")}, "bad_file"),
        ({"landmarks": FILES.landmarks[:-1]}, "bad_file"),
        ({"landmarks": b"\xff\n"}, "bad_encoding"),
        ({"head": FILES.head.replace(b'"path"', b'"Path"')}, "bad_file"),
    ],
)
def test_a_folder_whose_parts_do_not_fit_is_refused(changes: dict[str, bytes], code: str) -> None:
    assert code_of(replace(FILES, **changes)) == code


def test_a_sync_from_the_future_has_no_quorum_yet() -> None:
    assert code_of(FILES, now=T - 301) == "no_quorum"


@settings(max_examples=300)
@given(st.data())
def test_a_changed_byte_of_any_file_is_found_or_changes_nothing(data: st.DataObject) -> None:
    """Nothing but the two pinned files is believed; a label of a day, or a foreign line, says nothing."""
    name = data.draw(st.sampled_from([name for name in SYNC_FILES if name not in {"policy", "genesis"}]))
    changed = bytearray(FILES.named()[name])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    files = SyncFiles.of({**FILES.named(), name: bytes(changed)})
    try:
        synced = files.open(now=NOW).synced
    except TongbanError:
        return
    honest = FILES.open(now=NOW).synced
    assert (synced.size, synced.checkpoint, synced.roots) == (honest.size, honest.checkpoint, honest.roots)
    assert (synced.statuses.to_bytes(), synced.keys.digest) == (honest.statuses.to_bytes(), honest.keys.digest)
    assert name == "landmarks" or synced.time == honest.time


@settings(max_examples=150)
@given(st.sampled_from(list(SYNC_FILES)), st.binary(max_size=200))
def test_any_bytes_as_a_file_give_a_coded_error(name: str, data: bytes) -> None:
    with pytest.raises(TongbanError):
        SyncFiles.of({**FILES.named(), name: data + b"x"}).open(now=NOW)


# Landmarks


def roots(*sizes: int) -> list[Landmark]:
    return [Landmark(day="2026-06-01", size=size, root=view(synced_book(), size).root) for size in sizes]


def honest_path(old: int, new: int) -> list[bytes]:
    return view(synced_book(), new).consistency_path(old)


def unwanted_path(old: int, new: int) -> list[bytes]:
    raise AssertionError((old, new))


CHECKPOINT = FILES.open(now=NOW).synced.checkpoint


@given(st.sets(st.integers(1, SIZE), max_size=SIZE))
def test_all_landmarks_of_the_tree_are_kept_and_proved(sizes: set[int]) -> None:
    rows, steps = prove_landmarks(roots(*sorted(sizes)), CHECKPOINT, (), honest_path)
    assert [row.size for row in rows] == sorted(sizes)
    written = parse_landmarks(format_landmarks(rows)), parse_growth(format_growth(steps))
    assert written == (rows, steps)
    assert set(check_landmarks(rows, steps, CHECKPOINT)) == sizes | {SIZE}
    assert prove_landmarks(rows, CHECKPOINT, steps, unwanted_path) == (rows, steps)


def test_a_landmark_of_another_tree_is_left_out_and_a_damaged_proof_made_again() -> None:
    forged = Landmark(day="2026-06-01", size=5, root=bytes(32))
    beyond = Landmark(day="2026-06-02", size=SIZE + 1, root=bytes(32))
    damaged = [Growth(old=6, new=10, path=(bytes(32),))]
    rows, steps = prove_landmarks([*roots(3), forged, *roots(6), beyond], CHECKPOINT, damaged, honest_path)
    assert [row.size for row in rows] == [3, 6]
    assert list(check_landmarks(rows, steps, CHECKPOINT)) == [3, 6, SIZE]


def test_a_list_without_end_is_refused() -> None:
    with pytest.raises(Malformed, match=r"^too_large: "):
        parse_landmarks(b"2026-06-01 1 AAAA\n" * 4097)
    with pytest.raises(Malformed, match=r"^bad_file: expected 0\.\.63 whole hashes"):
        parse_growth(f"1 2 {'A' * 44 * 63 * 32}\n".encode())
    with pytest.raises(Malformed, match=r"^bad_file: keys"):
        parse_keys(b'[{"index":1,"entry":"a"},{"index":1,"entry":"a"}]')


# Size


def test_a_million_entries_with_one_in_a_hundred_revoked_are_synced_in_16_kib() -> None:
    """99 % of the bit pairs are zero: they carry 0.08 bits each, 10.2 KB in all, and zlib comes within half of that.

    The revoked ones are chosen by hash, so that no pattern helps the compressor and the figure is the same every time.
    """
    statuses = StatusArray()
    statuses.extend_to(1_000_000)
    chosen = 0
    for index in range(1_000_000):
        if int.from_bytes(hashlib.blake2b(index.to_bytes(8, "big"), digest_size=4).digest(), "big") % 100 == 0:
            statuses.set(index, Status.REVOKED)
            chosen += 1
    array = statuses.to_bytes()
    assert (len(array), chosen) == (250_000, 10_091)
    assert 10_150 < len(deflate(array)) <= 16 * 1024  # 14,662 with zlib 1.2.13


def test_a_code_of_the_folder_is_valid() -> None:
    assert FILES.open(now=NOW).verify_qr(qr_of(4), now=NOW, max_age=3600).outcome is Outcome.VALID
