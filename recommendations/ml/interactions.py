"""Interactions: the one table that everything here is trained and judged on."""

import zipfile
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommendations.ml import reading
from recommendations.ml.encoding import encode
from recommendations.ml.errors import DataError
from recommendations.ml.files import write_arrays
from recommendations.ml.histories import Histories
from recommendations.ml.ragged import Int64, offsets_of

DTYPES = {
    "customer": np.int32,
    "item": np.int32,
    "type": np.int8,
    "time": np.int64,
    "value": np.float32,
    "customer_ids": np.int64,
    "item_ids": np.int64,
}


@dataclass(frozen=True)
class Interactions:
    """Events sorted by customer, time and then their original order.

    customer, item: int32 [n] indices into `customer_ids` [n_customers] and `item_ids` [n_items] (raw ids, unique,
    ascending); type: int8 [n] event-type code; time: int64 [n] unix seconds; value: float32 [n] (a rating, a quantity).
    """

    customer: NDArray[np.int32]
    item: NDArray[np.int32]
    type: NDArray[np.int8]
    time: Int64
    value: NDArray[np.float32]
    customer_ids: Int64
    item_ids: Int64

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def n_customers(self) -> int:
        return len(self.customer_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @cached_property
    def offsets(self) -> Int64:
        """Start of every customer's events: int64 [n_customers + 1]."""
        return offsets_of(np.bincount(self.customer, minlength=self.n_customers))

    @cached_property
    def histories(self) -> Histories:
        """One row a customer, in the order of `customer_ids`."""
        return Histories(offsets=self.offsets, item=self.item, type=self.type, time=self.time, value=self.value)

    def keep(self, mask: NDArray[np.bool_]) -> Self:
        """The events where `mask` [n] is true, with the same customers and items."""
        return replace(
            self,
            customer=self.customer[mask],
            item=self.item[mask],
            type=self.type[mask],
            time=self.time[mask],
            value=self.value[mask],
        )

    def with_items(self, item_ids: Int64) -> Self:
        """The same events over another catalogue; events of items that it does not hold are left out."""
        position = np.searchsorted(item_ids, self.item_ids).clip(max=max(len(item_ids) - 1, 0))
        known = item_ids[position] == self.item_ids if len(item_ids) else np.zeros(self.n_items, dtype=bool)
        kept = self.keep(known[self.item])
        return replace(kept, item=position[kept.item].astype(np.int32), item_ids=item_ids)

    @classmethod
    def from_arrays(
        cls, customer_ids: ArrayLike, item_ids: ArrayLike, type: ArrayLike, time: ArrayLike, value: ArrayLike
    ) -> Self:
        """Build from five columns [n] of raw ids and values, in any order.

        Raises DataError when the columns differ in length or hold something that is not a finite number.
        """
        columns = [np.asarray(column) for column in (customer_ids, item_ids, type, time, value)]
        if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
            raise DataError(f"columns differ in shape: {[column.shape for column in columns]}")
        if not all(np.isfinite(column).all() for column in columns):
            raise DataError("a column holds a value that is not a finite number")
        customers, customer = encode(columns[0])
        items, item = encode(columns[1])
        order = np.lexsort((columns[3], customer))  # stable: equal times keep their original order
        return cls(
            customer=customer[order],
            item=item[order],
            type=columns[2][order].astype(np.int8, copy=False),
            time=columns[3][order].astype(np.int64, copy=False),
            value=columns[4][order].astype(np.float32, copy=False),
            customer_ids=customers,
            item_ids=items,
        )

    @classmethod
    def from_sequences(cls, path: str | Path) -> Self:
        """Read `user item item …` lines in time order; the time is the position within the line."""
        users, items, positions = reading.read_sequences(Path(path))
        ones = np.ones(len(items))
        return cls.from_arrays(users, items, ones, positions, ones)

    @classmethod
    def from_ratings(cls, path: str | Path) -> Self:
        """Read `user item rating timestamp` lines, separated by tab, comma, `::` or spaces; a heading is skipped."""
        users, items, ratings, times = reading.read_ratings(Path(path))
        return cls.from_arrays(users, items, np.ones(len(items)), times, ratings)

    def save(self, path: str | Path) -> None:
        """Write one `.npz` file."""
        write_arrays(Path(path), {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a `.npz` file. Raises DataError when it is missing, damaged or inconsistent."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: np.asarray(archive[name]) for name in DTYPES}
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except KeyError as error:
            raise DataError(f"{path}: a column is missing: {error}") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: not a readable npz file: {error}") from None
        for name, dtype in DTYPES.items():
            if arrays[name].dtype != dtype:
                raise DataError(f"{path}: column {name} is {arrays[name].dtype}, expected {np.dtype(dtype)}")
        loaded = cls(**arrays)
        loaded.check(str(path))
        return loaded

    def check(self, source: str) -> None:
        """Raise DataError, naming `source`, unless the table keeps what the class promises."""
        n = len(self)
        if any(len(column) != n for column in (self.item, self.type, self.time, self.value)):
            raise DataError(f"{source}: columns differ in length")
        for name, ids in (("customer", self.customer_ids), ("item", self.item_ids)):
            index = getattr(self, name)
            if (np.diff(ids) <= 0).any():
                raise DataError(f"{source}: {name}_ids are not ascending and unique")
            if n and (index.min() < 0 or index.max() >= len(ids)):
                raise DataError(f"{source}: a {name} index is outside {name}_ids")
        step = np.diff(self.customer)
        if (step < 0).any() or (np.diff(self.time)[step == 0] < 0).any():
            raise DataError(f"{source}: events are not sorted by customer and time")
        if not np.isfinite(self.value).all():
            raise DataError(f"{source}: a value is not a finite number")
