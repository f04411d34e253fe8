"""Quality over time on Beauty: RecTools' SASRec and eSASRec beside ours, with the same threads and the same split.

BENCH_RECTOOLS_SECONDS is the training time of each of RecTools' configurations (1,200). Ours has a tenth of it. Both
train on all but the last item of every user and rank all items that the user has not had; RecTools is judged after
every epoch, the time of judging left out. It runs in its own environment, with our torch.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.peers import ROOT, NoPeer, python_of

BEAUTY = Path(os.environ.get("BENCH_BEAUTY", ROOT.parent / "shared" / "data" / "beauty" / "Beauty.txt"))
SECONDS = float(os.environ.get("BENCH_RECTOOLS_SECONDS", "1200"))
PACKAGES = (
    *("numpy<2", "pandas<3", "pm-implicit==0.7.3", "pydantic>=2.8.2,<3", "attrs<24", "scipy>=1.14.1,<2", "tqdm"),
    *("typeguard>=4.1,<5", "typing-extensions", "lightning-utilities", "fsspec", "PyYAML", "packaging"),
)
# Without what they depend on: that would be another torch.
BARE = ("rectools==0.19.0", "pytorch-lightning==2.5.2", "torchmetrics==1.8.2")
CONFIGURATIONS = {
    "SASRec, softmax": {"loss": "softmax"},
    "eSASRec: LiGR, sampled softmax": {"loss": "sampled_softmax", "n_negatives": 256, "layers": "ligr"},
}

# Trains epoch by epoch until the time is over; one line of JSON after each.
_PROGRAM = """
import json, sys, time, logging, warnings
import numpy as np, pandas as pd, torch
warnings.filterwarnings("ignore"); logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel
path, seconds, threads, options = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
torch.set_num_threads(threads); torch.manual_seed(1)
rows = [line.split() for line in open(path)]
rows = [row for row in rows if len(row) >= 4]
table = pd.DataFrame(
    [(row[0], item, 1, place) for row in rows for place, item in enumerate(row[1:-1])],
    columns=[Columns.User, Columns.Item, Columns.Weight, Columns.Datetime],
)
table[Columns.Datetime] = pd.Timestamp("2020-01-01") + pd.to_timedelta(table[Columns.Datetime], unit="D")
dataset = Dataset.construct(table)
last = {row[0]: row[-1] for row in rows}
if options.pop("layers", None) == "ligr":
    from rectools.models.nn.transformers.ligr import LiGRLayers
    options["transformer_layers_type"] = LiGRLayers
model = SASRecModel(n_factors=64, n_blocks=2, n_heads=2, session_max_len=50, verbose=0, **options)
spent, epoch = 0.0, 0
while spent < seconds:
    start = time.perf_counter()
    model.fit_partial(dataset, min_epochs=1, max_epochs=1)
    spent += time.perf_counter() - start
    epoch += 1
    found = model.recommend(list(last), dataset, k=10, filter_viewed=True)
    hit = found[found[Columns.Item] == found[Columns.User].map(last)]
    ndcg = float((1 / np.log2(hit[Columns.Rank] + 1)).sum() / len(last))
    print(json.dumps({"epoch": epoch, "seconds": round(spent, 1), "ndcg@10": ndcg}), flush=True)
"""


def run() -> None:
    """Measure and print; the curves are also left in var/rectools.json."""
    if not BEAUTY.exists():
        Console().print(f"[yellow]{BEAUTY} is missing; set BENCH_BEAUTY to the file.[/]")
        return
    try:
        python = python_of("rectools", PACKAGES, without_dependencies=BARE, borrow=True)
    except NoPeer as reason:
        Console().print(f"[yellow]{reason}[/]")
        return
    table = Table(title=f"NDCG@10 on Beauty, {torch.get_num_threads()} threads", title_justify="left")
    for column in ("what", "seconds", "NDCG@10 there", "best", "after s"):
        table.add_column(column, justify="left" if column == "what" else "right")
    curves = {name: _theirs(python, options) for name, options in CONFIGURATIONS.items()}
    curves["ours: transformer"] = _ours()
    for name, curve in curves.items():
        best = max(curve, key=lambda point: point["ndcg@10"])
        end = curve[-1]
        table.add_row(
            *(name, f"{end['seconds']:.0f}", f"{end['ndcg@10']:.4f}", f"{best['ndcg@10']:.4f}"),
            f"{best['seconds']:.0f}",
        )
    Console().print(table)
    (ROOT / "var" / "rectools.json").write_text(json.dumps(curves, indent=1))


def _theirs(python: Path, options: dict[str, object]) -> list[dict[str, float]]:
    """One point an epoch."""
    arguments = [str(BEAUTY), str(SECONDS), str(torch.get_num_threads()), json.dumps(options)]
    said = subprocess.run(
        [str(python), "-c", _PROGRAM, *arguments], check=False, capture_output=True, text=True, cwd=ROOT / "var"
    )
    if said.returncode:
        raise RuntimeError(f"RecTools failed: {said.stderr.strip().splitlines()[-1]}")
    return [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]


def _ours() -> list[dict[str, float]]:
    """One point: what a tenth of their time gives."""
    command = [sys.executable, "-m", "recommendations.ml", str(BEAUTY), "--architecture", "transformer", "--json"]
    command += ["--time-budget", str(SECONDS / 10)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    return [{"epoch": result["epochs"], "seconds": result["train_seconds"], "ndcg@10": result["metrics"]["ndcg@10"]}]
