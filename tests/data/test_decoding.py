"""Tests of image decoding: pixels as in an image viewer, and errors for each kind of damage."""

import io
import struct

import numpy as np
import pytest
from folders import opened
from PIL import Image, ImageOps
from programs import run_python

from zoo.data.decoding import MAX_PIXELS, CorruptImage, Picture, decode, read_size
from zoo.data.inspection import inspect
from zoo.errors import ZooError


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_supported_formats_are_decoded(tmp_path):
    red = Image.new("RGB", (12, 10), (200, 30, 20))
    transparent = red.convert("RGBA")
    files = {
        "jpeg": encode(red, "JPEG", quality=95),
        "cmyk jpeg": encode(red.convert("CMYK"), "JPEG", quality=95),
        "progressive jpeg": encode(red, "JPEG", quality=95, progressive=True),
        "png": encode(red, "PNG"),
        "palette png": encode(red.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        "transparent png": encode(transparent, "PNG"),
        "webp": encode(red, "WEBP", quality=95),
        "bmp": encode(red, "BMP"),
    }
    for kind, encoded in files.items():
        pixels = decode(encoded, 3).astype(float)
        assert pixels.shape == (10, 12, 3), kind
        assert np.abs(pixels.mean((0, 1)) - (200, 30, 20)).max() < 8, kind
    grey = encode(Image.new("L", (5, 4), 77), "JPEG", quality=95)
    assert decode(grey, 3).shape == (4, 5, 3) and decode(grey, 1).shape == (4, 5, 1)
    deep = Image.fromarray(np.full((4, 5), 77 * 256 + 5, np.uint16))
    assert decode(encode(deep, "PNG"), 1).max() == 77


def test_jpeg_decoding_matches_pil():
    random = np.random.default_rng(0)
    smooth = Image.fromarray(random.integers(0, 256, (9, 11, 3), np.uint8)).resize((203, 151), Image.Resampling.BICUBIC)
    for settings in ({}, {"subsampling": 0}, {"progressive": True}):
        encoded = encode(smooth, "JPEG", quality=80, **settings)
        theirs = np.asarray(Image.open(io.BytesIO(encoded)))
        np.testing.assert_array_equal(decode(encoded, 3), theirs)
        halves = decode(encoded, 3, 2).astype(float)
        assert halves.shape == (76, 102, 3)
        means = np.pad(theirs, ((0, 1), (0, 1), (0, 0)), "edge").reshape(76, 2, 102, 2, 3).mean((1, 3))
        assert np.abs(halves - means).max() < 12 and np.abs(halves - means).mean() < 1.5


def test_jpegs_are_decoded_at_the_lowest_sufficient_resolution():
    picture = Picture(encode(Image.new("RGB", (1000, 600)), "JPEG"), 3)
    assert picture.size == (600, 1000)
    for wanted, there in (((), 1), ((75, 125), 8), ((76, 100), 4), ((75, 126), 4), ((151, 10), 2), ((301, 10), 1)):
        assert picture.pixels(*wanted).shape == (600 // there, 1000 // there, 3)
    assert Picture(encode(Image.new("RGB", (1000, 600)), "PNG"), 3).pixels(10, 10).shape == (600, 1000, 3)
    small = Picture(encode(Image.new("L", (30, 20)), "JPEG"), 1)
    assert small.pixels(50, 20).shape == (20, 30, 1)


def test_damaged_and_hostile_images():
    good = encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)), "JPEG")
    for encoded in (b"", b"not an image", good[:20], good[: len(good) // 2], b"GIF89a" + good[6:]):
        with pytest.raises(CorruptImage):
            decode(encoded, 3)
    side = int(MAX_PIXELS**0.5) + 1
    bomb = encode(Image.new("1", (side, side)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(CorruptImage, match="pixels exceed the limit of 64,000,000 pixels"):
        decode(bomb, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_upright(kind, orientation):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)).resize((60, 40), 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    content = encode(image, kind, exif=exif, **quality)
    seen = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(decode(content, 3), seen)
    assert read_size(content) == seen.shape[:2] == Picture(content, 3).size
    small = Picture(content, 3).pixels(seen.shape[0] // 2, seen.shape[1] // 2)
    if kind == "JPEG":
        assert small.shape[:2] == (seen.shape[0] // 2, seen.shape[1] // 2)
        assert np.abs(small.astype(int) - seen[::2, ::2]).mean() < 1


def test_image_with_a_damaged_orientation_is_decoded():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(Image.new("RGB", (6, 4), (9, 200, 9)), "JPEG", exif=exif)
    place = content.index(b"Exif\0\0") + 6
    broken = content[:place] + b"XX" + content[place + 2 :]
    assert decode(broken, 3).shape == (4, 6, 3) and read_size(broken) == (4, 6)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "1"])
def test_transparent_pixels_are_white(mode):
    drawing = Image.new("LA", (8, 8), (0, 0))
    drawing.paste((0, 255), (2, 2, 6, 6))
    if mode == "LA":
        content = encode(drawing, "PNG")
    elif mode == "RGBA":
        content = encode(drawing.convert("RGBA"), "WEBP", lossless=True)
    else:  # a single transparent colour
        grey = Image.new("L", (8, 8), 255)
        grey.paste(0, (2, 2, 6, 6))
        image = ImageOps.invert(grey).convert(mode)
        content = encode(image, "PNG", transparency={"P": 0, "RGB": (0, 0, 0), "1": 0}[mode])
    pixels = decode(content, 3)
    if mode in ("RGBA", "LA"):
        assert pixels[0, 0].tolist() == [255] * 3 and pixels[4, 4].tolist() == [0] * 3
    else:
        assert pixels[0, 0].tolist() == [255] * 3
    assert decode(content, 1).shape == (8, 8, 1)


def test_half_transparent_pixels_are_blended_with_white():
    assert decode(encode(Image.new("RGBA", (2, 2), (200, 0, 0, 128)), "PNG"), 3)[0, 0].tolist() == [227, 127, 127]


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (5, 4), color) for color in ("red", "blue")]
    moving = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(moving, 3)[0, 0].tolist() == [255, 0, 0]


def test_pixels_of_32_bits_are_refused():
    with pytest.raises(CorruptImage, match="32-bit pixels are not supported.* convert to 8 or 16 bits"):
        decode(encode(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), 3)


def images(folder, count, values, kind="png"):
    folder.mkdir(parents=True)
    for number in range(count):
        values_of = np.random.default_rng(number).integers(*values, (8, 8))
        Image.fromarray(values_of.astype(np.uint16 if values[1] > 256 else np.uint8)).save(folder / f"{number}.{kind}")


def test_narrow_range_of_values_is_noted(tmp_path):
    for name in "ab":
        images(tmp_path / "deep" / name, 5, (0, 4096))
        images(tmp_path / "full" / name, 5, (0, 65536))
        images(tmp_path / "dark" / name, 5, (0, 20))
        images(tmp_path / "plain" / name, 5, (0, 256))
    (note,) = inspect(opened(tmp_path / "deep"))
    assert "of 65,535, which become 16 of 256 levels" in note
    assert "to 19 of 255" in inspect(opened(tmp_path / "dark"))[0]
    assert inspect(opened(tmp_path / "full")) == inspect(opened(tmp_path / "plain")) == []


def test_class_without_decodable_images_is_an_error(tmp_path):
    for name in "ab":
        images(tmp_path / name, 10, (0, 256))
    (tmp_path / "c").mkdir()
    for number in range(9):
        (tmp_path / "c" / f"{number}.jpg").write_bytes(b"no image" + bytes([number]))
    with pytest.raises(
        ZooError, match=r"none of the 7 training images of class 'c' can be decoded, such as .*\.jpg \(unsupported"
    ):
        inspect(opened(tmp_path))
    images(tmp_path / "c" / "more", 1, (0, 256))


def test_too_large_file_is_left_out(tmp_path):
    for name in "ab":
        images(tmp_path / name, 5, (0, 256))
    with open(tmp_path / "a" / "sparse.png", "wb") as file:
        file.truncate(300 * 10**9)
    assert opened(tmp_path).left_out == ("1 over 256 MiB in a",)


def tiff(values, photometric=1):
    """Encodes a grey TIFF as written by instruments, including signed pixels, which Pillow cannot write."""
    (rows, columns), data = values.shape, values.tobytes()
    fields = {256: columns, 257: rows, 258: 8 * values.itemsize, 259: 1, 262: photometric, 273: 134, 277: 1, 278: rows}
    fields |= {279: len(data), 339: 2 if values.dtype.kind == "i" else 1}
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields))
    return head + b"".join(struct.pack("<HHII", number, 4, 1, fields[number]) for number in fields) + bytes(4) + data


