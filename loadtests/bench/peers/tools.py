"""The programs that the comparison needs: two in Go, built here, and what npm installs for the Node servers.

    .bench/bin/replay, generator     of programs/, by `go build`
    .bench/node/                     the servers of node/, with what package-lock.json pins

Both are made once, and again when their sources have changed. Nothing is written beside the sources.
"""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["GENERATOR", "REPLAY", "build_programs", "install_servers", "missing_tools"]

_FOLDER: Final = Path(__file__).parent
_MADE: Final = Path(".bench").absolute()
GENERATOR: Final = _MADE / "bin" / "generator"
REPLAY: Final = _MADE / "bin" / "replay"
_BUILD_S: Final = 300
_INSTALL_S: Final = 600


def missing_tools() -> list[str]:
    """Name what the machine lacks: `go` is needed, without `node` and `npm` the servers of others are left out."""
    return [name for name in ("go", "node", "npm") if shutil.which(name) is None]


def build_programs() -> None:
    """Build the Go programs. Raises CalledProcessError with what the compiler says."""
    sources = _FOLDER / "programs"
    with_sum = _sum(sources)
    stamp = _MADE / "bin" / "stamp"
    if not _is(stamp, with_sum):
        GENERATOR.parent.mkdir(parents=True, exist_ok=True)
        command = ["go", "build", "-buildvcs=false", "-o", f"{GENERATOR.parent}/", "./..."]
        subprocess.run(command, cwd=sources, check=True, timeout=_BUILD_S)
        stamp.write_text(with_sum, "ascii")


def install_servers() -> Path:
    """Install what the lock pins, beside a copy of the servers; give the folder. Raises CalledProcessError."""
    sources, folder = _FOLDER / "node", _MADE / "node"
    with_sum = _sum(sources)
    if not _is(folder / "stamp", with_sum):
        shutil.copytree(sources, folder, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=folder, check=True, timeout=_INSTALL_S)
        (folder / "stamp").write_text(with_sum, "ascii")
    return folder


def _is(stamp: Path, text: str) -> bool:
    return stamp.exists() and stamp.read_text("ascii") == text


def _sum(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256(b"".join(path.name.encode() + b"\0" + path.read_bytes() for path in files)).hexdigest()
