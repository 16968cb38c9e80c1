#!/usr/bin/env bash
# Tests steps.sh: a failing step ends the run with its name as the last line, the logs and durations of all steps stay, and
# no process is left, also when the run is ended from outside.
set -euo pipefail
cd "$(dirname "$0")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mark="tollgate-$$-sleep"
ln -s "$(command -v sleep)" "$work/$mark"
export SLEEP="$work/$mark"

run() {
  local status=0
  CI_LOGS="$work/logs" timeout 60 bash -c "set -euo pipefail; source ./steps.sh; $1" >"$work/out" 2>&1 || status=$?
  echo "$status"
}
fail() {
  echo "$1"
  cat "$work/out"
  exit 1
}
none_left() {
  for _ in $(seq 50); do
    pgrep -f "$mark" >/dev/null || return 0
    sleep 0.1
  done
  fail "a process is left"
}

status="$(run 'step one echo 1; step two bash -c "echo said; exit 7"; step three true')"
[ "$status" = 1 ] || fail "a failing step: exit code $status"
[ "$(tail -n 1 "$work/out")" = "FAILED: two" ] || fail "the name of the step is not the last line"
grep -qx said "$work/out" || fail "what the failing step printed is missing"
! grep -q three "$work/out" || fail "the run went on"
[ "$(cat "$work/logs/one.log")" = 1 ] || fail "the log of another step is missing"
[ "$(python3 -c 'import json, sys; print([(s["step"], s["status"]) for s in json.load(sys.stdin)])' \
  <"$work/logs/durations.json")" = "[('one', 0), ('two', 7)]" ] || fail "durations.json"

# Durations are whole seconds: more than one, on a machine of any speed.
status="$(run 'step busy python3 -c "import time
while time.process_time() < 1.1: pass"')"
grep -Eq '^ +[0-9]+ s +[1-9][0-9]* CPU s  busy$' "$work/out" || fail "the CPU seconds of a step"

chain='a() { step a bash -c "\"$SLEEP\" 50 & exit 3"; }; b() { step b bash -c "\"$SLEEP\" 60 & \"$SLEEP\" 70"; }; chains a b'
status="$(run "$chain")"
[ "$status" = 1 ] && [ "$(tail -n 1 "$work/out")" = "FAILED: a" ] || fail "a failing chain: exit code $status"
none_left

status="$(run 'a() { step a true; step aa true; }; b() { step b true; }; chains a b; step last true')"
[ "$status" = 0 ] && [ "$(wc -l <"$work/logs/durations")" = 4 ] || fail "chains that succeed: exit code $status"

status="$(CI_STEP_SECONDS=1 run 'step stuck "$SLEEP" 40')"
[ "$status" = 1 ] && grep -q 'stuck  (exit 124)' "$work/out" || fail "a step that does not end: exit code $status"
none_left

status="$(run 'step signal bash -c "kill -INT \$\$; sleep 1"')"
[ "$status" = 1 ] && grep -q 'signal  (exit 130)' "$work/out" || fail "SIGINT does not reach a step: exit code $status"

CI_LOGS="$work/logs" bash -c 'set -euo pipefail; source ./steps.sh; step long bash -c "\"$SLEEP\" 80 & \"$SLEEP\" 90"' \
  >"$work/out" 2>&1 &
stopped=$!
for _ in $(seq 100); do
  pgrep -f "$mark" >/dev/null && break
  sleep 0.1
done
kill -TERM "$stopped"
wait "$stopped" && fail "a stopped run succeeded"
none_left
