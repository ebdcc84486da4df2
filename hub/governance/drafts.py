"""Drafts: what members are asked to sign, made from wishes and the newest key state, and judged before anyone signs.

    change.draft   {"typ":"lic-member+jwt","payload":"<b64u>"}

A draft fits one key state only (`prev`): when another change comes first, it is drafted and signed anew. Its time must
be in the hub's window when it is submitted, so signatures are gathered within a day (rule `iat_back_s`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from ledger.admission import CLOCK_MARGIN_S, latest_iat
from ledger.closed import closed, county_of
from ledger.encoding import parse_json
from ledger.entries import MEMBER_TYP, RULE_TYP, MemberChange, RuleChange
from ledger.errors import Conflict, Malformed
from ledger.governance import KeyRevocation, MemberRow, member_payload, parse_member, parse_rule, rule_payload
from ledger.jws import MAX_ENTRY_BYTES, unsigned_jws

if TYPE_CHECKING:
    from hub.county.member import KeyFile, MemberFile
    from hub.keychain import KeyChain
    from ledger.members import KeyState

__all__ = ["RULE_BOUNDS", "Draft", "MemberWishes", "checked", "draft_members", "draft_rules", "fitting"]

T = TypeVar("T")

_MAX_BYTES: Final = 65_536
_SIGNATURE_BYTES: Final = 256  # of a general JWS, for one member
_DRAFT: Final = frozenset({"typ", "payload"})

RULE_BOUNDS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "deposit_s": (5, 3_600),
        "heartbeat_s": (5, 3_600),
        "iat_ahead_s": (120, 3_600),
        "iat_back_s": (14_400, 604_800),
        "landmark_s": (86_400, 86_400),
    }
)
"""Rule -> least and greatest seconds that are proposed; a verifier takes what members signed, whatever it is.

