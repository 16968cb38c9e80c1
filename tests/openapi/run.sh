#!/usr/bin/env bash
# Checks the OpenAPI document with other software. Three generators of clients (openapi-typescript, openapi-python-client
# and openapi-generator for Go) each generate one that compiles, signs in and reads lists; then schemathesis calls every
# operation of a running service with valid and invalid inputs, and compares each answer with the document. Its findings
# must be in findings.toml. Installs what is missing; leaves nothing running.
source "$(dirname "$0")/../lib.sh"
need node nodejs npm
need python3 python3 python3-venv
need go golang
need java default-jre-headless
need mvn maven
here="$root/tests/openapi"
held="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-openapi"
seed=1
max_examples=110
wanted_cases=10000

began=$SECONDS
# Prints how long a part took.
done_with() {
  echo "$1: $((SECONDS - began)) s"
  began=$SECONDS
}

(cd "$here" && npm ci --no-audit --no-fund --silent)
[ -x "$held/python/bin/python" ] || python3 -m venv "$held/python"
"$held/python/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
export PATH="$held/python/bin:$PATH"
generator="openapi-generator-cli-7.25.0.jar"
[ -f "$held/$generator" ] || mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  -Dartifact=org.openapitools:openapi-generator-cli:7.25.0 -DoutputDirectory="$held"
done_with "installation"

email=admin@localhost.test password="a password of this run"
start_stack --no-rate-limits --admin-email "$email" --admin-password "$password"
work="$stack_folder/openapi"
mkdir "$work" "$work/ts" "$work/go"
document="$work/openapi.json"
python3 -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' \
  "$BASE/openapi.json" >"$document"
done_with "start of the stack"

cp "$here/client.ts" "$here/tsconfig.json" "$here/package.json" "$work/ts"
ln -s "$here/node_modules" "$work/ts/node_modules"
(cd "$work/ts" && npx openapi-typescript "$document" -o generated/api.d.ts >/dev/null && npx tsc -p .)
node "$work/ts/built/client.js" "$BASE" "$email" "$password"
done_with "client of TypeScript"

(cd "$work" && openapi-python-client generate --path "$document" --meta none --output-path tollgate_client --fail-on-warning)
PYTHONPATH="$work" python "$here/client.py" "$BASE" "$email" "$password"
done_with "client of Python"

java -jar "$held/$generator" generate -i "$document" -g go -o "$work/go/client" \
  --additional-properties=packageName=tollgate,withGoMod=false,enumClassPrefix=true \
  --global-property=apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false >"$work/go/log" 2>&1 ||
  { cat "$work/go/log"; exit 1; }
printf 'module tollgate.test/client\n\ngo 1.21\n' >"$work/go/client/go.mod"
cp "$here/client.go" "$work/go/main.go"
printf 'module tollgate.test/run\n\ngo 1.21\n\nrequire tollgate.test/client v0.0.0\n\nreplace tollgate.test/client => ./client\n' \
  >"$work/go/go.mod"
(cd "$work/go/client" && go mod tidy && go build ./...)
(cd "$work/go" && go mod tidy && go build -o run .)
"$work/go/run" "$BASE" "$email" "$password"
done_with "client of Go"

# Two at once, each on half of the operations. The exit code says whether anything was found at all; findings.py says
# whether it is explained.
fuzz() {
  # It leaves its cache in the current folder.
  (cd "$work" && EMAIL="$email" PASSWORD="$password" schemathesis --config-file "$here/schemathesis.toml" run "$BASE/openapi.json" \
    --seed "$seed" --max-examples "$max_examples" --report ndjson --report-ndjson-path "$work/$1" "${@:2}" \
    >"$work/$1.log" 2>&1) || true
  [ -f "$work/$1" ] || { cat "$work/$1.log"; exit 1; }
}
halves=(Admin Accounts)
fuzz first "${halves[@]/#/--include-tag=}" &
first=$!
fuzz second "${halves[@]/#/--exclude-tag=}"
wait "$first"
python "$here/findings.py" "$wanted_cases" "$work/first" "$work/second"
done_with "schemathesis"
