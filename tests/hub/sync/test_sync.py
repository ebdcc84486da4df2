"""A folder brought up to date by a log that is honest, moves, lags, breaks off, or shows two histories."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
import stamina

from hub.auth import TokenIssuer
from hub.logclient import HttpLog
from hub.sync.evidence import EVIDENCE
from hub.sync.folder import SyncFolder, read_sync
from hub.sync.sync import SyncReport, fetch_status_list, synchronise
from ledger.deflated import deflate
from ledger.encoding import b64u_encode
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.landmarks import parse_landmarks
from ledger.status_list import status_list_claims
from ledger.sync_files import SYNC_FILES
from ledger.transparency.checkpoint import cut_to_log
from ledger.transparency.evidence import SAME_SIZE, UNPROVEN, ForkEvidence
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from ledger.transparency.tiles import TilePath
from ledger.verdict import Outcome
from tests.entropy import seeded, signer_of
from tests.logbook import LogBook
from tests.shown_log import SHOWN_URL, ShownLog
from tests.small_log import AUDITORS, GENESIS, LOG, POLICY, T0, issue_at, policy_rule
from tests.synced_log import LANDMARK, NOW, REVOKED, SIZE, T, first_day, qr_of, synced_book

EARLY = T0 + 3600
KEYS = Policy.parse(POLICY).keys


@pytest.fixture(autouse=True)
def _no_waits() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):  # tries again, at once
        yield


def grown(count: int, *, start: int = 0) -> LogBook:
    """Make a log of `count` seals in one batch; `start` makes another history."""
    book = LogBook(GENESIS, LOG)
    for number in range(count):
        book.add(issue_at(T0 + 60 + start + number).partition("~")[0].encode())
    book.close()
    return book


def more(book: LogBook, count: int) -> LogBook:
    """Let a log grow by a batch."""
    later = copy.deepcopy(book)
    for number in range(count):
        later.add(issue_at(T0 + 20_000 + book.size + number).partition("~")[0].encode())
    later.close()
    return later


def sync(
    log: ShownLog, path: Path, *, now: int = NOW, policy: bytes | None = POLICY, genesis: bytes | None = GENESIS
) -> SyncReport:
    with log.client() as http:
        reader = HttpLog(SHOWN_URL, http, seconds=60)
        return synchronise(SyncFolder(path), reader, policy=policy, genesis=genesis, now=now)


def error_of(log: ShownLog, path: Path, *, now: int = NOW) -> TongbanError:
    with pytest.raises(TongbanError) as caught:
        sync(log, path, now=now)
    return caught.value


def content(path: Path) -> dict[str, bytes]:
    return SyncFolder(path).held()


def test_a_first_sync_and_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "field"
    log = ShownLog(first_day(), time=EARLY, landmarks=(LANDMARK,))
    report = sync(log, path, now=EARLY + 10)
    assert (report.before, report.size, report.landmarks, report.time) == (None, LANDMARK, 1, EARLY)
    assert (report.counts["revoked"], report.counts_before) == (0, {})
    log.show(synced_book(), time=T, landmarks=(LANDMARK, SIZE))
    report = sync(log, path, policy=None, genesis=None)
    assert (report.before, report.size, report.landmarks, report.time_before) == (LANDMARK, SIZE, 2, EARLY)
    assert (report.counts["revoked"], report.counts_before["revoked"]) == (1, 0)
    assert report.status_bytes == len(content(path)["status.zlib"])
    assert report.to_json()["statuses"] == {"revoked": 1, "suspended": 0, "superseded": 0}
    field = read_sync(path).open(now=NOW)
    assert field.verify_qr(qr_of(1), now=NOW, max_age=86_400).outcome is Outcome.VALID
    assert field.verify_qr(qr_of(REVOKED), now=NOW, max_age=86_400).outcome is Outcome.REVOKED


def test_the_folder_holds_eight_files_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "field"
    log = ShownLog(first_day(), time=EARLY)
    for _ in range(2):
        sync(log, path)
        (link, folder) = sorted(path.iterdir())
        assert (link.name, link.readlink().name) == ("current", folder.name)
        assert sorted(each.name for each in folder.iterdir()) == sorted(SYNC_FILES)
    assert (path / "current" / "policy").read_bytes() == POLICY


def test_a_plain_copy_is_read_and_synced_in_place(tmp_path: Path) -> None:
    log, path, stick = ShownLog(first_day(), time=EARLY), tmp_path / "field", tmp_path / "stick"
    sync(log, path)
    stick.mkdir()
    for name, data in content(path).items():
        (stick / name).write_bytes(data)
    assert read_sync(stick) == read_sync(path)
    log.show(synced_book(), time=T)
    assert sync(log, stick, policy=None, genesis=None).before == LANDMARK
    assert not (stick / "checkpoint").exists()


def test_a_landmark_that_was_seen_stays_known(tmp_path: Path) -> None:
    """Today's landmark moves until midnight: a code under an earlier one of this day is still good here."""
    path = tmp_path / "field"
    log = ShownLog(first_day(), time=EARLY, landmarks=(LANDMARK,))
    sync(log, path)
    log.show(synced_book(), time=T, landmarks=(SIZE,))
    assert sync(log, path).landmarks == 2
    assert [row.size for row in parse_landmarks(content(path)["landmarks"])] == [LANDMARK, SIZE]
    tiles = [each for each in log.asked if each.startswith("tile/")]
    sync(log, path)
    assert [each for each in log.asked if each.startswith("tile/")] == tiles  # what was proved is not proved again


