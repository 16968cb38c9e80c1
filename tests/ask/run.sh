#!/usr/bin/env bash
# The gold statements of the assistant's questions and of the gallery, against an independent computation in Python, on a SQLite
# that this project did not compile (PyPI's apsw).
source "$(dirname "$0")/../lib.sh"
need python3 python3 python3-venv
python3 -c 'import ensurepip' 2>/dev/null || { apt-get update -q; apt-get install -y -q python3-venv; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check apsw==3.49.2.0
"$folder/bin/python" -B "$root/tests/ask/verify.py"
