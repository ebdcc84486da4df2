"""Any sequence of member changes and seals: log, verifier and a slow reference agree on every key at every index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.attestation import issue
from ledger.encoding import MAX_INTEGER
from ledger.entries import MEMBER_TYP, MemberChange, parse_entry
from ledger.errors import NotVerified
from ledger.governance import KeyAddition, KeyRevocation, MemberRow, member_payload
from ledger.jws import sign_general
from ledger.members import KeyState, follow_chain
from ledger.signers import SoftwareSigner
from ledger.transparency.candidate import Placed
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from tests.entropy import signer_of
from tests.sequenced import SequencedLog
from tests.small_log import CLAIMS, COUNTIES, GENESIS, POLICY, T0, VCT, vector_random
from tests.stores import MemoryStore

MEMBERS: Final = ("120118", "320583", "370214")  # the first one may join
NUMBERS: Final = (1, 2, 3)
USES: Final = ("govern", "seal")

KIDS: Final = tuple(f"{county}#{number}" for county in MEMBERS for number in NUMBERS)
kids = st.sampled_from(("370214#1",) * len(KIDS) + KIDS)  # one key is in most stories, so that its seals may fall


@dataclass(frozen=True, slots=True)
class Sealing:
    kid: str


@dataclass(frozen=True, slots=True)
class Change:
    """One member entry: a key added, a key ended (void from an index or not), another k."""

    k: int
    add: tuple[str, tuple[str, ...]] | None = None
    end: tuple[str, int | None] | None = None


uses = st.sampled_from([("govern",), ("seal",), ("govern", "seal")])
changes = st.builds(
    Change,
    k=st.sampled_from([1, 1, 1, 2]),
    add=st.none() | st.tuples(kids, uses),
    end=st.none() | st.tuples(kids, st.none() | st.integers(0, 8)),
)
steps = st.lists(st.builds(Sealing, kids) | changes, min_size=4, max_size=10)


@dataclass
class Reference:
    """What was ever said of each kid, looked through from the start for every question."""

    k: int = 2
    events: list[tuple[int, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for county in COUNTIES:
            self.events.append((0, Change(k=2, add=(f"{county}#1", USES))))

    def is_good(self, kid: str, use: str, index: int) -> bool:
        good = False
        for at, change in self.events:
            if change.add is not None and change.add[0] == kid and use in change.add[1]:
                good = at < index or at == index == 0
        for at, change in self.events:
            if change.end is not None and change.end[0] == kid:
                good = good and at > index and not self.is_void(kid, index)
        return good and not self.is_void(kid, index)

    def is_void(self, kid: str, index: int) -> bool:
        ends = [change.end for _, change in self.events if change.end is not None and change.end[0] == kid]
        return any(start is not None and index >= start for _, start in ends)

    def governors(self) -> list[str]:
        """Kids that may sign the next change, one a county."""
        good = sorted(kid for kid in self.listed() if self.is_good(kid, "govern", MAX_INTEGER))
        return list({kid[:6]: kid for kid in reversed(good)}.values())[::-1]

    def listed(self) -> set[str]:
        return {change.add[0] for _, change in self.events if change.add is not None}

    def takes(self, change: Change, index: int) -> bool:
        """Tell whether a change fits, and remember it if so."""
        before, ended = self.listed(), [change.end for _, change in self.events if change.end is not None]
        if change.add is not None and change.add[0] in before:
            return False
        if change.end is not None and not self._may_end(*change.end, before, ended, index):
            return False
        self.events.append((index, change))
        if change.k <= len(self.governors()):
            self.k = change.k
            return True
        self.events.pop()
        return False

    def _may_end(
        self, kid: str, start: int | None, listed: set[str], ended: Sequence[tuple[str, int | None]], index: int
    ) -> bool:
        if kid not in listed or (start is not None and start > index):
            return False
        earlier = [was for each, was in ended if each == kid]
        return not earlier or (start is not None and all(was is None or start < was for was in earlier))


def signer(kid: str) -> SoftwareSigner:
    return COUNTIES[kid[:6]] if kid in {f"{county}#1" for county in COUNTIES} else signer_of(kid)


def entry_of(change: Change, log: SequencedLog, signers: Sequence[str]) -> bytes:
    rows: dict[str, MemberRow] = {}
    if change.add is not None:
        kid, listed = change.add
        key = KeyAddition(kid=kid, public_key=signer(kid).public_key, uses=listed, valid_from=T0)
        rows[kid[:6]] = MemberRow(county=kid[:6], keys=(key,))
    if change.end is not None:
        kid, start = change.end
        added = rows[kid[:6]].keys if kid[:6] in rows else ()
        rows[kid[:6]] = MemberRow(county=kid[:6], keys=added, revoke=(KeyRevocation(kid=kid, void_from=start),))
    payload = member_payload(iat=T0 + 100, k=change.k, members=list(rows.values()), prev=log.keys.digest())
    return sign_general(MEMBER_TYP, payload, [(kid, signer(kid)) for kid in signers])


def seal_of(kid: str, number: int) -> str:
    iat = T0 + 60 + number
    return issue(CLAIMS, kid=kid, vct=VCT, iss=kid[:6], iat=iat, signer=signer(kid), random=vector_random())


def is_good(state: KeyState, kid: str, use: str, index: int) -> bool:
    try:
        state.key_for(kid, index=index, use=use)
    except NotVerified:
        return False
    return True


def chain_of(log: SequencedLog) -> list[tuple[int, bytes]]:
    raws = [(index, log.sequencer.entry(index)) for index in range(1, log.sequencer.size)]
    return [(index, raw) for index, raw in raws if isinstance(parse_entry(raw), MemberChange)]


@settings(max_examples=150, deadline=None)
@given(steps)
def test_log_verifier_and_reference_agree_on_every_key_at_every_index(steps: list[Sealing | Change]) -> None:
    log, reference, sealed = SequencedLog(MemoryStore()), Reference(), []
    for number, step in enumerate(steps):
        index = log.sequencer.size
        if isinstance(step, Sealing):
            sd_jwt, fits = seal_of(step.kid, number), reference.is_good(step.kid, "seal", index)
            raw = sd_jwt.partition("~")[0].encode()
        else:
            raw = entry_of(step, log, reference.governors())
            fits = reference.takes(step, index)
        (result,) = log.sequence([raw]).results
        assert isinstance(result, Placed) == fits, result
        if isinstance(step, Sealing) and fits:
            sealed.append((index, step.kid, sd_jwt))
    states = [log.keys, follow_chain(KeyState.genesis(first(GENESIS)), chain_of(log))]
    assert states[0] == states[1]
    for index in range(log.sequencer.size + 1):
        for kid in KIDS:
            for use in USES:
                assert is_good(log.keys, kid, use, index) == reference.is_good(kid, use, index), (kid, use, index)
    check_receipts(log, reference, sealed)


def first(raw: bytes) -> MemberChange:
    entry = parse_entry(raw)
    assert isinstance(entry, MemberChange)
    return entry


def check_receipts(log: SequencedLog, reference: Reference, sealed: Sequence[tuple[int, str, str]]) -> None:
    """A verifier that carries the genesis alone says of each seal what the reference says."""
    note, size = log.publish(), log.sequencer.size
    verifier = Verifier(Policy.parse(POLICY), GENESIS)
    for index, kid, _ in sealed:
        receipt = log.reads.receipt(index, size=size, note=note)
        verdict = verifier.verify(receipt, now=log.now, max_age=60)
        void = reference.is_void(kid, index)
        assert verdict.outcome is (Outcome.REVOKED if void else Outcome.VALID)
        assert verdict.code == ("key_void" if void else "valid")
        assert int(log.sequencer.status_of(index)) == void
