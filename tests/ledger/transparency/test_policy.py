"""Policies: the alliance's example, the grammar, and quorums against brute force on random nested policies."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import verify_checkpoint
from ledger.transparency.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, NOTE_ED25519, Note, VerifierKey
from ledger.transparency.policy import MAX_POLICY_BYTES, Group, Missing, Policy
from ledger.transparency.quorums import closest_quorums
from tests.trees import VECTORS, small_log, vector_signer

T0: Final = small_log()["t0"]
SMALL: Final = (VECTORS / "policy").read_bytes()
LOG: Final = VerifierKey.of("hub.example/ledger", NOTE_ED25519, vector_signer("log")).vkey()
WITNESSES: Final = [
    VerifierKey.of(f"{number}.example/witness", COSIGNATURE_ED25519, vector_signer(f"witness {number}"))
    for number in range(19)
]
PROVINCES: Final = ("shandong", "hebei", "jiangsu", "zhejiang")


def written(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def defined(count: int) -> list[str]:
    """Lines of `count` witnesses w0, w1, ..."""
    return [f"witness w{number} {WITNESSES[number].vkey()}" for number in range(count)]


def alliance() -> Policy:
    """The example of 12 counties in 4 provinces: 2 of 3 in each of 3 of 4."""
    groups = [f"group {name} 2 w{3 * n} w{3 * n + 1} w{3 * n + 2}" for n, name in enumerate(PROVINCES)]
    return Policy.parse(
        written(f"log {LOG}", *defined(12), *groups, f"group alliance 3 {' '.join(PROVINCES)}", "quorum alliance")
    )


@pytest.mark.parametrize(("size", "after"), [(3, 120), (5, 3660)])
def test_the_small_log_has_its_quorum_times(size: int, after: int) -> None:
    policy = Policy.parse(SMALL)
    signed = verify_checkpoint(Note.parse((VECTORS / f"checkpoint-{size}.note").read_bytes()), policy.keys)
    assert policy.quorum_time(signed.cosignatures, T0 + after) == T0 + after
    assert (policy.shared, policy.block) == (2, 1)


def test_every_part_of_a_policy_is_read() -> None:
    policy = Policy.parse(
        b"# comment with a \xff byte\n\n \t log\t" + LOG.encode() + b"  https://hub.example/ledger \n"
        b"\t# indented comment\n" + written(*defined(2)[:1], defined(2)[1] + " https://a.example/auditor", "group g any w0 w1")
        + b"quorum g"
    )  # fmt: skip
    assert [(log.key.vkey(), log.url) for log in policy.logs] == [(LOG, "https://hub.example/ledger")]
    found = [(witness.name, witness.key, witness.url) for witness in policy.witnesses]
    assert found == [("w0", WITNESSES[0], None), ("w1", WITNESSES[1], "https://a.example/auditor")]
    assert policy.groups == (Group(name="g", threshold=1, members=("w0", "w1")),)
    assert policy.quorum == "g"
    assert set(policy.keys.values()) == {*WITNESSES[:2], policy.logs[0].key}


def test_a_slash_at_the_end_of_a_url_is_no_part_of_a_prefix() -> None:
    """Else a deposit would go to `https://a.example/auditor//deposit`, where nobody takes it."""
    policy = Policy.parse(
        written(f"log {LOG} https://hub.example/ledger/", f"{defined(1)[0]} https://a.example/auditor/", "quorum w0")
    )
    assert [each.url for each in (*policy.logs, *policy.witnesses)] == [
        "https://hub.example/ledger",
        "https://a.example/auditor",
    ]


def test_a_split_view_of_the_alliance_needs_two_dishonest_counties_and_four_can_block() -> None:
    policy = alliance()
    assert (policy.shared, policy.block) == (2, 4)


def test_the_roster_of_nineteen_counties_in_eight_provinces() -> None:
    """Three provinces with three counties (2 of 3), five with two (2 of 2); 5 of 8."""
    groups, used = list[str](), 0
    for number, counties in enumerate((3, 3, 3, 2, 2, 2, 2, 2)):
        members = " ".join(f"w{used + offset}" for offset in range(counties))
        groups.append(f"group p{number} 2 {members}")
        used += counties
    top = f"group alliance 5 {' '.join(f'p{number}' for number in range(8))}"
    policy = Policy.parse(written(*defined(19), *groups, top, "quorum alliance"))
    assert (policy.shared, policy.block) == (2, 4)


def test_what_is_missing_is_said_group_by_group() -> None:
    policy = alliance()
    held = dict.fromkeys(WITNESSES[:4], T0) | {WITNESSES[6]: T0}
    assert policy.missing(held) == (
        Missing(group="alliance", needed=3, held=1, lacking=("hebei", "jiangsu", "zhejiang")),
        Missing(group="hebei", needed=2, held=1, lacking=("w4", "w5")),
        Missing(group="jiangsu", needed=2, held=1, lacking=("w7", "w8")),
        Missing(group="zhejiang", needed=2, held=0, lacking=("w9", "w10", "w11")),
    )
    with pytest.raises(NotVerified) as refused:
        policy.quorum_time(held, T0)
    assert refused.value.code == "no_quorum"
    assert "hebei has 1 of 2 (without w4, w5); jiangsu has 1 of 2 (without w7, w8)" in refused.value.message


def test_one_witness_alone_can_be_the_quorum() -> None:
    policy = Policy.parse(written(*defined(2), "quorum w1"))
    assert (policy.shared, policy.block) == (1, 1)
    assert policy.quorum_time({WITNESSES[1]: 7, WITNESSES[0]: 9}, 10) == 7
    assert policy.missing([WITNESSES[0]]) == (Missing(group="w1", needed=1, held=0, lacking=("w1",)),)


def test_a_quorum_of_none_is_never_reached() -> None:
    policy = Policy.parse(written(f"log {LOG}", *defined(1), "quorum none"))
    assert (policy.quorum, policy.shared, policy.block) == (None, 0, 0)
    assert policy.missing([]) == ()
    for ask in (policy.quorum_time, policy.minimal):
        with pytest.raises(NotVerified, match="asks for no quorum"):
            ask({WITNESSES[0]: 5}, 5)


def test_a_cosignature_from_the_future_does_not_count() -> None:
    """Up to 300 s ahead is the clocks' difference; further ahead would make a stale view look fresh."""
    policy = Policy.parse(written(*defined(2), "group g all w0 w1", "quorum g"))
    assert policy.quorum_time({WITNESSES[0]: 1000, WITNESSES[1]: 1300}, 1000) == 1000
    with pytest.raises(NotVerified, match=r"; 1 lie more than 300 s in the future: check the clock$"):
        policy.quorum_time({WITNESSES[0]: 1000, WITNESSES[1]: 1301}, 1000)
    assert policy.minimal({WITNESSES[0]: 1000, WITNESSES[1]: 1301}) == (WITNESSES[0], WITNESSES[1])


