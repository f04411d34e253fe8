"""Several processes that train one model (started by torchrun), or one that trains alone.

Every process holds the whole model and sees its own share of every epoch's batches; gradients are averaged after each
backward pass. Decisions (which epoch is best, when to stop) are the first process's, told to the others.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn

T = TypeVar("T")


@contextmanager
def process_group() -> Iterator[None]:
    """Join the group that torchrun's environment describes; without one nothing happens."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Number of this process; the first one is 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average_gradients(module: nn.Module) -> None:
    """Replace every gradient by its mean over the processes."""
    if world() == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world()
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def from_first(value: T) -> T:
    """The first process's value, in all of them."""
    if world() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def share(batches: NDArray[np.int64]) -> NDArray[np.int64]:
    """This process's part of an epoch's batches, which all processes list in the same order.

    All parts are equally long, since a gradient is averaged only when everybody has one: a last batch that does not
    come out even is given to several.
    """
    if world() == 1 or not len(batches):
        return batches
    even = np.resize(batches, -(-len(batches) // world()) * world())
    return even[rank() :: world()]
