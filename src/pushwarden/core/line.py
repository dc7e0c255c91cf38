"""One line of text as people enter it: nothing in it breaks the line, or turns the reading of what stands beside."""

from __future__ import annotations

import re

# `$` alone would let a final line break through.
END = r"$(?!\n)"
LINE = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*{END}"
"""Without control characters (C0, C1), line separators, and bidirectional embeddings and overrides (UAX #9)."""
_LINE = re.compile(LINE)


def is_line(text: str) -> bool:
    return _LINE.match(text) is not None
