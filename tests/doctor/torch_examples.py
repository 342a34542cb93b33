"""Small networks, data and programs of PyTorch; modules that import it are skipped without PyTorch."""

import copy
import random

import numpy as np
import pytest

from zoo.doctor.adapters.torch_program import from_torch

torch = pytest.importorskip("torch")
nn = torch.nn
DataLoader, TensorDataset = torch.utils.data.DataLoader, torch.utils.data.TensorDataset

CLASSES = 3


def network(*more):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 6, CLASSES), *more
    )


def data(count=64, scale=1.0):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 2, 6, 8, generator=generator)
    labels = images.mean((1, 2, 3)).argsort().argsort() * CLASSES // count
    return TensorDataset(images * scale, labels)


def loaders(scale=1.0, **options):
    return DataLoader(data(scale=scale), 16, **{"shuffle": True} | options), DataLoader(data(16, scale), 8)


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01} | options)


def program(model=None, loss=None, optimizer=None, loading=None, **options):
    model = network() if model is None else model
    optimizer = sgd(model) if optimizer is None else optimizer
    return from_torch(model, loss or nn.CrossEntropyLoss(), optimizer, *(loading or loaders()), **options)


def run(made, steps=5, seed=0):
    state, losses = made.init(seed), []
    for _ in range(steps // 4 + 1):
        for images, labels in made.train_batches():
            if len(losses) < steps:
                state, loss = made.step(state, images, labels)
                losses.append(loss)
    return state, losses


def trace(model, optimizer, loader):
    """Everything of the user's that could change."""
    return copy.deepcopy(
        (
            model.state_dict(),
            optimizer.state_dict(),
            [module.training for module in model.modules()],
            [parameter.grad for parameter in model.parameters()],
            [len(module._forward_hooks) for module in model.modules()],
            torch.get_rng_state(),
            loader.generator.get_state() if loader.generator else None,
            random.getstate(),
            np.random.get_state(),
        )
    )


def same(one, other):
    if isinstance(one, torch.Tensor | np.ndarray):
        return bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
