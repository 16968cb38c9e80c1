#!/usr/bin/env bash
# Conformance to Stripe. Three checks use Stripe's own description of its API: every call of the gateway at Stripe's mock
# server, every answer of the fake against the description itself, and objects generated from the description, with nulls,
# unknown values and wrong types, in the lists and events that the system reads. Two more use Stripe's own SDKs, for Python
# and for Node, which drive the fake of a running stack through the whole life of a customer. Installs what is missing;
# leaves nothing running.
source "$(dirname "$0")/../lib.sh"
need go golang
need python3 python3 python3-venv
need node nodejs npm
cd "$root"
mock="github.com/stripe/stripe-mock@v0.203.0"
held="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-stripe"
GOBIN="$held/bin" go install "$mock"
description="$(go mod download -json "$mock" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')/embedded/openapi"
[ -x "$held/python/bin/python" ] || python3 -m venv "$held/python"
"$held/python/bin/pip" install -q --disable-pip-version-check -r tests/stripe/requirements.txt
# Built with the tests, which bring the examples: alone they would have other features of all dependencies.
cargo test --locked --workspace --no-run

work="$(mktemp -d)"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"$held/bin/stripe-mock" -http-addr "127.0.0.1:$port" >"$work/mock.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
for _ in $(seq 300); do
  if answers || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
answers || { cat "$work/mock.log"; exit 1; }

"$debug/examples/conformance" "http://127.0.0.1:$port" | tee "$work/calls"
# A call that the gateway has and the program does not make is not checked.
diff <(sed -n -e 's/^ *pub async fn \([a-z_]*\).*/\1/p' -e "s/^ *pub fn \([a-z_]*\)<'a>.*/\1/p" shared/stripe/src/*.rs | sort) \
  <(cut -d: -f1 "$work/calls" | sort -u)

# The lines of the calls as they are, then the count of those with altered answers.
"$debug/examples/conformance" "http://127.0.0.1:$port" altered | tail -n 30

"$debug/examples/scenarios" >"$work/scenarios"
"$held/python/bin/python" tests/stripe/conformance.py "$description/spec3.json" "$description/spec3.beta.sdk.json" "$root" <"$work/scenarios"

"$held/python/bin/python" tests/stripe/fuzz.py "$description/spec3.json" "$description/spec3.beta.sdk.json" "$root" >"$work/fuzz"
"$debug/examples/fuzz" <"$work/fuzz"

(cd tests/stripe && npm ci --no-audit --no-fund --silent)
kill "$server" && wait "$server" || true
rm -rf "$work"
start_stack
"$held/python/bin/python" tests/stripe/sdk.py "$BASE"
node tests/stripe/sdk.mjs "$BASE"
