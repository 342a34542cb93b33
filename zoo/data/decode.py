"""Decodes image files, with a bound on what they may decompress to."""

import functools
import io
import math
import warnings

import numpy as np
import simplejpeg
from PIL import Image

MAX_PIXELS = 64_000_000  # 8000 x 8000; decoded as RGB it takes 192 MB
JPEG = b"\xff\xd8\xff"
REDUCTIONS = (8, 4, 2, 1)  # that libjpeg-turbo is quick at
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # PIL's bound is laxer than ours


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
    """Height and width of an image file, from its header; raises `CorruptImage` as `decode` does."""
    if encoded[:3] == JPEG:
        try:
            height, width, _, _ = simplejpeg.decode_jpeg_header(encoded)
        except ValueError as error:
            raise CorruptImage(str(error)) from None
        check_size(width, height)
        return height, width
    image = _open(encoded)
    return image.height, image.width


def decode(encoded: bytes, channels: int, reduction: int = 1) -> np.ndarray:
    """Decodes a file in memory.

    Args:
      encoded: JPEG, PNG, WebP or BMP.
      channels: 1 for grey, 3 for RGB; grey, palette, CMYK and transparent images are converted.
      reduction: of a JPEG, one of `REDUCTIONS`: the result has that part of its height and width, rounded up. Others,
        and JPEGs with more than three channels, come whole.

    Returns:
      uint8 [H, W, channels].

    Raises:
      CorruptImage: it is none of these, it is cut off or damaged, or it has more than `MAX_PIXELS` pixels.
    """
    if encoded[:3] == JPEG:
        height, width = read_size(encoded)
        smallest = {"min_height": math.ceil(height / reduction), "min_width": math.ceil(width / reduction)}
        try:
            # The same pixels as PIL's, in a third of the time.
            return simplejpeg.decode_jpeg(encoded, "GRAY" if channels == 1 else "RGB", **smallest)
        except ValueError:  # CMYK, or a flaw that PIL may be able to pass over
            pass
    image = _open(encoded)
    try:
        if image.mode in ("I", "I;16", "I;16B", "F"):  # PIL clips 16-bit grey instead of scaling it
            image = Image.fromarray((np.asarray(image, np.uint16) >> 8).astype(np.uint8))
        if image.mode == "P" and "transparency" in image.info:  # PIL warns of the direct way
            image = image.convert("RGBA")
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except Exception as error:  # decoders raise nearly anything for bad bytes: OSError, SyntaxError, struct.error, ...
        raise CorruptImage(str(error) or type(error).__name__) from None
    return pixels.reshape(*pixels.shape[:2], channels)


def _open(encoded):
    """The image with its header read."""
    try:
        image = Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG", "WEBP", "BMP"))
    except Exception as error:  # as above
        raise CorruptImage(str(error) or type(error).__name__) from None
    check_size(image.width, image.height)
    return image


def check_size(width: int, height: int) -> None:
    """Raises `CorruptImage` for more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise CorruptImage(f"{width}x{height} pixels are more than the {MAX_PIXELS:,} that are allowed")
