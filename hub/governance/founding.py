"""Founding an alliance: the hub's keys, the draft of genesis and policy, and the one way to a new ledger.

    1. hub       make_hub_keys         keys/{log,token}.pem, keys/{vault,holder}.key, log.vkey, hub-jwks.json
    2. counties  init_county           each makes its keys and hands its member file over (hub/county/node.py)
    3. hub       draft_genesis, draft_policy         what all members are asked to sign, and whom verifiers will trust
    4. counties  CountyNode.sign_genesis             each signs with its govern key
    5. hub       found_ledger          genesis, policy and an empty log with genesis as entry 0

The server never does any of this by itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.auth import TokenIssuer
from hub.county.member import MemberFile
from hub.database import missing
from hub.folderfiles import locked_folder, sync_folder
from hub.journal.writer import create_journal
from hub.keyfiles import (
    create_secret,
    create_signer,
    founded_folder,
    make_private_folder,
    read_secret,
    read_signer,
    write_private,
)
from hub.log.ledgerfile import create_ledger
from hub.urls import log_url
from ledger.entries import MEMBER_TYP, MemberChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified
from ledger.governance import member_payload, parse_member
from ledger.jws import join_general, unsigned_jws
from ledger.members import KeyState
from ledger.signers import Signer, SoftwareSigner
from ledger.suites import verify
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from ledger.transparency.policy import Policy

__all__ = [
    "HubKeys",
    "check_founder",
    "draft_genesis",
    "draft_policy",
    "found_ledger",
    "log_key",
    "make_hub_keys",
    "open_hub_keys",
    "write_drafts",
]

_GROUP: Final = "province-{}"
_LEDGER: Final = "ledger.sqlite"
_FOUNDED: Final = ("policy", "genesis", "journal.sqlite", _LEDGER)
_ASIDE: Final = "founding"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKeys:
    """The opened keys of a hub. vault, holder: 32 secret bytes each."""

    log: Signer
    token: Signer
    vault: bytes = field(repr=False)
    holder: bytes = field(repr=False)


def make_hub_keys(
    data: Path, *, origin: str, passphrase: bytes, holder: bytes, random: Callable[[int], bytes]
) -> VerifierKey:
    """Make the hub's keys in `<data>/keys`, and give the log's public key, whose name is the origin.

    holder: the alliance's holder key, 32 bytes, the same at every member. Raises Conflict already_exists, Malformed
    bad_vkey; nothing is left behind then.
    """
    folder = data / "keys"
    log = SoftwareSigner.generate("Ed25519", random)
    key = log_key(origin, log)
    with founded_folder(data, ("keys", "log.vkey", "hub-jwks.json")):
        make_private_folder(folder)
        write_private(folder / "log.pem", log.to_pkcs8(passphrase))
        token = create_signer(folder / "token.pem", "Ed25519", passphrase, random)
        create_secret(folder / "vault.key", random(32))
        create_secret(folder / "holder.key", holder)
        write_private(data / "log.vkey", key.vkey().encode() + b"\n")
        write_private(data / "hub-jwks.json", TokenIssuer(token, issuer="", random=random).jwks())
    return key


def log_key(origin: str, log: Signer) -> VerifierKey:
    """Give the log's public key under its origin."""
    return VerifierKey.of(origin, NOTE_ED25519, log)


def open_hub_keys(data: Path, passphrase: bytes) -> HubKeys:
    """Open the hub's keys. Raises Malformed bad_file (missing, readable by others, wrong passphrase)."""
    folder = data / "keys"
    return HubKeys(
        log=read_signer(folder / "log.pem", passphrase),
        token=read_signer(folder / "token.pem", passphrase),
        vault=read_secret(folder / "vault.key"),
        holder=read_secret(folder / "holder.key"),
    )


def draft_genesis(members: Sequence[MemberFile], *, origin: str, k: int, iat: int) -> str:
    """Write the payload part of genesis, which every listed member then signs. k: how many sign a later change."""
    if len({member.county for member in members}) != len(members):
        raise Malformed("bad_file", "a county is named twice")
    if not 1 <= k <= len(members):
        raise Malformed("bad_setting", f"k = {k} of {len(members)} members")
    return member_payload(iat=iat, k=k, origin=origin, members=[member.row for member in members])


def draft_policy(members: Sequence[MemberFile], *, log: VerifierKey, url: str, provinces_needed: int) -> bytes:
    """Write a policy with one group a province: all of its cosigners but one (of one or two: all), and k provinces.

    So one silent witness in a province of three or more never blocks, and two disjoint quorums need two dishonest
    provinces. A person may edit the file before it is used. Raises Malformed bad_policy, bad_setting (url).
    """
    lines = [f"log {log.vkey()} {log_url(url, 'URL of the ledger')}"]
    groups: dict[str, list[str]] = {}
    for member in sorted(members, key=lambda each: each.county):
        name, key, submission_url = member.cosigner
        lines.append(f"witness {name} {key.vkey()} {submission_url}")
        groups.setdefault(member.county[:2], []).append(name)
    for province, names in groups.items():
        needed = len(names) if len(names) <= 2 else len(names) - 1
        lines.append(f"group {_GROUP.format(province)} {needed} {' '.join(names)}")
    provinces = " ".join(_GROUP.format(province) for province in groups)
    lines += [f"group alliance {provinces_needed} {provinces}", "quorum alliance"]
    policy = "\n".join(lines).encode() + b"\n"
    Policy.parse(policy)
    return policy


