"""Mirrors: a static folder that says what the log says, whole at every moment, and that catches a log with two trees."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import stamina

from hub.logclient import HttpLog
from hub.mirror.check import check_mirror
from hub.mirror.folder import EVIDENCE, MirrorFolder
from hub.mirror.mirror import Mirror, MirrorReport
from hub.mirror.pages import format_page, parse_page
from ledger.anchor import TrustAnchor
from ledger.errors import Conflict, Malformed, NotVerified, Refused, Unavailable
from ledger.sync import check_sync
from ledger.sync_files import parse_head, parse_keys
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.merkle import TreeView, leaf_hash, verify_consistency, verify_inclusion
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from ledger.transparency.tiles import TileNodes, TilePath, decode_bundle, partial_width
from tests.folder_log import LOG_URL, TOKEN, FolderLog
from tests.hub_folder import HubFolder
from tests.static_server import served


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Let no test wait between two attempts."""
    with stamina.set_testing(True, attempts=2):
        yield


@dataclass
class Mirrored:
    """A hub's folder with its log, and a mirror of it."""

    folder: Path
    hub: HubFolder
    log: FolderLog
    mirror: MirrorFolder
    progress: dict[str, int] = field(default_factory=dict)

    @property
    def anchor(self) -> TrustAnchor:
        policy = Policy.parse((self.hub.data / "policy").read_bytes())
        return TrustAnchor(policy, (self.hub.data / "genesis").read_bytes())

    def run(
        self, *, token: str | None = TOKEN, client: httpx2.Client | None = None, url: str = LOG_URL
    ) -> MirrorReport:
        ask = None if token is None else lambda _refused: token
        source = HttpLog(url, client or self.log.client(), token=ask)
        return Mirror(self.mirror, source, self.anchor, progress=self.count).run(self.hub.now + 60)

    def count(self, what: str, more: int, _of: int) -> None:
        self.progress[what] = self.progress.get(what, 0) + more

    def check(self) -> tuple[int, bool, bool]:
        found = check_mirror(self.mirror, self.anchor, now=self.hub.now + 60)
        return found.parts.checkpoint.size, found.entries, found.journal

    def files(self) -> dict[str, bytes]:
        root = self.mirror.path
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and "published" not in path.parts and "current" not in path.parts
        }


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    made = HubFolder.make(tmp_path_factory.mktemp("hub"))
    made.work(30, accesses=2)
    made.work(250, revoke=[3])
    return made.data, made.licenses


@pytest.fixture
def mirrored(template: tuple[Path, int], tmp_path: Path) -> Mirrored:
    """Give a log of 285 entries, and an empty mirror."""
    hub = HubFolder(shutil.copytree(template[0], tmp_path / "hub"), licenses=template[1])
    return Mirrored(tmp_path, hub, FolderLog(hub.data), MirrorFolder(tmp_path / "mirror"))


def test_a_mirror_grows_with_its_log(mirrored: Mirrored) -> None:
    first = mirrored.run()
    assert (first.size, first.grown_from, first.entries, first.journal, first.missing) == (285, 0, True, True, ())
    assert mirrored.progress == {"tiles": 285, "entries": 285, "journal": 32}
    mirrored.hub.work(300)
    second = mirrored.run()
    assert (second.size, second.grown_from) == (586, 285)
    assert mirrored.check() == (586, True, True)
    assert mirrored.run().grown_from == 586


def test_what_is_there_is_not_asked_for_again(mirrored: Mirrored) -> None:
    mirrored.run()
    mirrored.hub.work(300)
    asked: list[str] = []
    with mirrored.log.client() as client:
        client.event_hooks["request"].append(lambda request: asked.append(request.url.path))
        mirrored.run(client=client)
    tiles = sorted(path.removeprefix("/ledger/tile/") for path in asked if "/tile/" in path)
    assert tiles == ["0/001", "0/002.p/74", "entries/001", "entries/002.p/74"]


