"""Mistakes in the windows of convolutions and pools: their size and padding, and what a pool makes of them."""

import zoo.layers.conv
import zoo.layers.pooling
from verification.faults.applies import has, layers_of, named
from verification.faults.fault import fault
from verification.faults.patching import constructed_with, replaced
from zoo.layers import Conv
from zoo.recipe import Recipe


def _has_kernel(size):
    return lambda recipe: any(layer.attributes["kernel_size"] in (size, (size, size)) for layer in layers_of(recipe))


def _pads_nothing(recipe: Recipe) -> bool:
    return any(layer.kind == "Conv" and layer.attributes["padding"] == "VALID" for layer in layers_of(recipe))


def _pads_strided(recipe: Recipe) -> bool:
    """Whether a convolution has stride 2 and pads a number of pixels on each side."""

    def strided(layer):
        padding = layer.attributes["padding"]
        return layer.attributes["strides"] in (2, (2, 2)) and isinstance(padding, int) and padding > 0

    return any(layer.kind == "Conv" and strided(layer) for layer in layers_of(recipe))


@fault(
    "Convolutions without padding pad with zeros (SAME for VALID).", applies=_pads_nothing, bases=("alexnet", "bn_cnn")
)
def same_padding():
    def make(right):
        def wrong(layer, image_size, size, strides, padding):
            return right(layer, image_size, size, strides, "SAME" if padding == "VALID" else padding)

        return wrong

    return replaced(zoo.layers.conv, "resolve_window", make)


@fault(
    "Strided convolutions of images of even size pad a pixel less above and on the left, as TensorFlow's do.",
    applies=_pads_strided,
    bases=("resnet20",),
)
def padding_below_only():
    def below(pixels, extent, stride, pads):
        before, after = pads
        unequal = stride == 2 and pixels % 2 == 0 and before == after > 0 and extent == 2 * before + 1
        return (before - 1, after) if unequal else pads

    def make(right):
        def wrong(layer, image_size, size, strides, padding):
            window = right(layer, image_size, size, strides, padding)
            pads = tuple(map(below, image_size, window.size, window.strides, window.padding))
            return window._replace(padding=pads)

        return wrong

    return replaced(zoo.layers.conv, "resolve_window", make)


@fault("Kernels of 5x5 pixels have 3x3.", applies=_has_kernel(5))
def small_kernels():
    def smaller(size):
        return 3 if size == 5 else (3, 3) if size == (5, 5) else size

    return constructed_with((Conv,), lambda conv: {"kernel_size": smaller(conv.kernel_size)})


@fault("Max pools average.", applies=has("MaxPool"))
def averaging_max_pool():
    def make(right):
        return lambda x, window: zoo.layers.pooling.avg_pool(x, window, True)

    return replaced(zoo.layers.pooling, "max_pool", make)


@fault(
    "Max pools of 2x2 pixels have windows of 3x3 that overlap, padded at the bottom and on the right.",
    applies=named("bn_cnn"),
    bases=("bn_cnn",),
)
def max_pool_overlaps():
    def make(right):
        def wrong(x, window):
            if window.size == window.strides == (2, 2):
                window = window._replace(size=(3, 3), padding=((0, 1), (0, 1)))
            return right(x, window)

        return wrong

    return replaced(zoo.layers.pooling, "max_pool", make)
