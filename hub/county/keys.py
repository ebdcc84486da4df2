"""The keys of a county node: four uses that the ledger lists, one or two that cosign, and two secrets.

kid        use       file                 signs
370214#1   govern    keys/govern.pem      member and rule entries
370214#2   seal      keys/seal.pem        seals and status entries
370214#3   client    keys/client.pem      assertions for access tokens
370214#4   journal   keys/journal.pem     journal records
370214#5   seal      keys/seal-5.pem      what `tongban county rotate` made: the number is that of the kid
-          -         keys/witness.pem     cosignatures, as 370214.<alliance domain>/witness (type 0x04)
-          -         keys/auditor-2.pem   cosignatures, as 370214.<alliance domain>/auditor (type 0x04), its second key

A cosigner key stands for one set of statements: a witness says that the log only grew, an auditor also that it has
replayed every entry. So one county's two cosigners never share a key. An auditor's is made only where the county runs
one: by `county init --auditor`, or later by `county rotate --use auditor`.

keys/records.key   key-encryption key of the record store      keys/holder.key   the alliance's holder key

Which key signs is decided by the ledger, never by this folder: for each use the newest of the county's own keys that
the verified chain of member entries lists as active (`KeyRing.chosen`), and of a cosigner the newest that the policy
names. Before there is a genesis the first ones are meant. A key in a token has `.token` in place of `.pem`
(hub/county/hsm.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.county.hsm import TokenKey
from hub.keyfiles import create_secret, create_signer, make_private_folder, read_secret, read_signer, write_private
from ledger.errors import Malformed, NotVerified
from ledger.suites import SUITES
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey

if TYPE_CHECKING:
    from ledger.members import KeyState
    from ledger.signers import Signer
    from ledger.suites import PublicKey

__all__ = [
    "COSIGNERS",
    "USES",
    "CountyKeys",
    "KeyRing",
    "OwnKey",
    "auditor_name",
    "create_keys",
    "open_keys",
    "witness_name",
]

USES: Final = ("govern", "seal", "client", "journal")
"""Uses of the listed keys; a county's first key number n serves USES[n - 1]."""

