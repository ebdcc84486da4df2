"""Every kind of file that a hub, a county and a mirror store, each with the check that must find what is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.county.auditing import SqliteAuditStore
from hub.county.auditor import Auditor
from hub.county.inspection import check_county
from hub.county.mirroring import MirroredLog
from hub.county.witness import Witness, WitnessStore, log_keys
from hub.database import open_reader, open_writer
from hub.envelope import FaceCipher
from hub.filesums import check_remembered, remember_files
from hub.governance.founding import open_hub_keys
from hub.journal.sealed import JournalSeal
from hub.mirror.check import check_mirror
from hub.mirror.folder import MirrorFolder
from hub.mirror.mirror import Mirror
from hub.rowsums import check_sums
from hub.sources.vault import VAULT_SCHEMA, VaultStore
from hub.upkeep.fsck import check_stores, pinned_in
from ledger.anchor import TrustAnchor
from ledger.deposits import Deposit
from ledger.entries import build_status
from ledger.refusal import sign_refusal
from ledger.status import Status
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.policy import Policy
from ledger.transparency.tiles import TilePath
from ledger.transparency.witness import AddCheckpoint
from tests.alliance import NOW, found_alliance, identifier_of, license_of
from tests.entropy import seeded, signer_of
from tests.folder_log import FolderLog
from tests.hub_folder import PASSPHRASE, HubFolder, signers
from tests.ports import FakeClock

__all__ = ["Kind", "stored_files"]

_COUNTY: Final = "370214"
_LATER: Final = NOW + 3600


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind, of which one is damaged at a time. check: raises a TongbanError if anything is wrong."""

    name: str
    files: tuple[Path, ...]
    check: Callable[[], object]
    is_database: bool = False


@contextmanager
def stored_files(folder: Path) -> Iterator[list[Kind]]:
    """Make a hub with work behind it, a county with licenses, witness and auditor, and a mirror; give what they keep."""
    hub = _hub(folder)
    county = _county(folder / "alliance", hub)
    mirror = _mirror(folder / "mirror", hub)
    yield [*_hub_kinds(hub), *_county_kinds(county), *_mirror_kinds(mirror, hub)]


def _hub(folder: Path) -> HubFolder:
    hub = HubFolder.make(folder)
    hub.work(30, accesses=2)
    hub.work(240, revoke=[3])
    hub.work(3, revoke=[4])
    _one_file(hub.data / "ledger.sqlite")
    _one_file(hub.data / "journal.sqlite")
    return hub


def _one_file(path: Path) -> None:
    """Move the write-ahead log into the file, as a stop in order does."""
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()


def _hub_kinds(hub: HubFolder) -> list[Kind]:
    data, vault = hub.data, hub.data / "vault.sqlite"
    remember_files(data)

    def check() -> None:
        check_remembered(data)
        check_stores(data, pinned_in(data))

    def check_vault() -> None:
        with closing(open_reader(vault)) as connection:
            check_sums(connection, VAULT_SCHEMA.split(";\n"))

    small = [data / name for name in ("genesis", "policy", "log.vkey", "hub-jwks.json", "sums")]
    return [
        Kind("ledger.sqlite", (data / "ledger.sqlite",), check, is_database=True),
        Kind("journal.sqlite", (data / "journal.sqlite",), check, is_database=True),
        Kind("vault.sqlite", (vault,), check_vault, is_database=True),
        Kind("pinned files", tuple(small), check),
        Kind("keys of the hub", tuple(sorted((data / "keys").iterdir())), check),
    ]


def _county(folder: Path, hub: HubFolder) -> Path:
    """Found two counties; seal licenses in one, deposit their faces, let its witness and auditor cosign and refuse."""
    folder.mkdir()
    alliance = found_alliance(folder)
    node, data = alliance.nodes[_COUNTY], folder / _COUNTY
    vault = VaultStore(hub.data / "vault.sqlite", FaceCipher(bytes(32), seeded("vault")), lambda _leaf: True)
    for number in range(1, 9):
        node.seal(license_of(number), NOW)
        face = node.records.face(str(identifier_of(number)))
        assert face is not None
        vault.deposit(_COUNTY, face.sd_jwt, NOW)
    vault.erase(_COUNTY, str(identifier_of(8)))
    vault.close()
    alliance.close()
    _witnessed(data, hub)
    _audited(data, hub)
    for name in ("records.sqlite", "witness.sqlite", "auditor.sqlite"):
        _one_file(data / name)
    _one_file(hub.data / "vault.sqlite")
    remember_files(data)
    return data


