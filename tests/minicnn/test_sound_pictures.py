"""Pictures that other programs show without complaint, and that decoders refuse or get wrong."""

from __future__ import annotations

import io
import struct
import sys
import types
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from minicnn.files import refuse_address
from minicnn.images import read_photo
from minicnn.photo_files import PhotoNote
from minicnn.sound_pictures import complete_jpeg, without_metadata


@pytest.fixture
def colours(rng) -> np.ndarray:
    return rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# ---------------------------------------------------------------------- TIFF

UPRIGHT = {  # orientation → the stored pixels as a viewer must show them
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


def tiff_pictures(rng) -> dict[str, tuple[Image.Image, np.ndarray]]:
    """A picture of each mode, and what is to be seen of it."""
    grey = rng.integers(0, 256, (6, 9), dtype=np.uint8)
    colour = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    bits = (grey > 127).astype(np.uint8) * 255
    palette = Image.fromarray(colour).quantize(256)
    opaque = np.dstack([colour, np.full((6, 9), 255, np.uint8)])
    return {
        "1": (Image.fromarray(bits).convert("1"), bits[..., None]),
        "L": (Image.fromarray(grey), grey[..., None]),
        "LA": (Image.fromarray(np.dstack([grey, np.full_like(grey, 255)])), grey[..., None]),
        "P": (palette, colour),
        "I;16": (Image.fromarray(grey.astype(np.uint16) * 257), grey[..., None]),
        "I": (Image.fromarray(grey.astype(np.int32) * 257), grey[..., None]),
        "RGB": (Image.fromarray(colour), colour),
        "RGBA": (Image.fromarray(opaque), colour),
        "RGBX": (Image.fromarray(colour).convert("RGBX"), colour),
        "CMYK": (Image.fromarray(255 - opaque, "CMYK"), np.zeros(0)),
    }


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "I", "RGB", "RGBA", "RGBX", "CMYK"])
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_a_tiff_of_every_mode_is_turned_upright(mode, compression, tmp_path, rng):
    """Pillow maps uncompressed files into memory with their width and height exchanged already."""
    image, seen = tiff_pictures(rng)[mode]
    assert image.mode == mode
    if mode == "CMYK":
        seen = np.asarray(image.convert("RGB"))
    seen = np.broadcast_to(seen, (6, 9, 3))
    for orientation, turned in UPRIGHT.items():
        path = tmp_path / f"{orientation}.tif"
        image.save(path, tiffinfo={274: orientation}, compression=compression)
        assert np.array_equal(read_photo(path), turned(seen)), orientation


# ---------------------------------------------------------------------- JPEG without its end


JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "without subsampling": {"subsampling": 0},
    "with restart markers": {"restart_marker_blocks": 1},
    "optimized": {"optimize": True, "quality": 30},
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read_with_a_note(kind, mode, missing, tmp_path, colours):
    whole = encoded(Image.fromarray(colours).convert(mode), "JPEG", **JPEGS[kind])
    (tmp_path / "whole.jpg").write_bytes(whole)
    (tmp_path / "cut.jpg").write_bytes(whole[:-missing])
    with pytest.warns(PhotoNote, match=r"cut\.jpg lacks its end marker; all of its pixels are there"):
        photo = read_photo(tmp_path / "cut.jpg")
    assert np.array_equal(photo, read_photo(tmp_path / "whole.jpg"))


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_more_than_that_is_refused(kind, tmp_path, colours):
    whole = encoded(Image.fromarray(colours), "JPEG", **JPEGS[kind])
    pixels = np.asarray(Image.open(io.BytesIO(whole)))
    for missing in (*range(3, 130), *range(130, len(whole), 37)):
        mended = complete_jpeg(whole[:-missing])
        if mended is not None:  # the last bits may be padding only
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(mended))), pixels), missing
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ValueError, match="damaged or truncated"):
        read_photo(tmp_path / "cut.jpg")