COSIGNERS: Final = ("witness", "auditor")
_COUNTY: Final = re.compile(r"[0-9]{6}")
_FILE: Final = re.compile(rf"({'|'.join((*USES, *COSIGNERS))})(?:-([1-9][0-9]{{0,5}}))?\.(pem|token)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A key of the county. number: of its kid; of a cosigner, which has none, its own count from 1."""

    county: str
    use: str
    number: int
    signer: Signer

    @property
    def kid(self) -> str:
        """The kid under which the ledger lists it."""
        return f"{self.county}#{self.number}"

    def is_active(self, state: KeyState) -> bool:
        """Tell whether a key state lists it, for its use, and has not ended it."""
        listed = state.keys.get(self.kid)
        return (
            listed is not None
            and listed.public_key == self.signer.public_key
            and listed.revoked is None
            and self.use in listed.uses
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyKeys:
    """The keys that sign for one county now. records, holder: secrets.

    signing: by use, none where no key is active. cosigning: by role, no auditor where there is no key for one.
    """

    county: str
    signing: Mapping[str, OwnKey]
    cosigning: Mapping[str, Signer]
    records: bytes = field(repr=False)
    holder: bytes = field(repr=False)

    def key(self, use: str) -> OwnKey:
        """Give the key that serves `use`. Raises NotVerified key_not_active: the ledger lists none of ours for it."""
        key = self.signing.get(use)
        if key is None:
            raise NotVerified("key_not_active", f"the ledger has no active {use} key of {self.county} that is here")
        return key

    def kid(self, use: str) -> str:
        """Give the kid of the key that serves `use`. Raises as `key`."""
        return self.key(use).kid

    @property
    def govern(self) -> Signer:
        """Signs member and rule entries. Raises as `key`; so do the three that follow."""
        return self.key("govern").signer

    @property
    def seal(self) -> Signer:
        """Signs seals and status entries."""
        return self.key("seal").signer

    @property
    def client(self) -> Signer:
        """Signs assertions for access tokens."""
        return self.key("client").signer

    @property
    def journal(self) -> Signer:
        """Signs journal records."""
        return self.key("journal").signer

    @property
    def witness(self) -> Signer:
        """Cosigns as the county's witness."""
        return self.cosigning["witness"]

    @property
    def auditor(self) -> Signer:
        """Cosigns as the county's auditor. Raises Malformed bad_file: there is no key for one."""
        signer = self.cosigning.get("auditor")
        if signer is None:
            raise Malformed(
                "bad_file", f"{self.county} has no auditor's key: `tongban county rotate --use auditor` makes one"
            )
        return signer

    def public_keys(self) -> dict[str, PublicKey]:
        """Give the public halves of the keys that sign now, by use."""
        return {use: self.key(use).signer.public_key for use in USES}

    def witness_key(self, domain: str) -> VerifierKey:
        """Give the public key of the witness, which carries its name."""
        return VerifierKey.of(witness_name(self.county, domain), COSIGNATURE_ED25519, self.witness)

    def auditor_key(self, domain: str) -> VerifierKey:
        """Give the public key of the auditor, which carries its name. Raises as `auditor`."""
        return VerifierKey.of(auditor_name(self.county, domain), COSIGNATURE_ED25519, self.auditor)


def witness_name(county: str, domain: str) -> str:
    """Name the witness of a county in an alliance: `370214.tongban.example/witness`."""
    return f"{county}.{domain}/witness"


def auditor_name(county: str, domain: str) -> str:
    """Name the auditor of a county in an alliance: `370214.tongban.example/auditor`."""
    return f"{county}.{domain}/auditor"


class KeyRing:
    """Every key in a county's key folder, each file opened once. Its methods are called by one thread at a time.

    A key that another process has added comes with `reload`. Raises Malformed bad_file (missing, readable by others,
    wrong passphrase).
    """

    def __init__(self, folder: Path, county: str, passphrase: bytes) -> None:
        self.county: Final = county
        self._folder: Final = folder
        self._passphrase: Final = passphrase
        self._opened: dict[str, OwnKey] = {}
        self.records: Final = read_secret(folder / "records.key")
        self._holder: Final = read_secret(folder / "holder.key")
        self.reload()

    def reload(self) -> None:
        """Open the key files that are not open yet."""
        for path in sorted(self._folder.iterdir()):
            found = _FILE.fullmatch(path.name)
            if found is not None and path.name not in self._opened:
                use = found[1]
                number = int(found[2] or (USES.index(use) + 1 if use in USES else 1))
                signer: Signer = TokenKey.open(path) if found[3] == "token" else read_signer(path, self._passphrase)
                self._opened[path.name] = OwnKey(county=self.county, use=use, number=number, signer=signer)

    def keys(self, use: str) -> list[OwnKey]:
        """Give the keys for a use, the oldest first; of an auditor there may be none. Raises Malformed bad_file."""
        found = sorted((key for key in self._opened.values() if key.use == use), key=lambda key: key.number)
        if not found and use != "auditor":
            raise Malformed("bad_file", f"there is no {use} key in the key folder")
        return found

    def chosen(self, state: KeyState | None, cosigners: Collection[bytes] = ()) -> CountyKeys:
        """Choose the keys that sign under a key state; None: there is none yet, and the first of each use is meant.

        cosigners: public keys, 32 bytes each, of the witnesses that the policy names.
        """
        signing: dict[str, OwnKey] = {}
        for use in USES:
            own = self.keys(use)
            active = own[:1] if state is None else [key for key in own if key.is_active(state)]
            if active:
                signing[use] = active[-1]
        cosigning = {role: _named(own, cosigners) for role in COSIGNERS if (own := self.keys(role))}
        return CountyKeys(
            county=self.county, signing=signing, cosigning=cosigning, records=self.records, holder=self._holder
        )

    def next_number(self, use: str, state: KeyState | None) -> int:
        """Give the number that a new key gets: above every one that the folder or the ledger knows."""
        if use in COSIGNERS:
            return max((key.number for key in self.keys(use)), default=0) + 1
        listed = [kid.partition("#") for kid in (state.keys if state is not None else ())]
        numbers = [int(number) for county, _, number in listed if county == self.county]
        own = [key.number for key in self._opened.values() if key.use in USES]
        return max(*own, *numbers, len(USES)) + 1

    def add(self, use: str, number: int, alg: str, random: Callable[[int], bytes]) -> OwnKey:
        """Make a new key and its file. Raises Conflict already_exists, Malformed unknown_alg."""
        create_signer(self._folder / f"{use}-{number}.pem", alg, self._passphrase, random)
        return self._added(use, number)

    def add_token(self, use: str, number: int, key: TokenKey) -> OwnKey:
        """Note a key that a token holds. Raises Conflict already_exists."""
        write_private(self._folder / f"{use}-{number}.token", key.text())
        return self._added(use, number)

    def _added(self, use: str, number: int) -> OwnKey:
        self.reload()
        return next(key for key in self.keys(use) if key.number == number)


def _named(own: Sequence[OwnKey], cosigners: Collection[bytes]) -> Signer:
    """Choose of a cosigner's keys the newest that the policy names, or the first."""
    return next((key.signer for key in reversed(own) if key.signer.public_key.x in cosigners), own[0].signer)


def create_keys(
    folder: Path,
    *,
    county: str,
    passphrase: bytes,
    holder: bytes,
    random: Callable[[int], bytes],
    seal_alg: str,
    seal_token: TokenKey | None = None,
    auditor: bool = False,
) -> CountyKeys:
    """Make all keys of a county in a folder of mode 0700; a key that is there already is never overwritten.

    seal_alg: suite of the seal key; the others are Ed25519. seal_token: the seal key lies in a token. auditor: also one
    for an auditor. Raises Malformed bad_setting, unknown_alg (then nothing is made), bad_file; Conflict already_exists.
    """
    if not _COUNTY.fullmatch(county):
        raise Malformed("bad_setting", "a county is its 6-digit division code")
    if seal_alg not in SUITES:
        raise Malformed("unknown_alg", f"expected one of {', '.join(SUITES)}")
    make_private_folder(folder)
    for use in (*USES, *(COSIGNERS if auditor else COSIGNERS[:1])):
        if use == "seal" and seal_token is not None:
            write_private(folder / "seal.token", seal_token.text())
        else:
            create_signer(folder / f"{use}.pem", seal_alg if use == "seal" else "Ed25519", passphrase, random)
    create_secret(folder / "records.key", random(32))
    create_secret(folder / "holder.key", holder)
    return open_keys(folder, county, passphrase)


def open_keys(folder: Path, county: str, passphrase: bytes) -> CountyKeys:
    """Open the first keys of a county. Raises Malformed bad_file (missing, readable by others, wrong passphrase)."""
    return KeyRing(folder, county, passphrase).chosen(None)