def test_growth_over_many_tiles_is_proved(tmp_path: Path) -> None:
    path = tmp_path / "field"
    book = grown(300)
    log = ShownLog(book, time=EARLY, landmarks=(302,))
    sync(log, path)
    log.show(more(book, 400), time=T, landmarks=(302, 703))
    assert sync(log, path).landmarks == 2
    assert "tile/0/001" in log.asked  # full now, partial before


def test_a_mirror_that_has_full_tiles_only_and_states_no_size_will_do(tmp_path: Path) -> None:
    path = tmp_path / "field"
    book = grown(300)
    log = ShownLog(book, time=EARLY)
    log.states_size = False
    sync(log, path)
    later = more(book, 300)
    log.show(later, time=T)
    wide = ShownLog(more(later, 300), time=T)  # has grown on: its tile 2 is full
    log.instead["tile/0/002.p/91"] = httpx2.Response(404)
    log.instead["tile/0/002"] = wide.tile_of(TilePath(level=0, number=2))
    assert sync(log, path).size == later.size
    assert log.asked.index("tile/0/002.p/91") < log.asked.index("tile/0/002")  # other tiles may be asked for meanwhile


def test_a_log_that_moves_meanwhile_is_read_again(tmp_path: Path) -> None:
    log = ShownLog(first_day(), time=EARLY)

    def move(path: str) -> None:
        if path == "status.zlib" and log.size == LANDMARK:
            log.show(synced_book(), time=T)

    log.before = move
    assert sync(log, tmp_path / "field").size == SIZE


def test_a_log_that_never_stands_still_is_given_up(tmp_path: Path) -> None:
    books = [first_day(), synced_book()]
    log = ShownLog(books[0], time=EARLY)
    log.before = lambda path: log.show(books[len(log.asked) % 2], time=T) if path == "head" else None
    log.instead["head"] = httpx2.Response(410)
    assert error_of(log, tmp_path / "field").code == "not_ready"


def test_an_older_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "field"
    sync(ShownLog(synced_book(), time=T), path)
    held = content(path)
    error = error_of(ShownLog(first_day(), time=T + 60), path)
    assert (type(error), error.code) == (Conflict, "log_changed")
    assert content(path) == held
    assert not (tmp_path / EVIDENCE).exists()


def test_a_mirror_that_lags_by_a_heartbeat_takes_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / "field"
    sync(ShownLog(synced_book(), time=T), path)
    assert sync(ShownLog(synced_book(), time=T - 60), path).time == T
    assert read_sync(path).open(now=NOW).synced.time == T


def forked() -> LogBook:
    """Give another history of the same size, signed by the same log."""
    book = grown(4, start=500)
    assert book.size == LANDMARK
    return book