def test_pixels_of_unknown_range_are_refused():
    assert decode(tiff(np.full((4, 5), 1000, np.int16)), 1).max() == 3
    for values, message in (
        (np.array([[-1000, 1000]], np.int16), "negative pixels are not supported"),  # Hounsfield units
        (np.array([[0, 200]], np.int32), "32-bit pixels are not supported"),
        (np.array([[0, 70000]], np.uint32), "32-bit pixels are not supported"),
    ):
        with pytest.raises(CorruptImage, match=message):
            decode(tiff(values), 3)


def test_lab_images_are_converted_to_rgb_and_grey():
    content = encode(Image.new("LAB", (6, 4), (128, 200, 128)), "TIFF")
    assert read_size(content) == (4, 6) and decode(content, 3)[0, 0].tolist() == [222, 34, 123]
    assert (
        decode(content, 1).tolist() == np.asarray(Image.fromarray(decode(content, 3)).convert("L"))[..., None].tolist()
    )


def test_orientation_after_a_large_colour_profile():
    exif = Image.Exif()
    exif[0x0112] = 6
    with_exif, image = (
        encode(Image.new("RGB", (60, 40)), "JPEG", **options)
        for options in ({"exif": exif}, {"icc_profile": bytes(200_000)})
    )
    place = with_exif.index(b"\xff\xe1")
    segment = with_exif[place : place + 2 + int.from_bytes(with_exif[place + 2 : place + 4], "big")]
    tables = image.index(b"\xff\xdb")
    content = image[:tables] + segment + image[tables:]
    assert read_size(content) == decode(content, 3).shape[:2] == (60, 40)


