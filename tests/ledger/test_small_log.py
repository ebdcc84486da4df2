"""The complete small log, byte for byte as the specification prints it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from ledger.encoding import b64_decode, b64u_encode
from ledger.entries import Head, MemberChange, Seal, StatusChange, parse_entry
from ledger.members import KeyState, verify_signatures
from ledger.receipt import format_receipt, parse_receipt
from ledger.status import Status, StatusArray
from ledger.transparency.merkle import leaf_hash, root_of
from ledger.transparency.note import VerifierKey
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome
from ledger.verifier import verify
from tests.small_log import AUDITORS, COUNTIES, LOG, T0
from tests.vectors.generate import FOLDER, small_log_files

LEAVES: Final = (
    "2192f41f14c1f23c34a3ac7d3b7448fb0ced72687f268c7d668d55a543eaefac",
    "52de56dc02cf123fbd1990d8f3ad07a4b6e7d812649b1bed8448331c408a5030",
    "f3c3ffa52e72d0b3d35361fbd61db53d7354acbd20ed2ac97999cb282cab8d76",
    "3f59e9613bdf29deda386d11045a52c836997a1f0fea23ee90b3cc1741c2ff92",
    "2d5f9073f31db382b1445b66234c81c7a3ab2b69c4fb50daa48c629b2d48d6e0",
)
ROOTS: Final = (
    "2192f41f14c1f23c34a3ac7d3b7448fb0ced72687f268c7d668d55a543eaefac",
    "48535f1df4d299dd79bef8fd93fc251f4500a46df41c52baeb80f402e8af6fa7",
    "c6e7b3f738b5e2cdaa72e3a45f8ae7a1b2afaec650efeee945d3c6478a939a88",
    "2c0b6547869730d9f38144c43f671cbebee0570a848881d8a803aabe115a3079",
    "5da2869acc33a2bbd410941b680583f64dd6282cc3e4c32d7bafeaf8b50f36fd",
)
NAMES: Final = ("genesis", "entry-1.jws", "entry-2.jws", "entry-3.jws", "entry-4.jws")
KINDS: Final = (MemberChange, Seal, Head, StatusChange, Head)
KEYS_HASH: Final = "UMILWmKlTbrIVxGVnkuxgEwSaVdUEhdfkwbt3XueOtE"
RECEIPTS: Final = {
    "size-3.lic-receipt": (2064, "731cb6f4439dcf0c717b8b99caf500fc2fdf2f2124870792fcf51cbb681e1896"),
    "size-5.lic-receipt": (2110, "86a62b99f77b535e2ac8aaba547b0d3551dcd0feebdaf12ea6bc80ae2d4da7a9"),
}


def read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def first_state() -> KeyState:
    genesis = parse_entry(read("genesis"))
    assert isinstance(genesis, MemberChange)
    return KeyState.genesis(genesis)


@pytest.mark.parametrize("name", sorted(small_log_files()))
def test_the_generator_writes_the_files_again(name: str) -> None:
    assert small_log_files()[name] == read(name)


def test_no_other_file_lies_beside_them() -> None:
    assert {path.name for path in Path(FOLDER).iterdir()} == {*small_log_files(), "README.md"}


def test_the_labels_give_the_printed_keys() -> None:
    assert LOG.public_key.x.hex() == "6ff2a7004e2a4e648f0a211935b1a6ddd5c146616111727328cd5c0269ab91e2"
    assert [signer.public_key.x.hex() for signer in COUNTIES.values()] == [
        "0b4a902a2468180a043e0d3df5e350c2f8d71255a124ea6abd9229da52c52042",
        "c76b1a54ef21db0570aaf30f0250284160312f98208475f917506856fd572c0e",
    ]


@pytest.mark.parametrize(("name", "size"), list(zip(NAMES, (1169, 574, 421, 316, 421), strict=True)))
def test_entries_have_the_printed_size(name: str, size: int) -> None:
    assert len(read(name)) == size


@pytest.mark.parametrize(("name", "leaf", "kind"), list(zip(NAMES, LEAVES, KINDS, strict=True)))
def test_entries_have_the_printed_leaf_hash(name: str, leaf: str, kind: type) -> None:
    entry = parse_entry(read(name))
    assert type(entry) is kind
    assert entry.leaf.hex() == leaf
    assert leaf_hash(entry.raw).hex() == leaf


def test_the_tree_has_the_printed_roots() -> None:
    leaves = [bytes.fromhex(leaf) for leaf in LEAVES]
    assert [root_of(leaves[:size]).hex() for size in range(1, 6)] == list(ROOTS)


def test_the_key_state_is_the_printed_text() -> None:
    state = first_state()
    assert state.text() == read("keys.txt")
    assert len(state.text()) == 578
    assert b64u_encode(state.digest()) == KEYS_HASH


@pytest.mark.parametrize("name", ["entry-2.jws", "entry-4.jws"])
def test_both_heads_bind_the_key_state(name: str) -> None:
    head = parse_entry(read(name))
    assert isinstance(head, Head)
    assert b64u_encode(head.keys) == KEYS_HASH
    assert (head.journal_n, b64u_encode(head.journal_root)) == (0, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")


def test_status_roots_are_the_printed_ones() -> None:
    statuses = StatusArray()
    statuses.extend_to(2)
    assert statuses.root().hex() == "98ce42deef51d40269d542f5314bef2c7468d401ad5d85168bfab4c0108f75f7"
    statuses.extend_to(4)
    statuses.set(1, Status.REVOKED)
    assert statuses.tile(0) == b"\x04" + bytes(63)
    assert statuses.root().hex() == "87c2a20ec8326dda35d358a9984f2af531982b4fe3fd19cef232f973530c5190"


def test_members_signed_the_seal_and_its_revocation() -> None:
    for index in (1, 3):
        verify_signatures(parse_entry(read(NAMES[index])), first_state(), index)


def test_the_bundle_has_the_printed_hash() -> None:
    bundle = read("entries-5.bundle")
    assert len(bundle) == 2911
    assert sha256(bundle).hexdigest() == "579942e14a31ac21e6c5e3e40531e501435b7d9ac80a48370bff263a5c77e9f5"


@pytest.mark.parametrize("name", RECEIPTS)
def test_receipts_have_the_printed_hash(name: str) -> None:
    data = read(name)
    assert (len(data), sha256(data).hexdigest()) == RECEIPTS[name]
    assert format_receipt(parse_receipt(data)) == data


def test_proofs_in_the_receipts_are_the_printed_hashes() -> None:
    small, large = (parse_receipt(read(name)) for name in RECEIPTS)
    assert small.proof.path == (bytes.fromhex(LEAVES[0]), bytes.fromhex(LEAVES[2]))
    assert large.proof.path == (
        bytes.fromhex(LEAVES[0]),
        b64_decode("SnGOOL+VjTnksugRr7eTi2+1a74lmrBrheacO3WiXHM="),
        bytes.fromhex(LEAVES[4]),
    )
    assert small.head_path == (b64_decode("SFNfHfTSmd15vvj9k/wlH0UApG30HFK664D0Auivb6c="),)
    assert large.head_path == (b64_decode("LAtlR4aXMNnzgUTEP2ccvr7gVwqEiIHYqAOqvhFaMHk="),)
    assert small.status_path == large.status_path == ()


@pytest.mark.parametrize(
    ("name", "now", "outcome", "time"),
    [
        ("size-3.lic-receipt", T0 + 150, Outcome.VALID, T0 + 120),
        ("size-3.lic-receipt", T0 + 180, Outcome.VALID, T0 + 120),
        ("size-3.lic-receipt", T0 + 181, Outcome.STALE, T0 + 120),
        ("size-5.lic-receipt", T0 + 3700, Outcome.REVOKED, T0 + 3660),
        ("size-5.lic-receipt", T0 + 9000, Outcome.REVOKED, T0 + 3660),
    ],
)
def test_receipts_have_the_printed_verdict(name: str, now: int, outcome: Outcome, time: int) -> None:
    policy = Policy.parse(read("policy"))
    verdict = verify(read(name), policy=policy, genesis=read("genesis"), now=now, max_age=60)
    assert (verdict.outcome, verdict.time, verdict.age) == (outcome, time, now - time)


def test_the_policy_names_both_auditors() -> None:
    keys = {VerifierKey.parse(line.split()[2]).name for line in read("policy").decode().splitlines()[1:3]}
    assert keys == {auditor.name for auditor in AUDITORS.values()}
