"""Reading the two text formats of public recommendation data into columns."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import DataError

SEPARATORS = re.compile(r"::|[\t,;]|\s+")


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file. Raises DataError when it is missing, unreadable or not text."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if "\0" in text[:4096]:
        raise DataError(f"{path}: not a text file")
    return text.splitlines()


def ids_of(tokens: list[str]) -> NDArray[np.int64]:
    """Integer ids as they stand; when any of them is not an integer, the rank of each token among all."""
    try:
        return np.array(tokens, dtype=np.int64)
    except (ValueError, OverflowError):
        return np.unique(np.array(tokens, dtype=str), return_inverse=True)[1].astype(np.int64)


def read_sequences(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Users, items and positions [n] of a file with one `user item item …` line a user.

    A user named on several lines continues where the earlier line ended. Raises DataError for a line without items.
    """
    owners: list[str] = []
    items: list[str] = []
    positions: list[int] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) == 1:
            raise DataError(f"{path}, line {number}: a user without items")
        start, n = seen.get(words[0], 0), len(words) - 1
        owners.extend([words[0]] * n)
        items.extend(words[1:])
        positions.extend(range(start, start + n))
        seen[words[0]] = start + n
    if not items:
        raise DataError(f"{path}: the file holds no interactions")
    return ids_of(owners), ids_of(items), np.array(positions, dtype=np.int64)


def read_ratings(
    path: Path,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Users, items, ratings and unix times [n] of a file with `user item rating timestamp` lines.

    The first line may be a heading. Raises DataError, naming the line, for anything else that does not fit.
    """
    users: list[str] = []
    items: list[str] = []
    ratings: list[float] = []
    times: list[int] = []
    for number, line in enumerate(read_lines(path), start=1):
        words = [word for word in SEPARATORS.split(line.strip()) if word]
        if not words:
            continue
        if len(words) < 4:
            raise DataError(
                f"{path}, line {number}: expected user, item, rating and timestamp, found {len(words)} fields"
            )
        try:
            rating, time = float(words[2]), int(float(words[3]))
        except (ValueError, OverflowError):
            if number == 1:
                continue
            raise DataError(f"{path}, line {number}: rating or timestamp is not a number") from None
        if not np.isfinite(rating):
            raise DataError(f"{path}, line {number}: rating is not a finite number")
        users.append(words[0])
        items.append(words[1])
        ratings.append(rating)
        times.append(time)
    if not items:
        raise DataError(f"{path}: the file holds no interactions")
    return ids_of(users), ids_of(items), np.array(ratings), np.array(times, dtype=np.int64)