def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused(colours):
    whole = encoded(Image.fromarray(colours), "JPEG", progressive=True)
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 3
    for scan in scans[1:]:
        start = scan  # of the Huffman table before this scan, if it has one
        table = whole.rfind(b"\xff\xc4", 0, scan)
        if table > 0 and table + 2 + struct.unpack_from(">H", whole, table + 2)[0] == scan:
            start = table
        assert complete_jpeg(whole[:start]) is None


def test_a_whole_jpeg_and_other_files_are_none_of_its_business(colours):
    whole = encoded(Image.fromarray(colours), "JPEG")
    assert complete_jpeg(whole) is complete_jpeg(b"") is complete_jpeg(b"\xff\xd8\xff\xe0") is None
    assert complete_jpeg(encoded(Image.fromarray(colours), "PNG")) is None


# ---------------------------------------------------------------------- much metadata


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    return png[:33] + chunk(kind, content) + png[33:]  # behind the header


MUCH = {
    "a packed text": (b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 3_000_000)),
    "a plain text": (b"tEXt", b"workflow\0" + b"x" * 3_000_000),
    "an international text": (b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)),
    "a colour profile": (b"iCCP", b"p\0\0" + zlib.compress(bytes(2_000_000))),
}


@pytest.mark.parametrize("case", MUCH)
def test_a_png_with_much_metadata_is_a_picture(case, tmp_path, colours):
    (tmp_path / "a.png").write_bytes(with_chunk(encoded(Image.fromarray(colours), "PNG"), *MUCH[case]))
    assert np.array_equal(read_photo(tmp_path / "a.png"), colours)


def test_many_texts_that_are_much_together(tmp_path, colours):
    info = PngImagePlugin.PngInfo()
    for n in range(80):
        info.add_text(f"part {n}", "x" * 1_000_000, zip=True)
    Image.fromarray(colours).save(tmp_path / "a.png", pnginfo=info)
    assert np.array_equal(read_photo(tmp_path / "a.png"), colours)


def test_the_orientation_is_kept_where_metadata_are_left_out(tmp_path, colours):
    tag = Image.Exif()
    tag[0x0112] = 6
    png = with_chunk(encoded(Image.fromarray(colours), "PNG", exif=tag), *MUCH["a packed text"])
    (tmp_path / "a.png").write_bytes(png)
    assert np.array_equal(read_photo(tmp_path / "a.png"), np.rot90(colours, -1))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP"])
def test_other_pictures_with_much_metadata(kind, tmp_path):
    plain = Image.new("RGB", (16, 16), (200, 100, 50))
    options = {
        "JPEG": {"comment": b"x" * 60_000, "icc_profile": bytes(3_000_000)},
        "TIFF": {"tiffinfo": {270: "x" * 3_000_000}, "icc_profile": bytes(3_000_000)},
        "WEBP": {"icc_profile": bytes(3_000_000), "xmp": b"x" * 3_000_000},
    }[kind]
    (tmp_path / "a").write_bytes(encoded(plain, kind, **options))
    assert np.abs(read_photo(tmp_path / "a").astype(int) - (200, 100, 50)).max() <= 4


def test_a_damaged_png_with_much_metadata_stays_damaged(tmp_path, colours):
    png = with_chunk(encoded(Image.fromarray(colours), "PNG"), *MUCH["a packed text"])
    (tmp_path / "a.png").write_bytes(png[:-300])
    with pytest.raises(ValueError, match="damaged or truncated"):
        read_photo(tmp_path / "a.png")
    assert without_metadata(encoded(Image.fromarray(colours), "PNG")) is None


# ---------------------------------------------------------------------- a transparent value in every depth


def png(bits: int, colour: int, row: bytes, transparent: bytes, width: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"tRNS", transparent) + data + chunk(b"IEND", b"")


