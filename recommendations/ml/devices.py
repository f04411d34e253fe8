"""Where to compute."""

import resource
from functools import cache

import torch

from recommendations.ml.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> str:
    """`auto` becomes cuda where there is one. Raises ConfigError for an unknown or absent device."""
    if name not in DEVICES:
        raise ConfigError(f"unknown device {name!r}; known: {', '.join(DEVICES)}")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda was asked for, but this machine offers none to torch")
    return name


@cache
def multiplies_bfloat16(device: str) -> bool:
    """Whether the device has instructions for products in bfloat16; where it has none they take many times as long."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def limit_memory(megabytes: float) -> None:
    """Let this process hold no more, on the machine or on its GPU; an allocation beyond fails as out of memory."""
    size = round(megabytes * 1e6)
    _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
    if hardest != resource.RLIM_INFINITY:
        size = min(size, hardest)
    resource.setrlimit(resource.RLIMIT_DATA, (size, hardest))
    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, size / total))
