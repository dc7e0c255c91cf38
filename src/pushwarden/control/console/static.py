"""The console's own files, compressed once, at an address that changes when any of them does."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pushwarden.core.errors import NotFound
from pushwarden.web.body import RawHeaders, header
from pushwarden.web.call import Answer

FOLDER = Path(__file__).parent / "static"
STYLE = "console.css"
"""All of static/css in the order of its names."""
LIVE = ("vendor/htmx.min.js", "vendor/hx-sse.min.js")
"""What pages need to move by themselves."""
_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".woff2": b"font/woff2",
}
_FOR_EVER = (
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept-encoding"),
)


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes = field(repr=False)
    packed: bytes | None = field(repr=False)
    kind: bytes


class Shelf:
    """Read whole at start. What `./dev setup` fetches from packages lies in static/vendor; without it pages work, and
    nothing on them moves by itself."""

    def __init__(self, folder: Path = FOLDER) -> None:
        style = b"\n".join(path.read_bytes() for path in sorted((folder / "css").glob("*.css")))
        found = {STYLE: style} | {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES and path.parent != folder / "css"
        }
        self._files = {name: _file(name, content) for name, content in found.items()}
        summed = hashlib.sha256(b"".join(name.encode() + content for name, content in found.items()))
        self.edition = summed.hexdigest()[:12]

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def address(self, name: str) -> str:
        """Where a page finds the file; KeyError when there is none."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.edition}/{name}"

    def answer(self, path: str, headers: RawHeaders) -> Answer:
        """path: as `address` gave it; a page of an earlier edition gets today's file."""
        found = self._files.get(path.removeprefix("/static/").partition("/")[2])
        if found is None:
            return Answer(NotFound.title().encode(), 404, _FOR_EVER[1:2], b"text/plain")
        if found.packed is not None and b"gzip" in (header(headers, b"accept-encoding") or b""):
            return Answer(found.packed, headers=(*_FOR_EVER, (b"content-encoding", b"gzip")), content_type=found.kind)
        return Answer(found.content, headers=_FOR_EVER, content_type=found.kind)


def _file(name: str, content: bytes) -> _File:
    suffix = "." + name.rpartition(".")[2]
    packed = None if suffix == ".woff2" else gzip.compress(content, 9, mtime=0)
    return _File(content, packed, _TYPES[suffix])
