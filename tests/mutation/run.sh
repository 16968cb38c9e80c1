#!/usr/bin/env bash
# Mutation testing of `shared/domain` and `shared/store`: changes the code in one place at a time and runs that package's
# own tests. Fails when 10 % or more of the mutants survive; docs/testing.md names the surviving ones. Takes hours on two
# cores, and installs cargo-mutants if it is missing. `--since COMMIT` changes only lines that differ since then.
set -euo pipefail
cd "$(dirname "$0")/../.."

since=()
if [ "${1:-}" = --since ]; then
  changes="$(mktemp)"
  trap 'rm -f "$changes"' EXIT
  git diff "$2" -- shared/domain shared/store >"$changes"
  if ! [ -s "$changes" ]; then
    echo "nothing was changed since $2"
    exit
  fi
  since=(--in-diff "$changes")
fi

version=27.1.0
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-mutants"
mutants="$cache/bin/cargo-mutants"
if [ "$("$mutants" mutants --version 2>/dev/null || true)" != "cargo-mutants $version" ]; then
  cargo install --locked --root "$cache" "cargo-mutants@$version"
fi

# Without debug information, which is not used here and takes time to link.
export CARGO_PROFILE_DEV_DEBUG=none CARGO_TERM_COLOR=never RUST_BACKTRACE=0 TOLLGATE_STORE_FIRST_FAILURE_ENDS=1

# Changes package $1 and runs its tests, named by the other arguments.
break_and_test() {
  local package="$1" status=0
  shift
  mkdir -p "$cache/$package"
  # A target folder that stays warm: from one mutant to the next one crate and its tests are compiled. Nothing else uses it,
  # because it contains builds of changed code.
  # 2: some survived, 3: some reached the time limit. Both are counted below.
  CARGO_TARGET_DIR="$cache/target/$package" "$mutants" mutants --package "$package" "${since[@]}" --output "$cache/$package" --no-shuffle --jobs 1 --colors never -- "$@" || status=$?
  case "$status" in 0 | 2 | 3) ;; *) exit "$status" ;; esac
}
break_and_test tollgate-domain --locked --lib
break_and_test tollgate-store --locked --test store

count() { cat "$cache"/tollgate-{domain,store}/mutants.out/"$1".txt 2>/dev/null | wc -l || true; }
caught="$(count caught)" missed="$(count missed)" timeout="$(count timeout)" unviable="$(count unviable)"
viable=$((caught + missed + timeout))
echo "caught $caught, missed $missed, timeout $timeout, unviable (do not compile) $unviable"
[ "$viable" -gt 0 ] || exit 0 # changed lines that nothing can be broken in
echo "missed: $(awk -v missed="$missed" -v viable="$viable" 'BEGIN { printf "%.1f", 100 * missed / viable }') % of $viable"
cat "$cache"/tollgate-{domain,store}/mutants.out/missed.txt
[ $((missed * 10)) -lt "$viable" ]