def test_partial_tiles_go_when_the_full_one_has_been_there_for_a_while(mirrored: Mirrored) -> None:
    """A reader of the checkpoint before may still ask for them."""
    mirrored.run()
    assert "tile/0/001.p/29" in mirrored.files()
    mirrored.hub.work(300)
    mirrored.run()
    assert "tile/0/001.p/29" in mirrored.files()
    mirrored.hub.work(1)
    mirrored.run()
    assert {"tile/0/001.p/29", "tile/entries/001.p/29"}.isdisjoint(mirrored.files())
    assert mirrored.check() == (588, True, True)


def test_without_a_token_it_is_a_mirror_of_hashes_and_a_later_token_fills_it(mirrored: Mirrored) -> None:
    report = mirrored.run(token=None)
    assert (report.entries, report.journal) == (False, False)
    assert mirrored.check() == (285, False, False)
    assert not [name for name in mirrored.files() if name.startswith(("tile/entries", "journal"))]
    assert mirrored.run().entries
    assert mirrored.check() == (285, True, True)
    mirrored.hub.work(1)
    with pytest.raises(Refused, match="token_required"):
        mirrored.run(token="of nobody")


def test_members_data_is_not_readable_by_everybody(mirrored: Mirrored) -> None:
    mirrored.run()
    modes = {name.split("/")[0]: (mirrored.mirror.path / name).stat().st_mode & 0o777 for name in mirrored.files()}
    assert modes["checkpoint"] == 0o644
    assert modes["journal"] == 0o640
    entries = mirrored.mirror.path / "tile" / "entries"
    assert (entries.stat().st_mode & 0o777, (entries / "000").stat().st_mode & 0o777) == (0o750, 0o640)


def test_a_token_that_has_expired_is_asked_for_once_more(mirrored: Mirrored) -> None:
    source = HttpLog(LOG_URL, mirrored.log.client(), token=lambda refused: TOKEN if refused == "expired" else "expired")
    assert Mirror(mirrored.mirror, source, mirrored.anchor).run(mirrored.hub.now + 60).entries


class Crash(Exception):
    """The end of the process, as far as the folder is concerned."""


