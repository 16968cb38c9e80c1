#!/usr/bin/env bash
# Runs random sequences of billing for an hour, or for the given number of minutes, with new seeds. Prints the seed and
# the shortest story of each that ends otherwise than Stripe has it; `enumerate model SEED` plays it again.
source "$(dirname "$0")/../lib.sh"
cargo test --manifest-path "$root/Cargo.toml" --workspace --locked --no-run --quiet
exec "$CARGO_TARGET_DIR/debug/enumerate" model for "${1:-60}"
