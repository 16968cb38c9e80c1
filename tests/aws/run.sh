#!/usr/bin/env bash
# The whole stack as it is deployed: builds the functions, deploys template.yaml unchanged into an AWS emulator that
# enforces IAM, with the fake Stripe in a process of its own, runs the journeys of a user, an admin and paying users, breaks
# a function in each way that a deployment can break it, and deletes the stack. Creates its own Python environments; leaves
# no process running.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
cd "$root"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}" SAM_CLI_TELEMETRY=0
command -v python3 >/dev/null || { apt-get update -q && apt-get install -y -q python3 python3-venv; }
# Two environments: the emulator and SAM require different versions of the same packages.
environments="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-aws"
for name in emulator sam; do
  [ -x "$environments/$name/bin/python" ] || python3 -m venv "$environments/$name"
  "$environments/$name/bin/pip" install -q --disable-pip-version-check -r "tests/aws/$name.txt"
done
python="$environments/emulator/bin/python"
export PATH="$environments/sam/bin:$PATH"

free_port() {
  "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port="$(free_port)"
stripe="http://127.0.0.1:$(free_port)"
work="$(mktemp -d)"
processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; wait "${processes[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
# A clean environment, because the functions inherit that of the emulator. With AUTH each call is authorised by its caller's
# role.
env -i HOME="$work" PATH="$PATH" AWS_ENDPOINT_URL="http://127.0.0.1:$port" GATEWAY_PORT="$port" AUTH=true \
  MINISTACK_REGION=us-east-1 BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 \
  "$python" tests/aws/emulator.py >"$work/emulator.log" 2>&1 &
processes+=($!)
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test

# SES must know the sender before mail goes out.
"$python" tests/aws/wait.py "${processes[0]}"
sam validate --lint
"$python" tests/aws/refused.py template.yaml
case "$(uname -m)" in aarch64 | arm64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
# The build of the tests contains the commands and nearly all of the functions: they are deployed as they are tested,
# without optimisation;
# infra/bench measures the release builds.
cargo test --workspace --locked --no-run --quiet
export CARGO_LAMBDA_COMPILER=cargo SAM_BUILD_MODE=debug
sam build --build-dir "$work/build" --parameter-overrides "Architecture=$architecture"
strip "$work"/build/*/bootstrap
sam deploy --template-file "$work/build/template.yaml" --config-file "$root/samconfig.toml" --stack-name tollgate-test \
  --resolve-s3 --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-confirm-changeset --no-progressbar \
  --parameter-overrides "Stage=test" "AppUrl=http://127.0.0.1:$port" "MailFrom=no-reply@example.com" \
  "MailIdentity=no-reply@example.com" "Architecture=$architecture" "StripeApiUrl=$stripe/_stripe" "BillingGraceDays=0" "ExampleProduct=true"
gateway="$("$python" tests/aws/mend.py tollgate-test)"
# The fake Stripe sends its events to the webhook's function URL. Without a grace a payment that failed is due at once.
webhook="$("$python" tests/aws/stripe.py webhook tollgate-test)"
(cd "$work" && exec env -i PATH="$PATH" STRIPE_WEBHOOK_URL="$webhook" "$CARGO_TARGET_DIR/debug/tollgate" \
  --port "${stripe##*:}" --data :memory: >"$work/stripe.log" 2>&1) &
processes+=($!)
until grep -q '^ready' "$work/stripe.log"; do
  kill -0 "${processes[1]}" || { cat "$work/stripe.log"; exit 1; }
  sleep 0.1
done
"$python" tests/aws/stripe.py secrets tollgate-test "$stripe"

# Runs a check. If it fails, the end of the emulator's log comes first, then the denied calls, then the output of the check.
check() {
  local status=0
  "$@" >"$work/check.log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$work/emulator.log"
    "$python" tests/aws/denied.py tollgate-test "${since:-0}" || true
    echo "exit code $status: $*"
  fi
  cat "$work/check.log"
  return "$status"
}
mailbox="http://127.0.0.1:$port/_ministack/ses/messages"
check "$CARGO_TARGET_DIR/debug/walk" "$gateway" "$mailbox"
check "$python" tests/aws/broken.py tollgate-test "$gateway"
check "$CARGO_TARGET_DIR/debug/tollgate-ops" make-admin --stage test --email ann@example.com
since="$(date +%s%3N)"
# Only Ann is counted.
check "$python" tests/aws/schedules.py tollgate-test rollup=1 expiry=0 reconcile=0 reminders=0 outbox=0 accounts=0
check "$CARGO_TARGET_DIR/debug/walk" "$gateway" "$mailbox" admin
# Bob, who deleted the account.
check "$python" tests/aws/schedules.py tollgate-test accounts=1 rollup=1
check "$CARGO_TARGET_DIR/debug/walk" "$gateway" "$mailbox" subscribe "$stripe"
# Dora's failed payment is due, Emil gets the mail about the end of his trial, and is deleted at Stripe.
check "$python" tests/aws/schedules.py tollgate-test expiry=1 reminders=0 reconcile=1 outbox=0 accounts=0 rollup=3
check "$CARGO_TARGET_DIR/debug/walk" "$gateway" "$mailbox" leave "$stripe"
# Dora, who deleted the account.
check "$python" tests/aws/schedules.py tollgate-test accounts=1 rollup=2
check "$python" tests/aws/denied.py tollgate-test "$since"
check sam delete --stack-name tollgate-test --no-prompts