def test_foreign_cosigners_count_for_nothing() -> None:
    policy = Policy.parse(written(*defined(1), "quorum w0"))
    with pytest.raises(NotVerified, match="no_quorum"):
        policy.quorum_time({WITNESSES[5]: 10}, 10)


def test_the_newest_quorum_is_kept_and_the_oldest_are_dropped_first() -> None:
    policy = alliance()
    times = {key: T0 + number for number, key in enumerate(WITNESSES[:12])}
    assert policy.quorum_time(times, T0 + 20) == T0 + 4
    names = [int(key.name.split(".")[0]) for key in policy.minimal(times, T0 + 20)]
    assert names == [4, 5, 7, 8, 10, 11]


A, B, C = defined(3)
BASE: Final = (f"log {LOG}", A, B, C)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        BASE,
        (*BASE, "quorum"),
        (*BASE, "quorum w0 w1"),
        (*BASE, "quorum w9"),
        (*BASE, "quorum w0", "quorum w0"),
        (*BASE, "quorum none", "quorum w0"),
        ("quorum w0", *BASE),
        (*BASE, "group g 1 w0", "quorum G"),
        (*BASE, "groups g 1 w0", "quorum w0"),
        (*BASE, "group g", "quorum w0"),
        (*BASE, "group g 1", "quorum w0"),
        (*BASE, "group g any", "quorum w0"),
        (*BASE, "group g 0 w0", "quorum g"),
        (*BASE, "group g 3 w0 w1", "quorum g"),
        (*BASE, "group g 01 w0", "quorum g"),
        (*BASE, "group g -1 w0", "quorum g"),
        (*BASE, "group g most w0 w1", "quorum g"),
        (*BASE, "group g any none w0", "quorum g"),
        (*BASE, "group g any g", "quorum g"),
        (*BASE, "group g any w0 w0", "quorum g"),
        (*BASE, "group g any h", "group h any w0", "quorum g"),
        (*BASE, "group g any w0 w1", "group h any w1 w2", "quorum h"),
        (*BASE, "group g any w0", "group h any g", "group i any g", "quorum h"),
        (*BASE, "group none any w0", "quorum none"),
        (*BASE, "group w0 any w1", "quorum w0"),
        (*BASE, "group g any w0", "group g any w1", "quorum g"),
        (*BASE, A.replace("w0", "w9"), "quorum w0"),
        (*BASE, defined(4)[3].replace("w3", "w0"), "quorum w0"),
        (*BASE, defined(4)[3].replace("w3", "none"), "quorum w0"),
        (*BASE, f"log {LOG}", "quorum w0"),
        (*BASE, f"log {LOG} https://a.example https://b.example", "quorum w0"),
        (*BASE, "log", "quorum w0"),
        (*BASE, "witness w3", "quorum w0"),
        (*BASE, f"{defined(4)[3]} url more", "quorum w0"),
        (f"log {WITNESSES[0].vkey()}", "quorum none"),
        (f"witness w {LOG}", "quorum w"),
        (f"log {LOG.replace('+e2440450', '+e2440451')}", "quorum none"),
        (*BASE, "quorum w0\r"),
        (*BASE, "quorum\x00w0"),
        (*BASE, "quorum w0\x7f"),
        (*BASE, "quorum\u00a0w0"),
    ],
)
def test_a_policy_that_is_refused(lines: tuple[str, ...]) -> None:
    """No quorum line or two, names not defined above, used twice or in two groups, thresholds, keys, characters."""
    with pytest.raises(Malformed) as refused:
        Policy.parse(written(*lines))
    assert refused.value.code == "bad_policy"


