#!/usr/bin/env bash
# Sign-in at an OpenID provider that this project did not write (npm's oidc-provider), in Google's place.
source "$(dirname "$0")/../lib.sh"
need node nodejs npm
cd "$root/tests/oidc"
npm ci --no-audit --no-fund --silent
read -r STACK_PORT provider_port <<<"$(free_ports 2)"
issuer="http://127.0.0.1:$provider_port"
export GOOGLE_CLIENT_ID=tollgate GOOGLE_CLIENT_SECRET=a-secret-of-this-run
export GOOGLE_AUTH_URL="$issuer/auth" GOOGLE_TOKEN_URL="$issuer/token" GOOGLE_ISSUER="$issuer" GOOGLE_JWKS_URL="$issuer/jwks"
start_stack
node conformance.mjs "$BASE" "$provider_port" "$GOOGLE_CLIENT_ID" "$GOOGLE_CLIENT_SECRET"
