"""Reads the data of a release with pandas.

    release.py FOLDER

Holds incidents.parquet (through pyarrow) to incidents.csv and incidents.jsonl,
cell by cell. Prints one line of JSON: rows, columns and how often each value of
a column is there."""

import json
import sys
from pathlib import Path

import pandas

folder = Path(sys.argv[1])
parquet = pandas.read_parquet(folder / "incidents.parquet", engine="pyarrow")
table = pandas.read_csv(folder / "incidents.csv", dtype=str, keep_default_na=False)
lines = [json.loads(line) for line in (folder / "incidents.jsonl").read_text(encoding="utf-8").splitlines()]
if sorted(parquet.columns) != sorted(table.columns):
    sys.exit(f"Parquet has the columns {list(parquet.columns)}, CSV {list(table.columns)}")
parquet = parquet[list(table.columns)]  # Parquet orders them by name
if not len(parquet) == len(table) == len(lines):
    sys.exit(f"{len(parquet)} records in Parquet, {len(table)} in CSV, {len(lines)} in JSON Lines")
columnar = parquet.astype(object).where(parquet.notna(), "")
differing = (columnar != table.astype(object)).sum().sum()
if differing:
    sys.exit(f"{differing} cells of Parquet are others than those of CSV")
for i, line in enumerate(lines):
    row = {k: v for k, v in columnar.iloc[i].items() if v != ""}
    if {k: v for k, v in line.items() if v not in (None, "")} != row:
        sys.exit(f"record {i}: Parquet and JSON Lines differ")
print(json.dumps({"rows": len(parquet), "columns": list(parquet.columns),
                  "counts": {c: parquet[c].value_counts().to_dict() for c in parquet.columns}}))
