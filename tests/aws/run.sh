#!/usr/bin/env bash
# The whole stack as it is deployed: builds the functions, deploys template.yaml unchanged into an AWS emulator that
# enforces IAM, with the fake Stripe in a process of its own, runs the journeys of a user, an admin and paying users, breaks
# through it, breaks a function in each way that a deployment can, and deletes it all: docs/deploying.md, step by step, as
# far as the emulator plays it. The durations of the steps are printed at the end.
# It leaves no process running.

# cargo-lambda names the target, and Cargo shares nothing between a build with a named target and one without: so the build of
# the tests names it too.
export CARGO_BUILD_TARGET="${CARGO_BUILD_TARGET:-$(rustc -vV | awk '/^host:/ {print $2}')}" SAM_CLI_TELEMETRY=0
source "$(dirname "$0")/../lib.sh"
cd "$root"
need python3 python3 python3-venv
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

# Runs a step of docs/deploying.md and prints its duration. If it fails, the end of the emulator's log comes first, then the
# calls that were denied; what the step printed comes last.
step() {
  local name="$1" status=0 started="${EPOCHREALTIME/[.,]/}"
  shift
  "$@" >"$work/step.log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$work/emulator.log"
    "$python" tests/aws/denied.py tollgate-test "${since:-0}" || true
    echo "exit code $status: $*"
  fi
  cat "$work/step.log"
  [ "$status" -eq 0 ] || return "$status"
  durations+=("$(printf '%6.1f s  %s' "$(((${EPOCHREALTIME/[.,]/} - started) / 100000))e-1" "$name")")
}
durations=()
ops="$debug/tollgate-ops"
schedules() {
  "$python" tests/aws/schedules.py tollgate-test "$@"
}

# SES must know the sender before mail goes out.
step "mail: identity" "$python" tests/aws/wait.py "${processes[0]}"
step "deploy: lint" sam validate --lint
step "deploy: wrong parameters are refused" "$python" tests/aws/refused.py template.yaml
case "$(uname -m)" in aarch64 | arm64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
# The build of the tests contains the commands, and most of what the functions need. The crates that have fewer features in a
# function than in the tests are compiled again: what runs here has the features that it is deployed with. It is not
# optimised; infra/bench measures the release builds.
cargo test --workspace --locked --no-run --quiet
export CARGO_LAMBDA_COMPILER=cargo SAM_BUILD_MODE=debug
step "deploy: build" sam build --build-dir "$work/build" --parameter-overrides "Architecture=$architecture"
strip "$work"/build/*/bootstrap
# The fake Stripe runs beside it. Without a grace a payment that failed is due at once.
step "deploy: stack" sam deploy --template-file "$work/build/template.yaml" --config-file "$root/samconfig.toml" \
  --stack-name tollgate-test --resolve-s3 --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-confirm-changeset \
  --no-progressbar --parameter-overrides "Stage=test" "AppUrl=http://127.0.0.1:$port" "MailFrom=no-reply@example.com" \
  "MailIdentity=no-reply@example.com" "Architecture=$architecture" "StripeApiUrl=$stripe/_stripe" "BillingGraceDays=0" \
  "ExampleProduct=true" "AlarmEmail=ops@example.com"
gateway="$("$python" tests/aws/mend.py tollgate-test)"
webhook="$("$python" tests/aws/stripe.py webhook tollgate-test)"
(cd "$work" && exec env -i PATH="$PATH" STRIPE_WEBHOOK_URL="$webhook" "$debug/tollgate" \
  --port "${stripe##*:}" --data :memory: >"$work/stripe.log" 2>&1) &
processes+=($!)
until grep -q '^ready' "$work/stripe.log"; do
  kill -0 "${processes[1]}" || { cat "$work/stripe.log"; exit 1; }
  sleep 0.1
done
step "Stripe: key" "$python" tests/aws/stripe.py key tollgate-test "$stripe"
step "Stripe: endpoint, secret, portal" "$ops" stripe-setup --stage test

mailbox="http://127.0.0.1:$port/_ministack/ses/messages"
step "smoke test: a user signs up" "$debug/walk" "$gateway" "$mailbox"
step "faults of a deployment" "$python" tests/aws/broken.py tollgate-test "$gateway"
step "first admin" "$ops" make-admin --stage test --email ann@example.com
since="$(date +%s%3N)"
# Only Ann is counted.
step "schedules: first run" schedules rollup=1 expiry=0 reconcile=0 reminders=0 outbox=0 accounts=0
step "being on call: doctor" "$ops" doctor --stage test
step "smoke test: the admin, with reports" "$debug/walk" "$gateway" "$mailbox" admin
# Bob, who deleted the account.
step "schedules: an erased account" schedules accounts=1 rollup=1
step "smoke test: users pay" "$debug/walk" "$gateway" "$mailbox" subscribe "$stripe"
# Dora's failed payment is due, Emil gets the mail about the end of his trial, and is deleted at Stripe.
step "schedules: what is due" schedules expiry=1 reminders=0 reconcile=1 outbox=0 accounts=0 rollup=3
step "smoke test: users leave" "$debug/walk" "$gateway" "$mailbox" leave "$stripe"
# Dora, who deleted the account.
step "schedules: an erased customer" schedules accounts=1 rollup=2
echo "SELECT count(*) AS users FROM users" >"$work/users.sql"
step "being on call: a report of the command" "$ops" report run "$work/users.sql" --stage test
step "being on call: doctor finds nothing" "$ops" doctor --stage test
step "restore drill" "$python" tests/aws/drill.py test "$gateway" ann@example.com "another horse staple"
step "no call was denied" "$python" tests/aws/denied.py tollgate-test "$since"
step "deletion" sam delete --stack-name tollgate-test --no-prompts
step "deletion: nothing is left" "$python" tests/aws/gone.py test
printf '%s\n' "steps of docs/deploying.md:" "${durations[@]}"
