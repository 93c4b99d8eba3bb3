"""Image files of every kind, and the gray pixels that they hold: images.json.

PNG files are packed here, from random samples, and read by Pillow too: what it sees must be those samples. Pillow keeps 16 bits
of gray only, and the upper 8 of colours; the record has 16 bits rounded to 8. JPEG files are written and read by Pillow (libjpeg).

    apt-get install python3-pil python3-numpy
    /usr/bin/python3 test/golden/record_images.py    # Pillow 9.4
"""

import base64
import io
import json
import pathlib
import struct
import zlib

import numpy
from PIL import Image

random = numpy.random.default_rng(7)
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
LUMA = numpy.array([19595, 38470, 7471])


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paeth(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def filtered(row, above, step, kind):
    """A row of bytes as the filter `kind` (0 to 4) stores it."""
    left = [0] * step + row[:-step] if len(row) > step else [0] * len(row)
    corner = [0] * step + above[:-step] if len(row) > step else [0] * len(row)
    guess = {
        0: lambda l, u, c: 0,
        1: lambda l, u, c: l,
        2: lambda l, u, c: u,
        3: lambda l, u, c: (l + u) // 2,
        4: paeth,
    }[kind]
    return [(x - guess(l, u, c)) % 256 for x, l, u, c in zip(row, left, above, corner)]


def row_bytes(samples, depth):
    if depth == 16:
        return list(samples.astype(">u2").tobytes())
    bits = "".join(format(value, f"0{depth}b") for value in samples)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def packed(pixels, depth):
    """The rows of an image [height, width, samples], each under a filter of its own."""
    step = max(1, pixels.shape[2] * depth // 8)
    out, above = bytearray(), None
    for row in pixels:
        data = row_bytes(row.reshape(-1), depth)
        kind = int(random.integers(5))
        out += bytes([kind] + filtered(data, above or [0] * len(data), step, kind))
        above = data
    return bytes(out)


def png(pixels, color, depth, interlaced=False, before=(), after=(), parts=1):
    height, width, _ = pixels.shape
    passes = [pixels[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7] if interlaced else [pixels]
    data = zlib.compress(b"".join(packed(part, depth) for part in passes if part.size), 9)
    cuts = [len(data) * i // parts for i in range(parts + 1)]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header), *before, *((b"IDAT", data[a:b]) for a, b in zip(cuts, cuts[1:])), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def luminance(rgb):
    return (rgb.astype(int) @ LUMA + 0x8000) >> 16


def expected(pixels, color, depth, palette):
    """What the samples mean, in 8 bits of gray; and how Pillow should see them."""
    top = 2**depth - 1
    if color == 3:
        seen = palette[pixels[:, :, 0]]
        return luminance(seen), seen
    rounded = numpy.floor(pixels * 255 / top + 0.5).astype(int)
    seen = pixels >> 8 if depth == 16 else rounded
    if color in (0, 4):
        return rounded[:, :, 0], pixels[:, :, 0] if (color, depth) == (0, 16) else seen[:, :, 0]
    return luminance(rounded[:, :, :3]), seen[:, :, :3]


def entry(file, width, height, gray):
    return {
        "file": base64.b64encode(file).decode(),
        "width": width,
        "height": height,
        "gray": base64.b64encode(numpy.asarray(gray, dtype=numpy.uint8).tobytes()).decode(),
    }


def case(color, depth, width=11, height=9, interlaced=False, transparent=False, **options):
    pixels = random.integers(2**depth, size=(height, width, SAMPLES[color]))
    palette = random.integers(256, size=(2**depth, 3)) if color == 3 else None
    before = [(b"PLTE", palette.astype(numpy.uint8).tobytes())] if color == 3 else []
    if transparent:
        clear = pixels[0, 0].astype(">u2").tobytes()
        before.append((b"tRNS", bytes(range(0, 2**depth, 3))[: 2**depth] if color == 3 else clear))
    file = png(pixels, color, depth, interlaced, before=[*before, *options.pop("before", ())], **options)
    gray, seen = expected(pixels, color, depth, palette)
    with Image.open(io.BytesIO(file)) as image:
        if (color, depth) == (0, 16):
            found = numpy.asarray(image)
        else:
            found = numpy.asarray(image.convert("L" if color in (0, 4) else "RGB"))
            if depth <= 8 or color == 4:
                pillow = numpy.asarray(image.convert("RGB").convert("L"))
                assert (pillow == (seen if color == 4 else gray)).all(), (color, depth)
    assert (found == seen).all(), (color, depth, interlaced)
    return entry(file, width, height, gray)


def png_cases():
    for color, depths in DEPTHS.items():
        for depth in depths:
            for interlaced in (False, True):
                yield f"png, colour type {color}, {depth} bits{', interlaced' * interlaced}", case(color, depth, interlaced=interlaced)
    for width, height in [(1, 1), (2, 1), (1, 6), (3, 3), (4, 2), (5, 5), (8, 8), (9, 17)]:
        for color, depth in [(0, 1), (2, 8)]:
            yield f"png, {width}x{height} interlaced, colour type {color}", case(color, depth, width, height, True)
    for color, depth in [(0, 2), (0, 8), (0, 16), (2, 8), (2, 16), (3, 2), (3, 8)]:
        yield f"png, colour type {color}, {depth} bits, transparency", case(color, depth, transparent=True)
    yield "png, data in nine chunks, one of them empty", case(2, 8, 3, 2, parts=90)
    text = [(b"tEXt", b"Comment\0a radiograph"), (b"gAMA", struct.pack(">I", 45455))]
    yield "png, text and gamma", case(0, 8, before=text, after=[(b"tIME", struct.pack(">HBBBBB", 2024, 2, 29, 1, 2, 3))])
    frame = struct.pack(">IIIIIHHBB", 0, 11, 9, 0, 0, 1, 10, 0, 0)
    second = png(random.integers(256, size=(9, 11, 1)), 0, 8)
    second = second[second.index(b"IDAT") + 4 : -16]
    yield "png, an animation", case(
        0,
        8,
        before=[(b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", frame)],
        after=[(b"fcTL", struct.pack(">I", 1) + frame[4:]), (b"fdAT", struct.pack(">I", 2) + second)],
    )


def photo(width, height):
    """Soft shapes, some colour and a little noise, as photographs have."""
    y, x = numpy.mgrid[0:height, 0:width]
    bone = 120 + 90 * numpy.sin(x / 7) * numpy.cos(y / 9)
    rgb = numpy.stack([bone + 20 * numpy.sin(y / 11), bone, bone - 25 * numpy.cos(x / 13)], axis=2)
    return Image.fromarray(numpy.clip(rgb + random.normal(0, 3, rgb.shape), 0, 255).astype(numpy.uint8))


def jpeg_cases():
    for name, mode, size, options in [
        ("gray", "L", (37, 29), {}),
        ("gray, of one block", "L", (8, 8), {}),
        ("gray, of one pixel", "L", (1, 1), {}),
        ("gray, progressive", "L", (37, 29), {"progressive": True}),
        ("colour 4:4:4", "RGB", (37, 29), {"subsampling": 0}),
        ("colour 4:2:2", "RGB", (37, 29), {"subsampling": 1}),
        ("colour 4:2:0", "RGB", (37, 29), {"subsampling": 2}),
        ("colour 4:2:0, of whole blocks", "RGB", (32, 32), {"subsampling": 2}),
        ("colour 4:2:0, progressive", "RGB", (37, 29), {"subsampling": 2, "progressive": True}),
        ("colour 4:4:4, progressive", "RGB", (33, 17), {"subsampling": 0, "progressive": True}),
        ("colour, own Huffman tables", "RGB", (37, 29), {"optimize": True}),
        ("colour, coarse", "RGB", (37, 29), {"quality": 20}),
    ]:
        out = io.BytesIO()
        photo(*size).convert(mode).save(out, "JPEG", **{"quality": 92, **options})
        file = out.getvalue()
        with Image.open(io.BytesIO(file)) as image:
            yield f"jpeg, {name}", entry(file, *size, numpy.asarray(image.convert("L")))
    # As Photoshop marks RGB without conversion: the same data, read as RGB.
    out = io.BytesIO()
    photo(24, 16).save(out, "JPEG", quality=92, subsampling=0)
    file = out.getvalue()
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    rgb = file[:2] + adobe + file[2:]
    rgb = rgb.replace(file[2:20], b"", 1)  # JFIF's marker, which says YCbCr
    with Image.open(io.BytesIO(rgb)) as image:
        yield "jpeg, RGB by Adobe's marker", entry(rgb, 24, 16, numpy.asarray(image.convert("L")))


cmyk = io.BytesIO()
photo(16, 16).convert("CMYK").save(cmyk, "JPEG")
record = {
    "images": dict([*png_cases(), *jpeg_cases()]),
    "cmyk": base64.b64encode(cmyk.getvalue()).decode(),
}
pathlib.Path(__file__).with_name("images.json").write_text(json.dumps(record, indent=0) + "\n")
