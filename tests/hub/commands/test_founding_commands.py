"""What the commands of a founding refuse: URLs that are none, drafts of others, signatures over an older draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.keyfiles import write_private
from tests.command_line import Result, tongban

COUNTIES = ("320583", "370214")
SHARED = "two quorums share 2 or more of the witnesses; 1 of them can block one\n"


class Ceremony:
    """A hub with its keys and two counties with theirs, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub, self.holder, self.secret = folder / "hub", folder / "holder.key", folder / "secret"
        write_private(self.secret, b"correct horse\n")
        tongban("ledger", "holder-key", self.holder)
        own = ("--passphrase-file", self.secret, "--holder-key-file", self.holder)
        tongban("ledger", "keygen", "--data", self.hub, "--origin", "hub.example/ledger", *own)
        for county in COUNTIES:
            assert self.init(county, county).code == 0

    def init(self, name: str, county: str, **changed: object) -> Result:
        """Make a county's folder, with options of one's own."""
        options = {"url": "https://node.example:8101/", "hub-url": "http://[::1]:8080", "holder-key-file": self.holder}
        given = [text for each, value in (options | changed).items() for text in (f"--{each}", value)]
        who = ("--data", self.folder / name, "--passphrase-file", self.secret, "--county", county, "--name", "x")
        return tongban("county", "init", *who, *given)

    def propose(self, *options: object, k: int = 2, url: str = "https://hub.example/ledger") -> Result:
        """Draft genesis and policy."""
        members = [text for county in COUNTIES for text in ("--member", self.folder / county / "member.json")]
        wanted = ("--k", k, "--provinces", 2, "--url", url)
        return tongban("ledger", "propose", "--data", self.hub, *members, *wanted, *options)

    def sign(self, county: str) -> Path:
        """Let a county sign the draft; gives the signature file."""
        path = self.folder / f"{county}.sig"
        path.unlink(missing_ok=True)
        who = ("--data", self.folder / county, "--passphrase-file", self.secret)
        assert tongban("county", "sign", self.hub / "genesis.draft", *who, "--output", path).code == 0
        return path

    def found(self, *signatures: Path) -> Result:
        """Create the ledger."""
        given = [text for path in signatures for text in ("--signature", path)]
        return tongban("ledger", "init", "--data", self.hub, "--passphrase-file", self.secret, *given)


@pytest.fixture
def ceremony(tmp_path: Path) -> Ceremony:
    return Ceremony(tmp_path)


@pytest.mark.parametrize(
    "origin", ["http://hub.example/ledger", "https://hub.example", "hub.example/ledger/", "hub.example:0", "a b", ""]
)
def test_a_log_is_named_without_a_scheme(ceremony: Ceremony, origin: str) -> None:
    own = ("--passphrase-file", ceremony.secret, "--holder-key-file", ceremony.holder)
    result = tongban("ledger", "keygen", "--data", ceremony.folder / "new", "--origin", origin, *own)
    said = "tongban: bad_setting: --origin: expected host[:port][/path] without a scheme\n"
    assert (result.code, result.out, result.err) == (2, "", said)
    assert not (ceremony.folder / "new").exists()


def test_the_url_of_a_ledger_ends_in_the_path_of_its_name(ceremony: Ceremony) -> None:
    result = ceremony.propose(url="http://127.0.0.1:8080")
    expected = "expected a URL that ends in /ledger, as the log hub.example/ledger does"
    assert (result.code, result.err) == (2, f"tongban: bad_setting: --url: {expected}\n")
    assert not (ceremony.hub / "policy.draft").exists()
    assert ceremony.propose(url="http://127.0.0.1:8080/gate/ledger/").code == 0