TENS, FIVES = 3 * [10 * 257], 3 * [5 * 257]
KEYS = {  # a row of pixels, one of which has the transparent value, and what is to be seen of it on white
    "grey, 1 bit": (png(1, 0, b"\x40", struct.pack(">H", 0), 4), [255, 255, 255, 255]),
    "grey, 2 bits": (png(2, 0, b"\x1b", struct.pack(">H", 2), 4), [0, 85, 255, 255]),
    "grey, 4 bits": (png(4, 0, b"\x12\x34", struct.pack(">H", 2), 4), [17, 255, 51, 68]),
    "grey, 8 bits": (png(8, 0, bytes([1, 2, 3, 4]), struct.pack(">H", 2), 4), [1, 255, 3, 4]),
    "grey, 16 bits": (png(16, 0, struct.pack(">4H", 257, 514, 515, 771), struct.pack(">H", 514), 4), [1, 255, 2, 3]),
    "colour, 8 bits": (png(8, 2, bytes([9, 9, 9, 5, 5, 5]), struct.pack(">3H", 9, 9, 9), 2), [255, 5]),
    "colour, 16 bits": (png(16, 2, struct.pack(">6H", *TENS, *FIVES), struct.pack(">3H", *TENS), 2), [255, 5]),
}  # fmt: skip


@pytest.mark.parametrize("case", KEYS)
def test_a_transparent_value_lies_on_white_in_every_depth(case, tmp_path):
    content, seen = KEYS[case]
    (tmp_path / "a.png").write_bytes(content)
    assert read_photo(tmp_path / "a.png")[0].tolist() == [[grey] * 3 for grey in seen]


# ---------------------------------------------------------------------- HEIC and addresses


def heic(path: Path, brand: bytes = b"heic") -> Path:
    path.write_bytes(struct.pack(">I", 24) + b"ftyp" + brand + bytes(99))
    return path


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"hevc"])
def test_heic_says_what_to_do(brand, tmp_path, monkeypatch):
    monkeypatch.setattr("minicnn.photo_files.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"is HEIC: convert it to JPEG, or install pillow-heif \(.*'\.\[heic\]'\)"):
        read_photo(heic(tmp_path / "IMG_1.HEIC", brand))


def test_heic_is_read_where_pillow_heif_is_installed(tmp_path, colours):
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif: the extra heic")
    image = pillow_heif.from_pillow(Image.fromarray(np.kron(colours, np.ones((8, 8, 1), np.uint8))))
    image.save(tmp_path / "a.HEIC", quality=-1)
    photo = read_photo(tmp_path / "a.HEIC")
    assert photo.shape == (160, 240, 3)
    assert np.abs(photo.astype(int)[4::8, 4::8] - colours).mean() < 30
    with pytest.raises(ValueError, match="damaged or truncated"):
        read_photo(heic(tmp_path / "b.heic"))


def test_pillow_heif_is_asked_to_register_itself_only_for_heic(tmp_path, monkeypatch, colours):
    asked = []
    stand_in = types.ModuleType("pillow_heif")
    stand_in.register_heif_opener = lambda: asked.append(1)
    monkeypatch.setitem(sys.modules, "pillow_heif", stand_in)
    monkeypatch.setattr("minicnn.photo_files.find_spec", lambda name: object())
    Image.fromarray(colours).save(tmp_path / "a.png")
    read_photo(tmp_path / "a.png")
    assert not asked
    with pytest.raises(ValueError, match=r"damaged or truncated picture \(HEIC\)"):
        read_photo(heic(tmp_path / "a.heic"))
    assert asked


@pytest.mark.parametrize(
    "address",
    ["https://example.org/cat.jpg", "HTTP://example.org/", Path("https://example.org/c.jpg"), "file:///c.png"],
)
def test_an_address_is_told_that_nothing_is_downloaded(address):
    with pytest.raises(ValueError, match="is an address; nothing is downloaded here: save it"):
        read_photo(address)


def test_a_file_that_only_looks_like_an_address_is_a_file(tmp_path, monkeypatch, colours):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(colours).save("data:1.png")
    assert np.array_equal(read_photo("data:1.png"), colours)
    refuse_address("database.png", "a file")