def test_one_public_key_is_not_two_witnesses_nor_log_and_witness() -> None:
    """A hub that could be its own witness under another name would witness nothing."""
    twice = VerifierKey.of("another.example", COSIGNATURE_ED25519, vector_signer("witness 0"))
    hub = VerifierKey.of("another.example", COSIGNATURE_ED25519, vector_signer("log"))
    for key in (twice, hub):
        with pytest.raises(Malformed, match="one public key stands under two names"):
            Policy.parse(written(f"log {LOG}", A, f"witness other {key.vkey()}", "quorum w0"))


def test_the_message_names_the_line() -> None:
    with pytest.raises(Malformed, match=r"line 3: w\\xff is not defined"):
        Policy.parse(written(A) + b"\ngroup g any w\xff\nquorum g\n")


def test_names_are_opaque_bytes() -> None:
    """No Unicode is read into them: the Kelvin sign is not K, and a byte that is no UTF-8 is a name too."""
    vkey = WITNESSES[0].vkey().encode()
    policy = Policy.parse(b"witness \xff " + vkey + b"\nquorum \xff\n")
    assert policy.quorum_time({WITNESSES[0]: 1}, 1) == 1
    with pytest.raises(NotVerified, match=r"\\xff has 0 of 1"):
        policy.quorum_time({}, 1)
    with pytest.raises(Malformed, match="bad_policy"):
        Policy.parse(b"witness K " + vkey + "\nquorum \u212a\n".encode())


def test_the_limits() -> None:
    with pytest.raises(Malformed) as refused:
        Policy.parse(b"#" * (MAX_POLICY_BYTES + 1))
    assert refused.value.code == "too_large"
    groups = ["group g0 any w0"] + [f"group g{number} any g{number - 1}" for number in range(1, 257)]
    assert Policy.parse(written(A, *groups[:256], "quorum g255")).block == 1
    with pytest.raises(Malformed, match="more than 256 lines"):
        Policy.parse(written(A, *groups, "quorum g256"))


