"""The example of the documentation runs as it stands."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"


def test_the_example_trains_and_evaluates_on_a_csv(tmp_path, monkeypatch, capsys, ring):
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL).group(1)
    assert 15 <= len(code.strip().splitlines()) <= 22
    columns = zip(ring.customer_ids[ring.customer], ring.item_ids[ring.item], ring.time, strict=True)
    lines = [f"{customer},{item},1,{time}" for customer, item, time in columns]
    (tmp_path / "shop.csv").write_text("customer,item,value,time\n" + "\n".join(lines))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(DOCS), "exec"), {})
    said = capsys.readouterr().out
    figures = {name: float(value) for name, value in re.findall(r"^(\w+) {'ndcg@10': ([\d.]+)", said, re.MULTILINE)}
    assert figures["transformer"] > figures["popularity"] + 0.2
    assert "for the first customer: [" in said
