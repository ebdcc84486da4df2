"""The command line: exit codes, help, and what a command loads."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from typer.core import TyperOption

from hub.cli import StrictCommand
from hub.commands.exitcodes import EXIT_CODES
from ledger.errors import CODES
from tests.command_line import Result, tongban
from tests.command_tree import check_arguments, commands, example_of
from tests.county_folder import CountyFolder
from tests.small_log import GENESIS, POLICY

ROOT: Final = Path(__file__).parents[2]

LOADED: Final = """
import sys
from hub.cli import main
try:
    main()
finally:
    print(sorted({name.split(".")[0] for name in sys.modules} & set("{unwanted}".split())), file=sys.stderr)
"""
SERVER: Final = "starlette uvicorn strawberry graphql neo4j httpx2 structlog"


@pytest.mark.parametrize("command", ["verify", "settings", "ingest", "feed"])
def test_a_command_without_a_server_loads_none(command: str) -> None:
    code = LOADED.replace("{unwanted}", SERVER)
    done = subprocess.run(
        [sys.executable, "-c", code, command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


WRONG_USAGE: Final = {
    "no command": ([], "Usage: tongban "),
    "unknown command": (["verfy"], "Did you mean 'verify'?"),
    "group without command": (["ledger"], "Usage: tongban ledger "),
    "unknown command of a group": (["county", "sael"], "Did you mean 'seal', 'appeal'?"),
    "missing argument": (["ingest", "feed"], "Missing argument 'file'"),
    "missing option": (["ingest", "feed", "a"], "Missing option '--county'"),
    "verify without anything": (["verify"], "bad_setting: expected receipt files, or --qr"),
    "verify without a policy": (["verify", "a"], "bad_setting: give --policy and --genesis, or --sync"),
    "unknown option": (["settings", "--prot"], "No such option: --prot"),
    "no number": (["feed", "--county", "370214", "--output", "a.csv", "--count", "many"], "Invalid value for '--count'"),
    "port out of bounds": (["county", "serve", "--data", "c", "--passphrase-file", "p", "--port", "65536"], "Invalid value for '--port'"),
    "log level": (["county", "serve", "--data", "c", "--passphrase-file", "p", "--log-level", "loud"], "Invalid value for '--log-level'"),
    "kid": (["ledger", "member", "propose", "--data", "c", "--output", "d", "--revoke", "x"], "bad_setting: --revoke takes a kid like 370214#2"),
    "option twice": (["feed", "--county", "370214", "--count", "1", "--output", "a.csv", "--county", "320583"], "Option '--county' is given twice"),
    "option twice in a group": (["ledger", "member", "propose", "--data", "a", "--output", "d", "--data=b"], "Option '--data' is given twice"),
    "a flag and its contrary": (["county", "init", "--auditor", "--no-auditor"], "Option '--auditor' is given twice"),
    "number out of bounds": (["feed", "--county", "370214", "--output", "a.csv", "--count", "0"], "Invalid value for '--count'"),
}  # fmt: skip


FILE_OF_ANOTHER_KIND: Final = {
    "member file": (["ledger", "propose", "--member"], ["--k", 1, "--provinces", 1, "--url", "http://a"]),
    "draft": (["ledger", "member", "submit"], []),
    "key file": (["ledger", "member", "propose", "--output", "d", "--add-key"], []),
    "genesis draft": (["county", "sign"], ["--output", "s", "--passphrase-file", "p"]),
}


@pytest.mark.parametrize("name", FILE_OF_ANOTHER_KIND)
def test_a_file_of_another_kind_is_named(tmp_path: Path, name: str) -> None:
    before, after = FILE_OF_ANOTHER_KIND[name]
    file = tmp_path / "another.txt"
    file.write_text("neither JSON nor a note\n")
    result = tongban(*before, file, "--data", tmp_path, *after)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert f": {file}: expected " in result.err


def test_a_pinned_file_of_another_kind_is_named(tmp_path: Path) -> None:
    file = tmp_path / "another.txt"
    file.write_text("no policy\n")
    result = tongban("verify", file, "--policy", file, "--genesis", file)
    assert (result.code, result.err) == (
        2, f"tongban: bad_policy: {file}: line 1: expected log, witness, group or quorum\n",
    )  # fmt: skip


def test_a_url_that_is_none_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    pinned = ("--policy", tmp_path / "policy", "--genesis", tmp_path / "genesis")
    said = "tongban: bad_setting: --url: expected http(s)://host[:port][/path]\n"
    for command in (
        ("audit", *pinned, "--data", tmp_path / "m", "--token-file", tmp_path / "policy"),
        ("ledger", "mirror", tmp_path / "m", *pinned),
        ("ledger", "member", "propose", "--data", tmp_path, "--output", tmp_path / "d", "--k", 1),
    ):
        assert tongban(*command, "--url", "nonsense") == Result(2, "", said)


@pytest.mark.parametrize("name", commands())
def test_an_example_can_be_copied_from_the_help(name: str) -> None:
    """It is one line, whatever the width of the terminal: none of its words is cut."""
    lines = tongban(*name.split(), "--help").out.splitlines()
    assert lines.count(f"  Example: {example_of(commands()[name])}") == 1


def test_a_log_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    """Attempts that failed are told once, at the end, and nothing of them stands where a machine reads."""
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    options = ("--policy", tmp_path / "policy", "--genesis", tmp_path / "genesis", "--url", "http://127.0.0.1:9")
    result = tongban("sync", tmp_path / "field", *options, "--json")
    assert result == Result(3, "", "tongban: not_ready: the log at http://127.0.0.1:9 does not answer to checkpoint\n")


def test_a_token_file_that_is_not_there_is_the_callers_fault_and_not_the_logs(tmp_path: Path) -> None:
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    options = ("--policy", tmp_path / "policy", "--genesis", tmp_path / "genesis", "--url", "http://127.0.0.1:9")
    missing = tmp_path / "token"
    said = "tongban: bad_file: cannot open token: No such file or directory\n"
    assert tongban("audit", *options, "--data", tmp_path / "m", "--token-file", missing) == Result(2, "", said)


@pytest.mark.parametrize("name", WRONG_USAGE)
def test_wrong_usage_exits_2(name: str) -> None:
    arguments, expected = WRONG_USAGE[name]
    result = tongban(*arguments)
    assert (result.code, result.out) == (2, "")
    assert expected in result.err


def test_every_option_that_may_be_given_again_says_so() -> None:
    """All others are refused when they are given twice: no value silently takes another one's place."""
    for name, command in commands().items():
        assert isinstance(command, StrictCommand), name
        for option in command.params:
            if isinstance(option, TyperOption) and option.multiple:
                assert re.search(r"; repeat\b|can be given again", str(option.help)), (name, option.opts)


