"""Anchors as lines of a file beside the store, only ever added to, and readable without Pushwarden."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pushwarden.core.chain import Anchor


class AnchorFile:
    """One JSON object a line: organisation, sequence, hash, at. A line that cannot be read is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, organisation: str) -> list[Anchor]:
        return [anchor for anchor in self._all() if anchor.organisation == organisation]

    def last(self) -> dict[str, Anchor]:
        return {anchor.organisation: anchor for anchor in self._all()}

    def keep(self, anchor: Anchor) -> None:
        said = {
            "organisation": anchor.organisation, "sequence": anchor.sequence, "hash": anchor.hash.hex(),
            "at": anchor.at,
        }  # fmt: skip
        line = json.dumps(said, ensure_ascii=False) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _all(self) -> Iterator[Anchor]:
        try:
            lines = self._path.read_text().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                said = json.loads(line)
                yield Anchor(said["organisation"], said["sequence"], bytes.fromhex(said["hash"]), said["at"])
            except (ValueError, KeyError, TypeError):
                continue
