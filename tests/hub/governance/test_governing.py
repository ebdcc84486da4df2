"""Changes of members, keys and rules on real parts: who may make them, and what they do to seals."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from hub.auth import client_key
from hub.county import CountyNode, open_county
from hub.county.member import KeyFile
from hub.county.rotation import rotate
from hub.governance.changes import described
from hub.governance.drafts import Draft, MemberWishes, checked, draft_members, draft_rules
from hub.governance.governing import SignatureFile, index_of, joined, sign_draft
from hub.keychain import KeyChain
from hub.policyfile import install_policy
from ledger.anchor import TrustAnchor
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.proof import TlogProof
from ledger.verdict import Outcome
from tests.alliance import NOW, ORIGIN, PASSPHRASE, Alliance, found_alliance, init_sample, license_of, policy_of
from tests.entropy import seeded
from tests.governed import GovernedHub, reopened
from tests.ports import FakeClock

COUNTIES: Final = ("130283", "320583", "370214")
HOME: Final = "370214"


@pytest.fixture
def alliance(tmp_path: Path) -> AsyncIterator[Alliance]:
    """Give three counties of which any two sign a change."""
    founded = found_alliance(tmp_path, COUNTIES, k=2, silent=1)
    yield founded
    founded.close()


@pytest.fixture
async def hub(alliance: Alliance, tmp_path: Path) -> AsyncIterator[GovernedHub]:
    async with GovernedHub.running(alliance, tmp_path, FakeClock(NOW)) as running:
        yield running


@pytest.fixture
def home(alliance: Alliance) -> CountyNode:
    return alliance.nodes[HOME]


@pytest.fixture
def founding(alliance: Alliance) -> KeyChain:
    """Give the chain as it is on the first day."""
    return KeyChain.follow(alliance.genesis, ())


def stated(kind: type[TongbanError], caught: pytest.ExceptionInfo[TongbanError]) -> str:
    assert isinstance(caught.value, kind)
    return caught.value.code


async def seal(hub: GovernedHub, node: CountyNode, number: int) -> str:
    """Seal a license and deliver it; give the kid that signed."""
    node.seal(license_of(number, county=node.county), NOW)
    assert await hub.deliver(node) == 2
    return next(row.kid or "" for row in node.standing.rows() if row.use == "seal" and row.signs)


@pytest.mark.parametrize("alg", ["Ed25519", "ES256", "SM2"])
async def test_a_rotated_seal_key_signs_as_soon_as_the_ledger_lists_it(
    hub: GovernedHub, home: CountyNode, alg: str
) -> None:
    assert await seal(hub, home, 1) == "370214#2"
    made = rotate(home, "seal", now=NOW, alg=alg)
    assert (made.label, KeyFile.parse(made.file.text())) == ("seal-5", made.file)
    assert await seal(hub, home, 2) == "370214#2"
    await hub.change(MemberWishes(add=[made.file], revoke=["370214#2"]), ("130283", "320583"))
    assert await seal(hub, home, 3) == "370214#5"
    verdicts = [await hub.verdict(home, number, by=hub.alliance.nodes["130283"]) for number in (1, 2, 3)]
    assert [(each.outcome, each.steps[7].detail) for each in verdicts] == [
        (Outcome.VALID, "signed by 370214#2"), (Outcome.VALID, "signed by 370214#2"), (Outcome.VALID, "signed by 370214#5"),
    ]  # fmt: skip


async def test_a_new_key_beside_the_old_one_is_taken_and_the_old_one_still_counts(
    hub: GovernedHub, home: CountyNode
) -> None:
    made = rotate(home, "seal", now=NOW)
    done = await hub.change(MemberWishes(add=[made.file]), ("130283", "320583"))
    assert home.keys.kid("seal") == "370214#5"
    rows = {row.kid: (row.state, row.since, row.signs) for row in home.standing.rows() if row.use == "seal"}
    assert rows == {"370214#2": ("active", 0, False), "370214#5": ("active", done.index, True)}
    assert done.chain.state.key_for("370214#2", index=done.index + 1, use="seal")


@pytest.mark.parametrize("use", ["govern", "client", "journal"])
async def test_the_other_keys_are_rotated_the_same_way(hub: GovernedHub, home: CountyNode, use: str) -> None:
    old = home.keys.kid(use)
    made = rotate(home, use, now=NOW)
    await hub.change(MemberWishes(add=[made.file], revoke=[old]), ("320583", HOME))
    assert home.keys.kid(use) == "370214#5"
    state = (await hub.chain()).state
    assert client_key(state, home.keys.kid("client"), NOW) == home.keys.client.public_key
    assert await seal(hub, home, 1) == "370214#2"
    assert home.status(NOW).stated == 1
    await hub.change(MemberWishes(k=1), ("320583", HOME))
    assert (await hub.chain()).state.k == 1


async def test_what_waited_under_an_ended_key_is_signed_again(hub: GovernedHub, home: CountyNode) -> None:
    """The seal of a node that had not followed yet is refused, and goes out under the new key."""
    behind, made = reopened(home), rotate(home, "seal", now=NOW)
    behind.seal(license_of(1), NOW)
    await hub.change(MemberWishes(add=[made.file], revoke=["370214#2"]), ("130283", "320583"))
    (old,) = home.outbox.of(str(license_of(1).identifier))
    assert await hub.deliver(home) == 0
    (item,) = home.outbox.of(str(license_of(1).identifier))
    assert item.state == "pending"
    assert item.leaf != old.leaf
    hub.clock.advance(10)
    assert await hub.deliver(behind) == 2
    assert (await hub.verdict(behind, 1)).steps[7].detail == "signed by 370214#5"
    behind.close()


async def test_a_statement_that_waited_under_an_ended_journal_key_is_made_again(
    hub: GovernedHub, home: CountyNode
) -> None:
    made = rotate(home, "journal", now=NOW)
    home.seal(license_of(1), NOW)
    await hub.change(MemberWishes(add=[made.file], revoke=["370214#4"]), ("130283", "320583"))
    assert await hub.deliver(home) == 1
    hub.clock.advance(10)
    assert await hub.deliver(home) == 1
    assert home.status(NOW).stated == 1


async def test_a_stolen_key_voids_seals_from_an_index_on_and_no_earlier_ones(
    hub: GovernedHub, home: CountyNode
) -> None:
    """The thief seals after the theft; the county ends the key from the first index that it does not own up to."""
    await seal(hub, home, 1)
    await seal(hub, home, 2)
    stolen = home.log_index(str(license_of(2).identifier))
    made = rotate(home, "seal", now=NOW)
    wishes = MemberWishes(add=[made.file], revoke=["370214#2"], void_from=stolen)
    done = await hub.change(wishes, ("130283", "320583"))
    assert await seal(hub, home, 3) == "370214#5"
    verdicts = [await hub.verdict(home, number) for number in (1, 2, 3)]
    assert [each.outcome for each in verdicts] == [Outcome.VALID, Outcome.REVOKED, Outcome.VALID]
    assert verdicts[1].code == "key_void"
    statuses = await hub.registry.file.read(lambda reads: reads.statuses(hub.registry.size))
    assert [int(statuses.get(home.log_index(str(license_of(number).identifier)))) for number in (1, 2, 3)] == [0, 1, 0]
    state = done.chain.state.keys["370214#2"]
    assert (state.revoked, state.void_from) == (done.index, stolen)
    home.revoke(str(license_of(2).identifier), "04", NOW)
    await hub.deliver(home)
    assert home.outbox.of(str(license_of(2).identifier))[-1].code == "final_status"


async def test_without_an_active_seal_key_nothing_is_sealed(hub: GovernedHub, home: CountyNode) -> None:
    await hub.change(MemberWishes(revoke=["370214#2"]), ("130283", "320583"))
    with pytest.raises(NotVerified) as caught:
        home.seal(license_of(1), NOW)
    assert caught.value.code == "key_not_active"
    assert home.status(NOW).sealed == 0


def signatures(alliance: Alliance, draft: Draft, chain: KeyChain, *counties: str) -> list[SignatureFile]:
    return [sign_draft(alliance.nodes[county], draft, chain, NOW) for county in counties]


def test_fewer_than_k_signatures_change_nothing_and_a_member_counts_once(
    alliance: Alliance, founding: KeyChain
) -> None:
    draft = draft_members(founding.state, MemberWishes(k=1), iat=NOW)
    one = signatures(alliance, draft, founding, HOME)
    for files in (one, one * 2):
        with pytest.raises(NotVerified) as caught:
            joined(draft, files, founding)
        assert str(caught.value) == ("not_enough_signers: 1 of 2 signatures: 1 missing; 130283, 320583 can still sign")
    both = [*one, *signatures(alliance, draft, founding, "130283"), *one]
    assert joined(draft, both, founding).count(b"protected") == 2


def test_a_signature_over_another_draft_or_of_another_member_is_refused(alliance: Alliance, founding: KeyChain) -> None:
    chain = founding
    draft, other = (draft_members(chain.state, MemberWishes(k=k), iat=NOW) for k in (1, 3))
    (signature,) = signatures(alliance, other, chain, HOME)
    with pytest.raises(NotVerified, match="the signature of 370214 is not over this draft"):
        joined(draft, [signature], chain)
    (mine,) = signatures(alliance, draft, chain, HOME)
    foreign = type(mine)(county="320583", protected=mine.protected, signature=mine.signature)
    with pytest.raises(NotVerified, match="of another entry or member"):
        joined(draft, [foreign], chain)


async def test_a_draft_fits_one_key_state_only(hub: GovernedHub, home: CountyNode) -> None:
    before = await hub.chain()
    stale = draft_members(before.state, MemberWishes(k=3), iat=NOW)
    signed = await hub.sign(stale, COUNTIES)
    await hub.change(MemberWishes(k=1), ("130283", "320583"))
    with pytest.raises(Conflict) as caught:
        sign_draft(home, stale, await hub.chain(), NOW)
    assert stated(Conflict, caught) == "stale_prev"
    with pytest.raises(Conflict) as caught:
        await hub.submitted(joined(stale, signed, before), before, home)
    assert stated(Conflict, caught) == "stale_prev"


@pytest.mark.parametrize(("age", "code"), [(86_401, "iat_too_old"), (-241, "iat_in_future")])
def test_a_draft_of_another_day_is_not_signed(home: CountyNode, founding: KeyChain, age: int, code: str) -> None:
    draft = draft_members(founding.state, MemberWishes(k=1), iat=NOW - age)
    with pytest.raises(Conflict) as caught:
        sign_draft(home, draft, founding, NOW)
    assert stated(Conflict, caught) == code


async def test_a_change_stands_once_whoever_signed_it(hub: GovernedHub, home: CountyNode) -> None:
    """Two people submit one draft with other members' signatures: both get the first one's index and proof."""
    before = await hub.chain()
    draft = draft_members(before.state, MemberWishes(k=1), iat=NOW)
    signed = dict(zip(COUNTIES, await hub.sign(draft, COUNTIES), strict=True))
    raws = [joined(draft, [signed[each] for each in pair], before) for pair in (COUNTIES[:2], COUNTIES[1:])]
    done = [await hub.submitted(raw, before, home) for raw in raws]
    assert raws[0] != raws[1]
    assert done[0].index == done[1].index == TlogProof.parse(done[1].proof).index
    assert (index_of(draft, before), index_of(draft, await hub.chain())) == (None, done[0].index)


async def test_a_county_joins_later_and_seals(hub: GovernedHub, tmp_path: Path) -> None:
    county = "371082"
    member = init_sample(tmp_path / county, county)
    for name in ("genesis", "policy", "hub-jwks.json"):
        (tmp_path / county / name).write_bytes((tmp_path / HOME / name).read_bytes())
    newcomer = open_county(tmp_path / county, PASSPHRASE, random=seeded("newcomer"))
    with pytest.raises(NotVerified, match="key_not_active"):
        newcomer.seal(license_of(1, county=county), NOW)
    await hub.change(MemberWishes(join=[member], k=3), ("130283", "320583"))
    assert await hub.follow(newcomer) is True
    assert await seal(hub, newcomer, 1) == "371082#2"
    assert (await hub.verdict(newcomer, 1, by=hub.alliance.nodes[HOME])).outcome is Outcome.VALID
    chain = await hub.chain()
    assert (chain.state.k, chain.state.counties) == (3, (*COUNTIES, county))
    with pytest.raises(Conflict, match="a member already"):
        draft_members(chain.state, MemberWishes(join=[member]), iat=NOW)
    newcomer.close()


async def test_a_county_that_leaves_seals_no_more_and_what_it_sealed_stands(hub: GovernedHub, home: CountyNode) -> None:
    await seal(hub, home, 1)
    await hub.change(MemberWishes(leave=[HOME]), ("130283", "320583"))
    chain = await hub.chain()
    assert (chain.state.counties, HOME in chain.state.witnesses) == (("130283", "320583"), False)
    with pytest.raises(NotVerified, match="key_not_active"):
        home.seal(license_of(2), NOW)
    assert (await hub.verdict(home, 1, by=hub.alliance.nodes["130283"])).outcome is Outcome.VALID
    with pytest.raises(Conflict, match="no member now"):
        draft_members(chain.state, MemberWishes(leave=[HOME]), iat=NOW)


async def test_a_county_that_left_comes_back_with_new_keys(hub: GovernedHub, home: CountyNode) -> None:
    await hub.change(MemberWishes(leave=[HOME]), ("130283", "320583"))
    await hub.follow(home)
    files = [rotate(home, use, now=NOW).file for use in ("govern", "seal", "client", "journal")]
    vkey = home.keys.witness_key("tongban.example").vkey()
    back = MemberWishes(add=files, cosigners={(HOME, "witness"): vkey})
    done = await hub.change(back, ("130283", "320583"))
    assert (done.chain.state.counties, done.chain.state.witnesses[HOME]) == (("130283", "320583", HOME), vkey)
    await seal(hub, home, 1)
    assert home.keys.kid("seal") == "370214#6"


def test_nobody_leaves_fewer_members_than_must_sign(founding: KeyChain) -> None:
    draft = draft_members(founding.state, MemberWishes(leave=["130283", "320583"]), iat=NOW)
    with pytest.raises(Conflict) as caught:
        checked(draft, founding, NOW)
    assert stated(Conflict, caught) == "wrong_target"


async def test_rules_documents_and_supervisors_come_into_force(hub: GovernedHub) -> None:
    state = (await hub.chain()).state
    draft = draft_rules(
        state, iat=NOW, rules={"deposit_s": 60}, documents={"policy": bytes(32)}, supervisors={HOME: ["320583"]}
    )
    await hub.enact(draft, ("130283", "320583"))
    state = (await hub.chain()).state
    assert (state.rule("deposit_s"), state.documents["policy"]) == (60, bytes(32))
    assert state.may_change("320583", HOME)


@pytest.mark.parametrize("wishes", [MemberWishes(), MemberWishes(k=2), MemberWishes(void_from=1, k=1)])
def test_a_change_of_nothing_is_no_draft(founding: KeyChain, wishes: MemberWishes) -> None:
    with pytest.raises(Malformed, match="bad_setting"):
        draft_members(founding.state, wishes, iat=NOW)


def test_a_draft_file_is_read_strictly(alliance: Alliance, founding: KeyChain) -> None:
    draft = draft_members(founding.state, MemberWishes(k=1), iat=NOW)
    assert Draft.parse(draft.text()) == draft
    genesis = alliance.genesis.split(b'"')[3]
    for data in (
        b"{}",
        draft.text().replace(b"lic-member", b"lic-head"),
        b'{"typ":"lic-member+jwt","payload":"%s"}' % genesis,
        b'{"typ":"lic-rule+jwt","payload":"%s"}' % draft.payload.encode(),
        b'{"typ":"lic-member+jwt","payload":1}',
    ):
        with pytest.raises(Malformed):
            Draft.parse(data)


def test_what_a_change_does_is_told_with_its_warnings(alliance: Alliance, founding: KeyChain) -> None:
    """A theft without a new key, and a witness that goes: what is left is told, too."""
    wishes = MemberWishes(
        revoke=["370214#2"], void_from=1, cosigners={(HOME, "witness"): None, ("130283", "auditor"): None}, k=3
    )
    draft = draft_members(founding.state, wishes, iat=NOW)
    assert described(founding.state, checked(draft, founding, NOW), draft.change) == [
        "county 370214: key 370214#2 (seal) ends; every seal by it from log index 1 on becomes REVOKED",
        "county 370214: its witness is removed; the policy file must say the same",
        "k of n becomes 3 of 3 (was 2 of 3)",
        "warning: 370214 has no active seal key afterwards",
    ]
    assert alliance.state == founding.state


async def test_a_policy_changes_in_an_emergency_by_k_of_n_and_by_hand(
    alliance: Alliance, founding: KeyChain, tmp_path: Path
) -> None:
    """Two of three witnesses are gone for good: nothing is published until people hand the new file out."""
    clock, gone, home = FakeClock(NOW), ("130283", "320583"), alliance.nodes[HOME]
    key = VerifierKey.of(ORIGIN, NOTE_ED25519, alliance.log)
    new = policy_of({HOME: alliance.members[HOME]}, key, needed=1)
    documents = {"policy": hashlib.sha256(new).digest()}
    draft = draft_rules(founding.state, iat=NOW, rules={}, documents=documents, supervisors={})
    raw = joined(draft, signatures(alliance, draft, founding, *gone), founding)
    (tmp_path / "hub").mkdir()
    async with GovernedHub.running(alliance, tmp_path / "hub", clock):
        pass
    async with GovernedHub.running(alliance, tmp_path / "hub", clock, gone=gone, wait_s=0.2) as hub:
        with pytest.raises(Unavailable, match="sequenced at index 2, and no quorum has witnessed it yet"):
            await hub.submitted(raw, founding, home, patience_s=1)
    async with GovernedHub.running(alliance, tmp_path / "hub", clock, policy=new, gone=gone) as hub:
        anchor = TrustAnchor(Policy.parse(new), alliance.genesis)
        done = await hub.submitted(raw, founding, home, anchor=anchor)
        with pytest.raises(NotVerified, match="no_quorum"):
            await hub.follow(home)
        assert (done.index, done.chain.state.documents) == (2, documents)
        install_policy(home.data, new, done.chain.state)
        await seal(hub, again := reopened(home), 1)
        assert (await hub.verdict(again, 1)).notes == ()
        again.close()
