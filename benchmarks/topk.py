"""The 100 best of a catalogue for every user, exactly: ours beside the bare product, torch, faiss and implicit.

All run one after the other, on the same vectors and threads, several times in turn; the best time of each counts, and
what is made once of the vectors is made before. The peers have their own environment. Seconds depend on the machine;
the ratios within one run are what to read.
"""

import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.peers import ROOT, NoPeer, python_of
from recommendations.ml.search import Index

K, SIZE = 100, 64
SHAPES = (64, 256)  # rows that the bare product takes at once; the faster counts
CATALOGUES = {50_000: 4096, 500_000: 1024}  # items: users
TURNS = int(os.environ.get("BENCH_TURNS", "3"))
THREADS = torch.get_num_threads()
PACKAGES = ("faiss-cpu==1.15.1", "implicit==0.7.3", "numpy", "scipy")
BEAUTY = Path(os.environ.get("BENCH_BEAUTY", ROOT.parent / "shared" / "data" / "beauty" / "Beauty.txt"))

# Reads the vectors, measures one peer, and prints the seconds of the better of two runs.
_FAISS = """
import sys, json, time, numpy as np, faiss
queries, vectors = np.load(sys.argv[1]), np.load(sys.argv[2])
k, threads = map(int, sys.argv[3:5])
faiss.omp_set_num_threads(threads)
index = faiss.IndexFlatIP(vectors.shape[1]); index.add(vectors)
times = []
for _ in range(2):
    start = time.perf_counter(); scores, items = index.search(queries, k); times.append(time.perf_counter() - start)
np.save(sys.argv[5], items)
print(json.dumps(min(times)))
"""
_IMPLICIT = """
import sys, json, time, numpy as np, scipy.sparse as sparse
from threadpoolctl import threadpool_limits
from implicit.als import AlternatingLeastSquares
queries, vectors = np.load(sys.argv[1]), np.load(sys.argv[2])
k, threads = map(int, sys.argv[3:5])
model = AlternatingLeastSquares(factors=vectors.shape[1], num_threads=threads)
model.user_factors, model.item_factors = queries, vectors
nothing = sparse.csr_matrix((len(queries), len(vectors)), dtype=np.float32)
users, times = np.arange(len(queries)), []
with threadpool_limits(1, "blas"):  # implicit asks for this: its own threads share the rows
    for _ in range(2):
        start = time.perf_counter()
        items, _ = model.recommend(users, nothing, N=k, filter_already_liked_items=False)
        times.append(time.perf_counter() - start)
np.save(sys.argv[5], items)
print(json.dumps(min(times)))
"""


def run() -> None:
    """Measure and print; a peer that cannot be had is named and left out."""
    try:
        python: Path | None = python_of("topk", PACKAGES)
    except NoPeer as reason:
        Console().print(f"[yellow]{reason}[/]")
        python = None
    for items, users in CATALOGUES.items():
        generator = torch.Generator().manual_seed(1)
        _compare(f"{items:,} items", *(torch.randn(n, SIZE, generator=generator) for n in (users, items)), python)
    if BEAUTY.exists():
        _compare("Beauty's items", *_beauty(), python)


def _beauty() -> tuple[torch.Tensor, torch.Tensor]:
    """As many vectors as the Beauty data has users and items; what they hold decides nothing."""
    lines = [line.split() for line in BEAUTY.read_text().splitlines()]
    generator = torch.Generator().manual_seed(2)
    n_items = len({item for line in lines for item in line[1:]})
    return torch.randn(len(lines), SIZE, generator=generator), torch.randn(n_items, SIZE, generator=generator)


def _compare(what: str, queries: torch.Tensor, vectors: torch.Tensor, python: Path | None) -> None:
    transposed = vectors.t().contiguous()
    scores = torch.empty(max(SHAPES), len(vectors))

    def product(rows: int) -> None:
        for block in queries.split(rows):
            torch.mm(block, transposed, out=scores[: len(block)])

    def sorted_product() -> None:
        for block in queries.split(SHAPES[0]):
            torch.topk(torch.mm(block, transposed, out=scores[: len(block)]), K, dim=1)

    index = Index(vectors)
    found = index.search(queries, K)[0]
    contenders: dict[str, Callable[[], float]] = {
        "the bare product": lambda: min(_timed(partial(product, rows)) for rows in SHAPES),
        "torch: product and topk": lambda: _timed(sorted_product),
        "ours": lambda: _timed(lambda: index.search(queries, K)),
    }
    if python:
        for name, program in (("faiss IndexFlatIP", _FAISS), ("implicit recommend", _IMPLICIT)):
            contenders[name] = partial(_peer, python, program, queries, vectors, found)
    seconds = dict.fromkeys(contenders, math.inf)
    for _ in range(TURNS):  # in turn, so that whatever else the machine does is borne by all
        for name, work in contenders.items():
            seconds[name] = min(seconds[name], work())
    _print(what, len(queries), seconds)


def _timed(work: Callable[[], object]) -> float:
    """Seconds of the better of two runs."""
    times = []
    for _ in range(2):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _peer(python: Path, program: str, queries: torch.Tensor, vectors: torch.Tensor, found: NDArray[np.int64]) -> float:
    """Seconds of a peer, which must have found the same items."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{name}.npy" for name in ("queries", "vectors", "items")]
        np.save(paths[0], queries.numpy())
        np.save(paths[1], vectors.numpy())
        environment = os.environ | {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)}
        said = subprocess.run(
            [str(python), "-c", program, paths[0], paths[1], str(K), str(THREADS), paths[2]],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        theirs = np.sort(np.load(paths[2]).astype(np.int64), axis=1)
    if (np.sort(found, axis=1) != theirs).mean() > 1e-3:
        raise RuntimeError("a peer found other items: one of the two is not exact")
    return float(json.loads(said.stdout))


def _print(what: str, users: int, seconds: dict[str, float]) -> None:
    table = Table(title=f"The {K} best of {what} for {users:,} users, {THREADS} threads", title_justify="left")
    for column in ("what", "users/s", "ours is"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, taken in seconds.items():
        table.add_row(name, f"{users / taken:,.0f}", f"{taken / seconds['ours']:.2f} ×")
    Console().print(table)
