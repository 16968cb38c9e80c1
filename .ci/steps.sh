# Steps of a run, their logs and durations. To be sourced.
#
# step NAME COMMAND…           runs one step; if it fails, its output is printed and the whole run ends
# chains FUNCTION FUNCTION…    runs functions of steps side by side, until all are done or one step fails
#
# Each step runs in a process group of its own. At the end of the run, also of a stopped one, the groups of all steps are
# killed.

CI_LOGS="${CI_LOGS:-$(mktemp -d "${TMPDIR:-/tmp}/tollgate-ci.XXXXXX")}"
mkdir -p "$CI_LOGS"
: >"$CI_LOGS/durations"
rm -f "$CI_LOGS/failed" "$CI_LOGS/groups"
# The time limit of a step: one that does not end fails with exit code 124.
CI_STEP_SECONDS="${CI_STEP_SECONDS:-2400}"
ci_began=$(date +%s)
ci_shell=$BASHPID
export CI_MARK="$$-$ci_began-$RANDOM"

# Sets `spent` to the CPU seconds of the processes that this shell started and waited for, with those that they waited for.
# `times` answers for the shell that calls it, so this must not run in a subshell.
ci_cpu() {
  local file="$CI_LOGS/times.$BASHPID"
  times >"$file"
  spent=$(awk 'NR == 2 {split($1 "m" $2, t, /[ms]+/); printf("%d", 60 * (t[1] + t[3]) + t[2] + t[4])}' "$file")
}

step() {
  local name="$1" log began spent cpu status=0
  shift
  log="$CI_LOGS/${name//[^a-zA-Z0-9]/-}.log"
  began=$(date +%s)
  ci_cpu
  cpu=$spent
  echo "begin  $name"
  # A background process of a script ignores SIGINT; a step gets it as from a terminal.
  setsid timeout --kill-after=10 "$CI_STEP_SECONDS" env --default-signal=INT,QUIT "$@" >"$log" 2>&1 </dev/null &
  local group=$!
  echo "$group" >>"$CI_LOGS/groups"
  wait "$group" || status=$?
  # Processes that the step left running are killed with it.
  kill -KILL -- "-$group" 2>/dev/null || true
  ci_cpu
  cpu=$((spent - cpu))
  printf '%s\t%s\t%s\t%s\n' "$name" "$(($(date +%s) - began))" "$cpu" "$status" >>"$CI_LOGS/durations"
  if [ "$status" -ne 0 ]; then
    # Only the first failure is reported.
    (set -o noclobber && echo "$name" >"$CI_LOGS/failed") 2>/dev/null || true
    exit 1
  fi
  echo "done   $name ($(($(date +%s) - began)) s, $cpu CPU s)"
}

chains() {
  local chain pid running pids=()
  for chain in "$@"; do
    ("$chain") &
    pids+=($!)
  done
  while true; do
    [ ! -e "$CI_LOGS/failed" ] || exit 1
    running=0
    for pid in "${pids[@]}"; do
      if kill -0 "$pid" 2>/dev/null; then running=1; fi
    done
    [ "$running" = 1 ] || break
    sleep 1
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || exit 1
  done
}

# Kills the processes that the steps left: first the ones that start others, then the groups of the steps, then every
# process with the mark.
ci_kill() {
  local pid
  exec 3>&2 2>/dev/null # bash reports each job that was killed
  jobs -p | xargs -r kill -KILL || true
  wait || true
  exec 2>&3 3>&-
  while read -r pid; do
    kill -TERM -- "-$pid" 2>/dev/null || true
  done < <(cat "$CI_LOGS/groups" 2>/dev/null)
  for pid in /proc/[0-9]*; do
    pid="${pid#/proc/}"
    [ "$pid" = "$$" ] || [ "$pid" = "$BASHPID" ] || ! grep -qz "^CI_MARK=$CI_MARK$" "/proc/$pid/environ" 2>/dev/null ||
      kill -KILL "$pid" 2>/dev/null || true
  done
}

ci_end() {
  local status=$? name
  [ "$BASHPID" = "$ci_shell" ] || return "$status"
  trap '' INT TERM
  ci_kill
  echo
  awk -F '\t' '{printf("%5d s %5d CPU s  %s%s\n", $2, $3, $1, ($4 == 0 ? "" : "  (exit " $4 ")"))}' "$CI_LOGS/durations"
  printf '%5d s %5d CPU s  in all; logs: %s\n' "$(($(date +%s) - ci_began))" \
    "$(awk -F '\t' '{sum += $3} END {print sum + 0}' "$CI_LOGS/durations")" "$CI_LOGS"
  awk -F '\t' 'BEGIN {print "["}
    {printf("%s  {\"step\": \"%s\", \"seconds\": %d, \"cpu\": %d, \"status\": %d}",
      (NR > 1 ? ",\n" : ""), $1, $2, $3, $4)}
    END {print "\n]"}' "$CI_LOGS/durations" >"$CI_LOGS/durations.json"
  if [ -e "$CI_LOGS/failed" ]; then
    name="$(cat "$CI_LOGS/failed")"
    echo
    tail -n 200 "$CI_LOGS/${name//[^a-zA-Z0-9]/-}.log"
    echo "FAILED: $name"
    status=1
  fi
  exit "$status"
}
trap ci_end EXIT
trap 'exit 130' INT TERM
