#!/usr/bin/env bash
# Each function as SAM runs it: builds them as they are deployed, invokes samples of `events/` by `sam local invoke` in
# Docker, against tables, queues and mail that `tollgate --serve-aws` serves, and checks the answers and the stored
# data. Installs what is missing; leaves nothing running.
source "$(dirname "$0")/../lib.sh"
cd "$root"
need dockerd docker.io
need docker docker.io
need busybox busybox-static
need python3 python3 python3-venv
export SAM_CLI_TELEMETRY=0
environment="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-aws/sam"
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/pip" install -q --disable-pip-version-check -r tests/aws/sam.txt
export PATH="$environment/bin:$PATH"

work="$(mktemp -d)"
started=()
finish() {
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill "${started[i]}" 2>/dev/null || true
    wait "${started[i]}" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

# Waits until a command succeeds; gives up when the process $1, which logs to $2, has ended.
until_it_does() {
  local process="$1" log="$2"
  shift 2
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log"
  exit 1
}

if ! docker info >/dev/null 2>&1; then
  export DOCKER_HOST="unix://$work/docker.sock"
  dockerd --storage-driver=vfs --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
    --host "$DOCKER_HOST" >"$work/docker.log" 2>&1 &
  started+=($!)
  until_it_does $! "$work/docker.log" docker info
fi
# The address of this machine for a container.
need ip iproute2
bridge="$(tests/sam/bridge.sh)"

cargo build --workspace --bin tollgate --locked
"$debug/tollgate" --serve-aws "$bridge:${SERVE_PORT:-4566}" >"$work/aws" 2>&1 &
started+=($!)
until_it_does $! "$work/aws" grep -q '^ready' "$work/aws"
mapfile -t variables < <(awk '$1 == "variable" {print $2}' "$work/aws")
contents="$(awk '$1 == "contents" {print $2}' "$work/aws")"

tests/sam/base-image.sh tollgate-base "${variables[@]}"
case "$(uname -m)" in aarch64 | arm64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
sam build --build-dir "$work/build" --parameter-overrides "Architecture=$architecture"

# With keys in its environment SAM would ask AWS for their account.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
while read -r function sample; do
  answer="$work/$sample.answer"
  sam local invoke "$function" --event "events/$sample.json" --template-file "$work/build/template.yaml" \
    --env-vars tests/sam/env.json --parameter-overrides "Architecture=$architecture" \
    --invoke-image tollgate-base --skip-pull-image --language-extensions </dev/null >"$answer" 2>"$work/log" || { cat "$work/log"; exit 1; }
  python3 tests/sam/conformance.py "$sample" "$answer" "$contents" || { cat "$work/log"; exit 1; }
done <<'EOF'
Auth http-healthz
Auth http-register
Pages http-account
Relay dynamodb-mail
Mailer sqs-mail
EOF
echo "sam: every function was invoked"
