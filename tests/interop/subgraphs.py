"""A province's supergraph of the hub and a system of its own, composed and planned by Apollo's library under Node.

python -m tests.interop.subgraphs      writes examples/province/supergraph.graphql anew
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from schema.assembly import build_schema
from schema.subgraph import subgraph_text

__all__ = ["SUPERGRAPH", "WINDOWS", "ask_node", "hub", "install", "subgraph"]

WINDOWS: Final = Path(__file__).parents[2] / "examples" / "province" / "windows.graphql"
SUPERGRAPH: Final = WINDOWS.with_name("supergraph.graphql")
_FOLDER: Final = Path(__file__).parent / "node"
_TRIES: Final = 3


def install(folder: Path) -> Path:
    """Install what the lock file names beside a copy of the program; give the program. A download that breaks is tried again."""
    shutil.copytree(_FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    for left in reversed(range(_TRIES)):
        subprocess.run(command, cwd=folder, check=not left, timeout=600)
        if (folder / "node_modules" / "@apollo" / "composition").is_dir():
            break
    return folder / "supergraph.mjs"


def subgraph(name: str, text: str) -> dict[str, str]:
    """Name one subgraph."""
    return {"name": name, "url": f"https://{name}.example/graphql", "text": text}


def hub() -> dict[str, str]:
    """Give the hub's subgraph."""
    return subgraph("tongban", subgraph_text(build_schema()))


def ask_node(program: Path, subgraphs: Sequence[dict[str, str]], queries: Sequence[str] = ()) -> dict[str, Any]:
    """Compose, and plan the queries: `errors`, or `supergraph`, `hints` and `plans`."""
    request = json.dumps({"subgraphs": subgraphs, "queries": queries}).encode()
    done = subprocess.run(["node", program], input=request, capture_output=True, check=True, timeout=300)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        own = subgraph("windows", WINDOWS.read_text("utf-8"))
        SUPERGRAPH.write_text(ask_node(install(Path(place)), [hub(), own])["supergraph"], "utf-8")
