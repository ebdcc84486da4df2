"""The structure holds: layers, exports, names, file length, locks without a registry's host."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.suite import Run, runs

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("hub", "schema", "ledger")
FOLDERS = (*PACKAGES, "loadtests", "tests")


def sources() -> Iterator[Path]:
    """Every Python file of the project."""
    for folder in FOLDERS:
        yield from (ROOT / folder).rglob("*.py")


def modules() -> list[str]:
    """Every importable module of the three packages."""
    names: list[str] = []
    for package in PACKAGES:
        names.append(package)
        found = pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}.")
        names += [module.name for module in found if not module.name.endswith("__main__")]
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_ours(package: str) -> None:
    """`hub`, `schema` and `ledger` are also names of foreign packages: each must resolve inside the repository."""
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)


def test_no_file_is_longer_than_400_lines() -> None:
    """A longer file holds two concepts."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert {name: count for name, count in lengths.items() if count > 400} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    """A file is a noun of the domain."""
    empty = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert [str(path) for path in sources() if path.stem in empty] == []


@pytest.mark.parametrize("name", modules())
def test_exports_are_sorted_and_complete(name: str) -> None:
    """`__all__` names exactly what a module defines for others, in order."""
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        assert not [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        return
    assert list(exported) == sorted(exported, key=lambda text: (not text.isupper(), not text[:1].isupper(), text))
    assert [text for text in exported if not hasattr(module, text)] == []


def test_ledger_imports_alone() -> None:
    """The ledger needs neither the schema nor the hub nor any of their libraries."""
    code = (
        "import sys, pkgutil, importlib, ledger\n"
        "for m in pkgutil.walk_packages(ledger.__path__, 'ledger.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'hub', 'schema', 'strawberry', 'graphql', 'neo4j',"
        " 'starlette', 'httpx2', 'pydantic', 'typer', 'structlog', 'asyncio'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_layers_point_one_way() -> None:
    """Hub over schema over ledger, and the Bolt driver only under hub/graph."""
    done = subprocess.run(["lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False,
                          executable=str(Path(sys.executable).with_name("lint-imports")))  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_only_the_graph_folder_imports_the_bolt_driver() -> None:
    """Nothing outside hub/graph talks Bolt."""
    pattern = re.compile(r"^\s*(?:from|import) neo4j\b", re.MULTILINE)
    found = [path for path in (ROOT / "hub").rglob("*.py") if pattern.search(path.read_text("utf-8"))]
    assert [str(path.relative_to(ROOT)) for path in found if "hub/graph" not in path.as_posix()] == []


def test_nothing_imports_the_dishonest_hub() -> None:
    """It is a test build of the hub: no setting of the product does what it does."""
    pattern = re.compile(r"^\s*(?:from|import) (?:hub\.dishonest|hub import .*dishonest)|registry_kind =", re.MULTILINE)
    found = [path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py") if path.stem != "dishonest"]
    assert [str(path) for path in found if pattern.search(path.read_text("utf-8"))] == []


def test_no_lock_names_a_host() -> None:
    """A lock holds versions and hashes, and no URL; npm's has authors' addresses, and must not say where a file is."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert re.findall(r"https?://|--index-url|--find-links|--trusted-host", text) == []
    packages = json.loads((ROOT / "tests" / "interop" / "node" / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, one in packages.items() if "resolved" in one or (name and "integrity" not in one)] == []


def test_every_requirement_is_pinned_with_a_hash() -> None:
    """Pip installs in hash mode: a line without a hash would stop it."""
    text = (ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    assert [line[:60] for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_every_test_is_in_one_run_of_the_suite() -> None:
    """`make test` is several runs: two have the marks, each other one some folders, the last what is left."""
    neo4j, kills, *others, last = runs()
    folders = [ROOT / path for run in others for path in run.paths]
    assert (neo4j, kills) == (Run(marks="neo4j", on_disk=True), Run(marks="kill and not neo4j", on_disk=True))
    assert {run.marks for run in (*others, last)} == {"not (kill or neo4j)"}
    assert (sorted(map(ROOT.joinpath, last.without)), last.paths) == (sorted(folders), ())
    assert {run.without for run in others} == {()}
    assert [folder for folder in folders if not folder.is_dir() or set(folder.parents) & set(folders)] == []
