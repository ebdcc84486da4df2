"""Members and their keys by log index: genesis, changes by k of n members, and the text whose hash heads bind.

    tongban-keys/v1
    origin <origin>
    genesis <b64u leaf hash of entry 0>
    k <k>
    auditor <county> <vkey>                  from here on sorted by bytes
    document <name> <b64u>
    key <kid> <alg> <x> <y or -> <uses joined by ,> <from> <index added> <index revoked or -> <void_from or ->
    matter <code> <from or -> <mode or -> <name or ->
    rule <name> <seconds>                    always all five
    supervisor <county> <supervisor>
    witness <county> <vkey>

A key is good for the entry at index i when it was added below i (genesis: up to i), is not revoked or revoked above i,
and i < void_from if that is set. So the newest state answers for every earlier index. A change names the state that it
was made for (`prev`), and a verifier follows the chain from the genesis that it has pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from ledger.closed import county_of
from ledger.encoding import b64u_encode
from ledger.entries import Entry, MemberChange, RuleChange, Seal, StatusChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified
from ledger.governance import ROLES, RULES, KeyAddition, KeyRevocation, MemberRow
from ledger.jws import EntrySignature
from ledger.matterlist import MatterList
from ledger.suites import PublicKey, verify
from ledger.transparency.note import VerifierKey
from ledger.workdays import china_day

__all__ = ["KeyState", "ListedKey", "follow_chain", "verify_signatures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A key that was ever listed, with the log indexes between which it is good.

    valid_from: POSIX seconds; no statement by it is dated earlier. added, revoked: indexes of the member entries.
    void_from: first log index from which its seals count as revoked, after a compromise.
    """

    kid: str
    public_key: PublicKey
    uses: tuple[str, ...]
    valid_from: int
    added: int
    revoked: int | None = None
    void_from: int | None = None

    def check_use(self, index: int, use: str) -> None:
        """Check that the key may do `use` at log index `index`, `void_from` aside.

        Raises NotVerified key_not_active, key_use.
        """
        if not (self.added < index or self.added == index == 0) or not (self.revoked is None or self.revoked > index):
            raise NotVerified("key_not_active", f"key {self.kid} is not active at index {index}", index=index)
        if use not in self.uses:
            raise NotVerified("key_use", f"key {self.kid} is not listed for {use}", index=index)

    def is_void(self, index: int) -> bool:
        """Tell whether a seal by this key at `index` fell with a compromise."""
        return self.void_from is not None and index >= self.void_from

    def line(self) -> str:
        """Return the key's line of the key state text, without its newline."""
        key = self.public_key
        y = "-" if key.y is None else b64u_encode(key.y)
        ends = " ".join("-" if end is None else str(end) for end in (self.revoked, self.void_from))
        uses = ",".join(self.uses)
        return f"key {self.kid} {key.alg} {b64u_encode(key.x)} {y} {uses} {self.valid_from} {self.added} {ends}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """What the member and rule entries up to some index add up to.

    genesis_leaf: leaf hash of entry 0. keys: every key ever listed, by kid. auditors, witnesses: vkey by county.
    documents: SHA-256 by name. rules: seconds by name, always all five. supervisors: by the county supervised.
    matters: the alliance's list of matters, on every day.
    """

    origin: str
    genesis_leaf: bytes
    k: int
    keys: Mapping[str, ListedKey]
    auditors: Mapping[str, str]
    witnesses: Mapping[str, str]
    documents: Mapping[str, bytes] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=lambda: RULES)
    supervisors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    matters: MatterList = field(default_factory=MatterList)

    @classmethod
    def genesis(cls, entry: MemberChange) -> KeyState:
        """Make the first state from entry 0: every member signs it with a `govern` key that it lists itself.

        Raises Malformed bad_payload (no genesis, or a member without `govern` key), NotVerified not_enough_signers,
        unknown_kid, key_use, bad_signature, Conflict kid_used.
        """
        if entry.origin is None or any(row.revoke or None in row.cosigners.values() for row in entry.members):
            raise Malformed("bad_payload", "genesis has an origin, and nothing to revoke or remove")
        empty = cls(origin=entry.origin, genesis_leaf=entry.leaf, k=entry.k, keys={}, auditors={}, witnesses={})
        state = empty._with_members(entry, 0)
        _verify_all(entry.signatures, state, 0, "govern")
        signers, members = {county_of(each.kid) for each in entry.signatures}, {row.county for row in entry.members}
        if signers != members:
            missing = ", ".join(sorted(members - signers))
            raise NotVerified("not_enough_signers", f"genesis is signed by every member; not yet by {missing}")
        return state

    def apply(self, entry: MemberChange | RuleChange, index: int) -> KeyState:
        """Return the state after the verified `entry` at `index`; who signed it is checked by verify_signatures.

        Raises Conflict stale_prev (made for another state), kid_used (kid or public key was listed before),
        wrong_target (a key to revoke that is not there, or k out of 1..n afterwards), and as MatterList.apply.
        """
        if entry.prev != self.digest():
            raise Conflict("stale_prev", "entry was signed for another key state", index=index)
        if isinstance(entry, MemberChange):
            return self._with_members(entry, index)
        supervisors = {**self.supervisors, **entry.supervisors}
        return replace(
            self,
            rules=MappingProxyType({**self.rules, **entry.rules}),
            documents=MappingProxyType({**self.documents, **entry.documents}),
            supervisors=MappingProxyType({county: names for county, names in supervisors.items() if names}),
            matters=self._matters_after(entry, index),
        )

    def _matters_after(self, entry: RuleChange, index: int) -> MatterList:
        if entry.matters is None:
            return self.matters
        # The log may take the entry as late as this: a day that is over by then must not change.
        earliest = china_day(entry.iat + self.rules["iat_back_s"])
        return self.matters.apply(entry.matters, earliest=earliest, index=index)

    def _with_members(self, entry: MemberChange, index: int) -> KeyState:
        keys = dict(self.keys)
        cosigners = {"auditor": dict(self.auditors), "witness": dict(self.witnesses)}
        for row in entry.members:
            _change_keys(keys, row, index)
            _change_cosigners(cosigners, row)
        _check_distinct(keys, cosigners)
        state = replace(
            self,
            k=entry.k,
            keys=MappingProxyType(keys),
            auditors=MappingProxyType(cosigners["auditor"]),
            witnesses=MappingProxyType(cosigners["witness"]),
        )
        if not 1 <= state.k <= len(state.counties):
            raise Conflict("wrong_target", f"k = {state.k} of {len(state.counties)} members with a govern key")
        return state

    @property
    def counties(self) -> tuple[str, ...]:
        """Members that have an active `govern` key, sorted."""
        active = (key for key in self.keys.values() if key.revoked is None and "govern" in key.uses)
        return tuple(sorted({county_of(key.kid) for key in active}))

    def listed_key(self, kid: str) -> ListedKey:
        """Return the key of a kid, active or not. Raises NotVerified unknown_kid."""
        key = self.keys.get(kid)
        if key is None:
            raise NotVerified("unknown_kid", "kid is not in the key state")
        return key

    def key_for(self, kid: str, *, index: int, use: str) -> PublicKey:
        """Return the public key that may do `use` for the entry at `index`.

        Raises NotVerified unknown_kid, key_not_active (before, after, or void), key_use.
        """
        key = self.listed_key(kid)
        key.check_use(index, use)
        if key.is_void(index):
            raise NotVerified("key_not_active", f"key {kid} is void from index {key.void_from} on", index=index)
        return key.public_key

    def rule(self, name: str) -> int:
        """Return a rule's value in seconds."""
        return self.rules[name]

    def may_change(self, county: str, issuer: str) -> bool:
        """Tell whether `county` may change the status of seals by `issuer`: itself, or its supervisor."""
        return county == issuer or county in self.supervisors.get(issuer, ())

    def text(self) -> bytes:
        """Return the key state text, UTF-8, each line ended by a newline."""
        lines = [f"rule {name} {seconds}" for name, seconds in self.rules.items()]
        lines += [key.line() for key in self.keys.values()]
        lines += [f"auditor {county} {vkey}" for county, vkey in self.auditors.items()]
        lines += [f"witness {county} {vkey}" for county, vkey in self.witnesses.items()]
        lines += [f"document {name} {b64u_encode(digest)}" for name, digest in self.documents.items()]
        lines += [decision.line() for decision in self.matters.decisions]
        lines += [f"supervisor {county} {name}" for county, names in self.supervisors.items() for name in names]
        first = f"tongban-keys/v1\norigin {self.origin}\ngenesis {b64u_encode(self.genesis_leaf)}\nk {self.k}\n"
        return first.encode() + b"".join(line.encode() + b"\n" for line in sorted(lines, key=str.encode))

    def digest(self) -> bytes:
        """Return SHA-256 of the text: `keys` of a head, `prev` of the next change."""
        return sha256(self.text()).digest()

    def __reduce__(self) -> tuple[object, ...]:
        """Let the state go to a worker process, which a read-only view of a dictionary cannot."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return _restored, ({name: dict(v) if isinstance(v, MappingProxyType) else v for name, v in values.items()},)


def _restored(values: dict[str, Any]) -> KeyState:
    named: dict[str, Any] = {name: MappingProxyType(v) if isinstance(v, dict) else v for name, v in values.items()}
    return KeyState(**named)


def _change_keys(keys: dict[str, ListedKey], row: MemberRow, index: int) -> None:
    for revocation in row.revoke:
        keys[revocation.kid] = _revoked(keys.get(revocation.kid), revocation, index)
    for addition in row.keys:
        if addition.kid in keys:
            raise Conflict("kid_used", f"kid {addition.kid} was listed before", index=index)
        keys[addition.kid] = _listed(addition, index)


def _revoked(key: ListedKey | None, revocation: KeyRevocation, index: int) -> ListedKey:
    void_from = revocation.void_from
    if key is None or (void_from is not None and void_from > index):
        raise Conflict("wrong_target", f"{revocation.kid} is not listed, or void from a later index on", index=index)
    if key.revoked is None:
        return replace(key, revoked=index, void_from=void_from)
    # A compromise may come to light after the key has gone: then void_from is set, or set earlier, once more.
    if void_from is None or (key.void_from is not None and void_from >= key.void_from):
        raise Conflict("wrong_target", f"{revocation.kid} is revoked already", index=index)
    return replace(key, void_from=void_from)


def _listed(addition: KeyAddition, index: int) -> ListedKey:
    return ListedKey(
        kid=addition.kid,
        public_key=addition.public_key,
        uses=addition.uses,
        valid_from=addition.valid_from,
        added=index,
    )


def _change_cosigners(cosigners: dict[str, dict[str, str]], row: MemberRow) -> None:
    for role, vkey in row.cosigners.items():
        if vkey is None:
            cosigners[role].pop(row.county, None)
        else:
            cosigners[role][row.county] = vkey


def _check_distinct(keys: Mapping[str, ListedKey], cosigners: Mapping[str, Mapping[str, str]]) -> None:
    # One key under two names would count twice, or let a statement of one kind pass for another.
    listed = [key.public_key.x for key in keys.values()]
    listed += [VerifierKey.parse(vkey).public_key for role in ROLES for vkey in cosigners[role].values()]
    if len(set(listed)) != len(listed):
        raise Conflict("kid_used", "a public key is listed twice")


def follow_chain(state: KeyState, entries: Iterable[tuple[int, bytes]]) -> KeyState:
    """Follow (log index, entry) of member and rule entries, ascending, from a state on: each as the log took it.

    Raises Malformed (form; unknown_typ: another entry), NotVerified as verify_signatures, Conflict as KeyState.apply.
    """
    for index, raw in entries:
        entry = parse_entry(raw)
        if not isinstance(entry, MemberChange | RuleChange):
            raise Malformed("unknown_typ", "expected a member or rule entry", index=index)
        verify_signatures(entry, state, index)
        state = state.apply(entry, index)
    return state


def verify_signatures(entry: Entry, state: KeyState, index: int) -> None:
    """Check who signed a seal, status, member or rule entry for log index `index`, and every signature.

    state: the key state before the entry. Raises NotVerified unknown_kid, key_not_active, key_use, bad_signature,
    not_enough_signers (fewer than k), bad_head (a head: see ledger.heads.verify_head).
    """
    match entry:
        case Seal() | StatusChange():
            _verify_all(entry.signatures, state, index, "seal")
        case MemberChange() | RuleChange():
            if len(entry.signatures) < state.k:
                raise NotVerified("not_enough_signers", f"{len(entry.signatures)} members signed, {state.k} must")
            _verify_all(entry.signatures, state, index, "govern")
        case _:
            raise NotVerified("bad_head", "a head is signed by the log, not by a member")


def _verify_all(signatures: tuple[EntrySignature, ...], state: KeyState, index: int, use: str) -> None:
    # Who may sign comes first, for all: it is cheap, and a signature by a stranger is never worth checking.
    keys: Final = [state.key_for(signature.kid, index=index, use=use) for signature in signatures]
    for key, signature in zip(keys, signatures, strict=True):
        if key.alg != signature.alg:
            raise NotVerified("bad_signature", f"key {signature.kid} is of suite {key.alg}, the header says another")
        verify(key, signature.message, signature.signature)
