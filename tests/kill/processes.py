"""Processes by what the kernel says of them: /proc of Linux."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Process", "children_of"]


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `began` tells it from a later one with the same id."""

    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """Give a running process. Raises OSError if there is none."""
        return cls(pid, _stat(pid)[19])

    @property
    def runs(self) -> bool:
        """Whether it is still there, other than as a zombie."""
        try:
            stat = _stat(self.pid)
        except OSError:
            return False
        return stat[19] == self.began and stat[0] != "Z"

    @property
    def command(self) -> list[str]:
        """Its command line."""
        return Path(f"/proc/{self.pid}/cmdline").read_text("utf-8").split("\0")


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/<pid>/stat behind the name: state, parent, …, start time as the 20th."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def children_of(pid: int) -> list[Process]:
    """Give the running children of a process, by id."""
    found: list[Process] = []
    for each in sorted(int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()):
        try:
            stat = _stat(each)
        except OSError:
            continue
        if int(stat[1]) == pid and stat[0] != "Z":
            found.append(Process(each, stat[19]))
    return found
