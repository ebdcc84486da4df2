"""A small alliance of real county nodes in temporary folders, its genesis, policy and key state; every key seeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from hub.auth import TokenIssuer
from hub.county import CountyNode, LicenseHolder, LicenseRecord, init_county, open_county
from hub.county.member import MemberFile
from ledger.encoding import JsonValue
from ledger.entries import MemberChange, parse_entry
from ledger.governance import member_payload
from ledger.identifiers import LicenseIdentifier, Uscc
from ledger.jws import join_general
from ledger.members import KeyState
from ledger.signers import SoftwareSigner
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from tests.entropy import seeded, signer_of

__all__ = [
    "DOMAIN",
    "HUB_URL",
    "NOW",
    "ORIGIN",
    "PASSPHRASE",
    "Alliance",
    "found_alliance",
    "identifier_of",
    "license_of",
]

NOW: Final = 1_780_304_400  # 2026-06-01T09:00:00Z
DOMAIN: Final = "tongban.example"
HUB_URL: Final = "https://hub.example"
ORIGIN: Final = "hub.example/ledger"
PASSPHRASE: Final = b"correct horse"
_HOLDER_KEY: Final = seeded("holder key")(32)
_TYPE: Final = "11100000MB0143028R001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alliance:
    """Opened nodes by county, what all of them pinned, and the hub's own keys."""

    nodes: Mapping[str, CountyNode]
    members: Mapping[str, MemberFile]
    genesis: bytes
    policy: bytes
    state: KeyState
    log: SoftwareSigner
    issuer: TokenIssuer

    def close(self) -> None:
        """Close every folder."""
        for node in self.nodes.values():
            node.close()


def found_alliance(
    folder: Path,
    counties: tuple[str, ...] = ("320583", "370214"),
    *,
    seal_algs: Mapping[str, str] | None = None,
    k: int = 1,
    silent: int = 0,
) -> Alliance:
    """Make nodes, let all of them sign genesis, and put genesis, policy and JWK set into their folders.

    seal_algs: suites of seal keys by county; Ed25519 where none is named. k: how many members sign a later change.
    silent: how many witnesses a quorum can do without.
    """
    log, issuer = signer_of("log"), TokenIssuer(signer_of("hub token"), issuer=HUB_URL, random=seeded("hub jti"))
    members = {
        county: init_sample(folder / county, county, (seal_algs or {}).get(county, "Ed25519")) for county in counties
    }
    nodes = {county: open_county(folder / county, PASSPHRASE, random=seeded(f"node {county}")) for county in counties}
    payload = member_payload(iat=NOW - 60, k=k, origin=ORIGIN, members=[each.row for each in members.values()])
    genesis = join_general(payload, [nodes[county].sign_genesis(payload) for county in counties])
    policy = policy_of(members, VerifierKey.of(ORIGIN, NOTE_ED25519, log), needed=len(members) - silent)
    for county in counties:
        for name, data in (("genesis", genesis), ("policy", policy), ("hub-jwks.json", issuer.jwks())):
            (folder / county / name).write_bytes(data)
    entry = parse_entry(genesis)
    assert isinstance(entry, MemberChange)
    return Alliance(
        nodes=nodes,
        members=members,
        genesis=genesis,
        policy=policy,
        state=KeyState.genesis(entry),
        log=log,
        issuer=issuer,
    )


def init_sample(folder: Path, county: str, seal_alg: str = "Ed25519") -> MemberFile:
    """Make the folder of one county, a member of this alliance or not yet."""
    return init_county(
        folder,
        county=county,
        name="示例县",
        domain=DOMAIN,
        listen_url=f"https://{county}.example",
        hub_url=HUB_URL,
        passphrase=PASSPHRASE,
        holder_key=_HOLDER_KEY,
        random=seeded(f"init {county}"),
        now=NOW - 60,
        seal_alg=seal_alg,
    )


def policy_of(members: Mapping[str, MemberFile], log: VerifierKey, *, needed: int) -> bytes:
    """Write a policy of which any `needed` of the members' cosigners are a quorum."""
    lines = [f"log {log.vkey()} {HUB_URL}/ledger"]
    cosigners = [each.cosigner for each in members.values()]
    lines += [f"witness {name} {key.vkey()} {url}" for name, key, url in cosigners]
    names = " ".join(name for name, _, _ in cosigners)
    return "\n".join([*lines, f"group all-of-them {needed} {names}", "quorum all-of-them", ""]).encode()


def identifier_of(number: int, county: str = "370214") -> LicenseIdentifier:
    """Give the identifier of the sample license of that number, issued by an authority of the county."""
    return LicenseIdentifier.make(_TYPE, str(Uscc.make(f"11{county}", "MB200000")), f"{number:018d}", 1)


def license_of(
    number: int = 1,
    *,
    county: str = "370214",
    name: str = "示例食品店",
    expires: date | None = None,
    extend: Mapping[str, JsonValue] | None = None,
) -> LicenseRecord:
    """Give a sample license; every one of a number has the same content unless told otherwise."""
    return LicenseRecord(
        certificate_identifier=identifier_of(number, county),
        certificate_name="营业执照",
        certificate_type_name="营业执照",
        certificate_number=f"SD-{number}",
        certificate_issuing_authority_name="示例市场监督管理局",
        certificate_issuing_authority_code=identifier_of(number, county).issuer,
        certificate_issued_date=date(2026, 4, 1),
        certificate_area_code=county,
        holders=(LicenseHolder(name=name, type_code="001", code="92370214MA3C00000X"),),
        certificate_effective_date=date(2026, 4, 1),
        certificate_expiring_date=expires,
        extend_info={"KZ_ADDRESS": "示例路1号"} if extend is None else extend,
    )
