"""Files of weights that were made to do harm, or are damaged: each is refused in one line, and no other file is read."""

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
    """A file of whose two tensors one is something else."""

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
    """What is free in a heap of texts is of no size: the library would look for its end for ever."""
    save_newer(path, {"a/kernel": np.ones(3), "b/kernel": np.ones(3)})
    content = bytearray(path.read_bytes())
    position = content.index(b"GCOL") + 16
    while content[position : position + 2] != bytes(2):
        (length,) = struct.unpack_from("<Q", content, position + 8)
        position += 16 + -(-length // 8) * 8
    content[position + 8 : position + 16] = bytes(8)
    path.write_bytes(content)


def escapes(path):
    """A command to terminals in the name of a tensor that is not there."""
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
        "is in another file",
    ),
    "virtual": (linked(virtual), "is in another file"),
    "chunks of a terabyte": (
        linked(lambda group, other: group.create_dataset("bias:0", (2**38,), "f4", chunks=(1024,))),
        "compressed or in chunks",
    ),
    "compressed": (
        linked(lambda group, other: group.create_dataset("bias:0", data=np.ones(3, "f4"), compression="gzip")),
        "compressed or in chunks",
    ),
    "objects": (
        linked(lambda group, other: group.create_dataset("bias:0", (3,), h5py.vlen_dtype(np.uint8))),
        "not of floating-point numbers",
    ),
    "references": (
        linked(lambda group, other: group.create_dataset("bias:0", (3,), h5py.ref_dtype)),
        "not of floating-point numbers",
    ),
    "empty": (linked(lambda group, other: group.__setitem__("bias:0", h5py.Empty("f4"))), "is no tensor"),
    "group": (linked(lambda group, other: group.create_group("bias:0")), "is no tensor"),
    "missing": (linked(lambda group, other: None), "there is no bias:0"),
    "link to a layer": (linked_layer, "is a link"),
    "contains itself": (contains_itself, "contains itself"),
    "truncated": (truncated, "cannot be read"),
    "no names": (nameless, "before Keras 3.6"),
    "a list of a megabyte": (long_list, "holds no names"),
    "no weights": (lambda path: h5py.File(path, "w").close(), "holds no weights"),
    "endless heap": (endless_heap, "it is damaged: a heap of texts does not end"),
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


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    write = linked(lambda group, other: group.__setitem__("bias:0", h5py.ExternalLink(tmp_path / "pipe", "secret")))
    write(tmp_path / "harmful.h5")
    with pytest.raises(ZooError, match="is a link"), open_tensors(tmp_path / "harmful.h5", WANTED):
        pass


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.delitem(sys.modules, "zoo.weights.hdf5", raising=False)
    with (
        pytest.raises(ZooError, match="weights.h5 takes h5py to read: python -m pip install h5py"),
        open_tensors(tmp_path / "weights.h5", WANTED),
    ):
        pass