A deposit is late twice `deposit_s` before `iat_back_s`: the one stays well below half of the other. Nobody could sign a
change in an `iat_back_s` of minutes. Landmarks are of days.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A change that is not signed yet. payload: base64url, what the members sign, byte for byte."""

    typ: str
    payload: str

    @property
    def change(self) -> MemberChange | RuleChange:
        """What it says. Raises Malformed (its form; bad_payload: a genesis)."""
        jws = unsigned_jws(self.typ, self.payload)
        change = parse_member(jws) if self.typ == MEMBER_TYP else parse_rule(jws)
        if change.prev is None:
            raise Malformed("bad_payload", "a genesis is signed by `tongban county sign`")
        return change

    @property
    def statement(self) -> bytes:
        """The statement hash of the entry that it becomes, whoever signs."""
        return unsigned_jws(self.typ, self.payload).statement

    @classmethod
    def parse(cls, data: bytes) -> Draft:
        """Read a draft file of at most 64 KiB. Raises Malformed bad_file, too_large, and the faults of its payload."""
        obj = closed(parse_json(data, max_bytes=_MAX_BYTES), "draft", _DRAFT, code="bad_file")
        typ, payload = obj["typ"], obj["payload"]
        if not isinstance(typ, str) or typ not in {MEMBER_TYP, RULE_TYP} or not isinstance(payload, str):
            raise Malformed("bad_file", "a draft has the typ of a member or rule entry, and its payload")
        draft = cls(typ=typ, payload=payload)
        _ = draft.change
        return draft

    def text(self) -> bytes:
        """Write the draft file, with a final newline."""
        return json.dumps({"typ": self.typ, "payload": self.payload}, indent=2).encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberWishes:
    """What a member entry shall change.

    revoke: kids. void_from: of all of them, the first log index from which their seals are void. leave: counties.
    cosigners: (county, role) -> vkey, or None to remove. k: None to leave it.
    """

    add: Sequence[KeyFile] = ()
    revoke: Sequence[str] = ()
    void_from: int | None = None
    join: Sequence[MemberFile] = ()
    leave: Sequence[str] = ()
    cosigners: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    k: int | None = None


def draft_members(state: KeyState, wishes: MemberWishes, *, iat: int) -> Draft:
    """Draft a member entry for a key state.

    Raises Malformed bad_setting (nothing to change, void_from without a key, two wishes for one key or cosigner),
    too_large, Conflict wrong_target (of a county that is no member, or joins and is one already).
    """
    _check_membership(state, wishes)
    rows: dict[str, list[MemberRow]] = {}
    for row in _rows(state, wishes):
        rows.setdefault(row.county, []).append(row)
    if not rows and wishes.k in {None, state.k}:
        raise Malformed("bad_setting", "nothing to change: name keys, counties, cosigners or k")
    members = [_merged(county, parts) for county, parts in rows.items()]
    k = state.k if wishes.k is None else wishes.k
    return fitting(MEMBER_TYP, member_payload(iat=iat, k=k, members=members, prev=state.digest()), state.k)


def _check_membership(state: KeyState, wishes: MemberWishes) -> None:
    members = {county_of(key.kid) for key in state.keys.values() if key.revoked is None}
    former = {county_of(kid) for kid in state.keys}  # one that has left comes back with new keys: no kid is used twice
    if strangers := ({*wishes.leave} - members) | ({file.county for file in wishes.add} - former):
        raise Conflict("wrong_target", f"{', '.join(sorted(strangers))}: no member now; to become one takes a join")
    if known := {member.county for member in wishes.join} & members:
        raise Conflict("wrong_target", f"{', '.join(sorted(known))}: a member already; new keys are added")
    if wishes.void_from is not None and not wishes.revoke:
        raise Malformed("bad_setting", "an index from which seals are void goes with a key to revoke")


def _rows(state: KeyState, wishes: MemberWishes) -> list[MemberRow]:
    rows = [MemberRow(county=file.county, keys=file.keys, cosigners=file.cosigners) for file in wishes.add]
    rows += [member.row for member in wishes.join]
    rows += [_leaving(state, county) for county in wishes.leave]
    for kid in wishes.revoke:
        revocation = KeyRevocation(kid=kid, void_from=wishes.void_from)
        rows.append(MemberRow(county=county_of(kid), revoke=(revocation,)))
    rows += [MemberRow(county=county, cosigners={role: vkey}) for (county, role), vkey in wishes.cosigners.items()]
    return rows


def _leaving(state: KeyState, county: str) -> MemberRow:
    kids = [key.kid for key in state.keys.values() if county_of(key.kid) == county and key.revoked is None]
    cosigners = {"auditor": state.auditors, "witness": state.witnesses}
    return MemberRow(
        county=county,
        revoke=tuple(KeyRevocation(kid=kid) for kid in sorted(kids)),
        cosigners={role: None for role, named in cosigners.items() if county in named},
    )


def _merged(county: str, parts: Sequence[MemberRow]) -> MemberRow:
    """Put all that is wished of one county into one row. Raises Malformed bad_setting: two wishes for one key.

    A key of a county that leaves may be revoked by name as well, with the index from which its seals are void.
    """
    revoke = {each.kid: each for part in parts for each in part.revoke}
    keys = _agreed(county, [(key.kid, key) for part in parts for key in part.keys])
    return MemberRow(
        county=county,
        keys=tuple(keys[kid] for kid in sorted(keys)),
        revoke=tuple(revoke[kid] for kid in sorted(revoke)),
        cosigners=_agreed(county, [wish for part in parts for wish in part.cosigners.items()]),
    )


def _agreed(county: str, wishes: Sequence[tuple[str, T]]) -> dict[str, T]:
    agreed: dict[str, T] = {}
    for name, wish in wishes:
        if agreed.setdefault(name, wish) != wish:
            raise Malformed("bad_setting", f"two different wishes for {name} of {county}")
    return agreed


def draft_rules(
    state: KeyState,
    *,
    iat: int,
    rules: Mapping[str, int],
    documents: Mapping[str, bytes],
    supervisors: Mapping[str, Sequence[str]],
) -> Draft:
    """Draft a rule entry for a key state. rules: seconds. documents: SHA-256. supervisors: each county's whole list.

    Raises Malformed bad_setting (nothing to change; a rule out of RULE_BOUNDS), Conflict wrong_target (a county that is
    no member), and the faults of its form.
    """
    if not (rules or documents or supervisors):
        raise Malformed("bad_setting", "nothing to change: name rules, a policy file or supervisors")
    _check_bounds(rules)
    payload = rule_payload(iat=iat, prev=state.digest(), rules=rules, documents=documents, supervisors=supervisors)
    draft = fitting(RULE_TYP, payload, state.k)
    _check_supervisors(state, supervisors)
    return draft


def _check_bounds(rules: Mapping[str, int]) -> None:
    for name, seconds in rules.items():
        least, most = RULE_BOUNDS.get(name, (seconds, seconds))  # a name that is none is refused by the draft's form
        if not least <= seconds <= most:
            raise Malformed("bad_setting", f"{name} = {seconds}: expected {least} to {most} seconds")


def _check_supervisors(state: KeyState, supervisors: Mapping[str, Sequence[str]]) -> None:
    """Refuse counties without keys: they could neither supervise nor be supervised. An empty list removes."""
    named = {each for county, names in supervisors.items() if names for each in (county, *names)}
    if strangers := named - {*state.counties}:
        raise Conflict("wrong_target", f"{', '.join(sorted(strangers))}: no member now, and a supervisor is one")


def fitting(typ: str, payload: str, k: int) -> Draft:
    """Make a draft of a payload, which with k signatures fits one entry. Raises Malformed too_large, bad form."""
    if len(payload) + k * _SIGNATURE_BYTES > MAX_ENTRY_BYTES:
        raise Malformed("too_large", "the change with its signatures does not fit one entry: make several")
    draft = Draft(typ=typ, payload=payload)
    _ = draft.change  # its form, before anyone is asked to sign it
    return draft


def checked(draft: Draft, chain: KeyChain, now: int) -> KeyState:
    """Check that a draft may follow the state that a chain gives, and give the state after it. now: POSIX seconds.

    Raises Malformed (form), Conflict stale_prev, iat_too_old, iat_in_future, and as KeyState.apply.
    """
    change = draft.change
    if change.prev != chain.state.digest():
        raise Conflict("stale_prev", "the draft was made for another key state than the newest: propose it again")
    if change.iat < now - chain.state.rule("iat_back_s"):
        raise Conflict("iat_too_old", "the draft is older than the ledger takes: propose it again")
    if change.iat > (latest := latest_iat(chain.state, now, CLOCK_MARGIN_S)):
        raise Conflict(
            "iat_in_future", f"the draft is dated {change.iat - now} s ahead; at most {latest - now} s are taken"
        )
    return chain.state.apply(change, chain.size)
