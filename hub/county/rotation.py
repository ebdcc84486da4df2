"""Rotation: which of a county's keys sign now, how a new one is made, and what the ledger says about each.

    1. county     `tongban county rotate --use seal`     keys/seal-5.pem, and seal-5.json to hand to the alliance
    2. alliance   `tongban ledger member propose | sign | submit`   k of n members list it (hub/governance/governing.py)
    3. node       takes it up by itself as soon as the chain that it follows says so (hub/county/following.py)

The old key goes on signing until then, and stays in the folder: what it sealed stays good until a member entry says
otherwise. Processes that have one folder open agree through its keys.json.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.county.hsm import TokenKey, TokenPlace
from hub.county.keys import COSIGNERS, USES, CountyKeys, KeyRing, OwnKey, auditor_name, witness_name
from hub.county.member import KeyFile
from hub.keyfiles import fingerprint
from ledger.closed import county_of
from ledger.errors import Malformed, Unavailable
from ledger.governance import KeyAddition
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from hub.keychain import FolderChain, KeyChain
    from ledger.members import KeyState, ListedKey
    from ledger.transparency.policy import Policy

__all__ = ["KeyRow", "NewKey", "StandingKeys", "rotate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key of the county. kid: None for a cosigner. state: active, unlisted, revoked, void, foreign.

    since: log index of the entry that made it so; of a void key the first index at which its seals are void. signs: it
    is the one that signs now; of a cosigner: and the folder's policy names it. A key that only the ledger knows has a
    state that ends in `, not here`.
    """

    kid: str | None
    use: str
    alg: str
    state: str
    since: int | None
    signs: bool
    fingerprint: str


class StandingKeys:
    """The keys that sign now; they change when the folder's chain does. Thread-safe.

    policy: of the folder; it names the cosigners. Raises Malformed, NotVerified where the chain does.
    """

    def __init__(self, ring: KeyRing, chain: FolderChain, policy: Callable[[], Policy]) -> None:
        self.ring: Final = ring
        self._chain: Final = chain
        self._policy: Final = policy
        self._lock: Final = threading.Lock()
        self._chosen: tuple[KeyChain | None, CountyKeys] | None = None

    def keys(self) -> CountyKeys:
        """Give the keys that sign now."""
        chain = self._chain.founded()
        with self._lock:
            if self._chosen is None or self._chosen[0] is not chain:
                self.ring.reload()  # a key that the chain has just listed may have been made by another process
                state = None if chain is None else chain.state
                self._chosen = (chain, self.ring.chosen(state, self._cosigners()))
            return self._chosen[1]

    def _cosigners(self) -> frozenset[bytes]:
        try:
            return frozenset(witness.key.public_key for witness in self._policy().witnesses)
        except Unavailable:  # before the alliance has handed its policy out
            return frozenset()

    def rows(self) -> list[KeyRow]:
        """List every key of the county, those of the folder and those that only the ledger knows."""
        keys, chain = self.keys(), self._chain.founded()
        state = None if chain is None else chain.state
        with self._lock:
            own = [key for use in USES for key in self.ring.keys(use)]
            cosigners = [key for role in COSIGNERS for key in self.ring.keys(role)]
        listed = [] if state is None else [row for row in state.keys.values() if county_of(row.kid) == keys.county]
        rows = [_own_row(key, state, keys) for key in own]
        known = {key.kid for key in own}
        rows += [_listed_row(row) for row in listed if row.kid not in known]
        rows.sort(key=lambda row: int((row.kid or "#0").partition("#")[2]))
        named = self._cosigners()
        return rows + [_cosigner_row(key, state, keys, named) for key in cosigners]


def _own_row(key: OwnKey, state: KeyState | None, keys: CountyKeys) -> KeyRow:
    listed = None if state is None else state.keys.get(key.kid)
    stands, since = ("unlisted", None) if listed is None else _standing(listed)
    if listed is not None and listed.public_key != key.signer.public_key:
        stands = "foreign"  # the ledger lists another key under this kid
    return _row(key, key.kid, stands, since, signs=keys.signing.get(key.use) == key)


def _cosigner_row(key: OwnKey, state: KeyState | None, keys: CountyKeys, named: frozenset[bytes]) -> KeyRow:
    signs = key.signer.public_key.x in named and key.signer == keys.cosigning.get(key.use)
    stands = "active" if state is not None and _is_listed(key, state) else "unlisted"
    return _row(key, None, stands, None, signs=signs)


