"""Both decoders, the reader of blocks alike and python-hyper's hpack agree on every block and every broken one."""

from __future__ import annotations

from random import Random

from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.http2 import hpack
from pushwarden.http2.fields import encode_block
from pushwarden.http2.shapes import Reader

NAMES = [b":path", b"authorization", b"apns-id", b"x-one", b"server", b"accept-encoding"]
VALUES = [b"", b"a", b"gzip, deflate", b"/3/device/0123", b"bytes \xff\x00\x80", b"v" * 300]


def make_headers(random: Random) -> list[HeaderTuple]:
    kinds = [HeaderTuple, NeverIndexedHeaderTuple]
    count = random.randint(0, 6)
    return [random.choice(kinds)(random.choice(NAMES), random.choice(VALUES)) for _ in range(count)]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_every_way_of_decoding_reads_what_hpack_encoded(seed: int) -> None:
    random = Random(seed)
    encoder, few = Encoder(), [make_headers(random) for _ in range(3)]
    decoders = [hpack.decoder(), hpack.decoder(pure=True)]
    reader = Reader(hpack.decoder(pure=random.random() < 0.5))
    for _ in range(random.randint(1, 80)):
        if random.random() < 0.5:
            plain = [(name, random.choice(VALUES)) for name in NAMES[: random.randint(1, 6)]]
            headers, block = plain, encode_block(plain)
        else:
            if random.random() < 0.2:
                encoder.header_table_size = random.choice([0, 50, 100, 4096])
            chosen = random.choice(few) if random.random() < 0.7 else make_headers(random)
            block = encoder.encode(chosen, huffman=random.random() < 0.5)
            headers = [tuple(one) for one in chosen]
        read = [decoder.decode(block, True) for decoder in decoders]
        read.append(reader.read(b"before" + block + b"after", 6, 6 + len(block)))
        assert [(name, value) for name, value, _ in read[0]] == headers
        assert read[0] == read[1] == read[2]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_a_broken_block_is_a_violation_and_never_another_error(block: bytes) -> None:
    decoder = hpack.decoder(pure=True)
    try:
        decoder.decode(block, True)
    except hpack.HpackError as error:
        assert hpack.violation(error) is not None