@pytest.mark.parametrize(
    "url",
    [
        "not-a-url", "127.0.0.1:8080", "ftp://a.example", "http://", "http://a b", "http://a:0", "http://a:65536",
        "http://a:", "http://u@a", "http://a/path", "http://a?x", "http://a#x", "http://a//", "http://城阳", " http://a",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("option", "what"), [("url", "node"), ("hub-url", "hub")])
def test_a_county_takes_urls_of_servers_only(tmp_path: Path, url: str, option: str, what: str) -> None:
    secret, holder = tmp_path / "secret", tmp_path / "holder.key"
    write_private(secret, b"correct horse\n")
    tongban("ledger", "holder-key", holder)
    urls = {"url": "http://a.example", "hub-url": "http://a.example"} | {option: url}
    result = tongban(
        "county", "init", "--data", tmp_path / "c", "--passphrase-file", secret, "--county", "370214", "--name", "x",
        "--holder-key-file", holder, "--url", urls["url"], "--hub-url", urls["hub-url"],
    )  # fmt: skip
    said = f"tongban: bad_setting: URL of the {what}: expected http(s)://host[:port] without a path\n"
    assert (result.code, result.out, result.err) == (2, "", said)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("url", ["nonsense", "hub.example/ledger", "https://a/led ger", "https://a/ledger?x"])
def test_a_policy_takes_the_url_of_a_log_only(ceremony: Ceremony, url: str) -> None:
    said = "tongban: bad_setting: URL of the ledger: expected http(s)://host[:port][/path]\n"
    assert ceremony.propose(url=url) == Result(2, "", said)
    assert not (ceremony.hub / "policy.draft").exists()


def test_a_holder_key_that_is_none_is_named(ceremony: Ceremony) -> None:
    bad = ceremony.folder / "bad.key"
    write_private(bad, b"%%%\n")
    refused = ceremony.init("c", "370214", **{"holder-key-file": bad})
    assert refused == Result(2, "", "tongban: bad_base64: bad.key is not 32 bytes as base64url\n")


def test_a_draft_that_says_the_same_stays_and_another_is_not_written_over(ceremony: Ceremony) -> None:
    draft, policy = ceremony.hub / "genesis.draft", ceremony.hub / "policy.draft"
    where = f"{draft} for the members to sign, and {policy} to read and edit\n"
    assert ceremony.propose() == Result(0, f"wrote {where}", SHARED)
    made = draft.read_bytes(), policy.read_bytes()
    assert ceremony.propose() == Result(0, f"unchanged: {where}", SHARED)
    refused = ceremony.propose(k=1)
    said = "tongban: already_exists: other drafts are there already: --force writes new ones, which no older signature fits"
    assert (refused.code, refused.out, refused.err) == (5, "", f"{said}\n")
    policy.write_bytes(made[1] + b"# edited by a person\n")
    assert ceremony.propose().code == 5
    assert (draft.read_bytes(), policy.read_bytes()) == (made[0], made[1] + b"# edited by a person\n")
    assert ceremony.propose("--force", k=1) == Result(0, f"wrote {where}", SHARED)
    assert (draft.read_bytes() != made[0], policy.read_bytes()) == (True, made[1])


def test_a_signature_over_an_older_draft_is_named_with_its_file(ceremony: Ceremony) -> None:
    ceremony.propose()
    old = ceremony.sign("370214")
    ceremony.propose("--force", k=1)
    new = ceremony.sign("320583")
    said = f"tongban: bad_signature: {old}: the signature of 370214 is not over this draft: sign it anew\n"
    assert ceremony.found(new, old) == Result(1, "", said)
    assert not (ceremony.hub / "ledger.sqlite").exists()
    assert ceremony.found(new, ceremony.sign("370214")).code == 0


def test_a_signature_of_a_stranger_is_named_with_its_file(ceremony: Ceremony) -> None:
    ceremony.propose()
    path = ceremony.sign("370214")
    path.write_text(path.read_text("ascii").replace('"370214"', '"130283"'))
    said = f"tongban: unknown_kid: {path}: the draft does not list 370214#1 as a key of 130283\n"
    assert ceremony.found(path) == Result(1, "", said)


def test_a_file_where_a_folder_should_be_is_told(ceremony: Ceremony) -> None:
    refused = ceremony.init("secret", "370214")
    assert refused == Result(2, "", f"tongban: bad_file: {ceremony.secret} is there and no folder\n")