def write_drafts(data: Path, genesis: Callable[[int], str], policy: bytes, *, now: int, anew: bool) -> bool:
    """Write genesis.draft and policy.draft; False if they say the same already, so that signatures go on fitting them.

    genesis: makes the payload for a time. now: POSIX seconds. anew: write over drafts that say something else. Raises
    Conflict already_exists, Malformed bad_file (the folder).
    """
    make_private_folder(data)
    drafted, named = data / "genesis.draft", data / "policy.draft"
    if not anew and (drafted.exists() or named.exists()):
        if _says(drafted, genesis) and named.exists() and named.read_bytes() == policy:
            return False
        raise Conflict(
            "already_exists", "other drafts are there already: --force writes new ones, which no older signature fits"
        )
    drafted.write_text(genesis(now), encoding="ascii")
    named.write_bytes(policy)
    return True


def _says(drafted: Path, genesis: Callable[[int], str]) -> bool:
    """Tell whether a draft of genesis says what is wanted, whenever it was made."""
    try:
        held = drafted.read_text("ascii")
        return genesis(parse_member(unsigned_jws(MEMBER_TYP, held)).iat) == held
    except (FileNotFoundError, UnicodeDecodeError, Malformed):
        return False


def check_founder(payload: str, county: str, protected: str, signature: str) -> None:
    """Check one member's signature over a genesis draft.

    Raises NotVerified unknown_kid (the draft does not list the key), bad_signature; Malformed (form).
    """
    entry = parse_entry(join_general(payload, [(protected, signature)]))
    rows = entry.members if isinstance(entry, MemberChange) else ()
    listed = {key.kid: key.public_key for row in rows if row.county == county for key in row.keys}
    (signed,) = entry.signatures
    if signed.kid not in listed:
        raise NotVerified("unknown_kid", f"the draft does not list {signed.kid} as a key of {county}")
    try:
        verify(listed[signed.kid], signed.message, signed.signature)
    except NotVerified as error:
        raise NotVerified("bad_signature", f"the signature of {county} is not over this draft: sign it anew") from error


def found_ledger(
    data: Path,
    *,
    payload: str,
    signatures: Mapping[str, tuple[str, str]],
    policy: bytes,
    passphrase: bytes,
) -> bytes:
    """Create the ledger from the signed genesis, and give the genesis bytes, which verifiers pin.

    signatures: (protected, signature) of each member by county. All is made in `<data>/founding` and moved into place,
    the ledger last: while it stands there, nothing was ever served from this folder, and a founding that was cut off is
    done again. Raises Conflict already_exists when there is a log, or was one, Malformed and NotVerified when genesis
    or policy do not fit together.
    """
    with locked_folder(data):
        _check_unfounded(data)
        genesis = join_general(payload, list(signatures.values()))
        log = open_hub_keys(data, passphrase).log
        if [each.key for each in Policy.parse(policy).logs] != [log_key(_origin(genesis), log)]:
            raise Malformed("bad_policy", "the policy does not name this hub's log, and it alone")
        aside = _room(data)
        try:
            write_private(aside / "policy", policy)
            write_private(aside / "genesis", genesis)
            create_journal(aside / "journal.sqlite")
            create_ledger(aside / _LEDGER, genesis, signer=log)
        except BaseException:
            shutil.rmtree(aside)
            raise
        for file in _FOUNDED:
            (aside / file).replace(data / file)
        sync_folder(data)
        shutil.rmtree(aside)
    return genesis


def _check_unfounded(data: Path) -> None:
    """Refuse a second log under the same key: also where the first one's files are there in part."""
    if (data / _LEDGER).exists():
        raise Conflict("already_exists", "there is a ledger in this folder already")
    left = any((data / name).exists() for name in ("genesis", "journal.sqlite"))
    if left and not (data / _ASIDE / _LEDGER).exists():
        raise Conflict("already_exists", missing(data / _LEDGER).message)


def _room(data: Path) -> Path:
    """Make an empty folder aside, after what a founding left that was cut off."""
    aside = data / _ASIDE
    if (aside / _LEDGER).exists():
        for file in _FOUNDED:
            (data / file).unlink(missing_ok=True)
    if aside.exists():
        shutil.rmtree(aside)
    make_private_folder(aside)
    return aside


def _origin(genesis: bytes) -> str:
    entry = parse_entry(genesis)
    if not isinstance(entry, MemberChange) or entry.origin is None:
        raise Malformed("bad_payload", "genesis is a member entry with an origin")
    KeyState.genesis(entry)  # every listed member signed, before a file is made
    return entry.origin
