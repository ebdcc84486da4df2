"""The conditions of a run: what a reader must know before comparing its figures with others."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

__all__ = ["conditions", "load"]

_PACKAGES: Final = (
    "arcadedb-embedded", "cryptography", "gmssl-pyx", "neo4j", "neo4j-rust-ext", "orjson", "starlette",
    "strawberry-graphql", "uvicorn", "uvloop",
)  # fmt: skip


def load() -> float:
    """Give the load average of the last minute."""
    return os.getloadavg()[0]


def conditions() -> dict[str, object]:
    """Say on what the figures are measured; the load average is taken by the caller, before and after."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "openssl": ssl.OPENSSL_VERSION,
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
