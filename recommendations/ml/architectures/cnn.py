"""CNN: filters over the last few moments, as if they were an image."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.sequential import (
    Encoded,
    LightConfig,
    SequenceNetwork,
    Sequential,
    at_queries,
)
from recommendations.ml.batches import Batch
from recommendations.ml.layers import pool


@dataclass(frozen=True)
class CNNConfig(LightConfig):
    """window: moments looked at. horizontal: filters of every height; vertical: filters across the window."""

    window: int = 6
    horizontal: int = 16
    vertical: int = 4
    dropout: float = 0.4
    learning_rate: float = 2e-3


class CNNNetwork(SequenceNetwork):
    """Horizontal filters of all heights with maxima over time, vertical ones as weighted sums, and a linear layer."""

    def __init__(self, n_items: int, config: CNNConfig) -> None:
        super().__init__(n_items, config.width)
        self.config = config
        heights = range(1, config.window + 1)
        # A convolution over so few moments is quickest as one product a height.
        self.horizontal = nn.ModuleList(nn.Linear(height * config.width, config.horizontal) for height in heights)
        self.vertical = nn.Linear(config.window, config.vertical, bias=False)
        features = config.window * config.horizontal + config.vertical * config.width
        self.out = nn.Linear(features, config.width)

    def filters(self) -> Iterator[tuple[int, nn.Module]]:
        """The horizontal filters with their heights."""
        return enumerate(self.horizontal, start=1)

    def forward(self, batch: Batch) -> Encoded:
        """The windows [m, width, window] that end at the queries, filtered."""
        x = pool(self.items(batch.item) * self.config.width**0.5, batch)
        x = F.dropout(F.pad(x, (0, 0, self.config.window - 1, 0)), self.config.dropout, self.training)
        windows = at_queries(x.unfold(1, self.config.window, 1), batch)
        across = [torch.relu(filters(patches(windows, height))).amax(dim=1) for height, filters in self.filters()]
        features = torch.cat([*across, self.vertical(windows).flatten(1)], dim=1)
        return Encoded(self.out(F.dropout(features, self.config.dropout, self.training)))


def patches(windows: Tensor, height: int) -> Tensor:
    """All runs of `height` moments of windows [m, width, window]: [m, runs, width * height]."""
    return windows.unfold(2, height, 1).transpose(1, 2).flatten(2)


class CNN(Sequential):
    """Caser (Tang and Wang, 2018) without the customer's own vector, so that anybody can be scored."""

    name = "cnn"
    config_class = CNNConfig
    config: CNNConfig

    def _build(self, n_items: int) -> CNNNetwork:
        return CNNNetwork(n_items, self.config)
