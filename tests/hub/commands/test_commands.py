"""The other commands, each from its arguments to what it prints and leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from hub.settings import settings_table
from schema.assembly import build_schema
from schema.subgraph import subgraph_text
from tests.command_line import tongban
from tests.county_folder import CountyFolder

ROOT: Final = Path(__file__).parents[3]


def test_ingest_for_machines_and_for_people(tmp_path: Path) -> None:
    folder, feed = CountyFolder.make(tmp_path), tmp_path / "feed.csv"
    assert (
        tongban("feed", "--county", "370214", "--count", 12, "--output", feed).out == f"wrote 12 licenses to {feed}\n"
    )
    with feed.open("a") as file:
        file.write("no row\n")
    arguments = ("ingest", "feed", feed, "--county", "370214", *folder.options)
    first = tongban(*arguments, "--json")
    assert (first.code, first.err) == (0, "")
    assert json.loads(first.out) == {"rows": 13, "sealed": 12, "already": 0, "rejects": {"bad_row": 1}}
    again = tongban(*arguments)
    assert again.out == f"13 rows: 0 sealed, 12 already, 1 rejected\nrejects (bad_row 1): {feed}.rejects.csv\n"
    status = tongban("county", "status", *folder.options, "--json")
    counts = {"sealed": 12, "pending": 12, "witnessed": 0, "stated": 0, "overdue": 0, "failed": {}, "deposited": 0}
    counts |= {"keys": None, "failed_items": []}
    assert (status.code, json.loads(status.out)) == (0, counts)


def test_a_feed_is_written_in_the_form_of_its_name(tmp_path: Path) -> None:
    for name, begin in (("a.csv", "ZZBS,"), ("a.ndjson", '{"ZZBS":"'), ("a.jsonl", '{"ZZBS":"')):
        options = ("--county", "370214", "--count", 1, "--as-of", "2026-06-01", "--output", tmp_path / name)
        assert tongban("feed", *options).code == 0
        assert (tmp_path / name).read_text("utf-8").startswith(begin)
    for county, name in (("370214", "a.xlsx"), ("110101", "b.csv")):
        result = tongban("feed", "--county", county, "--count", 1, "--output", tmp_path / name)
        assert (result.code, result.err.split(":")[1]) == (2, " bad_setting")
        assert not (tmp_path / name).exists()


def test_what_is_written_takes_the_place_of_no_other_file_without_force(tmp_path: Path) -> None:
    """A sample feed, a schema: one rule for each file that a command is asked to write."""
    for command in (("feed", "--county", "370214", "--count", 1), ("schema", "export")):
        file = tmp_path / f"{command[0]}.csv"
        file.write_text("somebody's", "ascii")
        refused = tongban(*command, "--output", file)
        text = f"tongban: already_exists: {file} is there already: --force writes over it\n"
        assert (refused.code, refused.out, refused.err) == (5, "", text)
        assert file.read_text("ascii") == "somebody's"
        assert tongban(*command, "--output", file, "--force").code == 0
        assert file.read_text("utf-8") != "somebody's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed.csv", "schema.csv"]
    without = tongban("schema", "export", "--force")
    assert (without.code, without.err) == (2, "tongban: bad_setting: --force is for a file: give --output, too\n")


def test_malformed_input_of_ingest_exits_2(tmp_path: Path) -> None:
    folder, feed = CountyFolder.make(tmp_path), tmp_path / "feed.csv"
    feed.write_text("ZZBS\n")
    options = ("--county", "370214", *folder.options)
    assert tongban("ingest", "feed", feed, *options).err.startswith(
        "tongban: bad_file: the header lacks the columns ZZLXDM"
    )
    assert tongban("ingest", "feed", feed, *options, "--encoding", "latin-1").err.startswith("tongban: bad_setting: ")
    assert tongban("ingest", "feed", feed, "--county", "370783", *folder.options).err == (
        "tongban: bad_setting: the folder is that of county 370214\n"
    )
    folder.passphrase_file.write_bytes(b"wrong horse\n")
    assert tongban("ingest", "feed", feed, *options).code == 2
    folder.passphrase_file.chmod(0o644)
    assert tongban("ingest", "feed", feed, *options).err == (
        "tongban: bad_file: 370214.pass can be read by others: expected a file of mode 0600\n"
    )


def test_founding_by_commands_word_for_word(tmp_path: Path) -> None:
    """The ceremony as the README tells it, with two counties; then the ledger is there and is not made again."""
    secret, holder, hub = tmp_path / "hub.pass", tmp_path / "holder.key", tmp_path / "hub"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    own = ("--data", hub, "--passphrase-file", secret)
    assert tongban("ledger", "holder-key", holder).code == 0
    assert tongban(
        "ledger", "keygen", *own, "--origin", "hub.example/ledger", "--holder-key-file", holder
    ).out.startswith("hub.example/ledger+")
    members, signatures = [], []
    for county in ("320583", "370214"):
        folder = ("--data", tmp_path / county, "--passphrase-file", secret)
        tongban("county", "init", *folder, "--county", county, "--name", "示例县", "--url", f"https://{county}.example",
            "--hub-url", "https://hub.example", "--holder-key-file", holder)  # fmt: skip
        members += ["--member", tmp_path / county / "member.json"]
        signatures += ["--signature", tmp_path / f"{county}.sig"]
    proposed = tongban(
        "ledger", "propose", "--data", hub, *members, "--k", 2, "--provinces", 2, "--url", "https://hub.example/ledger"
    )
    assert (proposed.code, proposed.err) == (
        0,
        "two quorums share 2 or more of the witnesses; 1 of them can block one\n",
    )
    for county in ("320583", "370214"):
        folder = ("--data", tmp_path / county, "--passphrase-file", secret)
        assert (
            tongban("county", "sign", hub / "genesis.draft", *folder, "--output", tmp_path / f"{county}.sig").code == 0
        )
    missing = tongban("ledger", "init", *own, *signatures[:2])
    assert (missing.code, missing.err) == (
        1, "tongban: not_enough_signers: genesis is signed by every member; not yet by 370214\n",
    )  # fmt: skip
    assert tongban("ledger", "init", *own, *signatures).code == 0
    assert {"genesis", "policy", "ledger.sqlite", "journal.sqlite"} <= {path.name for path in hub.iterdir()}
    assert tongban("ledger", "init", *own, *signatures).code == 5


def test_settings_for_machines_and_what_is_in_force(tmp_path: Path) -> None:
    rows = json.loads(tongban("settings", "--json").out)
    assert [tuple(row.values()) for row in rows] == settings_table()
    config = tmp_path / "hub.toml"
    config.write_text('data = "hub"\npassphrase_file = "hub.pass"\nport = 9000\n')
    in_force = json.loads(tongban("settings", "--check", "--config", config).out)
    assert (in_force["data"], in_force["port"], in_force["engine"]) == ("hub", 9000, "embedded")
    config.write_text("port = 0\nprot = 1\n")
    result = tongban("settings", "--check", "--config", config)
    assert result.code == 2
    assert [line.split(":")[0].strip() for line in result.err.splitlines()[1:]] == [
        "data",
        "passphrase_file",
        "port",
        "prot",
    ]


def test_schema_is_exported_as_committed_and_a_document_is_explained(tmp_path: Path) -> None:
    assert tongban("schema", "export").out == (ROOT / "schema" / "schema.graphql").read_text("utf-8")
    assert tongban("schema", "export", "--subgraph").out == subgraph_text(build_schema())
    document = tmp_path / "a.graphql"
    document.write_text('{ matter(code: "001001001000") { name } jurisdiction(code: "370214") { name } }')
    result = tongban("schema", "explain", document)
    assert result.code == 0
    assert result.out.count("MATCH (") >= 2
    document.write_text("{ nothing }")
    assert tongban("schema", "explain", document).code == 2


def test_a_file_that_cannot_be_written_exits_2_with_one_line(tmp_path: Path) -> None:
    result = tongban("feed", "--county", "370214", "--count", 1, "--output", tmp_path / "none" / "a.csv")
    said = f"tongban: bad_file: there is no folder {tmp_path}/none to write a.csv into\n"
    assert (result.code, result.err) == (2, said)
