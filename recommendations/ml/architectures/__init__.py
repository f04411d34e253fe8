"""The family: every architecture by its name."""

from pathlib import Path
from tempfile import TemporaryDirectory

from recommendations.ml import artefacts
from recommendations.ml.architectures.base import Architecture
from recommendations.ml.architectures.blend import Blend
from recommendations.ml.architectures.cnn import CNN
from recommendations.ml.architectures.content import Content
from recommendations.ml.architectures.dnn import DNN
from recommendations.ml.architectures.gan import GAN
from recommendations.ml.architectures.item_knn import ItemKNN
from recommendations.ml.architectures.linear import Linear
from recommendations.ml.architectures.mf import MF
from recommendations.ml.architectures.ncf import NCF
from recommendations.ml.architectures.popularity import Popularity
from recommendations.ml.architectures.rnn import RNN
from recommendations.ml.architectures.transformer import Transformer
from recommendations.ml.architectures.transitions import Transitions
from recommendations.ml.architectures.two_tower import TwoTower
from recommendations.ml.errors import ArtefactError, ConfigError

FAMILY: tuple[type[Architecture], ...] = (
    Popularity,
    ItemKNN,
    Transitions,
    MF,
    Content,
    Linear,
    DNN,
    NCF,
    TwoTower,
    CNN,
    RNN,
    GAN,
    Transformer,
    Blend,
)
ARCHITECTURES: dict[str, type[Architecture]] = {architecture.name: architecture for architecture in FAMILY}


def create(name: str) -> Architecture:
    """A new, unfitted model with the default configuration. Raises ConfigError for an unknown name."""
    if name not in ARCHITECTURES:
        raise ConfigError(f"unknown architecture {name!r}; known: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]()


def load(path: str | Path) -> Architecture:
    """The model that was saved to `path`. Raises ArtefactError when it cannot be restored."""
    meta, arrays = artefacts.read(Path(path))
    if meta.get("architecture") not in ARCHITECTURES:
        raise ArtefactError(f"{path}: unknown architecture {meta.get('architecture')!r}")
    return ARCHITECTURES[meta["architecture"]].restore(meta, arrays)


def as_stored(model: Architecture, precision: str) -> Architecture:
    """The model as it is read back when it was stored in that precision."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        model.save(path, precision=precision)
        return load(path)
