"""Tests of weight files from other tools, and of invalid files, rejected with a one-line error before reading."""

import io
import json
import os
import pickle
import struct
import time
import warnings
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

import zoo
from zoo.errors import ZooError, ZooWarning
from zoo.weights import files, names
from zoo.weights.files import open_tensors

SHAPES = {
    "fc1.weight": (64, 20),
    "fc1.bias": (64,),
    "fc2.weight": (32, 64),
    "fc2.bias": (32,),
    "fc3.weight": (1, 32),
    "fc3.bias": (1,),
}
RANDOM = np.random.default_rng(0)
TENSORS = {name: RANDOM.normal(0, 1, shape).astype(np.float32) for name, shape in SHAPES.items()}
ADVICE = ("weights_only", "only if you trust", "torch.load", "add_safe_globals")  # how to bypass PyTorch's protection


def rejected(tensors):
    """Returns the error message, after checking that it is one short line."""
    with pytest.raises(ZooError) as error, warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.import_weights("mlp", tensors, "torch")
    message = str(error.value)
    assert message.isprintable() and len(message) < 800 and not any(words in message for words in ADVICE)
    assert isinstance(tensors, dict) or tensors.name in message
    return message


def read(tensors):
    """Returns the first layer's weights with PyTorch's axes, as in TENSORS, and the text of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        params = zoo.import_weights("mlp", tensors, "torch")["params"]
    said = [str(warning.message) for warning in caught if warning.category is ZooWarning]
    return params["fc1"]["kernel"].T, " ".join(said)


def put(prefix, tensors=TENSORS):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (TENSORS, []),
        ({"model": TENSORS, "epoch": 3}, ["under 'model'"]),
        ({"state_dict": TENSORS, "optimizer": {"state": {0: {"exp_avg": np.ones(3)}}}}, ["under 'state_dict'"]),
        (
            {"model_state_dict": put("module."), "best": np.float32(0.9)},
            ["under 'model_state_dict'", "prefix 'module.'"],
        ),
        ({"net": put("_orig_mod.")}, ["under 'net'", "prefix '_orig_mod.'"]),
        ({"checkpoint": {"generator": TENSORS}}, ["under 'checkpoint/generator'"]),
        ({"model": TENSORS, "model_ema": TENSORS}, ["under 'model' and not 'model_ema'"]),
        ({"teacher": {"other": np.ones(3)}, "student": TENSORS}, ["under 'student'"]),
        (put("model."), ["prefix 'model.' of all names removed"]),
        (put("module._orig_mod."), ["prefix 'module._orig_mod.'"]),
        (put("backbone.body."), ["prefix 'backbone.body.'"]),
        ({**put("module."), "module.bn1.num_batches_tracked": np.int64(3)}, ["prefix 'module.'"]),
    ],
)
def test_nested_and_prefixed_weights_are_found_with_a_warning(saved, said):
    found, notes = read(saved)
    np.testing.assert_array_equal(found, TENSORS["fc1.weight"])
    assert all(words in notes for words in said) and bool(notes) == bool(said), notes


@pytest.mark.parametrize(
    ("saved", "messages"),
    [
        ({"first": TENSORS, "second": TENSORS}, ["several networks, under 'first', 'second'"]),
        ({"epoch": 3, "optimizer": {"lr": 0.1}}, ["no tensors under 'epoch', 'optimizer'"]),
        ({**put("q."), **put("k.")}, ["fc1.weight is unexpected", "and 1 more unexpected", "prefix 'k.'"]),
        (
            {"model": {f"layer{n}": np.ones(2) for n in range(300)}},
            ["fc1.weight is missing", "1 more missing", "295 more unexpected"],
        ),
        ({**TENSORS, "\x1b[31m": np.ones(2)}, ["\\x1b[31m is unexpected"]),
        ({**TENSORS, "z" * 5000: np.ones(2)}, ["... (5,000 characters) is unexpected"]),
        ({**TENSORS, "fc1.bias": np.zeros(64, np.int64)}, ["fc1.bias is int64, expected floating-point values"]),
        ({**TENSORS, "fc1.bias": np.zeros(64, bool)}, ["fc1.bias is bool, expected"]),
        ({**TENSORS, "fc1.bias": np.zeros(64, np.complex64)}, ["fc1.bias is complex64, expected"]),
        ({**TENSORS, "fc1.bias": jnp.zeros(64, jnp.float8_e4m3fn)}, ["fc1.bias is float8_e4m3fn, expected"]),
        ({**TENSORS, "fc1.bias": ["a"] * 64}, ["fc1.bias is str32, expected"]),
        ({**TENSORS, "fc1.bias": [[1.0], 2.0]}, ["fc1.bias is list instead of an array, expected"]),
        ({**TENSORS, "fc1.bias": None}, ["fc1.bias has shape [], expected [64]", "fc1.bias is object, expected"]),
        (
            {**TENSORS, "fc1.bias": np.full(64, np.nan)},
            ["weights are NaN, infinite or too large for float32: fc1.bias (64 of 64)"],
        ),
        ({**TENSORS, "fc2.bias": np.array([np.inf] + 31 * [0.0])}, ["fc2.bias (1 of 32)"]),
        ({**TENSORS, "fc2.bias": np.full(32, 1e39)}, ["too large for float32: fc2.bias (32 of 32)"]),
    ],
)
def test_invalid_weights_are_rejected_in_one_line(saved, messages):
    message = rejected(saved)
    assert all(words in message for words in messages), message


@pytest.mark.parametrize(
    "weights", [None, 3, [1.0], b"w.npz", TENSORS.keys, np.ones(3)], ids=lambda each: type(each).__name__
)
def test_weights_that_are_neither_a_mapping_nor_a_file(weights):
    with pytest.raises(ZooError, match=f"expected .* got {type(weights).__name__}: pass model.state_dict"):
        zoo.import_weights("mlp", weights, "torch")
    with pytest.raises(ZooError, match="unknown layout of mlp None: expected one of torch, zoo"):
        zoo.import_weights("mlp", TENSORS, None)


@pytest.mark.parametrize("suffix", [".pth", ".pth.tar", ".npz", ".safetensors", ".h5"])
def test_files_that_were_not_downloaded(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert "is a Git LFS pointer: fetch the file with `git lfs pull`" in rejected(path)
    path.write_bytes(b"\n<!DOCTYPE HTML><title>Access denied</title>")
    assert "is a web page instead of the expected file" in rejected(path)


def test_negative_variances():
    """With them, all outputs would be NaN."""
    model = zoo.create_model("mobilenet_v3_small")
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)), train=False))
    tensors = zoo.export_weights(model, jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), shapes))
    zoo.import_weights(model, tensors)
    name = next(name for name in tensors if name.endswith("running_var"))
    with pytest.raises(ZooError, match=f"^negative variances: {name}$"):
        zoo.import_weights(model, {**tensors, name: -tensors[name]})


def test_many_names_are_compared_quickly():
    """None of 100,000 names is wanted; pairwise comparison would take half a minute."""
    wanted, there = ({f"{kind}{n}.weight": None for n in range(count)} for kind, count in (("a", 3000), ("b", 100_000)))
    started = time.perf_counter()
    assert names.fit(there, wanted) == ("", 0) and time.perf_counter() - started < 8


def test_supported_precisions():
    for dtype in (np.float16, np.float64, jnp.bfloat16, ">f4"):
        halves = {name: tensor.astype(dtype) for name, tensor in TENSORS.items()}
        np.testing.assert_array_equal(read(halves)[0], halves["fc1.weight"].astype(np.float32))
    np.testing.assert_array_equal(read({**TENSORS, "fc3.bias": [0.5]})[0], TENSORS["fc1.weight"])


# .npz


def npz(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def header(shape, descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def array(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


ARRAYS = {f"{name}.npy": array(tensor) for name, tensor in TENSORS.items()}
MAGIC2 = b"\x93NUMPY\x02\x00"


@pytest.mark.parametrize(
    ("members", "message"),
    {
        "another shape": (
            {"fc1.bias.npy": header((10**6,)) + bytes(4 * 10**6)},
            "fc1.bias has shape [1000000], expected [64]",
        ),
        "of 364 TiB": (
            {"fc1.bias.npy": header((10**14,)) + bytes(256)},
            "does not match its shape [100000000000000]",
        ),
        "longer than it says": (
            {"fc1.bias.npy": header((64,)) + bytes(10**6)},
            "the size of fc1.bias does not match its shape [64]",
        ),
        "negative": ({"fc1.bias.npy": header((-64,)) + bytes(256)}, "fc1.bias"),
        "complex": ({"fc1.bias.npy": header((64,), "<c8") + bytes(512)}, "fc1.bias is complex64, expected"),
        "dates": ({"fc1.bias.npy": header((64,), "<M8[s]") + bytes(512)}, "fc1.bias is datetime64[s], expected"),
        "records": ({"fc1.bias.npy": header((64,), [("a", "<f4")]) + bytes(256)}, "fc1.bias is void32, expected"),
        "objects": ({"fc1.bias.npy": header((64,), "|O") + pickle.dumps([1] * 64)}, "fc1.bias is object, expected"),
        "no array": ({"fc1.bias.npy": b"garbage"}, "fc1.bias is not a NumPy array, expected"),
        "header of 4 GiB": (
            {"fc1.bias.npy": MAGIC2 + struct.pack("<I", 2**32 - 1) + bytes(10**6)},
            "fc1.bias is not a NumPy array",
        ),
        "nested header": (
            {"fc1.bias.npy": MAGIC2 + struct.pack("<I", 9000) + b"(" * 9000},
            "fc1.bias is not a NumPy array",
        ),
        "unexpected": (
            {"extra.npy": array(np.ones(3)), "readme.txt": b"hello"},
            "extra is unexpected; readme.txt is unexpected",
        ),
    }.values(),
)
def test_npz_members(tmp_path, members, message):
    assert message in rejected(npz(tmp_path / "w.npz", {**ARRAYS, **members}))


def test_a_zip_bomb_is_not_decompressed(tmp_path, monkeypatch):
    """Only the headers are read of 64 MB of zeros in 64 kB, under a wanted name and under another."""
    bomb = header((16_000_000,)) + bytes(64_000_000)
    path = npz(tmp_path / "w.npz", {**ARRAYS, "fc1.bias.npy": bomb, "more.npy": bomb})
    assert path.stat().st_size < 2_000_000
    sizes, original = [], zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: sizes.append(n) or original(self, n))
    message = rejected(path)
    assert "fc1.bias has shape [16000000], expected [64]" in message and "more is unexpected" in message
    assert sizes and all(0 <= size <= files.MAX_HEADER_BYTES for size in sizes)


def test_damaged_npz(tmp_path):
    path = npz(tmp_path / "w.npz", ARRAYS, zipfile.ZIP_STORED)
    np.testing.assert_array_equal(read(path)[0], TENSORS["fc1.weight"])
    whole = path.read_bytes()
    position = whole.index(TENSORS["fc2.bias"].tobytes()) + 40
    path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    assert "cannot be read: Bad CRC-32 for file 'fc2.bias.npy'" in rejected(path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a zip file" in rejected(path)
    encrypted = bytearray(whole)
    for begin, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[whole.index(begin) + offset] |= 1
    path.write_bytes(encrypted)
    assert "fc1.weight is encrypted" in rejected(path)
    npz(path, ARRAYS, zipfile.ZIP_LZMA)
    assert "has a compression method that NumPy does not use" in rejected(path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "w") as archive:
        for content in (ARRAYS["fc1.bias.npy"], ARRAYS["fc2.bias.npy"]):
            archive.writestr("fc1.bias.npy", content)
    assert "duplicate array fc1.bias" in rejected(path)
    np.save(tmp_path / "a.npy", np.ones(3))
    os.rename(tmp_path / "a.npy", path)
    assert "not a zip file" in rejected(path)


# .safetensors


def safetensors(path, dtype, shape, size):
    """Writes TENSORS without one tensor, plus a tensor of any type in its place."""
    save_file({name: tensor for name, tensor in TENSORS.items() if name != "fc1.bias"}, path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    known, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    known["fc1.bias"] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
    head = json.dumps(known).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data + bytes(size))
    return path


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "message"),
    [
        ("F8_E4M3", [64], 64, "fc1.bias is F8_E4M3, expected floating-point values"),
        ("F8_E5M2", [64], 64, "fc1.bias is F8_E5M2, expected"),
        ("I64", [64], 512, "fc1.bias is I64, expected"),
        ("F32", [10**6], 4 * 10**6, "fc1.bias has shape [1000000], expected [64]"),
        ("F32", [2**62, 4], 16, "cannot be read"),
        ("F32", [64], 128, "cannot be read"),
        ("nonsense", [64], 64, "cannot be read"),
    ],
)
def test_safetensors(tmp_path, dtype, shape, size, message):
    assert message in rejected(safetensors(tmp_path / "w.safetensors", dtype, shape, size))


def test_safetensors_in_half_precision(tmp_path):
    save_file(
        {name: np.asarray(jnp.asarray(tensor, jnp.bfloat16)) for name, tensor in TENSORS.items()},
        tmp_path / "w.safetensors",
    )
    expected = np.asarray(jnp.asarray(TENSORS["fc1.weight"], jnp.bfloat16), np.float32)
    np.testing.assert_array_equal(read(tmp_path / "w.safetensors")[0], expected)
    save_file(put("model."), tmp_path / "W.SAFETENSORS")
    found, said = read(tmp_path / "W.SAFETENSORS")
    np.testing.assert_array_equal(found, TENSORS["fc1.weight"])
    assert "W.SAFETENSORS: weights loaded: prefix 'model.' of all names removed" in said


# All formats


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors", ".h5"])
def test_invalid_files(tmp_path, suffix):
    if suffix == ".h5":
        pytest.importorskip("h5py")
    path = tmp_path / f"w{suffix}"
    assert "No such file" in rejected(path)
    path.mkdir()
    assert "it is a folder" in rejected(path)
    path.rmdir()
    os.mkfifo(path)
    assert "it is a pipe or a device, not a regular file" in rejected(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "it is a pipe or a device, not a regular file" in rejected(path)
    path.unlink()
    path.write_bytes(b"")
    assert "it is empty" in rejected(path)
    for content in (b"\0", b"PK\x03\x04", b"garbage" * 100, b"\x80\x02", b"\x89HDF\r\n\x1a\n", bytes(1000)):
        path.write_bytes(content)
        rejected(path)


def test_a_sparse_file_is_not_read(tmp_path):
    for suffix in (".pth", ".npz", ".safetensors"):
        with (tmp_path / f"w{suffix}").open("wb") as file:
            file.truncate(300 * 2**30)
        rejected(tmp_path / f"w{suffix}")
    assert "is too large: 300 GiB, the limit is" in rejected(tmp_path / "w.pth")
    with (tmp_path / "w.h5").open("wb") as file:
        file.truncate(300 * 2**30)
    pytest.importorskip("h5py")
    assert "is too large: 300 GiB, the limit is" in rejected(tmp_path / "w.h5")


def test_hdf5_values_that_were_never_written(tmp_path):
    """HDF5 returns zeros for unwritten values, whatever the size."""
    h5py = pytest.importorskip("h5py")
    for shape in ((3,), (10**14,)):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            file.attrs["layer_names"] = [b"fc"]
            file.create_group("fc").attrs["weight_names"] = [b"bias:0"]
            file["fc"].create_dataset("bias:0", shape, "f4")
        with (
            pytest.raises(ZooError, match="some of its values are missing"),
            open_tensors(tmp_path / "w.h5", {"fc/bias": (3,)}),
        ):
            pass


# .pth


def archive_of(path, change):
    """Writes an archive like that of `torch.save`, without tensors; `change` replaces members."""
    members = {"w/data.pkl": pickle.dumps({"a": 1}, protocol=2), "w/version": b"3\n", "w/byteorder": b"little"}
    return npz(path, {**members, **change}, zipfile.ZIP_STORED)


def test_archives_that_torch_does_not_write(tmp_path):
    """They are rejected before PyTorch reads them, so this test does not require PyTorch."""
    path = npz(tmp_path / "w.pth", {"w/data.pkl": b"", "w/data/0": bytes(10**6)})
    assert "is compressed, which torch.save does not do" in rejected(path)
    content = archive_of(path, {}).read_bytes()
    path.write_bytes(content[:-30])
    assert "is damaged or truncated: File is not a zip file" in rejected(path)
    encrypted = bytearray(content)
    encrypted[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(encrypted)
    assert "is encrypted" in rejected(path)
    assert "is a TorchScript program: save only the weights" in rejected(archive_of(path, {"w/constants.pkl": b""}))
    larger = bytearray(content)
    larger[content.index(b"PK\x01\x02") + 24 : content.index(b"PK\x01\x02") + 28] = struct.pack("<I", 2**31)
    path.write_bytes(larger)
    assert "is damaged: its members would take 2 GiB" in rejected(path)


class Bomb:
    """An object whose unpickling would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_errors_do_not_explain_how_to_run_a_files_code(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    for code in (Bomb(tmp_path / "executed"), os.system, torch.nn.Linear(2, 2)):
        torch.save({"fc1.weight": code}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
        message = rejected(tmp_path / "w.pth")
        assert "contains more than tensors: it references " in message and "torch.save(model.state_dict()" in message
    assert "it references torch.nn.modules.linear.Linear, which could run arbitrary code" in message
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "executed")))
    rejected(tmp_path / "w.pth")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_pytorch_tensors_without_a_numpy_equivalent(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    saved = {name: torch.tensor(tensor) for name, tensor in TENSORS.items()}
    path = tmp_path / "w.pth"

    def message(bias):
        torch.save({**saved, "fc1.bias": bias}, path, _use_new_zipfile_serialization=zipped)
        return rejected(path)

    assert "fc1.bias is complex64, expected" in message(torch.zeros(64, dtype=torch.complex64))
    if zipped:  # older files cannot have it
        assert "fc1.bias is float8_e4m3fn, expected" in message(torch.zeros(64).to(torch.float8_e4m3fn))
    assert "fc1.bias is int64, expected" in message(torch.zeros(64, dtype=torch.int64))
    assert "fc1.bias is float32 in the layout sparse_coo, expected" in message(torch.zeros(64).to_sparse())
    assert "fc1.bias has shape [100000000000000], expected [64]" in message(torch.zeros(1).expand(10**14))
    assert "fc1.bias is float32 without values, expected" in message(torch.empty(64, device="meta"))
    assert "fc1.bias has shape [100000000000000], expected [64]" in message(torch.empty(10**14, device="meta"))
    assert "fc1.bias (64 of 64)" in message(torch.full((64,), float("nan")))
    assert "fc1.bias is int, expected" in message(3) or "fc1.bias is int64, expected" in message(3)
    for strange in ([1, 2], torch.ones(3)):
        torch.save(strange, path, _use_new_zipfile_serialization=zipped)
        assert "expected tensors by name" in rejected(path)
    for half in (torch.float16, torch.bfloat16, torch.float64):
        torch.save(
            {name: tensor.to(half) for name, tensor in saved.items()}, path, _use_new_zipfile_serialization=zipped
        )
        np.testing.assert_array_equal(read(path)[0], saved["fc1.weight"].to(half).float().numpy())


def test_checkpoints_of_training_scripts(tmp_path):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential()
    for number, (inputs, outputs) in enumerate(((20, 64), (64, 32), (32, 1)), start=1):
        network.add_module(f"fc{number}", torch.nn.Linear(inputs, outputs))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(2, 20)).sum().backward()
    optimizer.step()
    parallel = torch.nn.DataParallel(network)
    saved = {"epoch": 7, "model_state_dict": parallel.state_dict(), "optimizer_state_dict": optimizer.state_dict()}
    for suffix in (".pth", ".ckpt", ".bin", ".pt"):
        torch.save(saved, tmp_path / f"w{suffix}")
        found, said = read(tmp_path / f"w{suffix}")
        np.testing.assert_array_equal(found, network.fc1.weight.detach().numpy())
        assert "under 'model_state_dict'; prefix 'module.'" in said
    # The parameters themselves, which have gradients.
    np.testing.assert_array_equal(read(dict(network.named_parameters()))[0], network.fc1.weight.detach().numpy())


def test_damaged_pytorch_files(tmp_path):
    torch = pytest.importorskip("torch")
    path, random = tmp_path / "w.pth", np.random.default_rng(0)
    for zipped in (True, False):
        torch.save(
            {name: torch.tensor(tensor) for name, tensor in TENSORS.items()},
            path,
            _use_new_zipfile_serialization=zipped,
        )
        whole = path.read_bytes()
        for cut in random.integers(1, len(whole), 30):
            path.write_bytes(whole[:cut])
            rejected(path)
        for _ in range(60):  # mostly in names, shapes and types; flips in values go undetected
            content = bytearray(whole)
            content[random.integers(0, 1200)] ^= 1 << random.integers(0, 8)
            path.write_bytes(content)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    zoo.import_weights("mlp", path, "torch")
            except ZooError as error:
                assert "\n" not in str(error) and not any(words in str(error) for words in ADVICE)
