"""A wheel carries the console's scripts and font, or is not built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MANIFEST = "src/pushwarden/control/console/static/vendor/manifest.json"


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Asks for the files that `./dev setup` fetches; an editable installation finds them when they come."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and not (Path(self.root) / MANIFEST).is_file():
            raise FileNotFoundError("The console's scripts and font are not here: run ./dev setup, then build again.")