def _row(key: OwnKey, kid: str | None, stands: str, since: int | None, *, signs: bool) -> KeyRow:
    public = key.signer.public_key
    return KeyRow(
        kid=kid, use=key.use, alg=public.alg, state=stands, since=since, signs=signs, fingerprint=fingerprint(public)
    )


def _listed_row(listed: ListedKey) -> KeyRow:
    stands, since = _standing(listed)
    return KeyRow(
        kid=listed.kid,
        use=",".join(listed.uses),
        alg=listed.public_key.alg,
        state=f"{stands}, not here",
        since=since,
        signs=False,
        fingerprint=fingerprint(listed.public_key),
    )


def _standing(listed: ListedKey) -> tuple[str, int]:
    if listed.void_from is not None:
        return "void", listed.void_from
    return ("active", listed.added) if listed.revoked is None else ("revoked", listed.revoked)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made. name: for people. label: of its files. file: what the alliance must list before it is used.

    unlisted: names of keys for the same use that were made before, and that no member entry lists yet. policy_line:
    what a policy says of a cosigner.
    """

    name: str
    label: str
    fingerprint: str
    file: KeyFile
    unlisted: tuple[str, ...]
    policy_line: str | None


def rotate(node: CountyNode, use: str, *, now: int, alg: str | None = None, token: TokenPlace | None = None) -> NewKey:
    """Make a new key for a use beside the one that signs; good from `now` on, POSIX seconds.

    An auditor's may be the county's first. alg: None: the suite of the newest key for this use. token: where a seal key
    is to lie in place of the folder; an empty label stands for the kid. Raises Malformed bad_setting, unknown_alg,
    Conflict already_exists.
    """
    if use not in {*USES, *COSIGNERS}:
        raise Malformed("bad_setting", f"a key is for one of {', '.join((*USES, *COSIGNERS))}")
    if use in COSIGNERS and alg not in {None, "Ed25519"}:
        raise Malformed("bad_setting", "a cosigner's key is Ed25519")
    if use != "seal" and token is not None:
        raise Malformed("bad_setting", "a token holds seal keys only")
    ring, chain = node.standing.ring, node.chain.founded()
    state = None if chain is None else chain.state
    number, unlisted = ring.next_number(use, state), _unlisted(ring.keys(use), state)
    suite = alg or ("Ed25519" if use in COSIGNERS else ring.keys(use)[-1].signer.public_key.alg)
    if token is None:
        key = ring.add(use, number, suite, node.random)
    else:
        key = ring.add_token(use, number, TokenKey.make(token.labelled(f"{node.county}#{number}"), suite))
    file = _key_file(node, key, now)
    url = f"{node.config.url}/{use}"
    vkey = file.cosigners.get(use)
    return NewKey(
        name=_name(key),
        label=f"{use}-{number}",
        fingerprint=fingerprint(key.signer.public_key),
        file=file,
        unlisted=tuple(_name(each) for each in unlisted),
        policy_line=None if vkey is None else f"witness {use[0]}{node.county} {vkey} {url}",
    )


def _name(key: OwnKey) -> str:
    return f"{key.use} key {key.kid if key.use in USES else key.number}"


def _unlisted(own: Sequence[OwnKey], state: KeyState | None) -> list[OwnKey]:
    """Give the keys that are newer than the newest one that the ledger knows; before genesis, than the first."""
    if state is None:
        return [*own[1:]]
    known = max((key.number for key in own if _is_listed(key, state)), default=0)
    return [key for key in own if key.number > known]


def _is_listed(key: OwnKey, state: KeyState) -> bool:
    if key.use in USES:
        return key.kid in state.keys
    listed = (state.witnesses if key.use == "witness" else state.auditors).get(key.county)
    return listed is not None and VerifierKey.parse(listed).public_key == key.signer.public_key.x


def _key_file(node: CountyNode, key: OwnKey, now: int) -> KeyFile:
    if key.use in USES:
        addition = KeyAddition(kid=key.kid, public_key=key.signer.public_key, uses=(key.use,), valid_from=now)
        return KeyFile(county=node.county, keys=(addition,))
    name = {"witness": witness_name, "auditor": auditor_name}[key.use](node.county, node.config.domain)
    vkey = VerifierKey.of(name, COSIGNATURE_ED25519, key.signer)
    return KeyFile(county=node.county, cosigners={key.use: vkey.vkey()})
