"""Photographs as they come: turned, grey, transparent, of 16 bits, broken off, too large, or not photographs at all."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from minicnn.images import MAX_PIXELS, read_photo, save_picture, to_bytes
from minicnn.photo_files import read_raster


def saved(folder: Path, image: Image.Image, name: str, **options) -> Path:
    image.save(folder / name, **options)
    return folder / name


@pytest.fixture
def colours(rng) -> np.ndarray:
    return rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm"])
def test_lossless_formats_give_every_pixel_back(tmp_path, colours, suffix):
    photo = read_photo(saved(tmp_path, Image.fromarray(colours), f"photo.{suffix}"))
    assert photo.dtype == np.uint8
    assert np.array_equal(photo, colours)
    photo[0, 0] = 0  # the array is the caller's own


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_lossy_formats_give_about_the_pixels_back(tmp_path, suffix):
    plain = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    photo = read_photo(str(saved(tmp_path, Image.fromarray(plain), f"photo.{suffix}")))  # a path in text does as well
    assert photo.shape == (16, 16, 3)
    assert np.abs(photo.astype(int) - plain).max() <= 4


# ---------------------------------------------------------------------- orientation

ABC = ["abc",
       "def"]  # fmt: skip

UPRIGHT = {  # EXIF orientation → what a viewer must show of pixels stored as ABC
    1: ["abc", "def"],  # as stored
    2: ["cba", "fed"],  # left and right exchanged
    3: ["fed", "cba"],  # turned by 180°
    4: ["def", "abc"],  # top and bottom exchanged
    5: ["ad", "be", "cf"],  # rows and columns exchanged
    6: ["da", "eb", "fc"],  # turned by 90° clockwise: how a telephone held upright stores its photographs
    7: ["fc", "eb", "da"],  # exchanged over the other diagonal
    8: ["cf", "be", "ad"],  # turned by 90° anticlockwise
}


def letters(rows: list[str]) -> np.ndarray:
    """One grey for each letter: a photograph."""
    grey = np.array([[40 * (ord(letter) - ord("a")) for letter in row] for row in rows], np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tiff", "jpg"])
def test_a_photograph_is_turned_upright(tmp_path, orientation, suffix):
    tag = Image.Exif()
    tag[0x0112] = orientation
    stored = Image.fromarray(np.kron(letters(ABC), np.ones((16, 16, 1), np.uint8)))  # large pixels, for JPEG's sake
    photo = read_photo(saved(tmp_path, stored, f"photo.{suffix}", exif=tag))
    assert np.abs(photo[8::16, 8::16].astype(int) - letters(UPRIGHT[orientation])).max() <= 3
    raster = read_raster(tmp_path / f"photo.{suffix}")  # as it is stored
    assert np.abs(raster.astype(int) - np.asarray(stored).astype(int)).max() <= 12


# ---------------------------------------------------------------------- kinds of pixels

GREYS = np.array([[0, 50, 128, 255]], np.uint8)


def as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_grey_becomes_rgb(tmp_path):
    assert np.array_equal(read_photo(saved(tmp_path, Image.fromarray(GREYS), "grey.png")), as_rgb(GREYS))


def test_one_bit_becomes_black_and_white(tmp_path):
    image = Image.fromarray(GREYS).convert("1", dither=Image.Dither.NONE)
    expected = as_rgb(np.array([[0, 0, 255, 255]], np.uint8))
    assert np.array_equal(read_photo(saved(tmp_path, image, "bits.png")), expected)


@pytest.mark.parametrize("name", ["deep.png", "deep.tiff"])
def test_16_bits_of_grey_are_divided_by_257_not_clipped(tmp_path, name):
    deep = Image.fromarray(GREYS.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    assert np.array_equal(read_photo(saved(tmp_path, deep, name)), as_rgb(GREYS))


def test_16_bits_of_grey_are_turned_upright_too(tmp_path):
    tag = Image.Exif()
    tag[0x0112] = 6
    deep = Image.fromarray(letters(ABC)[:, :, 0].astype(np.uint16) * 257)
    assert np.array_equal(read_photo(saved(tmp_path, deep, "deep.png", exif=tag)), letters(UPRIGHT[6]))


def test_16_bits_in_the_other_byte_order(tmp_path):
    header = b"P5 4 1 65535\n"  # a portable grey map: big-endian
    (tmp_path / "deep.pgm").write_bytes(header + (GREYS.astype(">u2") * 257).tobytes())
    assert np.array_equal(read_photo(tmp_path / "deep.pgm"), as_rgb(GREYS))


@pytest.mark.parametrize(
    ("pixels", "complaint"),
    [
        (np.array([[0, 1 << 20]], np.int32), "its grey values do not fit into 16 bits"),
        (np.array([[-1, 5]], np.int32), "its grey values do not fit into 16 bits"),
        (np.array([[0.5, 0.7]], np.float32), "it holds floating-point values"),
    ],
)
def test_values_without_a_known_range_are_refused_rather_than_guessed(tmp_path, pixels, complaint):
    path = saved(tmp_path, Image.fromarray(pixels), "measured.tiff")
    with pytest.raises(ValueError, match=complaint) as error:
        read_photo(path)
    assert str(path) in str(error.value)


def test_a_palette_is_looked_up(tmp_path, colours):
    image = Image.fromarray(colours).quantize(64)
    assert image.mode == "P"
    assert np.array_equal(read_photo(saved(tmp_path, image, "palette.png")), colours)  # 35 pixels: 35 colours


def test_what_is_transparent_lies_on_white(tmp_path):
    red = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [255, 0, 0, 128]]], np.uint8)
    photo = read_photo(saved(tmp_path, Image.fromarray(red), "rgba.png"))
    assert np.array_equal(photo, [[[255, 0, 0], [255, 255, 255], [255, 127, 127]]])


def test_transparent_grey_lies_on_white(tmp_path):
    image = Image.fromarray(np.array([[[10, 255], [10, 0]]], np.uint8))
    assert image.mode == "LA"
    assert np.array_equal(read_photo(saved(tmp_path, image, "la.png")), [[[10] * 3, [255] * 3]])


@pytest.mark.parametrize("name", ["palette.png", "palette.gif"])
def test_a_transparent_colour_of_a_palette_lies_on_white(tmp_path, name):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    photo = read_photo(saved(tmp_path, image, name, transparency=1))
    assert np.array_equal(photo, [[[255, 0, 0], [255, 255, 255]]])


def test_a_palette_with_an_opacity_for_every_colour(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 255, 0, 0, 255, 0, 0])
    image.putdata([0, 1, 2])
    photo = read_photo(saved(tmp_path, image, "palette.png", transparency=bytes([255, 0, 128])))
    assert np.array_equal(photo, [[[255, 0, 0], [255, 255, 255], [255, 127, 127]]])


def test_one_transparent_colour_of_an_rgb_picture(tmp_path):
    image = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    photo = read_photo(saved(tmp_path, image, "key.png", transparency=(1, 2, 3)))
    assert np.array_equal(photo, [[[255, 255, 255], [4, 5, 6]]])


def test_the_colours_of_printers_become_rgb(tmp_path):
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    photo = read_photo(saved(tmp_path, cyan, "print.jpg", quality=95))
    assert photo.shape == (16, 16, 3)
    assert np.abs(photo.astype(int) - (0, 255, 255)).max() <= 4


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    photo = read_photo(saved(tmp_path, frames[0], "film.gif", save_all=True, append_images=frames[1:]))
    assert np.array_equal(photo[0, 0], [255, 0, 0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1)])
def test_very_small_and_very_elongated_photographs_are_read(tmp_path, shape):
    pixels = np.full((*shape, 3), 7, np.uint8)
    assert np.array_equal(read_photo(saved(tmp_path, Image.fromarray(pixels), "line.png")), pixels)


# ---------------------------------------------------------------------- what is no photograph

NO_PICTURE = r"is not a picture that Pillow can read|is a damaged or truncated picture"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png does not exist; expected a photograph"):
        read_photo(tmp_path / "nowhere.png")


def test_a_folder_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; expected a photograph"):
        read_photo(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am text\n", bytes(1000), b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"]
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "letter.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=NO_PICTURE) as error:
        read_photo(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_may_not_be_read_says_so(tmp_path, colours, monkeypatch):
    path = saved(tmp_path, Image.fromarray(colours), "secret.png")

    def forbidden(path, mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)  # a file's own mode would not stop root
    with pytest.raises(PermissionError, match=r"Permission denied: '.*secret\.png'"):
        read_photo(path)


FORMATS = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000"]


def encoded(format: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format=format)
    return buffer.getvalue()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_picture_that_breaks_off_is_refused(tmp_path, format, share):
    content = encoded(format)
    path = tmp_path / "half"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=NO_PICTURE) as error:
        read_photo(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data())
def test_damage_anywhere_is_either_invisible_or_a_value_error(tmp_path_factory, format, data):
    """Whatever bytes are cut off or overwritten, nothing but ValueError comes out, and it names the file."""
    content = bytearray(encoded(format))
    end = data.draw(st.integers(0, len(content)), label="cut off after")
    for _ in range(data.draw(st.integers(0, 3), label="bytes overwritten")):
        place = data.draw(st.one_of(st.integers(0, 60), st.integers(0, len(content) - 1)))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged.{format.lower()}"
    path.write_bytes(content[:end])
    complaint = ""
    try:
        photo = read_photo(path)
    except ValueError as error:
        complaint = str(error)
    assert str(path) in complaint or (photo.dtype == np.uint8 and photo.shape[2] == 3)


def test_a_damaged_length_that_asks_for_all_the_memory_of_the_world(tmp_path):
    content = bytearray(encoded("JPEG2000")[:48])
    content[35] = 1  # a box of some petabytes
    (tmp_path / "greedy.jp2").write_bytes(content)
    with pytest.raises(ValueError, match=r"greedy\.jp2 asks for more memory than there is; it may be damaged"):
        read_photo(tmp_path / "greedy.jp2")


# ---------------------------------------------------------------------- too large


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size, and no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_001, 10_000), (14_000, 14_000), (100_000, 100_000), (1, MAX_PIXELS + 1)])
def test_more_than_100_million_pixels_are_refused_before_any_memory_is_taken(tmp_path, monkeypatch, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    monkeypatch.setattr(
        ImageFile.ImageFile, "load_prepare", lambda self: pytest.fail("memory for the pixels was taken")
    )
    with pytest.raises(ValueError, match=r"bomb\.png has more than 100,000,000 pixels; make it smaller first"):
        read_photo(path)


def test_exactly_100_million_pixels_are_not_too_many(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    path.write_bytes(png_header(10_000, 10_000))

    class Reached(BaseException):
        pass

    def load_prepare(image):
        raise Reached

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", load_prepare)  # the pixels would be read now
    with pytest.raises(Reached):
        read_photo(path)


# ---------------------------------------------------------------------- out again


def test_a_picture_that_is_saved_is_rounded_and_clipped_only_then(tmp_path):
    pixels = np.array([[-5.0, 0.4, 0.6, 254.6, 300.0]])
    assert np.array_equal(to_bytes(pixels), [[0, 0, 1, 255, 255]])
    save_picture(tmp_path / "map.png", pixels)
    assert np.array_equal(read_photo(tmp_path / "map.png"), as_rgb(np.array([[0, 0, 1, 255, 255]])))
    assert pixels[0, 0] == -5


def test_a_saved_photograph_is_read_back(tmp_path, colours):
    save_picture(tmp_path / "photo.png", colours)
    assert np.array_equal(read_photo(tmp_path / "photo.png"), colours)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
