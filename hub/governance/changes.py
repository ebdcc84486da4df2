"""What a member or rule entry will do, in plain words, for the people who are asked to sign it.

    county 370214: new key 370214#5 (seal, Ed25519), fingerprint 3f1c 09aa 77d2 e4b8
    county 370214: key 370214#2 (seal) ends; what it sealed before stands
    county 320583 leaves: its keys 320583#1, 320583#2, 320583#3, 320583#4 end
    k of n becomes 3 of 4 (was 3 of 5)

It is told from the state before and the state after, not from the payload's own words. Fingerprints are there to be
compared by telephone: a draft may have been written by anyone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hub.governance.matters import described_matters
from hub.keyfiles import fingerprint
from ledger.closed import county_of
from ledger.governance import ROLES, MemberChange, RuleChange

if TYPE_CHECKING:
    from ledger.members import KeyState, ListedKey
    from ledger.suites import PublicKey

__all__ = ["described", "founding"]


def founding(genesis: MemberChange) -> list[str]:
    """Say whom a genesis lists, with the fingerprint of every key, a sentence a line."""
    lines: list[str] = []
    for row in genesis.members:
        lines.append(f"county {row.county} is a member")
        lines += [_listed(row.county, key.kid, key.uses, key.public_key) for key in row.keys]
        lines += [f"county {row.county}: its {role} is {vkey}" for role, vkey in row.cosigners.items()]
    return [*lines, f"log {genesis.origin}; k of n is {genesis.k} of {len(genesis.members)}"]


def _listed(county: str, kid: str, uses: Sequence[str], key: PublicKey) -> str:
    return f"county {county}: new key {kid} ({','.join(uses)}, {key.alg}), fingerprint {fingerprint(key)}"


def described(before: KeyState, after: KeyState, change: MemberChange | RuleChange) -> list[str]:
    """Say what changes between two states, a sentence a line; warnings come last."""
    if isinstance(change, RuleChange):
        return list(_rules(before, after, change))
    counties = [row.county for row in change.members]
    lines = [line for county in counties for line in _county(before, after, county)]
    lines.append(_k_of_n(before, after))
    return lines + [line for county in counties for line in _warnings(before, after, county)]


def _county(before: KeyState, after: KeyState, county: str) -> Iterator[str]:
    added = [key for kid, key in after.keys.items() if kid not in before.keys and county_of(kid) == county]
    ended = [key for kid, key in after.keys.items() if kid in before.keys and key != before.keys[kid]]
    ended = [key for key in ended if county_of(key.kid) == county]
    if added and not _active(before, county):
        yield f"county {county} joins"
    elif ended and not _active(after, county):
        yield f"county {county} leaves: its keys {', '.join(key.kid for key in ended)} end"
    for key in added:
        yield _listed(county, key.kid, key.uses, key.public_key)
    for key in ended:
        if _active(after, county) or key.void_from is not None:
            yield _ended(county, key)
    for role in ROLES:
        yield from _cosigner(before, after, county, role)


def _ended(county: str, key: ListedKey) -> str:
    what = f"county {county}: key {key.kid} ({','.join(key.uses)}) ends"
    if key.void_from is None:
        return f"{what}; what it signed before stands"
    return f"{what}; every seal by it from log index {key.void_from} on becomes REVOKED"


def _cosigner(before: KeyState, after: KeyState, county: str, role: str) -> Iterator[str]:
    was, now = ((state.auditors if role == "auditor" else state.witnesses).get(county) for state in (before, after))
    if was == now:
        return
    verb = "is removed" if now is None else f"is {now}" if was is None else f"becomes {now}"
    yield f"county {county}: its {role} {verb}; the policy file must say the same"


def _k_of_n(before: KeyState, after: KeyState) -> str:
    was, now = (f"{state.k} of {len(state.counties)}" for state in (before, after))
    return f"k of n stays {now}" if was == now else f"k of n becomes {now} (was {was})"


def _warnings(before: KeyState, after: KeyState, county: str) -> Iterator[str]:
    held, left = _active(before, county), _active(after, county)
    for use in sorted(held - left) if left else ():
        yield f"warning: {county} has no active {use} key afterwards"


def _active(state: KeyState, county: str) -> set[str]:
    keys = (key for key in state.keys.values() if county_of(key.kid) == county and key.revoked is None)
    return {use for key in keys for use in key.uses}


def _rules(before: KeyState, after: KeyState, change: RuleChange) -> Iterator[str]:
    for name in change.rules:
        yield f"rule {name}: {after.rule(name)} s (was {before.rule(name)} s)"
    for name, digest in change.documents.items():
        was = before.documents.get(name)
        yield f"document {name}: SHA-256 {digest.hex()} (was {'none' if was is None else was.hex()})"
    if change.matters is not None:
        yield from described_matters(before, change.matters)
    for county in change.supervisors:
        was_names, names = (", ".join(state.supervisors.get(county, ())) or "none" for state in (before, after))
        yield f"county {county}: its supervisors are {names} (were {was_names})"