def test_two_views_of_one_size_leave_evidence_that_anyone_can_check(tmp_path: Path) -> None:
    """Also without a quorum for the second one: the log's own two signatures are the proof."""
    path = tmp_path / "field"
    sync(ShownLog(first_day(), time=EARLY), path)
    held = content(path)
    for time in (EARLY, NOW + 10_000):
        error = error_of(ShownLog(forked(), time=time), path)
        assert (type(error), error.code) == (NotVerified, "bad_consistency")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["field", EVIDENCE]  # the log signed the same twice
    evidence = ForkEvidence.parse((tmp_path / EVIDENCE).read_bytes())
    assert evidence.check(KEYS) == SAME_SIZE
    assert evidence.a == cut_to_log(Note.parse(held["checkpoint"]), KEYS).format()
    assert evidence == evidence.cut(KEYS)
    assert content(path) == held


def test_evidence_for_which_there_is_no_room_is_told(tmp_path: Path) -> None:
    path = tmp_path / "field"
    sync(ShownLog(first_day(), time=EARLY), path)
    for number in range(16):
        (tmp_path / f"fork-evidence-{number}.json").write_bytes(b"of somebody else")
    error = error_of(ShownLog(forked(), time=EARLY), path)
    assert error.code == "bad_consistency"
    assert error.message.endswith(f": the evidence is left out: {tmp_path} holds 16 files of it, or takes none")


@pytest.mark.parametrize("count", [4, 6])
def test_growth_of_another_history_leaves_proof_of_the_fork(tmp_path: Path, count: int) -> None:
    """The log's own tiles say what it had at the size held, also where that is a power of two."""
    path = tmp_path / "field"
    sync(ShownLog(grown(count), time=EARLY), path)
    held = content(path)
    assert error_of(ShownLog(more(grown(count, start=500), 3), time=T), path).code == "bad_consistency"
    evidence = ForkEvidence.parse((tmp_path / EVIDENCE).read_bytes())
    assert evidence.check(KEYS) == UNPROVEN
    assert evidence.prove(KEYS).endswith(f"is not that of {count + 2}, grown")
    assert content(path) == held


@pytest.mark.parametrize("tile", [b"", bytes(32), bytes(33), bytes(8192)])
def test_tiles_that_prove_nothing_leave_evidence(tile: bytes, tmp_path: Path) -> None:
    path = tmp_path / "field"
    sync(ShownLog(first_day(), time=EARLY), path)
    log = ShownLog(synced_book(), time=T)
    log.instead["tile/0/000.p/10"] = httpx2.Response(200, content=tile)
    assert error_of(log, path).code == "bad_consistency"
    assert ForkEvidence.parse((tmp_path / EVIDENCE).read_bytes()).check(KEYS) == UNPROVEN


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"status": deflate(bytes(3))}, "bad_status_proof"),
        ({"status": b"no zlib"}, "bad_encoding"),
        ({"head": b"{}"}, "bad_file"),
        ({"keys": b"[]"}, "bad_file"),
        ({"landmarks": b"today\n"}, "bad_file"),
        ({"checkpoint": b"no note"}, "bad_note"),
    ],
)
def test_what_does_not_hold_replaces_nothing(files: dict[str, bytes], code: str, tmp_path: Path) -> None:
    path = tmp_path / "field"
    sync(ShownLog(first_day(), time=EARLY), path)
    held = content(path)
    log = ShownLog(synced_book(), time=T)
    log.forge(**files)
    assert error_of(log, path).code == code
    assert content(path) == held
    assert len(list(path.iterdir())) == 2


def test_without_a_quorum_nothing_is_taken(tmp_path: Path) -> None:
    log = ShownLog(synced_book(), time=T)
    log.forge(checkpoint=synced_book().checkpoint([(AUDITORS["370214"], T)]))
    assert error_of(log, tmp_path / "field").code == "no_quorum"
    assert content(tmp_path / "field") == {}


def test_a_landmark_of_another_tree_is_not_taken(tmp_path: Path) -> None:
    log = ShownLog(synced_book(), time=T, landmarks=(LANDMARK,))
    log.forge(landmarks=b"2026-06-01 5 " + log.files.landmarks.split()[2] + b"\n" + log.files.landmarks)
    assert sync(log, tmp_path / "field").landmarks == 1


