"""Governing an alliance: a change of members, keys or rules from its draft to its place in the ledger.

    1. anyone     draft_members, draft_rules     a draft against the newest key state (hub/governance/drafts.py)
    2. k members  sign_draft                     each looks at what it does, then signs
    3. anyone     joined, submitted              the signatures become one entry; its proof is checked

    <county>.sig   {"county":"370214","protected":"<b64u>","signature":"<b64u>"}

The hub can neither make nor alter a change, and no part of this is done by a server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.governance.drafts import Draft, checked
from hub.keychain import KeyChain, fetch_chain
from ledger.closed import COUNTY, closed, county_of, text
from ledger.encoding import JsonValue, parse_json
from ledger.entries import parse_entry
from ledger.errors import Malformed, NotVerified, Unavailable
from ledger.jws import EntrySignature, join_general
from ledger.suites import verify
from ledger.transparency.merkle import leaf_hash, verify_inclusion
from ledger.transparency.proof import TlogProof

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from hub.logclient import HttpLog
    from ledger.anchor import TrustAnchor
    from schema.context import Clock

__all__ = ["SignatureFile", "Submitted", "index_of", "joined", "sign_draft", "submitted"]

_MAX_BYTES: Final = 65_536
_PATIENCE_S: Final = 60
_SIGNATURE: Final = frozenset({"county", "protected", "signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFile:
    """A member's signature over a draft of genesis or of a later change; both parts base64url."""

    county: str
    protected: str
    signature: str

    @classmethod
    def parse(cls, data: bytes) -> SignatureFile:
        """Read a signature file of at most 64 KiB. Raises Malformed bad_file, too_large, bad_json."""
        obj = closed(parse_json(data, max_bytes=_MAX_BYTES), "signature file", _SIGNATURE, code="bad_file")
        protected, signature = obj["protected"], obj["signature"]
        if not isinstance(protected, str) or not isinstance(signature, str):
            raise Malformed("bad_file", "protected and signature are texts")
        return cls(county=text(obj, "county", COUNTY, code="bad_file"), protected=protected, signature=signature)

    def text(self) -> bytes:
        """Write the signature file, with a final newline."""
        row = {"county": self.county, "protected": self.protected, "signature": self.signature}
        return json.dumps(row, indent=2).encode() + b"\n"


def sign_draft(node: CountyNode, draft: Draft, chain: KeyChain, now: int) -> SignatureFile:
    """Sign a draft that `checked` accepts with the county's govern key, after a person has seen what the draft does.

    Raises as `checked`; NotVerified key_not_active.
    """
    checked(draft, chain, now)
    node.chain.keep(chain)
    protected, signature = node.sign_change(draft.typ, draft.payload)
    return SignatureFile(county=node.county, protected=protected, signature=signature)


def joined(draft: Draft, signatures: Sequence[SignatureFile], chain: KeyChain) -> bytes:
    """Put signatures together as the entry; a member that signed twice counts once.

    Raises NotVerified unknown_kid, key_not_active, key_use, bad_signature (of one of them, saying whose), and
    not_enough_signers: fewer than k, saying who could still sign. Malformed as parse_entry.
    """
    held: dict[str, SignatureFile] = {}
    for each in signatures:
        signer = _check_signature(draft, each, chain)
        held.setdefault(signer, each)
    state = chain.state
    if len(held) < state.k:
        left = ", ".join(county for county in state.counties if county not in held)
        missing = state.k - len(held)
        raise NotVerified(
            "not_enough_signers", f"{len(held)} of {state.k} signatures: {missing} missing; {left} can still sign"
        )
    return join_general(draft.payload, [(each.protected, each.signature) for each in held.values()])


def _check_signature(draft: Draft, file: SignatureFile, chain: KeyChain) -> str:
    """Check one signature over a draft; give the county of its kid."""
    entry = parse_entry(join_general(draft.payload, [(file.protected, file.signature)]))
    (signature,) = entry.signatures
    if entry.typ != draft.typ or county_of(signature.kid) != file.county:
        raise NotVerified("bad_signature", f"the signature file of {file.county} is of another entry or member")
    _verify(signature, chain, file.county)
    return file.county


def _verify(signature: EntrySignature, chain: KeyChain, county: str) -> None:
    key = chain.state.key_for(signature.kid, index=chain.size, use="govern")
    if key.alg != signature.alg:
        raise NotVerified("bad_signature", f"the key of {county} is of suite {key.alg}, the header says another")
    try:
        verify(key, signature.message, signature.signature)
    except NotVerified as error:
        raise NotVerified("bad_signature", f"the signature of {county} is not over this draft") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A change that stands in the ledger. chain: with it. proof: tlog-proof of it under a witnessed checkpoint."""

    index: int
    proof: bytes
    chain: KeyChain


def index_of(draft: Draft, chain: KeyChain) -> int | None:
    """Give the log index at which a chain holds this very change already, by whomever it was signed."""
    statement = draft.statement
    return next((index for index, raw in chain.entries if parse_entry(raw).statement == statement), None)


def submitted(
    log: HttpLog, anchor: TrustAnchor, raw: bytes, chain: KeyChain, *, clock: Clock, patience_s: int = _PATIENCE_S
) -> Submitted:
    """Submit an entry until there is a proof of it under a quorum, and check that the key state has taken it.

    The same change with other members' signatures may stand there already: that is as good. Raises what the log states;
    Unavailable not_ready: sequenced, and no quorum has witnessed it in time; NotVerified bad_inclusion, keys_behind.
    """
    index, proof = _proof_of(log, raw, patience_s)
    grown = fetch_chain(log, anchor, chain, clock())
    logged = dict(grown.entries).get(index)
    if logged is None or parse_entry(logged).statement != parse_entry(raw).statement:
        raise NotVerified("bad_inclusion", f"the log has another entry at index {index}")
    checkpoint = anchor.checkpoint(proof.checkpoint).checkpoint
    anchor.quorum_time(proof.checkpoint, clock())
    verify_inclusion(leaf_hash(logged), index, checkpoint.size, proof.path, checkpoint.root)
    return Submitted(index=index, proof=proof.format(), chain=grown)


def _proof_of(log: HttpLog, raw: bytes, patience_s: int) -> tuple[int, TlogProof]:
    index: JsonValue = None
    for _ in range(max(1, patience_s)):
        answer = log.submit(raw)
        index, proof = answer.get("index"), answer.get("proof")
        if isinstance(index, int) and isinstance(proof, str):
            read = TlogProof.parse(proof.encode("utf-8", "surrogatepass"))
            if read.index != index:
                raise NotVerified("bad_inclusion", "the proof is of another index than the log states")
            return index, read
        time.sleep(1)
    raise Unavailable("not_ready", f"sequenced at index {index}, and no quorum has witnessed it yet: submit it again")
