"""The same networks in PyTorch, with PyTorch's own layers, as someone at home there would write and run them."""

import functools
import os
import time
from collections.abc import Callable

import torch
from torch import nn

from zoo.benchmark.timing import Side
from zoo.errors import unknown
from zoo.models.registry import find_entry


def alexnet() -> nn.Module:
    """Krizhevsky et al. 2012. PyTorch divides alpha of the response normalization by its size, hence 5e-4 for 1e-4."""
    response_norm = functools.partial(nn.LocalResponseNorm, size=5, alpha=5e-4, beta=0.75, k=2.0)
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), nn.ReLU(), response_norm(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), response_norm(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 1000),
    )  # fmt: skip


def alexnet_owt() -> nn.Module:
    """Krizhevsky 2014, for 224 pixels."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(9216, 4096), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], nn.Module]] = {"alexnet": alexnet, "alexnet_owt": alexnet_owt}


def torch_sides(model_name: str, mode: str, batch_size: int, dtype: str) -> dict[str, Side]:
    """Eager and `torch.compile`d steps with the same work as `zoo_side`: channels last, autocast if not float32."""
    if model_name not in NETWORKS:
        raise unknown("network in PyTorch", model_name, NETWORKS)
    torch.set_num_threads(os.cpu_count())
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        f"torch {how}": _side(model_name, mode, batch_size, dtype, device, compiled=how == "compiled")
        for how in ("eager", "compiled")
    }


def _side(model_name, mode, batch_size, dtype, device, compiled):
    torch.manual_seed(0)
    height, width, channels = find_entry(model_name).input_shape
    network = NETWORKS[model_name]().to(device, memory_format=torch.channels_last)
    images = torch.randn(batch_size, channels, height, width, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (batch_size,), device=device)
    forward = torch.compile(network) if compiled else network
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    autocast = functools.partial(torch.autocast, device, getattr(torch, dtype), enabled=dtype != "float32")

    def train():
        optimizer.zero_grad()
        with autocast():
            loss = nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    def evaluate():
        with torch.inference_mode(), autocast():
            forward(images).sum().item()

    network.train(mode == "train")
    step = train if mode == "train" else evaluate
    started = time.perf_counter()
    step()
    return Side(step, time.perf_counter() - started, None)