def test_damaged_files_are_made_again_but_not_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "field"
    log = ShownLog(synced_book(), time=T, landmarks=(LANDMARK,))
    sync(log, path)
    whole = content(path)
    for name in ("keys.json", "head.json", "status.zlib", "landmarks", "growth"):
        (path / "current" / name).write_bytes(b"\x00")
        sync(log, path)
        assert content(path) == whole
    (path / "current" / "checkpoint").write_bytes(b"\x00")
    assert error_of(log, path).code == "bad_file"
    (path / "current" / "checkpoint").unlink()
    assert error_of(log, path).code == "bad_file"


def test_policy_and_genesis_are_the_verifiers_own(tmp_path: Path) -> None:
    path = tmp_path / "field"
    log = ShownLog(synced_book(), time=T)
    with pytest.raises(Malformed, match=r"^bad_setting: "):
        sync(log, path, policy=None)
    sync(log, path)
    with pytest.raises(Conflict, match=r"^log_changed: "):
        sync(log, path, genesis=GENESIS.replace(b"A", b"B", 1))
    narrower = POLICY.replace(b"group q all", b"group q any")
    sync(log, path, policy=narrower)
    assert content(path)["policy"] == narrower


def test_a_crash_before_the_switch_leaves_the_old_folder_whole(tmp_path: Path) -> None:
    """And what it left is cleaned up by the next sync."""

    class Interrupted(SyncFolder):
        def switch(self, name: str) -> None:
            raise KeyboardInterrupt

    path = tmp_path / "field"
    sync(ShownLog(first_day(), time=EARLY), path)
    held = content(path)
    log = ShownLog(synced_book(), time=T)
    with log.client() as http, pytest.raises(KeyboardInterrupt):
        synchronise(Interrupted(path), HttpLog(SHOWN_URL, http, seconds=60), policy=None, genesis=None, now=NOW)
    assert content(path) == held
    assert len(list(path.iterdir())) == 3
    (path / ".sync-00000000").symlink_to("sync-00000000")  # as a crash between link and rename leaves it
    sync(log, path)
    assert content(path)["checkpoint"] != held["checkpoint"]
    assert len(list(path.iterdir())) == 2


def test_one_sync_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "field"
    with SyncFolder(path).locked():
        assert error_of(ShownLog(synced_book(), time=T), path).code == "store_stopped"


def test_a_folder_that_was_never_synced_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^not_ready: "):
        read_sync(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Malformed, match=r"^bad_file: "):
        read_sync(tmp_path / "file")


def test_the_list_for_wallets_is_the_witnessed_one_or_is_not_written(tmp_path: Path) -> None:
    path, log = tmp_path / "field", ShownLog(synced_book(), time=T)
    sync(log, path)
    issuer = TokenIssuer(signer_of("hub token"), issuer="http://log", random=seeded("jti"))
    claims = status_list_claims(log.files.status, uri="http://log/ledger/statuslist", time=T)
    other = status_list_claims(deflate(bytes(3)), uri="http://log/ledger/statuslist", time=T)
    with log.client() as http:
        reader = HttpLog(SHOWN_URL, http, seconds=60)
        for content, code in (
            (issuer.status_list(claims), None),
            (issuer.status_list(other), "bad_status_proof"),
            ("a.b", "bad_encoding"),
            ("a.b.c", "bad_base64"),
            ("a.\u00e9.c", "bad_encoding"),
            (f"a.{b64u_encode(b'[]')}.c", "bad_status_proof"),
            (f"a.{b64u_encode(b'{}')}.c", "bad_payload"),
        ):
            log.instead["statuslist"] = httpx2.Response(200, content=content.encode())
            if code is None:
                assert fetch_status_list(SyncFolder(path), reader) == content.encode()
                continue
            with pytest.raises(TongbanError) as caught:
                fetch_status_list(SyncFolder(path), reader)
            assert caught.value.code == code


def naming(policy: bytes) -> LogBook:
    """Make a log whose members have named a policy file."""
    book = LogBook(GENESIS, LOG)
    book.add(policy_rule(book, policy))
    book.close()
    return book


def test_a_policy_that_the_members_name_is_said_and_not_taken(tmp_path: Path) -> None:
    path, other = tmp_path / "field", b"another policy"
    report = sync(ShownLog(naming(other), time=EARLY), path)
    assert (report.policy_named, report.key_entries) == (sha256(other).hexdigest(), 1)
    assert content(path)["policy"] == POLICY
    assert sync(ShownLog(naming(POLICY), time=EARLY), tmp_path / "named").policy_named is None
