"""`tongban county token`: the role asked for is the one vouched for; a holder comes from a file and goes into the form."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from hub.keyfiles import write_private
from tests.command_line import tongban
from tests.county_folder import CountyFolder
from tests.token_hub import token_hub

CODE: Final = "370214195501080017"
HOLDER: Final = f'{{"certificateHolderTypeCode":"111","certificateHolderCode":"{CODE}"}}'


@pytest.mark.parametrize(
    ("options", "role", "scope"),
    [
        ((), "PARTNER_SYSTEM", None),
        (("--role", "HANDLER"), "HANDLER", None),
        (("--role", "SUPERVISOR", "--scope", "journal.read"), "SUPERVISOR", "journal.read"),
    ],
)
def test_a_token_is_asked_for_in_a_role_for_which_the_county_vouches(
    tmp_path: Path, options: tuple[str, ...], role: str, scope: str | None
) -> None:
    with token_hub() as hub:
        folder = CountyFolder.make(tmp_path, hub_url=hub.url)
        result = tongban("county", "token", *options, *folder.options)
    assert (result.code, result.out) == (0, f"{role}\n")
    (form,) = hub.forms
    assert (form["role"], form.get("scope"), hub.claims()["roles"]) == (role, scope, [role])
    assert "holders" not in hub.claims()


def test_a_token_for_a_holder_names_nobody_but_by_the_keyed_hash(tmp_path: Path) -> None:
    write_private(tmp_path / "holder.json", HOLDER.encode())
    with token_hub() as hub:
        folder = CountyFolder.make(tmp_path, hub_url=hub.url)
        given = ("--role", "HOLDER", "--holder-file", tmp_path / "holder.json")
        result = tongban("county", "token", *given, *folder.options)
    assert (result.code, result.out, result.err) == (0, "HOLDER\n", "")
    (form,) = hub.forms
    (holder,) = hub.claims()["holders"]
    assert len(holder) == 43
    assert CODE not in f"{form}{hub.claims()}"


@pytest.mark.parametrize(
    ("options", "text", "told"),
    [
        (("--role", "HOLDER"), None, "bad_setting"),
        (("--holder-file", "holder.json"), HOLDER, "bad_setting"),
        (("--role", "HOLDER", "--holder-file", "holder.json"), "{}", "bad_file"),
        (("--role", "HOLDER", "--holder-file", "holder.json"), HOLDER.replace("111", "000"), "bad_file"),
        (("--role", "HOLDER", "--holder-file", "holder.json"), HOLDER.replace(CODE, ""), "bad_file"),
        (("--role", "HOLDER", "--holder-file", "holder.json"), HOLDER[:-1], "bad_json"),
    ],
)
def test_what_names_no_holder_is_refused_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], text: str | None, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        write_private(tmp_path / "holder.json", text.encode())
    result = tongban("county", "token", *options, *CountyFolder.make(tmp_path).options)
    assert (result.code, result.out) == (2, "")
    assert told in result.err
    assert CODE not in result.err


def test_a_holder_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holder.json").write_text(HOLDER)
    (tmp_path / "holder.json").chmod(0o644)
    given = ("--role", "HOLDER", "--holder-file", tmp_path / "holder.json")
    result = tongban("county", "token", *given, *CountyFolder.make(tmp_path).options)
    assert result.code == 2
    assert "can be read by others" in result.err
