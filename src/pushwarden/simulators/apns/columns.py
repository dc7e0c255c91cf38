"""Checks of whole columns at C speed. False means: some row may be bad, look at each."""

from __future__ import annotations

import binascii
from binascii import unhexlify
from typing import Final

from .rules import TOKEN_PREFIX

PATH_SIZE: Final = len(TOKEN_PREFIX)
MAX_PATH: Final = PATH_SIZE + 400
ID_SIZE: Final = 36
DASHES: Final = (8, 13, 18, 23)


def paths_are_good(paths: list[bytes]) -> bool:
    """All are /3/device/ and hex, and of one even length."""
    if len(set(map(len, paths))) != 1:
        return not paths
    size = len(paths[0])
    if not PATH_SIZE < size <= MAX_PATH or size % 2:
        return False
    joined = b"".join(paths)
    bare = joined.replace(TOKEN_PREFIX, b"")
    return joined[::size] == b"/" * len(paths) and len(bare) == (size - PATH_SIZE) * len(paths) and _is_hex(bare)


def ids_are_good(ids: list[bytes]) -> bool:
    """All are canonical UUIDs."""
    if set(map(len, ids)) != {ID_SIZE}:
        return not ids
    joined = b"".join(ids)
    bare = joined.translate(None, b"-")
    dashed = all(joined[at::ID_SIZE] == b"-" * len(ids) for at in DASHES)
    return dashed and len(bare) == 32 * len(ids) and _is_hex(bare)


def raw_ids(ids: list[bytes]) -> bytes:
    """16 bytes an id, of canonical UUIDs."""
    return unhexlify(b"".join(ids).translate(None, b"-"))


def _is_hex(text: bytes) -> bool:
    try:
        unhexlify(text)
    except binascii.Error:
        return False
    return True
