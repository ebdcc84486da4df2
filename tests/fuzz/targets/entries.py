"""Targets of the JOSE formats: JWS, the five entry types, SD-JWT, disclosures, key binding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from ledger.attestation import SdJwt, check, issue, present
from ledger.confirmation import confirmed_key
from ledger.disclosures import Disclosure
from ledger.encoding import b64u_decode, b64u_encode, canonical_json, parse_canonical_json, parse_json
from ledger.entries import RULE_TYP, MemberChange, RuleChange, build_status, parse_entry
from ledger.governance import KeyAddition, KeyRevocation, MemberRow, member_payload, rule_payload
from ledger.heads import verify_head
from ledger.holder_binding import bind_holder, check_holder
from ledger.jws import join_general, parse_jws, sign_general
from ledger.matterlist import ListChange, MatterChange
from ledger.members import KeyState, verify_signatures
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from tests.cases.presentations import CHALLENGE
from tests.cases.seals import member_entry
from tests.entropy import signer_of
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same
from tests.logbook import LogBook
from tests.small_log import (
    CLAIMS,
    COUNTIES,
    GENESIS,
    LOG,
    ORIGIN,
    SEALED,
    SHOWN,
    T0,
    VCT,
    small_log,
    vector_random,
)

__all__ = ["BOUND", "HOLDER", "bound_presentations", "changes", "genesis_state", "status_entries", "targets"]

HOLDER: Final = signer_of("holder")
BOUND: Final = issue(CLAIMS, kid="370214#1", vct=VCT, iss="370214", iat=T0 + 60, nbf=T0 + 61, exp=T0 + 10**7,
                     cnf=HOLDER.public_key, signer=COUNTIES["370214"], random=vector_random())  # fmt: skip
NOW: Final = T0 + 150


@cache
def genesis_state() -> KeyState:
    """Give the key state of the small log."""
    genesis = parse_entry(GENESIS)
    assert isinstance(genesis, MemberChange)
    return KeyState.genesis(genesis)


def _jwt(text: str) -> bytes:
    return text.partition("~")[0].encode()


def _seals() -> list[bytes]:
    return [_jwt(SEALED), _jwt(BOUND)]


def status_entries() -> list[bytes]:
    """Give a revocation and a supersession."""
    leaf, signer = leaf_hash(_jwt(SEALED)), COUNTIES["370214"]
    revoked = build_status(of=1, leaf=leaf, to=Status.REVOKED, reason="04", iat=T0, kid="370214#1", signer=signer)
    superseded = build_status(of=1, leaf=leaf, to=Status.SUPERSEDED, reason="01", iat=T0, by=9, kid="370214#1",
                              signer=signer)  # fmt: skip
    return [revoked, superseded]


def _members() -> list[bytes]:
    book, new = LogBook(GENESIS, LOG), signer_of("370214#2", "ES256")
    key = KeyAddition(kid="370214#2", public_key=new.public_key, uses=("govern", "seal"), valid_from=T0)
    row = MemberRow(county="370214", keys=(key,), revoke=(KeyRevocation(kid="370214#1", void_from=1),),
                    cosigners={"auditor": None})  # fmt: skip
    return [GENESIS, member_entry(book, row)]


def _rules() -> list[bytes]:
    payload = rule_payload(iat=T0, prev=genesis_state().digest(), rules={"iat_back_s": 60}, documents={"policy": bytes(32)},
                           supervisors={"370214": ["370200", "370300"]})  # fmt: skip
    changes = (
        MatterChange(act="add", code="000113031000", since="2030-07-01", mode="多地联办", name="新事项"),
        MatterChange(act="change", code="001001001000", since="2030-07-01", mode="全程网办", name="设立登记"),
        MatterChange(act="remove", code="001001002000", since="2030-07-01"),
    )
    listing = ListChange(begin=("001001001000", "001001002000"), changes=changes)
    listed = rule_payload(iat=T0, prev=genesis_state().digest(), documents={"matters": bytes(32)}, matters=listing)
    signers = [(f"{county}#1", signer) for county, signer in COUNTIES.items()]
    return [sign_general(RULE_TYP, each, signers) for each in (payload, listed)]


def _jws(data: bytes) -> None:
    """A JWS that is read is the one text of its parts."""
    jws = parse_jws(data)
    if jws.general:
        same(join_general(json.loads(data)["payload"], _rows(data)), data)
    else:
        same(b".".join(b64u_encode(b64u_decode(part)).encode() for part in data.decode().split(".")), data)


def _rows(data: bytes) -> list[tuple[str, str]]:
    return [(row["protected"], row["signature"]) for row in json.loads(data)["signatures"]]


def _entry(data: bytes) -> None:
    entry = parse_entry(data)
    same(entry.raw, data)
    verify_signatures(entry, genesis_state(), 5)


def _unsigned(data: bytes, typ: str, kid: str = "370214#1") -> bytes:
    """Put mutated bytes into an entry as its payload, under a signature of the right size."""
    header = b64u_encode(canonical_json({"alg": "Ed25519", "typ": typ, "kid": kid}))
    return f"{header}.{b64u_encode(data)}.{b64u_encode(bytes(64))}".encode()


def _payload_of(typ: str, kid: str = "370214#1") -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        parse_entry(_unsigned(data, typ, kid))

    return run


def _change(data: bytes) -> None:
    """Whoever signed it: what an entry changes is worked out, or refused; the payload is written again."""
    rows = [{"protected": b64u_encode(canonical_json({"alg": "Ed25519", "typ": _change_typ(data), "kid": "370214#1"})),
             "signature": b64u_encode(bytes(64))}]  # fmt: skip
    entry = parse_entry(canonical_json({"payload": b64u_encode(data), "signatures": rows}))
    assert isinstance(entry, MemberChange | RuleChange)
    if isinstance(entry, MemberChange):
        written = member_payload(iat=entry.iat, k=entry.k, members=entry.members, origin=entry.origin, prev=entry.prev)
    else:
        written = rule_payload(iat=entry.iat, prev=entry.prev, rules=entry.rules, documents=entry.documents,
                               supervisors=entry.supervisors, matters=entry.matters)  # fmt: skip
    assert _plain(json.loads(b64u_decode(written))) == _plain(entry.jws.payload)
    if isinstance(entry, MemberChange) and entry.origin is not None:
        KeyState.genesis(entry)
    else:
        text = genesis_state().apply(entry, 5).text()
        assert text.decode().count("\n") == len(text.splitlines())


def _change_typ(data: bytes) -> str:
    return "lic-rule+jwt" if b'"set"' in data else "lic-member+jwt"


def _plain(value: Any) -> Any:
    """Leave out empty lists of a member row, which say nothing."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner != [] or name not in {"keys", "revoke"}}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def changes() -> list[bytes]:
    """Give the payloads of a member entry and of rule entries that follow the genesis of the small log."""
    entries = [_members()[1], *_rules()]
    return [b64u_decode(json.loads(entry)["payload"]) for entry in entries]