def test_animations_palettes_and_low_bit_depths():
    red, blue = (Image.new("RGB", (12, 10), color) for color in ("red", "blue"))
    for kind, options in (("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        assert decode(encode(red, kind, save_all=True, append_images=[blue], **options), 3)[0, 0].tolist() == [
            255,
            0,
            0,
        ]
    assert decode(encode(Image.new("1", (20, 20), 1), "TIFF", compression="group4"), 1).min() == 255
    assert decode(b"P5 5 4 1023\n" + b"\x03\xff" * 20, 1).min() == 255
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(0, (4, 0, 8, 8))
    pixels = decode(encode(palette, "PNG", transparency=bytes([255, 0])), 3)
    assert pixels[0, 0].tolist() == [255] * 3 and pixels[0, 7].tolist() == [255, 0, 0]


def test_white_is_zero_photometric_in_8_and_16_bits():
    for values in (np.full((8, 8), 200, np.uint8), np.full((8, 8), 200 << 8, np.uint16)):
        assert decode(tiff(values), 1).max() == 200
        assert decode(tiff(values, photometric=0), 1).max() == 55


def test_damaged_exif_fields_are_ignored_without_warnings(tmp_path):
    paths = []
    for kind in ("JPEG", "PNG", "WEBP"):
        for number, exif in enumerate(
            (b"", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x64")
        ):
            paths.append(tmp_path / f"{kind}{number}")
            exif = exif if kind == "PNG" else b"Exif\0\0" + exif
            paths[-1].write_bytes(encode(Image.new("RGB", (9, 8), (200, 30, 20)), kind, exif=exif))
    code = (
        "import sys, zoo.data.decoding as d\n"
        "for path in sys.argv[1:]: print(d.decode(open(path, 'rb').read(), 3).shape)"
    )
    done = run_python("-c", code, *paths)
    assert done.stdout.splitlines() == ["(8, 9, 3)"] * 9 and done.stderr == ""


def test_invalid_orientation_is_ignored():
    for value in (0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = value
        assert read_size(encode(Image.new("RGB", (9, 8)), "JPEG", exif=exif)) == (8, 9)


def test_dark_images_with_an_alpha_channel_are_noted(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(5):
            dark = np.random.default_rng(number).integers(0, 20, (8, 8, 4), np.uint8)
            dark[..., 3] = 255
            Image.fromarray(dark).save(tmp_path / name / f"{number}.png")
    assert "from 0 to 19 of 255" in inspect(opened(tmp_path))[0]


def test_ranges_of_8_and_16_bit_images_are_separate(tmp_path):
    images(tmp_path / "a", 5, (0, 256))
    images(tmp_path / "b", 5, (0, 4096))
    both, deep = inspect(opened(tmp_path))
    assert both.startswith("of the sampled images, 4 have 8 bits and 4 have 16 bits")
    assert "of 65,535, which become 16 of 256 levels" in deep
