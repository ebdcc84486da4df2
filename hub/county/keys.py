"""The keys of a county node: four that the ledger lists, two that cosign, and two secrets.

kid        use       file                 signs
370214#1   govern    keys/govern.pem      member and rule entries
370214#2   seal      keys/seal.pem        seals and status entries
370214#3   client    keys/client.pem      assertions for access tokens
370214#4   journal   keys/journal.pem     journal records
-          -         keys/witness.pem     cosignatures, as 370214.<alliance domain>/witness (type 0x04)
-          -         keys/auditor.pem     cosignatures, as 370214.<alliance domain>/auditor (type 0x04)

A cosigner key stands for one set of statements: a witness says that the log only grew, an auditor also that it has
replayed every entry. So one county's two cosigners never share a key.

keys/records.key   key-encryption key of the record store      keys/holder.key   the alliance's holder key
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.keyfiles import create_secret, create_signer, make_private_folder, read_secret, read_signer
from ledger.errors import Malformed
from ledger.suites import SUITES
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.signers import Signer
    from ledger.suites import PublicKey

__all__ = ["USES", "CountyKeys", "auditor_name", "create_keys", "open_keys", "witness_name"]

USES: Final = ("govern", "seal", "client", "journal")
"""Uses of the four listed keys; key number n of a county serves USES[n - 1]."""

_COUNTY: Final = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyKeys:
    """The opened keys of one county. records, holder: 32 secret bytes each."""

    county: str
    govern: Signer
    seal: Signer
    client: Signer
    journal: Signer
    witness: Signer
    auditor: Signer
    records: bytes = field(repr=False)
    holder: bytes = field(repr=False)

    def kid(self, use: str) -> str:
        """Give the kid of the key that serves `use`."""
        return f"{self.county}#{USES.index(use) + 1}"

    def public_keys(self) -> dict[str, PublicKey]:
        """Give the public halves of the four listed keys by use."""
        signers = zip(USES, (self.govern, self.seal, self.client, self.journal), strict=True)
        return {use: signer.public_key for use, signer in signers}

    def witness_key(self, domain: str) -> VerifierKey:
        """Give the public key of the witness, which carries its name."""
        return VerifierKey.of(witness_name(self.county, domain), COSIGNATURE_ED25519, self.witness)

    def auditor_key(self, domain: str) -> VerifierKey:
        """Give the public key of the auditor, which carries its name."""
        return VerifierKey.of(auditor_name(self.county, domain), COSIGNATURE_ED25519, self.auditor)


def witness_name(county: str, domain: str) -> str:
    """Name the witness of a county in an alliance: `370214.tongban.example/witness`."""
    return f"{county}.{domain}/witness"


def auditor_name(county: str, domain: str) -> str:
    """Name the auditor of a county in an alliance: `370214.tongban.example/auditor`."""
    return f"{county}.{domain}/auditor"


def create_keys(
    folder: Path, *, county: str, passphrase: bytes, holder: bytes, random: Callable[[int], bytes], seal_alg: str
) -> CountyKeys:
    """Make all keys of a county in a folder of mode 0700; a key that is there already is never overwritten.

    seal_alg: suite of the seal key; the others are Ed25519. Raises Malformed bad_setting, unknown_alg (then nothing is
    made), bad_file; Conflict already_exists.
    """
    if not _COUNTY.fullmatch(county):
        raise Malformed("bad_setting", "a county is its 6-digit division code")
    if seal_alg not in SUITES:
        raise Malformed("unknown_alg", f"expected one of {', '.join(SUITES)}")
    make_private_folder(folder)
    for use in (*USES, "witness", "auditor"):
        alg = seal_alg if use == "seal" else "Ed25519"
        create_signer(folder / f"{use}.pem", alg, passphrase, random)
    create_secret(folder / "records.key", random(32))
    create_secret(folder / "holder.key", holder)
    return open_keys(folder, county, passphrase)


def open_keys(folder: Path, county: str, passphrase: bytes) -> CountyKeys:
    """Open all keys of a county. Raises Malformed bad_file (missing, readable by others, wrong passphrase)."""
    return CountyKeys(
        county=county,
        govern=read_signer(folder / "govern.pem", passphrase),
        seal=read_signer(folder / "seal.pem", passphrase),
        client=read_signer(folder / "client.pem", passphrase),
        journal=read_signer(folder / "journal.pem", passphrase),
        witness=read_signer(folder / "witness.pem", passphrase),
        auditor=read_signer(folder / "auditor.pem", passphrase),
        records=read_secret(folder / "records.key"),
        holder=read_secret(folder / "holder.key"),
    )
