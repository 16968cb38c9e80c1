#!/usr/bin/env bash
# Known vulnerabilities, licences and sources of all dependencies, by cargo-deny and deny.toml. Installs cargo-deny where it
# is missing; reads the advisory database from GitHub, so it needs the internet. `tests/deny/run.sh licenses bans sources`
# leaves that out.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=0.20.2
tools="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-deny"
if [ "$("$tools/bin/cargo-deny" --version 2>/dev/null || true)" != "cargo-deny $version" ]; then
  cargo install --locked --root "$tools" "cargo-deny@$version"
fi
"$tools/bin/cargo-deny" --locked --workspace check "$@"
