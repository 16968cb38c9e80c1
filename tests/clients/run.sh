#!/usr/bin/env bash
# Clients that other people wrote, Python's requests and Node's fetch, sign in, refresh and sign out at a running stack: by
# cookie and by body, beside cookies of other software, in two tabs and two sessions at once. Installs what is missing;
# leaves nothing running.
source "$(dirname "$0")/../lib.sh"
need python3 python3 python3-venv
need node nodejs npm
held="${XDG_CACHE_HOME:-$HOME/.cache}/tollgate-clients"
[ -x "$held/python/bin/python" ] || python3 -m venv "$held/python"
"$held/python/bin/pip" install -q --disable-pip-version-check -r "$root/tests/clients/requirements.txt"
start_stack --no-rate-limits
"$held/python/bin/python" "$root/tests/clients/session.py" "$BASE"
node "$root/tests/clients/session.mjs" "$BASE"