def test_an_ml_dsa_witness_can_be_named() -> None:
    key = VerifierKey(name="pq", kind=COSIGNATURE_ML_DSA_44, public_key=bytes(1312))
    assert b64encode(bytes(1300)).decode()[:40] in key.vkey()
    assert Policy.parse(written(f"witness pq {key.vkey()}", "quorum pq")).witnesses[0].key == key


@st.composite
def nested_policies(draw: st.DrawFn) -> bytes:
    """Any forest of groups over up to 7 witnesses, and any name as its quorum."""
    count = draw(st.integers(1, 7))
    free = [f"w{number}" for number in range(count)]
    lines, names = defined(count), list(free)
    for number in range(draw(st.integers(0, 5))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        threshold = draw(st.integers(1, len(members)))
        lines.append(f"group g{number} {threshold} {' '.join(members)}")
        free = [name for name in free if name not in members] + [f"g{number}"]
        names.append(f"g{number}")
    return written(*lines, f"quorum {draw(st.sampled_from(names[::-1]))}")


def satisfies(policy: Policy, name: str | None, held: Collection[str]) -> bool:
    """The definition: a witness by its cosignature, a group by its members."""
    groups = {group.name: group for group in policy.groups}
    if name not in groups:
        return name in held
    group = groups[name]
    return sum(satisfies(policy, member, held) for member in group.members) >= group.threshold


def quorums(policy: Policy) -> Iterator[frozenset[str]]:
    """Every set of witnesses that satisfies the quorum."""
    names = [witness.name for witness in policy.witnesses]
    for count in range(1, len(names) + 1):
        yield from (frozenset(held) for held in combinations(names, count) if satisfies(policy, policy.quorum, held))


@given(text=nested_policies())
@settings(max_examples=120)
def test_health_equals_brute_force(text: bytes) -> None:
    policy = Policy.parse(text)
    found = list(quorums(policy))
    names = frozenset(witness.name for witness in policy.witnesses)
    smallest = [one for one in found if not any(other < one for other in found)]
    assert policy.shared == min(len(one & other) for one in smallest for other in smallest)
    all_held = [held for count in range(len(names) + 1) for held in combinations(names, count)]
    silent = [len(names) - len(held) for held in all_held if not satisfies(policy, policy.quorum, held)]
    assert policy.block == min(silent)


@given(text=nested_policies())
@settings(max_examples=120)
def test_the_closest_quorums_are_quorums_and_share_no_more_than_they_must(text: bytes) -> None:
    policy = Policy.parse(text)
    closest = closest_quorums(policy)
    assert closest is not None
    assert all(satisfies(policy, policy.quorum, side) for side in closest)
    assert len(closest[0] & closest[1]) == policy.shared


def test_a_policy_without_quorum_has_no_closest_quorums() -> None:
    assert closest_quorums(Policy.parse(written(*BASE, "quorum none"))) is None


@given(text=nested_policies(), data=st.data())
@settings(max_examples=150)
def test_quorum_time_and_minimal_quorum_equal_brute_force(text: bytes, data: st.DataObject) -> None:
    policy = Policy.parse(text)
    drawn = data.draw(st.lists(st.one_of(st.none(), st.integers(990, 1310)), min_size=7, max_size=7))
    times = {key: time for key, time in zip(WITNESSES[:7], drawn, strict=True) if time is not None}
    by_name = {witness.name: times[witness.key] for witness in policy.witnesses if witness.key in times}
    counted = {name: time for name, time in by_name.items() if time <= 1300}
    found = [held for held in quorums(policy) if held <= counted.keys()]
    if not found:
        with pytest.raises(NotVerified, match="no_quorum"):
            policy.quorum_time(times, 1000)
        valid = [witness.key for witness in policy.witnesses if witness.name in counted]
        assert policy.missing(valid)[0].group == policy.quorum
        return
    newest = max(min(counted[name] for name in held) for held in found)
    assert policy.quorum_time(times, 1000) == newest
    kept = {witness.name for witness in policy.witnesses if witness.key in policy.minimal(times, 1000)}
    assert kept in found
    assert not any(held < kept for held in found)
    assert min(counted[name] for name in kept) == newest
    assert policy.missing(times) == ()
