"""The Huffman code of RFC 7541 Appendix B, which is canonical: the code lengths say everything."""

from __future__ import annotations

from typing import Final

_LENGTHS: Final = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b080606060505"
    "050606060606060607080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e060f050605"
    "06050606060507070606060506070605050607070707070f0b0e0d1c14161414161616171617171717171817181816171817"
    "1717171516171617171816151416161717151716161815161717151516151716171714161616171616171a1a141316171619"
    "1a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a171a1b1a1a1b1b1b1b1b1c"
    "1b1b1b1b1b1a1e"
)
_END: Final = 256
_PADDING: Final = 7  # §5.2: at most seven bits, all ones


class HuffmanError(Exception):
    """A string is no Huffman code."""


def _codes() -> dict[int, int]:
    codes, code, last = {}, 0, 0
    for symbol in sorted(range(_END + 1), key=lambda one: (_LENGTHS[one], one)):
        code <<= _LENGTHS[symbol] - last
        last = _LENGTHS[symbol]
        codes[1 << last | code] = symbol
        code += 1
    return codes


_SYMBOLS: Final = _codes()
"""Code with a leading 1 bit, which keeps its length → symbol."""

_LONGEST: Final = max(_SYMBOLS).bit_length()


def unhuffman(coded: bytes) -> bytes:
    """The octets of a Huffman-coded string; HuffmanError for bad padding, an unknown code or the end symbol."""
    out, code = bytearray(), 1
    for byte in coded:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            symbol = _SYMBOLS.get(code)
            if symbol is not None:
                if symbol == _END:
                    raise HuffmanError("a string contains the end symbol")
                out.append(symbol)
                code = 1
        if code.bit_length() > _LONGEST:
            raise HuffmanError("a string contains an unknown code")
    bits = code.bit_length() - 1
    if bits > _PADDING or code != (2 << bits) - 1:
        raise HuffmanError("a string ends with bad padding")
    return bytes(out)