class CrashingFolder(MirrorFolder):
    """Dies before its n-th write, or in the middle of it: then the temporary file is there and the place is not."""

    def __init__(self, path: Path, after: int, *, midway: bool) -> None:
        super().__init__(path)
        self.left, self.midway = after, midway

    def write(self, name: str, data: bytes) -> None:
        with self._lock:
            self.left -= 1
            dead = self.left < 0
        if dead:
            if self.midway and self.left == -1:
                place = self.path / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.with_name(f".new-1-{place.name}").write_bytes(data[: len(data) // 2])
            raise Crash
        super().write(name, data)

    def link(self, name: str, target: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash
        super().link(name, target)


@pytest.mark.parametrize("midway", [False, True])
def test_a_crash_at_any_write_leaves_a_mirror_that_serves_and_the_next_run_completes(
    mirrored: Mirrored, midway: bool
) -> None:
    """After each crash the mirror is still the one of its checkpoint, whole, or none yet."""
    grown, after = False, 0
    for size in (285, 586):
        while True:
            folder = CrashingFolder(mirrored.mirror.path, after, midway=midway)
            try:
                Mirror(folder, mirrored.log.read(), mirrored.anchor).run(mirrored.hub.now + 60)
                break
            except Crash:
                after += 1
            if grown or mirrored.mirror.has("checkpoint"):
                assert mirrored.check()[0] == (285 if size == 586 else 0)
        assert mirrored.check() == (size, True, True)
        assert not [name for name in mirrored.files() if ".new-" in name]
        if not grown:
            mirrored.hub.work(300)
            grown, after = True, 0


def spoil(mirrored: Mirrored, path: str, change: Callable[[bytes], bytes]) -> httpx2.Client:
    """Give a client of the log whose answers for a path are changed."""
    honest = mirrored.log.client()

    def answer(request: httpx2.Request) -> httpx2.Response:
        found = honest.get(str(request.url), headers=request.headers)
        body = change(found.content) if request.url.path == f"/ledger/{path}" else found.content
        return httpx2.Response(found.status_code, content=body)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("checkpoint", "bad_"),
        ("head", "bad_"),
        ("keys", "bad_"),
        ("status.zlib", "bad_"),
        ("tile/0/000", "bad_inclusion"),
        ("tile/0/001.p/29", "bad_inclusion"),
        ("tile/entries/000", "bad_inclusion"),
        ("tile/entries/001.p/29", "bad_inclusion"),
        ("landmarks", "bad_"),
        ("checkpoints/000", "bad_|unknown"),
    ],
)
def test_a_changed_byte_in_an_answer_is_refused_and_nothing_is_shown(mirrored: Mirrored, path: str, code: str) -> None:
    with pytest.raises((NotVerified, Malformed), match=code):
        mirrored.run(client=spoil(mirrored, path, flip if path != "landmarks" else lambda data: b"x" + data))
    assert not mirrored.mirror.has("checkpoint")
    assert mirrored.run().size == 285


def test_pages_without_the_newest_checkpoint_are_refused(mirrored: Mirrored) -> None:
    def without_last(page: bytes) -> bytes:
        return format_page(parse_page(page)[:-1])

    with pytest.raises(NotVerified, match="the newest checkpoint is not among the published ones"):
        mirrored.run(client=spoil(mirrored, "checkpoints/000", without_last))


def other_history(mirrored: Mirrored, *, works: tuple[int, ...]) -> FolderLog:
    """Give a log by the same keys that says something else from its 33rd entry on."""
    (mirrored.folder / "other").mkdir()
    other = HubFolder.make(mirrored.folder / "other")
    other.work(30, accesses=2)
    for count in works:
        other.work(count)
    return FolderLog(other.data)


@pytest.mark.parametrize("works", [(251,), (300,), (200,)])
def test_a_log_that_shows_two_trees_is_caught_and_proven(mirrored: Mirrored, works: tuple[int, ...]) -> None:
    """At the same size, a larger one and a smaller one; the mirror goes on serving what it had."""
    mirrored.run()
    before = mirrored.files()
    other = other_history(mirrored, works=works)
    with pytest.raises(NotVerified, match="the log forked"):
        mirrored.run(client=other.client())
    after = mirrored.files()
    evidence = ForkEvidence.parse(after.pop(EVIDENCE))
    assert evidence.prove(mirrored.anchor.policy.keys)
    assert evidence == evidence.cut(mirrored.anchor.policy.keys)
    assert after == before
    assert mirrored.check() == (285, True, True)


def test_an_older_checkpoint_is_refused_and_no_evidence(mirrored: Mirrored) -> None:
    """It may come from a cache; it may be a hub restored from an old copy."""
    older = FolderLog(shutil.copytree(mirrored.hub.data, mirrored.folder / "older"))
    mirrored.hub.work(1)
    mirrored.run()
    with pytest.raises(Conflict, match="the mirror has 287: rolled back"):
        mirrored.run(client=older.client())
    assert EVIDENCE not in mirrored.files()


def test_a_checkpoint_without_quorum_is_not_mirrored(mirrored: Mirrored) -> None:
    def without(note: bytes) -> bytes:
        parsed = Note.parse(note)
        return Note(text=parsed.text, signatures=parsed.signatures[:2]).format()

    with pytest.raises(NotVerified, match="no_quorum"):
        mirrored.run(client=spoil(mirrored, "checkpoint", without))


def test_a_damaged_mirror_is_made_anew_and_still_catches_a_fork(mirrored: Mirrored) -> None:
    """Its right edge does not hold any more; its checkpoint does."""
    mirrored.run()
    path = mirrored.mirror.path / "tile/0/001.p/29"
    path.write_bytes(flip(path.read_bytes()))
    with pytest.raises(NotVerified, match=r"corrupt_store: tile/|corrupt_store: checkpoint"):
        mirrored.check()
    other = other_history(mirrored, works=(300,))
    with pytest.raises(NotVerified, match="the log forked"):
        mirrored.run(client=other.client())
    mirrored.run()
    assert mirrored.check() == (285, True, True)


def test_no_answer_is_unavailable(mirrored: Mirrored) -> None:
    client = httpx2.Client(transport=httpx2.MockTransport(lambda _request: httpx2.Response(503)))
    with pytest.raises(Unavailable, match="not_ready"):
        mirrored.run(client=client)
    empty = httpx2.Client(transport=httpx2.MockTransport(lambda _request: httpx2.Response(404)))
    with pytest.raises(Unavailable, match="no_log"):
        mirrored.run(client=empty)


def test_any_web_server_can_serve_it(mirrored: Mirrored) -> None:
    """What a client of the live log checks holds of the mirror: proofs out of tiles, entries, head, statuses, keys."""
    mirrored.run()
    old = mirrored.anchor.checkpoint(mirrored.files()["checkpoint"]).checkpoint
    mirrored.hub.work(300)
    mirrored.run()
    with served(mirrored.mirror.path) as url, httpx2.Client(base_url=url, trust_env=False) as client:

        def get(path: str) -> bytes:
            answer = client.get(f"/{path}")
            assert answer.status_code == 200, path
            return answer.content

        note = get("checkpoint")
        new = mirrored.anchor.checkpoint(note).checkpoint

        def tile(level: int, number: int) -> bytes:
            rows = new.size >> 8 * level
            width = 256 if number < rows // 256 else partial_width(level, new.size)
            return get(TilePath(level=level, number=number, width=width).format())

        view = TreeView(new.size, TileNodes(tile))
        assert view.root == new.root
        verify_consistency(old.size, new.size, old.root, new.root, view.consistency_path(old.size))
        for index in (0, 255, 256, new.size - 1):
            number, offset = divmod(index, 256)
            bundle = decode_bundle(get(f"tile/entries/{number:03d}" + (".p/74" if number == 2 else "")))
            verify_inclusion(leaf_hash(bundle[offset]), index, new.size, view.inclusion_path(index), new.root)
        jws, path = parse_head(get("head"))
        keys = parse_keys(get("keys"))[1:]
        statuses = zlib.decompress(get("status.zlib"))
        synced = check_sync(mirrored.anchor, note, jws, path, statuses, keys=keys, now=mirrored.hub.now)
        assert (synced.size, synced.status_of(3)) == (585, 1)


def test_a_mirror_can_be_mirrored(mirrored: Mirrored) -> None:
    """File by file, from a web server that knows nothing; but the sealed journal, whose nonces differ."""
    mirrored.run()
    first, second = mirrored.files(), MirrorFolder(mirrored.folder / "second")
    with served(mirrored.mirror.path) as url, httpx2.Client(trust_env=False) as client:
        mirrored.mirror = second
        mirrored.run(client=client, url=url)
    assert mirrored.files() == first
    assert mirrored.check() == (285, True, True)


def test_where_no_published_checkpoints_are_served_the_mirror_keeps_those_it_saw(mirrored: Mirrored) -> None:
    """A log of another make has only the C2SP paths."""
    for size in (285, 287, 289):
        client = spoil(mirrored, "none", bytes)
        honest = client

        def answer(request: httpx2.Request, honest: httpx2.Client = honest) -> httpx2.Response:
            if "/checkpoints/" in request.url.path or "/journal/" in request.url.path:
                return httpx2.Response(404)
            found = honest.get(str(request.url), headers=request.headers)
            return httpx2.Response(found.status_code, content=found.content)

        report = mirrored.run(client=httpx2.Client(transport=httpx2.MockTransport(answer)))
        assert (report.size, report.journal) == (size, False)
        mirrored.hub.work(1)
    assert mirrored.check() == (289, True, False)
    page = mirrored.files()["checkpoints/000"].decode()
    assert [f'"size":{size},' in page for size in (285, 287, 289)] == [True] * 3
