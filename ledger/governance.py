"""Member and rule entries: who is a member with which keys, and the rules in force. Read and written, not judged.

A general JWS, `typ` `lic-member+jwt` or `lic-rule+jwt`, signed with `govern` keys of members:

    {"v":1,"iat":1780300800,"origin":"hub.example/ledger","prev":"<b64u>","k":2,"members":[
      {"county":"370214","keys":[{"kid":"370214#2","alg":"ES256","x":"…","y":"…","uses":["govern","seal"],
        "from":1780300800}],"revoke":[{"kid":"370214#1","void_from":812}],"witness":"<vkey>","auditor":"<vkey>"}]}
    {"v":1,"iat":1780300800,"prev":"<b64u>","set":{"iat_back_s":86400,"documents":{"policy":"<b64u>"},
      "supervisors":{"370214":["370200"]},"matters":{…}}}        matters: see ledger.matterlist

The first entry of a log (genesis) has `origin` and no `prev`, every later one `prev` and no `origin`. What they change,
and whether enough members signed, is the business of `ledger.members`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ledger.closed import COUNTY, KID, closed, county_of, digest, integer, list_of, text
from ledger.encoding import JsonValue, b64u_decode, b64u_encode
from ledger.errors import Malformed
from ledger.jws import MAX_SIGNATURES, Jws, SignedEntry, payload_part
from ledger.matterlist import ListChange, parse_list
from ledger.suites import PublicKey, load_public_key
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey

__all__ = [
    "ROLES",
    "RULES",
    "USES",
    "KeyAddition",
    "KeyRevocation",
    "MemberChange",
    "MemberRow",
    "RuleChange",
    "member_payload",
    "parse_member",
    "parse_rule",
    "rule_payload",
]

USES: Final = ("client", "govern", "journal", "seal")  # sorted, as in every entry
ROLES: Final = ("auditor", "witness")
RULES: Final[Mapping[str, int]] = MappingProxyType(
    {"deposit_s": 300, "heartbeat_s": 60, "iat_ahead_s": 300, "iat_back_s": 86_400, "landmark_s": 86_400}
)
"""Rules and their values, in seconds, before the first rule entry."""

MAX_LIST: Final = 256
_ORIGIN: Final = re.compile(r"[!-*,-~]{1,255}")  # printable ASCII without space and `+`: it names a note key too
_VKEY: Final = re.compile(r"[!-~]{1,512}")
_DOCUMENT: Final = re.compile(r"policy|matters|urn:tongban:license:[0-9A-Z]{21}")
_MEMBER: Final = frozenset({"v", "iat", "k", "members"})
_LINK: Final = frozenset({"origin", "prev"})
_ROW_OPTIONS: Final = frozenset({"keys", "revoke", "witness", "auditor"})
_KEY: Final = frozenset({"kid", "alg", "x", "uses", "from"})
_RULE: Final = frozenset({"v", "iat", "prev", "set"})
_SETTABLE: Final = frozenset({*RULES, "documents", "supervisors", "matters"})
_TABLE: Final = "matters"  # the document with which the list begins


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAddition:
    """A key that a member entry adds. uses: sorted, at least one. valid_from: POSIX seconds, on the wire `from`."""

    kid: str
    public_key: PublicKey
    uses: tuple[str, ...]
    valid_from: int

    def to_json(self) -> dict[str, JsonValue]:
        """Return the members in the order of the wire."""
        key = self.public_key
        y: dict[str, JsonValue] = {} if key.y is None else {"y": b64u_encode(key.y)}
        head: dict[str, JsonValue] = {"kid": self.kid, "alg": key.alg, "x": b64u_encode(key.x)}
        return {**head, **y, "uses": list(self.uses), "from": self.valid_from}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocation:
    """A key that a member entry ends; seals by it from index `void_from` on become revoked, if that is given."""

    kid: str
    void_from: int | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the members in the order of the wire."""
        return {"kid": self.kid} if self.void_from is None else {"kid": self.kid, "void_from": self.void_from}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """What a member entry changes for one county. cosigners: role (`auditor`, `witness`) -> vkey, or None to remove."""

    county: str
    keys: tuple[KeyAddition, ...] = ()
    revoke: tuple[KeyRevocation, ...] = ()
    cosigners: Mapping[str, str | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the members in the order of the wire, absent ones left out."""
        row: dict[str, JsonValue] = {"county": self.county}
        if self.keys:
            row["keys"] = [key.to_json() for key in self.keys]
        if self.revoke:
            row["revoke"] = [revocation.to_json() for revocation in self.revoke]
        row.update({role: self.cosigners[role] for role in reversed(ROLES) if role in self.cosigners})
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange(SignedEntry):
    """A member entry: exactly one of origin (genesis) and prev (32 bytes) is set."""

    iat: int
    k: int
    members: tuple[MemberRow, ...]
    origin: str | None = None
    prev: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange(SignedEntry):
    """A rule entry. rules: seconds. documents: name -> SHA-256. supervisors: county -> its whole list.

    matters: what it does to the list of matters; None: nothing.
    """

    iat: int
    prev: bytes
    rules: Mapping[str, int]
    documents: Mapping[str, bytes]
    supervisors: Mapping[str, tuple[str, ...]]
    matters: ListChange | None = None


def parse_member(jws: Jws) -> MemberChange:
    """Read the payload of a member entry.

    Raises Malformed bad_payload, unknown_member, bad_number, bad_base64, unknown_alg, weak_key, bad_vkey.
    """
    obj = closed(jws.payload, "member entry", _MEMBER, _LINK)
    integer(obj, "v", minimum=1, maximum=1)
    if len(obj.keys() & _LINK) != 1:
        raise Malformed("bad_payload", "a member entry has either origin or prev")
    members = tuple(_parse_row(row) for row in list_of(obj, "members", maximum=MAX_LIST))
    _check_ascending([row.county for row in members], "members")
    return MemberChange(
        jws=jws,
        iat=integer(obj, "iat"),
        k=integer(obj, "k", minimum=1, maximum=MAX_SIGNATURES),  # more could never sign the next change
        members=members,
        origin=text(obj, "origin", _ORIGIN) if "origin" in obj else None,
        prev=digest(obj, "prev") if "prev" in obj else None,
    )


def _parse_row(value: JsonValue) -> MemberRow:
    obj = closed(value, "member", frozenset({"county"}), _ROW_OPTIONS)
    county = text(obj, "county", COUNTY)
    keys = tuple(_parse_key(key) for key in list_of(obj, "keys", maximum=MAX_LIST)) if "keys" in obj else ()
    revoke = tuple(_parse_revoke(row) for row in list_of(obj, "revoke", maximum=MAX_LIST)) if "revoke" in obj else ()
    for kids in ([key.kid for key in keys], [row.kid for row in revoke]):
        _check_ascending(kids, "kids of a member")
        if any(county_of(kid) != county for kid in kids):
            raise Malformed("bad_payload", f"a kid listed for {county} belongs to another county")
    cosigners: dict[str, str | None] = {role: _parse_cosigner(obj, role) for role in ROLES if role in obj}
    return MemberRow(county=county, keys=keys, revoke=revoke, cosigners=MappingProxyType(cosigners))


def _parse_key(value: JsonValue) -> KeyAddition:
    obj = closed(value, "key", _KEY, frozenset({"y"}))
    alg = obj["alg"]
    if not isinstance(alg, str):
        raise Malformed("unknown_alg", "alg is no text")
    uses = tuple(use for use in list_of(obj, "uses", maximum=len(USES)) if isinstance(use, str))
    if not uses or list(uses) != obj["uses"] or not set(uses) <= set(USES):
        raise Malformed("bad_payload", f"uses are some of {', '.join(USES)}")
    _check_ascending(uses, "uses")
    y = digest(obj, "y") if "y" in obj else None
    return KeyAddition(
        kid=text(obj, "kid", KID),
        public_key=load_public_key(alg, digest(obj, "x"), y),
        uses=uses,
        valid_from=integer(obj, "from"),
    )


def _parse_revoke(value: JsonValue) -> KeyRevocation:
    obj = closed(value, "revoke", frozenset({"kid"}), frozenset({"void_from"}))
    return KeyRevocation(kid=text(obj, "kid", KID), void_from=integer(obj, "void_from") if "void_from" in obj else None)


def _parse_cosigner(obj: dict[str, JsonValue], role: str) -> str | None:
    if obj[role] is None:
        return None
    vkey = text(obj, role, _VKEY)
    if VerifierKey.parse(vkey).kind != COSIGNATURE_ED25519:
        raise Malformed("bad_vkey", f"{role} is no vkey of type 0x04")
    return vkey


def _check_ascending(values: Sequence[str], what: str) -> None:
    if list(values) != sorted(set(values)):
        raise Malformed("bad_payload", f"{what} are not sorted, or one stands twice")


def parse_rule(jws: Jws) -> RuleChange:
    """Read the payload of a rule entry. Raises Malformed bad_payload, unknown_member, bad_number, bad_base64."""
    obj = closed(jws.payload, "rule entry", _RULE)
    integer(obj, "v", minimum=1, maximum=1)
    terms = closed(obj["set"], "set", frozenset(), _SETTABLE)
    if not terms:
        raise Malformed("bad_payload", "set is empty")
    change = RuleChange(
        jws=jws,
        iat=integer(obj, "iat"),
        prev=digest(obj, "prev"),
        rules={name: integer(terms, name, minimum=1) for name in RULES if name in terms},
        documents={name: _document(name, value) for name, value in _table(terms, "documents").items()},
        supervisors={name: _supervisors(name, value) for name, value in _table(terms, "supervisors").items()},
        matters=parse_list(terms["matters"]) if "matters" in terms else None,
    )
    if change.matters is not None and change.matters.begin and _TABLE not in change.documents:
        raise Malformed("bad_payload", "the list begins with a table, whose SHA-256 is the document matters")
    return change


def _table(terms: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    value = terms.get(name, {})
    if not isinstance(value, dict) or len(value) > MAX_LIST or (name in terms and not value):
        raise Malformed("bad_payload", f"{name} is no object of 1..{MAX_LIST} members")
    return value


def _document(name: str, value: JsonValue) -> bytes:
    if not _DOCUMENT.fullmatch(name) or not isinstance(value, str):
        raise Malformed("bad_payload", "a document is policy, matters or a vct, with its SHA-256")
    return b64u_decode(value, size=32)


def _supervisors(county: str, value: JsonValue) -> tuple[str, ...]:
    names = tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()
    if list(names) != value or len(names) > MAX_LIST or not all(COUNTY.fullmatch(name) for name in (county, *names)):
        raise Malformed("bad_payload", "supervisors are lists of county ids by county id")
    _check_ascending(names, "supervisors")
    return names


def member_payload(
    *,
    iat: int,
    k: int,
    members: Sequence[MemberRow],
    origin: str | None = None,
    prev: bytes | None = None,
) -> str:
    """Write the payload part of a member entry: genesis with `origin`, a later one with `prev` (32 bytes)."""
    payload: dict[str, JsonValue] = {"v": 1, "iat": iat}
    if origin is not None:
        payload["origin"] = origin
    if prev is not None:
        payload["prev"] = b64u_encode(prev)
    rows: list[JsonValue] = [row.to_json() for row in sorted(members, key=lambda row: row.county)]
    return payload_part({**payload, "k": k, "members": rows})


def rule_payload(
    *,
    iat: int,
    prev: bytes,
    rules: Mapping[str, int] = MappingProxyType({}),
    documents: Mapping[str, bytes] = MappingProxyType({}),
    supervisors: Mapping[str, Sequence[str]] = MappingProxyType({}),
    matters: ListChange | None = None,
) -> str:
    """Write the payload part of a rule entry; documents are SHA-256 hashes, 32 bytes each."""
    terms: dict[str, JsonValue] = dict(rules)
    if documents:
        terms["documents"] = {name: b64u_encode(value) for name, value in documents.items()}
    if supervisors:
        terms["supervisors"] = {county: [*sorted(names)] for county, names in supervisors.items()}
    if matters is not None:
        terms["matters"] = matters.to_json()
    return payload_part({"v": 1, "iat": iat, "prev": b64u_encode(prev), "set": terms})
