#!/usr/bin/env bash
# The account pages, the documentation and the dashboard in Debian's Chromium, at the width of a phone and of a desktop,
# each page checked by axe-core, the dev console and the fakes' pages too; the account pages in each language; when the pages
# try the refresh cookie; a browser's own fetch and cookie jar in two tabs; the dashboard with 10,000 users and when something
# is in the way; a deployment without the parts that can be left out, and one with invitations; the OpenAPI document by a
# validator that this project did not write; and the front end of examples/browser, on an origin of its own.
source "$(dirname "$0")/../lib.sh"
need chromium chromium
need node nodejs npm
cd "$root/tests/browser"
export ADMIN_PASSWORD="$(head -c 18 /dev/urandom | base64)"
npm ci --no-audit --no-fund --silent
# Each program starts from a stack that no other has used: names are free, and the clock was not moved.
fresh_stack() {
  if [ -n "${stack_pid:-}" ]; then
    kill "$stack_pid" 2>/dev/null && wait "$stack_pid" || true
    rm -rf "$stack_folder"
  fi
  start_stack --no-rate-limits --admin-password "$ADMIN_PASSWORD"
}
fresh_stack
node openapi.mjs "$BASE"
node console.mjs "$BASE" "${SHOTS:-}"
for program in session fetch walk languages dashboard troubles many; do
  fresh_stack
  node "$program.mjs" "$BASE" "${SHOTS:-}"
done

# A stack that leaves out what can be left out.
(
  export BILLING=off SIGN_UP=closed PASSWORD_SIGN_IN=off GOOGLE_CLIENT_ID=unset
  fresh_stack
  node left-out.mjs "$BASE"
  kill "$stack_pid" && wait "$stack_pid" || true
)

# A stack whose new accounts need an invitation.
(
  export SIGN_UP=invite
  fresh_stack
  node invitation.mjs "$BASE"
  kill "$stack_pid" && wait "$stack_pid" || true
)

# The stack of the front end has settings: the hosted pages lead back to it.
example="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-examples/front-end"
rm -rf "$example" && mkdir -p "$example" && cp -r "$root/examples/node" "$root/examples/browser" "$example/"
(cd "$example/node" && rm -rf node_modules && npm ci --no-audit --no-fund --silent)
read -r STACK_PORT FRONT_PORT <<<"$(free_ports 2)"
export FRONT_PORT EXAMPLE="$example/node"
export FRONTEND_URL="http://127.0.0.1:$FRONT_PORT"
export CHECKOUT_SUCCESS_URL="http://127.0.0.1:$STACK_PORT/account/billing?checkout=success"
fresh_stack
node front-end.mjs "$BASE" "${SHOTS:-}"
