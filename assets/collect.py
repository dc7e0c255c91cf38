"""Copies what the console's pages use of the npm packages into its static files, with a manifest of hashes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

ASSETS = Path(__file__).resolve().parent
PACKAGES = ASSETS / "node_modules"
VENDOR = ASSETS.parent / "src/pushwarden/control/console/static/vendor"
INTER = PACKAGES / "@fontsource-variable/inter"
SCRIPTS = ("htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js")
FONTS = ("inter-latin-wght-normal", "inter-latin-ext-wght-normal")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def collected() -> dict[str, bytes]:
    """File name → content. The style sheet of the font names its two subsets by their hashes."""
    files = {Path(script).name: (PACKAGES / script).read_bytes() for script in SCRIPTS}
    fonts = {f"{font}.woff2": (INTER / f"files/{font}.woff2").read_bytes() for font in FONTS}
    rules = dict(re.findall(r"/\* (\S+) \*/\s*(@font-face \{.*?\})", (INTER / "wght.css").read_text(), re.DOTALL))
    sheet = re.sub(
        r"\./files/([\w-]+\.woff2)",
        lambda at: f"{at[1]}?v={digest(fonts[at[1]])[:12]}",
        "\n".join(map(rules.get, FONTS)),
    )
    return files | fonts | {"inter.css": sheet.encode() + b"\n", "inter-licence.txt": (INTER / "LICENSE").read_bytes()}


if __name__ == "__main__":
    VENDOR.mkdir(parents=True, exist_ok=True)
    found = collected()
    for name, content in found.items():
        (VENDOR / name).write_bytes(content)
    (VENDOR / "manifest.json").write_text(json.dumps({name: digest(found[name]) for name in sorted(found)}, indent=2))
