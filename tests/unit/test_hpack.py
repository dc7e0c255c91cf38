"""RFC 7541: the vectors of Appendix C, broken blocks, and the model of the peer's table; for both decoders."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pushwarden.http2 import hpack
from pushwarden.http2.encoder import Encoder, Table
from pushwarden.http2.fields import encode_block, integer
from pushwarden.http2.frames import Code, Violation
from pushwarden.http2.messages import Requests

both = pytest.mark.parametrize("pure", [False, True], ids=["compiled", "python"])

REQUESTS = [
    [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")],
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
        (b"cache-control", b"no-cache"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
DATE_1, DATE_2 = b"Mon, 21 Oct 2013 20:13:21 GMT", b"Mon, 21 Oct 2013 20:13:22 GMT"
LOCATION = (b"location", b"https://www.example.com")
COOKIE = b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
RESPONSES = [
    [(b":status", b"302"), (b"cache-control", b"private"), (b"date", DATE_1), LOCATION],
    [(b":status", b"307"), (b"cache-control", b"private"), (b"date", DATE_1), LOCATION],
    [
        (b":status", b"200"),
        (b"cache-control", b"private"),
        (b"date", DATE_2),
        LOCATION,
        (b"content-encoding", b"gzip"),
        (b"set-cookie", COOKIE),
    ],
]
VECTORS = {
    "C.3 requests": (
        4096,
        REQUESTS,
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
    ),
    "C.4 requests, Huffman": (
        4096,
        REQUESTS,
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ),
    "C.5 answers, evicting": (
        256,
        RESPONSES,
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
            "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d41"
            "53444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ],
    ),
    "C.6 answers, Huffman, evicting": (
        256,
        RESPONSES,
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af"
            "27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ),
}


def plain(headers: list[hpack.Header]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value, _ in headers]


def failure(call: Callable[[], object]) -> Violation | None:
    try:
        call()
    except BaseException as error:
        return hpack.violation(error)
    return None


@both
@pytest.mark.parametrize("vector", VECTORS)
def test_the_vectors_of_appendix_c_decode(vector: str, pure: bool) -> None:
    size, lists, blocks = VECTORS[vector]
    decoder = hpack.decoder(pure=pure)
    decoder.header_table_size = size
    assert [plain(decoder.decode(bytes.fromhex(block), True)) for block in blocks] == lists


@both
@pytest.mark.parametrize(
    ("block", "headers"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", [(b"custom-key", b"custom-header", False)]),
        ("040c2f73616d706c652f70617468", [(b":path", b"/sample/path", False)]),
        ("100870617373776f726406736563726574", [(b"password", b"secret", True)]),
        ("82", [(b":method", b"GET", False)]),
    ],
)
def test_the_representations_of_appendix_c2_decode(block: str, headers: list[hpack.Header], pure: bool) -> None:
    assert hpack.decoder(pure=pure).decode(bytes.fromhex(block), True) == headers


@both
@pytest.mark.parametrize(
    "block",
    [
        "80",
        "be",
        "4001",
        "000161",
        "3fe21f82",
        "00018161",
        "0081ff0162",
        "0082ffff0162",
        "0001610562",
        "7fffffffffff0f",
    ],
)
def test_a_broken_block_is_a_compression_error(block: str, pure: bool) -> None:
    found = failure(lambda: hpack.decoder(pure=pure).decode(bytes.fromhex(block), True))
    assert found is not None and found.code == Code.COMPRESSION_ERROR


@both
def test_a_list_longer_than_announced_is_refused(pure: bool) -> None:
    found = failure(lambda: hpack.decoder(100, pure=pure).decode(b"\x00\x01a\x7f\x00" + b"x" * 127, True))
    assert found is not None and found.code == Code.ENHANCE_YOUR_CALM


@both
def test_a_shrunk_table_forgets_and_a_grown_one_does_not_remember(pure: bool) -> None:
    decoder = hpack.decoder(pure=pure)
    assert plain(decoder.decode(b"\x40\x01a\x01b\xbe", True)) == [(b"a", b"b")] * 2
    decoder.decode(b"\x20\x3f\xe1\x1f\x82", True)
    assert failure(lambda: decoder.decode(b"\xbe", True)) is not None


def test_an_error_of_another_kind_is_nobodys_violation() -> None:
    assert hpack.violation(ValueError("x")) is None


@pytest.mark.parametrize(("value", "prefix", "octets"), [(10, 5, "0a"), (1337, 5, "1f9a0a"), (42, 8, "2a")])
def test_the_integers_of_appendix_c1_encode_and_decode(value: int, prefix: int, octets: str) -> None:
    assert integer(value, prefix) == bytes.fromhex(octets)
    assert hpack.read_int(bytes.fromhex(octets), 0, prefix) == (value, len(octets) // 2)


@both
def test_a_stateless_block_reads_alike_in_any_state(pure: bool) -> None:
    headers = [(b":status", b"410"), (b"content-type", b"application/json"), (b"apns-id", b"x" * 200), (b"server", b"")]
    decoder = hpack.decoder(pure=pure)
    for _ in range(3):
        assert plain(decoder.decode(encode_block(headers), True)) == headers
        decoder.decode(b"\x40\x01a\x01b", True)


def test_the_model_emits_the_smallest_and_the_final_size_once() -> None:
    table = Table()
    table.resize(100)
    table.resize(0)
    table.resize(2000)
    assert table.updates() == integer(0, 5, 0x20) + integer(2000, 5, 0x20)
    assert table.updates() == b""


def test_a_larger_table_than_ours_needs_no_update() -> None:
    table = Table()
    table.resize(65_536)
    assert table.limit == 4096 and table.updates() == b""


@pytest.mark.parametrize("field", ["name", "value", "authority"])
def test_line_breaks_in_constant_headers_are_refused(field: str) -> None:
    bad = b"a\r\nb"
    name, value = (bad, b"v") if field == "name" else (b"n", bad if field == "value" else b"v")
    with pytest.raises(ValueError, match="must not contain"):
        Encoder().layout(Requests(1, bad if field == "authority" else b"h", b"/", b"", ((name, value),)))
