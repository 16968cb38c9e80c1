#!/usr/bin/env bash
# Runs the store's own tests against Amazon's DynamoDB Local instead of the embedded engine.
source "$(dirname "$0")/../lib.sh"
need java default-jre-headless
need mvn maven

cargo test --manifest-path "$root/Cargo.toml" --locked --workspace --test store --no-run

libraries="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-dynamodb/$(cksum <"$root/tests/dynamodb/pom.xml" | tr ' ' -)"
if ! [ -d "$libraries" ]; then
  rm -rf "$libraries.part"
  mvn --quiet --batch-mode --file "$root/tests/dynamodb/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$libraries.part"
  mv "$libraries.part" "$libraries"
fi

# A free port.
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 12000))
while answers "$port"; do port=$((port + 1)); done

log="$(mktemp)"
# It lives for a minute: the second compiler of the JVM costs more than it saves.
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Djava.library.path=$libraries" -cp "$libraries/*" com.amazonaws.services.dynamodbv2.local.main.ServerRunner \
  -inMemory -disableTelemetry -port "$port" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 300); do
  if answers "$port" || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
answers "$port" || { cat "$log"; exit 1; }

TOLLGATE_STORE_ENDPOINT="http://127.0.0.1:$port" \
  cargo test --manifest-path "$root/Cargo.toml" --locked --workspace --test store
