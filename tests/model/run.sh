#!/usr/bin/env bash
# Runs random sequences of billing for an hour, or for the given number of minutes, with new seeds. For each sequence whose
# end differs from Stripe's state it prints the seed and the shortest trace; `enumerate model SEED` repeats it.
source "$(dirname "$0")/../lib.sh"
cargo test --manifest-path "$root/Cargo.toml" --workspace --locked --no-run --quiet
exec "$debug/enumerate" model for "${1:-60}"
