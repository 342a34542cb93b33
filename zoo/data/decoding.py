"""Decodes image files, with a bound on what they may decompress to."""

import functools
import io
import math
import re
import warnings
from collections.abc import Callable

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

MAX_PIXELS = 64_000_000  # 8000 x 8000; decoded as RGB it takes 192 MB
JPEG = b"\xff\xd8\xff"
REDUCTIONS = (8, 4, 2, 1)  # that libjpeg-turbo is quick at
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM", "AVIF")
ORIENTATION = 0x0112  # the number of the EXIF field
BITS = 0x0102  # the number of the TIFF field for bits of each channel
PHOTOMETRIC = 0x0106  # of the TIFF field for what zero means
# From the stored pixels [H, W, ...] to the picture as it is seen, by the value of that field (EXIF 2.3, 4.6.4).
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}
LYING = (5, 6, 7, 8)  # height and width change places
# PIL's bound on bombs is laxer than ours, and its words on damaged EXIF fields name no file.
warnings.filterwarnings("ignore", module=r"PIL\.")


class CorruptImage(Exception):
    """An image file that cannot be decoded, or that is too large."""


class Picture:
    """An image whose pixels are decoded when they are asked for, and of a JPEG no more than are needed."""

    def __init__(self, source: bytes | np.ndarray, channels: int) -> None:
        """Args: an encoded file or uint8 pixels [H, W, C], and how many channels are wanted."""
        self.source, self.channels = source, channels

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels.

        Raises:
          CorruptImage: as `decode` does.
        """
        if isinstance(self.source, np.ndarray):
            return self.source.shape[:2]
        return read_size(self.source)

    def pixels(self, height: float = math.inf, width: float = math.inf) -> np.ndarray:
        """All pixels, uint8 [H, W, C], or those of a smaller copy with at least the given height and width.

        Raises:
          CorruptImage: as `decode` does.
        """
        if isinstance(self.source, np.ndarray):
            return self.source
        rows, columns = self.size
        fits = (
            n
            for n in REDUCTIONS
            if math.ceil(rows / n) >= min(height, rows) and math.ceil(columns / n) >= min(width, columns)
        )
        return decode(self.source, self.channels, next(fits))


def read_size(encoded: bytes) -> tuple[int, int]:
    """Height and width of an image file as it is seen, from its header; raises `CorruptImage` as `decode` does."""
    if encoded[:3] == JPEG:
        height, width = _stored_size(encoded)
        orientation = _orientation_of_jpeg(encoded)
    else:
        image = _open(encoded)
        if image.format == "TIFF":  # which PIL itself puts upright, once it is loaded
            return decode(encoded, 3).shape[:2]
        height, width, orientation = image.height, image.width, _orientation(image)
    return (width, height) if orientation in LYING else (height, width)


def _stored_size(encoded):
    """Height and width of the pixels of a JPEG."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(encoded)
    except ValueError as error:
        raise CorruptImage(str(error)) from None
    check_size(width, height)
    return height, width


def _orientation_of_jpeg(encoded):
    """As `_orientation`; files that cannot have one, which are most, are not opened for it."""
    if b"Exif\0\0" not in encoded and b"tiff:Orientation" not in encoded:
        return 1
    return _orientation(_open(encoded))


def _orientation(image):
    """How a camera was held: 1 for upright, see `UPRIGHT`; also where the field makes no sense."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a field that is damaged costs its own information, and not the pixels
        return 1


def decode(encoded: bytes, channels: int, reduction: int = 1) -> np.ndarray:
    """Decodes a file in memory.

    Args:
      encoded: JPEG, PNG, WebP, BMP, TIFF, GIF (its first frame), PNM, or AVIF where Pillow reads it.
      channels: 1 for grey, 3 for RGB; grey, palette and CMYK images are converted, transparent ones are put on white.
      reduction: of a JPEG, one of `REDUCTIONS`: the result has that part of its height and width, rounded up. Others,
        and JPEGs with more than three channels, come whole.

    Returns:
      uint8 [H, W, channels], upright, as a viewer shows it. Of 16 bits the upper eight.

    Raises:
      CorruptImage: it is none of these, it is cut off or damaged, or it has more than `MAX_PIXELS` pixels.
    """
    if encoded[:3] == JPEG:
        height, width = _stored_size(encoded)
        smallest = {"min_height": math.ceil(height / reduction), "min_width": math.ceil(width / reduction)}
        try:
            # The same pixels as PIL's, in a third of the time.
            pixels = simplejpeg.decode_jpeg(encoded, "GRAY" if channels == 1 else "RGB", **smallest)
            return _upright(pixels, _orientation_of_jpeg(encoded))
        except ValueError:  # CMYK, or a flaw that PIL may be able to pass over
            pass
    image = _open(encoded)
    try:
        image.load()
        orientation = _orientation(image)
        image = _opaque(_eight_bits(image))
        image = image.convert("RGB") if image.mode == "LAB" else image  # which PIL makes no grey of
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except CorruptImage:
        raise
    except Exception as error:  # decoders raise nearly anything for bad bytes: OSError, SyntaxError, struct.error, ...
        raise CorruptImage(_reason(error)) from None
    return _upright(pixels.reshape(*pixels.shape[:2], channels), orientation)


def _upright(pixels, orientation):
    return np.ascontiguousarray(UPRIGHT[orientation](pixels)) if orientation in UPRIGHT else pixels


def _eight_bits(image):
    """Grey of 16 bits as eight, which PIL would clip."""
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF" and 32 in image.tag_v2.get(BITS, ())):
        raise CorruptImage("pixels of 32 bits have no range that is known: save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0:
        raise CorruptImage("pixels below zero have no range that is known: save it with 8 or 16 bits without a sign")
    if image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC) == 0:
        # Zero is white, which PIL sees to with 8 bits only.
        values = 2**16 - 1 - values.astype(np.int64)
    return Image.fromarray((values.astype(np.uint16) >> 8).astype(np.uint8))


def _opaque(image):
    """Put on white, where it is transparent: what is below is no part of the picture, and black more often than not."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def value_range(encoded: bytes) -> tuple[int, int, int]:
    """The smallest and the largest value of the colours in an image, and the largest that their type has room for.

    Raises:
      CorruptImage: as `decode` does.
    """
    image = _open(encoded)
    try:
        pixels = np.asarray(image if image.mode.startswith("I") else _opaque(image).convert("RGB"))
        return int(pixels.min()), int(pixels.max()), 2**16 - 1 if image.mode.startswith("I") else 2**8 - 1
    except Exception as error:  # as above
        raise CorruptImage(_reason(error)) from None


def _open(encoded):
    """The image with its header read."""
    try:
        image = Image.open(io.BytesIO(encoded), formats=FORMATS)
    except UnidentifiedImageError:
        raise CorruptImage("the file is empty" if not encoded else "it is no image of a kind that is read") from None
    except Exception as error:  # as above
        raise CorruptImage(_reason(error)) from None
    check_size(image.width, image.height)
    return image


def _reason(error):
    """PIL's words, which may show an object in memory for the file."""
    return re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "it", str(error)) or f"it is damaged: {type(error).__name__}"


def check_size(width: int, height: int) -> None:
    """Raises `CorruptImage` for more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise CorruptImage(f"{width}x{height} pixels are more than the {MAX_PIXELS:,} that are allowed")
