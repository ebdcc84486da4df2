"""Go's checksum-database packages and Tessera's fsck read our live log, and refuse what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.keyfiles import read_passphrase, read_signer
from hub.partner import ask
from ledger.encoding import b64_encode
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, Note, VerifierKey
from tests.command_line import tongban
from tests.entropy import signer_of
from tests.interop.live_log import Readers, build_programs
from tests.live_alliance import LIVE_COUNTIES, LiveAlliance
from tests.static_server import served

pytestmark = pytest.mark.timeout(1800)  # the first one builds programs, and fetches what they are made of


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    """Give a log that both programs visited three times: new, past one full tile, and past two."""
    folder = tmp_path_factory.mktemp("interop")
    build_programs(folder)
    with LiveAlliance.running(folder) as live:
        readers = Readers(live, folder)
        readers.visit()
        for count in (260, 300):
            old = folder / f"old-{live.sealed}"
            old.write_bytes(readers.visits[-1].note)
            live.seal(count)
            readers.visit("-old", old)
        yield readers


def test_go_verifies_checkpoint_inclusion_and_consistency_at_every_size(log: Readers) -> None:
    """golang.org/x/mod/sumdb: the log's signature, three cosignatures, proofs made from tiles."""
    sizes = [visit.checkpoint.size for visit in log.visits]
    assert sizes == sorted(set(sizes))
    assert sizes[0] < 256 < sizes[1] < 512 < sizes[2]
    for number, visit in enumerate(log.visits):
        size, root = visit.checkpoint.size, b64_encode(visit.checkpoint.root)
        expected = [
            f"checkpoint: size {size}, root {root}, {len(LIVE_COUNTIES)} cosignatures",
            f"inclusion: {min(16, size)} entries of {size}",
        ]
        expected += [f"consistency: from {sizes[number - 1]} to {size}"] if number else []
        assert (visit.verify.returncode, visit.verify.stdout.splitlines(), visit.verify.stderr) == (0, expected, "")


def test_tessera_fsck_accepts_the_whole_log_at_every_size(log: Readers) -> None:
    """It derives every tile and the root from the entry bundles, which it reads with a member's token."""
    for visit in log.visits:
        size, root = visit.checkpoint.size, b64_encode(visit.checkpoint.root)
        assert f"Successfully fsck'd log with size {size} and root {root}" in visit.fsck.stderr
        assert "failed" not in visit.fsck.stderr


def receipt_file(log: Readers, path: Path, index: int = 2) -> Path:
    """Write a fresh receipt of the seal at an index: the first one is at 2, behind genesis and head."""
    headers = {"Authorization": f"Bearer {log.live.token()}"}
    path.write_bytes(ask("GET", f"{log.live.url}/receipt/{index}", headers=headers).content)
    return path


def test_go_verifies_the_proof_in_a_receipt_and_makes_the_same_from_tiles(log: Readers, tmp_path: Path) -> None:
    done = log.verify("-receipt", receipt_file(log, tmp_path / "a.lic-receipt"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("receipt: entry 2 of ")


def test_go_refuses_a_receipt_of_another_seal(log: Readers, tmp_path: Path) -> None:
    """The proof of entry 2 under the presentation of entry 3."""
    one = json.loads(receipt_file(log, tmp_path / "a.lic-receipt").read_bytes())
    other = json.loads(receipt_file(log, tmp_path / "b.lic-receipt", 3).read_bytes())
    mixed = tmp_path / "mixed.lic-receipt"
    mixed.write_text(json.dumps({**one, "sd_jwt": other["sd_jwt"]}), encoding="utf-8")
    done = log.verify("-receipt", mixed)
    assert (done.returncode, done.stderr) == (1, "verify: receipt: invalid transparency proof\n")


def test_go_refuses_an_older_tree_that_is_no_beginning_of_this_one(log: Readers, tmp_path: Path) -> None:
    """The log key itself signs another root for a size that was published: a split view."""
    seen = log.visits[1].checkpoint
    secret = read_passphrase(log.live.alliance.passphrase_file("hub"))
    fork = Checkpoint(origin=seen.origin, size=seen.size, root=log.visits[2].checkpoint.root)
    old = tmp_path / "fork"
    old.write_bytes(sign_checkpoint(fork, seen.origin, read_signer(log.live.data / "keys" / "log.pem", secret)))
    done = log.verify("-old", old)
    assert (done.returncode, done.stderr) == (1, "verify: consistency: invalid transparency proof\n")


def test_go_refuses_a_log_of_another_key_and_a_witness_that_did_not_sign(log: Readers, tmp_path: Path) -> None:
    name, stranger = log.visits[0].checkpoint.origin, signer_of("stranger")
    key, witness = tmp_path / "log.vkey", tmp_path / "cosigners"
    key.write_text(VerifierKey.of(name, NOTE_ED25519, stranger).vkey(), encoding="utf-8")
    witness.write_text(VerifierKey.of("370783.example/witness", COSIGNATURE_ED25519, stranger).vkey(), encoding="utf-8")
    other_log, absent = log.verify(key=key), log.verify("-cosigners", witness)
    assert (other_log.returncode, other_log.stderr) == (1, "verify: checkpoint: note has no verifiable signatures\n")
    assert (absent.returncode, absent.stderr) == (1, "verify: checkpoint: 0 of 1 witnesses cosigned\n")


def test_entries_are_read_with_a_token_only(log: Readers) -> None:
    """Nobody else can replay the log; what proofs need is open to all."""
    done = log.fsck()
    assert "Successfully" not in done.stderr
    assert "fsck failed" in done.stderr
    assert log.verify().returncode == 0


def test_tessera_and_go_accept_a_mirror_behind_any_web_server(log: Readers, tmp_path: Path) -> None:
    """The folder that `tongban ledger mirror` keeps, under Python's own web server: the same checkpoint, tiles, entries."""
    live, mirror = log.live, tmp_path / "mirror"
    county = ("--county-data", live.alliance.data("370214"))
    pins = ("--policy", live.data / "policy", "--genesis", live.data / "genesis")
    secret = ("--passphrase-file", live.alliance.passphrase_file("370214"))
    while True:
        whole = Note.parse(live.whole_note()).text
        made = tongban("ledger", "mirror", mirror, "--url", live.url, *pins, *county, *secret)
        assert (made.code, made.err) == (0, "")
        if Note.parse((mirror / "checkpoint").read_bytes()).text == whole:  # no heartbeat came between
            break
    with served(mirror) as url:
        fsck, verify = log.fsck(url=url), log.verify("-cosigners", log.cosigners(), url=url)
    assert "Successfully fsck'd log" in fsck.stderr, fsck.stderr
    assert (verify.returncode, verify.stderr) == (0, "")
