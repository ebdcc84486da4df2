"""SoftHSM for the tests of keys in a token: Debian's packages, fetched and unpacked in the project, installed nowhere.

    python -m tests.softhsm .softhsm        fetch it now; the tests do so by themselves

Where apt is missing or answers nothing the tests say so and skip; with TONGBAN_REQUIRE_SOFTHSM=1 they fail instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "SoftHsm", "fetch"]

ROOT: Final = Path(__file__).resolve().parent.parent / ".softhsm"
PIN: Final = "27182818"
TOKEN: Final = "tongban test"
_PACKAGES: Final = ("softhsm2-common", "libsofthsm2", "softhsm2")
_TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """A token of its own in a folder. SoftHSM reads SOFTHSM2_CONF once a process, so a process has one token."""

    module: Path
    folder: Path

    @classmethod
    def make(cls, folder: Path, root: Path = ROOT) -> SoftHsm:
        """Make a token with a PIN file. Raises FileNotFoundError, CalledProcessError: there is no SoftHSM here."""
        module = fetch(root)
        (folder / "tokens").mkdir()
        made = cls(module, folder)
        text = f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        made.configuration.write_text(text, encoding="ascii")
        for name, pin in (("pin", PIN), ("wrong-pin", "31415926")):
            (folder / name).touch(0o600)
            (folder / name).write_text(f"{pin}\n", encoding="ascii")
        util = root / "usr/bin/softhsm2-util"
        words = ["--module", str(module), "--init-token", "--free", "--label", TOKEN, "--so-pin", "0000", "--pin", PIN]
        _run(str(util), *words, cwd=folder, environment={"SOFTHSM2_CONF": str(made.configuration)})
        return made

    @property
    def configuration(self) -> Path:
        """The file that SOFTHSM2_CONF names."""
        return self.folder / "softhsm2.conf"

    @property
    def pin_file(self) -> Path:
        """The file with the PIN."""
        return self.folder / "pin"


def fetch(root: Path) -> Path:
    """Fetch and unpack SoftHSM unless it is there; give its PKCS#11 library."""
    module = root / "usr/lib/softhsm/libsofthsm2.so"
    if not module.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=".softhsm-") as folder:
            _download(Path(folder))
            unpacked = Path(folder) / "unpacked"
            for package in sorted(Path(folder).glob("*.deb")):
                _run("dpkg", "-x", str(package), str(unpacked), cwd=Path(folder))
            shutil.rmtree(root, ignore_errors=True)
            unpacked.rename(root)
    _run("ldd", str(module), cwd=root, missing="not found")
    return module


def _download(folder: Path) -> None:
    try:
        _run("apt-get", "download", *_PACKAGES, cwd=folder)
    except subprocess.CalledProcessError:  # a machine whose package lists are empty gets some of its own, here
        (folder / "lists/partial").mkdir(parents=True)
        (folder / "cache/archives/partial").mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
        _run("apt-get", *own, "update", cwd=folder)
        _run("apt-get", *own, "download", *_PACKAGES, cwd=folder)


def _run(*command: str, cwd: Path, environment: dict[str, str] | None = None, missing: str | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=True,
        timeout=_TIMEOUT_S,
    )  # fmt: skip
    if missing is not None and missing in done.stdout:
        raise FileNotFoundError(f"{command[-1]} lacks a library: {done.stdout}")


if __name__ == "__main__":
    print(fetch(Path(sys.argv[1]).absolute()))
