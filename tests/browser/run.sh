#!/usr/bin/env bash
# The account pages, the documentation and the dashboard in Debian's Chromium, at the width of a phone and of a desktop,
# each page checked by axe-core; and the OpenAPI document by a validator that this project did not write.
source "$(dirname "$0")/../lib.sh"
need chromium chromium
need node nodejs npm
cd "$root/tests/browser"
export ADMIN_PASSWORD="$(head -c 18 /dev/urandom | base64)"
npm ci --no-audit --no-fund --silent
start_stack --no-rate-limits --admin-password "$ADMIN_PASSWORD"
node openapi.mjs "$BASE"
node walk.mjs "$BASE" "${SHOTS:-}"
node dashboard.mjs "$BASE" "${SHOTS:-}"
