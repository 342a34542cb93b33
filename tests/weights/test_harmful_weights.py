"""Tests that malicious or damaged weight files are rejected with a one-line error, and that no other file is read."""

import os
import struct
import sys

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.weights.files import open_tensors

h5py = pytest.importorskip("h5py", reason="needs h5py")

from keras_files import save_newer, save_older  # noqa: E402


def linked(make):
    """Returns a function that writes a file in which one of two tensors is replaced."""

    def write(path):
        elsewhere = path.with_name("elsewhere.h5")
        with h5py.File(elsewhere, "w") as file:
            file["secret"] = np.ones(3, np.float32)
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"fc"]
            file.create_group("fc").attrs["weight_names"] = [b"kernel:0", b"bias:0"]
            file["fc/kernel:0"] = np.ones((2, 3), np.float32)
            make(file["fc"], elsewhere)

    return write


def virtual(group, elsewhere):
    layout = h5py.VirtualLayout((3,), np.float32)
    layout[:] = h5py.VirtualSource(elsewhere, "secret", (3,))
    group.create_virtual_dataset("bias:0", layout)


def contains_itself(path):
    save_newer(path, {"a/kernel": np.ones(3)})
    with h5py.File(path, "a") as file:
        file["layers/some_class_0/layers"] = file["layers"]


def linked_layer(path):
    with h5py.File(path, "w") as file:
        file["layers/dense"] = h5py.ExternalLink("elsewhere.h5", "/")


def truncated(path):
    save_older(path, {"a/kernel": np.ones(10_000), "b/kernel": np.ones(10_000)})
    path.write_bytes(path.read_bytes()[:100_000])


def long_list(path):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["layer_names"] = np.zeros(2**10, "S1000")


def nameless(path):
    save_newer(path, {"a/kernel": np.ones(3)})
    with h5py.File(path, "a") as file:
        del file["layers/some_class_0/vars"].attrs["name"]


def endless_heap(path):
    """Writes a string heap whose free space has size zero, on which the HDF5 library would loop forever."""
    save_newer(path, {"a/kernel": np.ones(3), "b/kernel": np.ones(3)})
    content = bytearray(path.read_bytes())
    position = content.index(b"GCOL") + 16
    while content[position : position + 2] != bytes(2):
        (length,) = struct.unpack_from("<Q", content, position + 8)
        position += 16 + -(-length // 8) * 8
    content[position + 8 : position + 16] = bytes(8)
    path.write_bytes(content)


def escapes(path):
    """Writes a terminal escape sequence in the name of a missing tensor."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"fc"]
        file.create_group("fc").attrs["weight_names"] = [b"\x1b[31mkernel"]


WANTED = {"fc/kernel": (2, 3), "fc/bias": (3,)}
HARMFUL = {
    "external link": (
        linked(lambda group, other: group.__setitem__("bias:0", h5py.ExternalLink(other, "secret"))),
        "is a link",
    ),
    "soft link": (linked(lambda group, other: group.__setitem__("bias:0", h5py.SoftLink("/fc/kernel:0"))), "is a link"),
    "external storage": (
        linked(lambda group, other: group.create_dataset("bias:0", (3,), "f4", external=[(other, 0, 12)])),
        "is stored in another file",
    ),
    "virtual": (linked(virtual), "is stored in another file"),
    "chunks of a terabyte": (
        linked(lambda group, other: group.create_dataset("bias:0", (2**38,), "f4", chunks=(1024,))),
        "compressed or chunked",
    ),
    "compressed": (
        linked(lambda group, other: group.create_dataset("bias:0", data=np.ones(3, "f4"), compression="gzip")),
        "compressed or chunked",
    ),
    "objects": (
        linked(lambda group, other: group.create_dataset("bias:0", (3,), h5py.vlen_dtype(np.uint8))),
        "expected floating-point values",
    ),
    "references": (
        linked(lambda group, other: group.create_dataset("bias:0", (3,), h5py.ref_dtype)),
        "expected floating-point values",
    ),
    "empty": (linked(lambda group, other: group.__setitem__("bias:0", h5py.Empty("f4"))), "is not a tensor"),
    "group": (linked(lambda group, other: group.create_group("bias:0")), "is not a tensor"),
    "missing": (linked(lambda group, other: None), "there is no bias:0"),
    "link to a layer": (linked_layer, "is a link"),
    "contains itself": (contains_itself, "contains itself"),
    "truncated": (truncated, "cannot be read"),
    "no names": (nameless, "before Keras 3.6"),
    "a list of a megabyte": (long_list, "is not a list of names"),
    "no weights": (lambda path: h5py.File(path, "w").close(), "no weights as Keras saves them"),
    "endless heap": (endless_heap, "damaged string heap without an end"),
    "escapes": (escapes, r"there is no \\x1b\[31mkernel in /fc"),
    "garbage": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)), "cannot be read"),
}


@pytest.mark.parametrize("case", HARMFUL)
def test_harmful_files(tmp_path, case):
    write, reason = HARMFUL[case]
    write(tmp_path / "harmful.h5")
    with pytest.raises(ZooError, match=reason) as error, open_tensors(tmp_path / "harmful.h5", WANTED):
        pass
    assert str(error.value).startswith(f"{tmp_path / 'harmful.h5'} cannot be read: ") and str(error.value).isprintable()


def test_links_to_pipes_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    write = linked(lambda group, other: group.__setitem__("bias:0", h5py.ExternalLink(tmp_path / "pipe", "secret")))
    write(tmp_path / "harmful.h5")
    with pytest.raises(ZooError, match="is a link"), open_tensors(tmp_path / "harmful.h5", WANTED):
        pass


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.delitem(sys.modules, "zoo.weights.hdf5", raising=False)
    with (
        pytest.raises(ZooError, match="reading .*weights.h5 requires h5py: python -m pip install 'h5py>="),
        open_tensors(tmp_path / "weights.h5", WANTED),
    ):
        pass