def _witnessed(data: Path, hub: HubFolder) -> None:
    """Let a witness of the hub's log cosign its checkpoint, and refuse an old one."""
    for name in ("policy", "genesis"):
        (data / name).write_bytes((hub.data / name).read_bytes())
    with FolderLog(hub.data).client() as client, closing(WitnessStore(data / "witness.sqlite")) as store:
        logs = log_keys(Policy.parse((data / "policy").read_bytes()))
        witness = Witness(store, logs=logs, name="w.example/witness", signer=signer_of("w"), clock=lambda: NOW)
        note = client.get("/ledger/checkpoint").content
        asked = [witness.add_checkpoint(AddCheckpoint.of(old, (), note).format()).status for old in (0, 7)]
    assert asked == [200, 409]


def _audited(data: Path, hub: HubFolder) -> None:
    """Let an auditor cosign the same checkpoint, refuse it when a deposit is left out, and another tree at once."""
    anchor, clock, log = _anchor(hub), FakeClock(NOW), FolderLog(hub.data)
    key = anchor.policy.logs[0].key
    with closing(SqliteAuditStore(data / "auditor.sqlite")) as store:
        auditor = Auditor(
            store,
            MirroredLog(store, log.read(), genesis=anchor.genesis, log_key=key, clock=clock),
            name="a.example/auditor",
            signer=signer_of("a"),
            refuse=lambda refusal: sign_refusal(refusal, kid=f"{_COUNTY}#1", signer=signers[f"{_COUNTY}#1"]),
            clock=clock,
        )
        note = log.client().get("/ledger/checkpoint").content
        fork = Checkpoint(origin=key.name, size=200, root=bytes(32))
        other = sign_checkpoint(fork, key.name, open_hub_keys(hub.data, PASSPHRASE).log)
        asked = [auditor.add_checkpoint(AddCheckpoint.of(0, (), each).format()).status for each in (note, other)]
        seal = leaf_hash(store.reader().entries(5, 6)[0])
        hidden = build_status(
            of=5, leaf=seal, to=Status.REVOKED, reason="04", iat=NOW, kid=f"{_COUNTY}#2", signer=signers[f"{_COUNTY}#2"]
        )
        store.deposit(Deposit(raw=hidden, deposited_at=NOW))
        clock.advance(301)
        size = auditor.replay.size
        asked.append(auditor.add_checkpoint(AddCheckpoint.of(size, (), note).format()).status)
    assert asked == [200, 409, 422]


def _county_kinds(data: Path) -> list[Kind]:
    names = ("county.json", "member.json", "genesis", "policy", "hub-jwks.json", "sums")

    def check() -> object:
        return check_county(data)

    return [
        Kind("records.sqlite", (data / "records.sqlite",), check, is_database=True),
        Kind("witness.sqlite", (data / "witness.sqlite",), check, is_database=True),
        Kind("auditor.sqlite", (data / "auditor.sqlite",), check, is_database=True),
        Kind("files of the county", tuple(data / name for name in names), check),
        Kind("keys of the county", tuple(sorted(each for each in (data / "keys").iterdir() if each.is_file())), check),
    ]


def _mirror(folder: Path, hub: HubFolder) -> MirrorFolder:
    mirror = MirrorFolder(folder)
    Mirror(mirror, FolderLog(hub.data).read(), _anchor(hub)).run(_LATER)
    return mirror


def _anchor(hub: HubFolder) -> TrustAnchor:
    return TrustAnchor(Policy.parse((hub.data / "policy").read_bytes()), (hub.data / "genesis").read_bytes())


def _mirror_kinds(mirror: MirrorFolder, hub: HubFolder) -> list[Kind]:
    anchor, root = _anchor(hub), mirror.path
    seal = JournalSeal(open_hub_keys(hub.data, PASSPHRASE).vault, seeded("not used"))
    sealed = sorted(path for path in (root / "journal").rglob("*") if path.is_file())
    others = sorted(
        path for path in root.rglob("*")
        if path.is_file() and path not in sealed and "current" not in path.parts and not path.is_symlink()
    )  # fmt: skip

    def check() -> object:
        return check_mirror(mirror, anchor, now=_LATER)

    def check_sealed() -> None:
        for path in sealed:
            at = TilePath.parse(f"tile/0/{path.relative_to(root / 'journal' / 'sealed')}")
            seal.open(at.number, at.width, path.read_bytes())

    return [
        Kind("mirror", tuple(others), check),
        Kind("mirror: sealed journal", tuple(sealed), check_sealed),
    ]
