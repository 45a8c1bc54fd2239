"""Makes a browser's picture small with the standard library: text on plain ground needs no more than 256 colours."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def small(picture: bytes) -> bytes:
    """Return an RGB picture with its 256 most frequent colours, the others replaced by the nearest of them."""
    chunks = dict(_chunks(picture))
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, kind) == (8, 2)
    rows = [_pixels(row) for row in _unfiltered(zlib.decompress(chunks[b"IDAT"]), width * 3)]
    counts = Counter(pixel for row in rows for pixel in row)
    palette = [colour for colour, _ in counts.most_common(COLOURS)]
    index = {colour: number for number, colour in enumerate(palette)}
    index |= {colour: _nearest(colour, palette) for colour in counts.keys() - index.keys()}
    lines = b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk once, the image's data put together."""
    place, data = len(SIGNATURE), b""
    while place < len(picture):
        length, name = struct.unpack_from(">I4s", picture, place)
        body = picture[place + 8 : place + 8 + length]
        place += length + 12
        if name == b"IDAT":
            data += body
        else:
            yield name, body
    yield b"IDAT", data


def _unfiltered(data: bytes, length: int) -> Iterator[bytearray]:
    before = bytearray(length)
    for start in range(0, len(data), length + 1):
        line = bytearray(data[start + 1 : start + 1 + length])
        _unfilter(line, before, data[start])
        yield line
        before = line


def _unfilter(line: bytearray, above: bytearray, kind: int) -> None:
    """Undo one of PNG's five filters (PNG specification, chapter 9), for three bytes a pixel."""
    for place in range(len(line) if kind else 0):
        left, up_left = (line[place - 3], above[place - 3]) if place >= 3 else (0, 0)
        up = above[place]
        guess = (0, left, up, (left + up) // 2, _paeth(left, up, up_left))[kind]
        line[place] = (line[place] + guess) & 0xFF


def _paeth(left: int, up: int, up_left: int) -> int:
    guess = left + up - up_left
    return min((left, up, up_left), key=lambda each: abs(guess - each))


def _pixels(row: bytearray) -> list[bytes]:
    text = bytes(row)
    return [text[place : place + 3] for place in range(0, len(text), 3)]


def _nearest(colour: bytes, palette: list[bytes]) -> int:
    return min(
        range(len(palette)), key=lambda number: sum((a - b) ** 2 for a, b in zip(colour, palette[number], strict=True))
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
