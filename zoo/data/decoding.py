"""Decodes image files, with a bound on the decompressed size."""

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
REDUCTIONS = (8, 4, 2, 1)  # scale factors with a fast path in libjpeg-turbo
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM", "AVIF")
ORIENTATION = 0x0112  # EXIF tag
BITS_PER_SAMPLE = 0x0102  # TIFF tag
PHOTOMETRIC = 0x0106  # TIFF tag: whether 0 is black or white
# From stored pixels [H, W, ...] to the upright picture, by the value of the EXIF orientation (EXIF 2.3, 4.6.4).
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}
TRANSPOSED = (5, 6, 7, 8)  # orientations that swap height and width
# PIL's limit on decompression bombs is higher than ours, and its warnings about damaged EXIF fields name no file.
warnings.filterwarnings("ignore", module=r"PIL\.")


class CorruptImage(Exception):
    """An image file that cannot be decoded, or that is too large."""


class Picture:
    """An image that is decoded lazily; a JPEG, at no more than the resolution needed."""

    def __init__(self, source: bytes | np.ndarray, channels: int) -> None:
        """Wraps an image.

        Args:
          source: an encoded file, or uint8 pixels [H, W, C].
          channels: number of channels to decode to: 1 or 3.
        """
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
        """Decodes to uint8 [H, W, C], at a reduced size if it is still at least the given height and width.

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
    """Returns the upright height and width of an image file from its header; raises `CorruptImage` as `decode` does."""
    if encoded[:3] == JPEG:
        height, width = _stored_size(encoded)
        orientation = _orientation_of_jpeg(encoded)
    else:
        image = _open(encoded)
        if image.format == "TIFF":  # PIL itself rotates it upright on loading
            return decode(encoded, 3).shape[:2]
        height, width, orientation = image.height, image.width, _orientation(image)
    return (width, height) if orientation in TRANSPOSED else (height, width)


def _stored_size(encoded):
    """Returns height and width of the stored pixels of a JPEG, before rotation."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(encoded)
    except ValueError as error:
        raise CorruptImage(str(error)) from None
    check_size(width, height)
    return height, width


def _orientation_of_jpeg(encoded):
    """Same as `_orientation`; files without EXIF or XMP data, which are most, are not opened."""
    if b"Exif\0\0" not in encoded and b"tiff:Orientation" not in encoded:
        return 1
    return _orientation(_open(encoded))


def _orientation(image):
    """Returns the EXIF orientation, see `UPRIGHT`; 1, for upright, if the field is missing or cannot be read."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged field must not prevent decoding
        return 1


def decode(encoded: bytes, channels: int, reduction: int = 1) -> np.ndarray:
    """Decodes an image file in memory.

    Args:
      encoded: JPEG, PNG, WebP, BMP, TIFF, GIF (its first frame), PNM, or AVIF where Pillow reads it.
      channels: 1 for grey, 3 for RGB; grey, palette and CMYK images are converted, transparent ones composited on
        white.
      reduction: one of `REDUCTIONS`, by which height and width of a JPEG are divided, rounding up. Ignored for other
        formats and for JPEGs with more than three channels.

    Returns:
      uint8 [H, W, channels], rotated upright as by an image viewer. Of 16-bit pixels, the upper eight bits.

    Raises:
      CorruptImage: the format is not supported, the file is truncated or damaged, or it has over `MAX_PIXELS` pixels.
    """
    if encoded[:3] == JPEG:
        height, width = _stored_size(encoded)
        smallest = {"min_height": math.ceil(height / reduction), "min_width": math.ceil(width / reduction)}
        try:
            # The same pixels as PIL's, three times as fast.
            pixels = simplejpeg.decode_jpeg(encoded, "GRAY" if channels == 1 else "RGB", **smallest)
            return _upright(pixels, _orientation_of_jpeg(encoded))
        except ValueError:  # CMYK, or damage that PIL may tolerate
            pass
    image = _open(encoded)
    try:
        image.load()
        orientation = _orientation(image)
        image = _opaque(_eight_bits(image))
        image = image.convert("RGB") if image.mode == "LAB" else image  # PIL cannot convert LAB to grey
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except CorruptImage:
        raise
    except Exception as error:  # decoders raise nearly anything for bad bytes: OSError, SyntaxError, struct.error, ...
        raise CorruptImage(_reason(error)) from None
    return _upright(pixels.reshape(*pixels.shape[:2], channels), orientation)


def _upright(pixels, orientation):
    return np.ascontiguousarray(UPRIGHT[orientation](pixels)) if orientation in UPRIGHT else pixels


def _eight_bits(image):
    """Converts 16-bit grey to 8 bits by its upper bits; PIL would clip."""
    integers_of_32_bits = image.mode == "I" and image.format == "TIFF" and 32 in image.tag_v2.get(BITS_PER_SAMPLE, ())
    if image.mode == "F" or integers_of_32_bits:
        raise CorruptImage("32-bit pixels are not supported, as their range is unknown: convert to 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0:
        raise CorruptImage("negative pixels are not supported, as their range is unknown: convert to unsigned integers")
    if image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC) == 0:
        # Zero is white; PIL inverts only 8-bit images.
        values = 2**16 - 1 - values.astype(np.int64)
    return Image.fromarray((values.astype(np.uint16) >> 8).astype(np.uint8))


def _opaque(image):
    """Composites a transparent image on white; the stored colours of transparent pixels are arbitrary, often black."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def value_range(encoded: bytes) -> tuple[int, int, int]:
    """Returns the smallest and largest pixel value of an image, and the largest value of its type (255 or 65,535).

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
    """Opens an image with PIL, which reads its header."""
    try:
        image = Image.open(io.BytesIO(encoded), formats=FORMATS)
    except UnidentifiedImageError:
        raise CorruptImage("the file is empty" if not encoded else "unsupported or unrecognized image format") from None
    except Exception as error:  # as above
        raise CorruptImage(_reason(error)) from None
    check_size(image.width, image.height)
    return image


def _reason(error):
    """Returns PIL's error message, in which the repr of a file in memory is replaced by "it"."""
    message = re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "it", str(error))
    return message or f"the file is damaged: {type(error).__name__}"


def check_size(width: int, height: int) -> None:
    """Raises `CorruptImage` for more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise CorruptImage(f"{width}x{height} pixels exceed the limit of {MAX_PIXELS:,} pixels")
