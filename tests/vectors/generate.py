"""Writes tests/vectors/small_log: `python -m tests.vectors.generate`. Running it again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ledger.transparency.tiles import encode_bundle
from tests.small_log import GENESIS, POLICY, SEALED, SHOWN, sealed_log, small_log

__all__ = ["FOLDER", "small_log_files"]

FOLDER: Final = Path(__file__).parent / "small_log"


def small_log_files() -> dict[str, bytes]:
    """Make every file of the complete small log, by name."""
    (early, early_note), (late, late_note) = sealed_log(), small_log()
    files = {f"entry-{index}.jws": entry for index, entry in enumerate(late.entries) if index}
    return files | {
        "attestation.sd-jwt": SEALED.encode(),
        "checkpoint-3.note": early_note,
        "checkpoint-5.note": late_note,
        "entries-5.bundle": encode_bundle(late.entries),
        "genesis": GENESIS,
        "keys.txt": late.state.text(),
        "policy": POLICY,
        "size-3.lic-receipt": early.receipt(1, SEALED, early_note, names=SHOWN),
        "size-5.lic-receipt": late.receipt(1, SEALED, late_note, names=SHOWN),
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, data in small_log_files().items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
