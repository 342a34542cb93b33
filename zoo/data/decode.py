"""Decodes image files, with a bound on what they may decompress to."""

import io
import warnings

import numpy as np
from PIL import Image

MAX_PIXELS = 64_000_000  # 8000 x 8000; decoded as RGB it takes 192 MB
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # PIL's bound is laxer than ours


class CorruptImage(Exception):
    """An image file that cannot be decoded, or that is too large."""


def open_image(encoded: bytes, channels: int) -> Image.Image:
    """Decodes a file in memory.

    Args:
      encoded: JPEG, PNG, WebP or BMP.
      channels: 1 for grey, 3 for RGB; grey, palette, CMYK and transparent images are converted.

    Raises:
      CorruptImage: it is none of these, it is cut off or damaged, or it has more than `MAX_PIXELS` pixels.
    """
    try:
        image = Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG", "WEBP", "BMP"))
        check_size(image.width, image.height)
        if image.mode in ("I", "I;16", "I;16B", "F"):  # PIL clips 16-bit grey instead of scaling it
            image = Image.fromarray((np.asarray(image, np.uint16) >> 8).astype(np.uint8))
        if image.mode == "P" and "transparency" in image.info:  # PIL warns of the direct way
            image = image.convert("RGBA")
        return image.convert("L" if channels == 1 else "RGB")
    except CorruptImage:
        raise
    except Exception as error:  # decoders raise nearly anything for bad bytes: OSError, SyntaxError, struct.error, ...
        raise CorruptImage(str(error) or type(error).__name__) from None


def check_size(width: int, height: int) -> None:
    """Raises `CorruptImage` for more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise CorruptImage(f"{width}x{height} pixels are more than the {MAX_PIXELS:,} that are allowed")