@contextmanager
def hub_that_answers(status: int) -> Iterator[str]:
    """Serve one status on loopback, whatever is asked; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (503, 3)])
def test_a_refusing_hub_exits_4_and_a_failing_one_3(tmp_path: Path, status: int, code: int) -> None:
    with hub_that_answers(status) as url:
        folder = CountyFolder.make(tmp_path, hub_url=url)
        result = tongban("county", "token", *folder.options)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)


def test_a_hub_that_does_not_answer_exits_3(tmp_path: Path) -> None:
    result = tongban("county", "token", *CountyFolder.make(tmp_path).options)
    assert (result.code, result.err) == (3, "tongban: not_ready: the hub at http://127.0.0.1:9 does not answer\n")


def test_a_conflict_exits_5(tmp_path: Path) -> None:
    folder = CountyFolder.make(tmp_path)
    result = tongban("county", "revoke", "1.2.3", *folder.options)
    assert (result.code, result.err) == (5, "tongban: wrong_target: there is no such license here\n")


def test_a_wrong_passphrase_is_named_before_the_key_file(tmp_path: Path) -> None:
    folder = CountyFolder.make(tmp_path)
    folder.passphrase_file.write_text("wrong horse\n")
    result = tongban("county", "status", *folder.options)
    pem = folder.data / "keys" / "client.pem"
    said = f"tongban: bad_file: the passphrase does not open the key file, or the file is damaged: {pem}\n"
    assert (result.code, result.err) == (2, said)


@pytest.mark.parametrize("command", [("ledger", "check"), ("ledger", "backup", "copy"), ("serve",)])
def test_a_folder_that_is_no_hubs_is_told_as_such(tmp_path: Path, command: tuple[str, ...]) -> None:
    nowhere, secret = tmp_path / "nowhere", CountyFolder.make(tmp_path).passphrase_file
    options = ("--passphrase-file", secret) if command == ("serve",) else ()
    result = tongban(*command, "--data", nowhere, *options)
    said = f"tongban: bad_file: {nowhere} is no hub's folder: `tongban ledger keygen` and `ledger init` make one\n"
    assert (result.code, result.out, result.err) == (2, "", said)


def test_the_version_is_that_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert tongban("--version") == Result(0, f"tongban {version}\n", "")


def test_every_class_of_failure_has_its_exit_code() -> None:
    assert {kind.__name__: code for kind, code in EXIT_CODES.items()} == {
        "NotVerified": 1, "Malformed": 2, "Unavailable": 3, "Refused": 4, "Conflict": 5,
    }  # fmt: skip
    assert set(CODES.values()) == set(EXIT_CODES)


def test_the_top_help_names_every_exit_code_and_every_command() -> None:
    text = " ".join(tongban("--help").out.split())
    assert (
        "Exit codes: 0 done (verify: VALID), 1 not verified, 2 usage or malformed input, 3 unavailable, 4 refused, "
        "5 conflict; of several answers the greatest." in text
    )
    for name in {words.split()[0] for words in commands()}:
        assert f" {name} " in text


@pytest.mark.parametrize("name", commands())
def test_every_command_has_an_example_that_its_parser_accepts(name: str) -> None:
    assert check_arguments(example_of(commands()[name])) == name


@pytest.mark.parametrize("name", commands())
def test_every_option_of_a_command_is_explained(name: str) -> None:
    parameters = [each for each in commands()[name].params if each.name != "help"]
    assert [each.name for each in parameters if not each.help] == []


def test_an_interrupted_command_exits_130(tmp_path: Path) -> None:
    """Ctrl-C while a command waits for a line that never comes."""
    pipe = tmp_path / "a.csv"
    os.mkfifo(pipe)
    folder = CountyFolder.make(tmp_path)
    command = [sys.executable, "-m", "hub", "ingest", "feed", str(pipe), "--county", "370214", *folder.options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # background jobs ignore it
    )  # fmt: skip
    with pipe.open("wb"):  # opens when the command reads
        # Pressed until it ends: one that comes right before the system call that waits is seen only after it. And not
        # soon again: a busy machine's process is still ending, and would be cut off in that.
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        process.communicate()
    assert process.returncode == 130
