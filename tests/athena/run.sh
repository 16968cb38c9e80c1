#!/usr/bin/env bash
# The tables and views of infra/athena, over a sample export: parsed by PyPI's sqlglot, run on PyPI's DuckDB. Athena itself is not called.
source "$(dirname "$0")/../lib.sh"
need python3 python3 python3-venv
python3 -c 'import ensurepip' 2>/dev/null || { apt-get update -q; apt-get install -y -q python3-venv; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1
"$folder/bin/python" -B "$root/tests/athena/check.py"