def _head(data: bytes) -> None:
    verify_head(data, origin=ORIGIN, key=LOG.public_key, size=5)


def _sd_jwt(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    parsed = SdJwt.parse(text)
    same(str(parsed), text)
    shown = check(parsed, parse_entry(_jwt(SEALED)).jws.payload)
    assert {name: shown[name] for name in CLAIMS if name in shown}.items() <= CLAIMS.items()


def _disclosure(data: bytes) -> None:
    text = data.decode("latin-1")
    disclosure = Disclosure.parse(text)
    same(disclosure.text, text)
    same(b64u_encode(b64u_decode(text)), text)


def _disclosures() -> list[bytes]:
    nested = Disclosure.make("KZ_area", {"a": [1, 2.5, None], "b": "\n"}, vector_random()).text
    return [nested.encode(), *(text.encode() for text in SEALED.split("~")[1:-1])]


def _key_binding(data: bytes) -> None:
    parsed = SdJwt.parse(data.decode("utf-8", "surrogateescape"))
    check_holder(parsed, parse_entry(_jwt(BOUND)).jws.payload, now=NOW, **CHALLENGE)


def bound_presentations() -> list[bytes]:
    """Give a presentation that its holder bound."""
    return [bind_holder(present(BOUND, SHOWN), iat=NOW, signer=HOLDER, **CHALLENGE).encode()]


def _cnf(data: bytes) -> None:
    confirmed_key(parse_json(data, max_bytes=4096))


def _cnfs() -> list[bytes]:
    es256 = signer_of("wallet", "ES256").public_key
    x, y = (b64u_encode(number or b"") for number in (es256.x, es256.y))
    okp = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(HOLDER.public_key.x)}}
    return [canonical_json(okp), canonical_json({"jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}})]


def _json(data: bytes) -> None:
    """The strict parser agrees with the standard library about what it takes, and canonical text is one text."""
    value = parse_json(data, max_bytes=1 << 20)
    assert json.loads(data) == value
    same(canonical_json(parse_canonical_json(data, max_bytes=1 << 20)), data)


def _documents() -> list[bytes]:
    return [GENESIS, canonical_json({"a": [1, -1, 'é"\\\n', None, True, {"b": [[]]}], "c": 2**53 - 1})]


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="JSON", seeds=_documents, run=_json)
    yield Target(name="JWS compact", seeds=lambda: [*_seals(), *status_entries()], run=_jws)
    yield Target(name="JWS general", seeds=lambda: [*_members(), *_rules()], run=_jws)
    yield Target(name="seal", seeds=_seals, run=_entry)
    yield Target(name="status entry", seeds=status_entries, run=_entry)
    yield Target(
        name="seal payload", seeds=lambda: [_payload(entry) for entry in _seals()], run=_payload_of("dc+sd-jwt")
    )
    yield Target(name="status payload", seeds=lambda: [_payload(entry) for entry in status_entries()],
                 run=_payload_of("lic-status+jwt"))  # fmt: skip
    yield Target(name="head payload", seeds=lambda: [_payload(small_log()[0].entries[4])],
                 run=_payload_of("lic-head+jwt", ORIGIN))  # fmt: skip
    yield Target(name="member entry", seeds=_members, run=_entry)
    yield Target(name="rule entry", seeds=_rules, run=_entry)
    yield Target(name="key state change", seeds=changes, run=_change)
    yield Target(name="head", seeds=lambda: [small_log()[0].entries[4]], run=_head)
    yield Target(name="SD-JWT", seeds=lambda: [SEALED.encode(), present(SEALED, SHOWN).encode()], run=_sd_jwt)
    yield Target(name="disclosure", seeds=_disclosures, run=_disclosure)
    yield Target(name="key binding", seeds=bound_presentations, run=_key_binding)
    yield Target(name="holder key", seeds=_cnfs, run=_cnf)


def _payload(entry: bytes) -> bytes:
    return b64u_decode(entry.decode().split(".")[1])
