"""The PyTorch side of a benchmark: the same network, run as recommended in PyTorch's documentation."""

import functools
import os
import time

import torch
from torch import nn

from zoo.benchmark.timing import Side
from zoo.benchmark.work import Work
from zoo.models.registry import find_entry
from zoo.references.torch_libraries import build


def torch_side(work: Work, compiled: bool) -> Side:
    """Returns an eager or compiled step with the same work as `zoo_side`: channels last, autocast if not float32."""
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    height, width, channels = work.input_shape
    network = build(work.model).network.to(device, memory_format=torch.channels_last)
    images = torch.randn(work.batch, channels, height, width, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, find_entry(work.model).num_classes, (work.batch,), device=device)
    forward = torch.compile(network) if compiled else network
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    autocast = functools.partial(torch.autocast, device, getattr(torch, work.dtype), enabled=work.dtype != "float32")

    def train():
        optimizer.zero_grad()
        with autocast():
            loss = nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    def evaluate():
        with torch.inference_mode(), autocast():
            return nn.functional.cross_entropy(forward(images), labels).item()

    network.train(work.mode == "train")
    step = train if work.mode == "train" else evaluate
    started = time.perf_counter()
    step()
    compile_seconds = time.perf_counter() - started
    return Side(step, compile_seconds, torch.cuda.max_memory_allocated if device == "cuda" else None)
