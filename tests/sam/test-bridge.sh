#!/usr/bin/env bash
# Tests bridge.sh with commands in the place of `docker` and `ip` (E17): a daemon that names its gateway, and daemons that name
# none, as at the first start on a machine.
set -euo pipefail
cd "$(dirname "$0")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for command in docker ip; do
  printf '#!/bin/sh\ncat "%s"\n' "$work/$command.out" >"$work/$command"
  chmod +x "$work/$command"
done

# What docker prints, what ip prints, the address.
expect() {
  printf "$1" >"$work/docker.out"
  printf "$2" >"$work/ip.out"
  local found
  found="$(PATH="$work:$PATH" ./bridge.sh 2>/dev/null)" || found="refused"
  [ "$found" = "$3" ] || { echo "docker '$1', ip '$2': $found instead of $3"; exit 1; }
}

interface='3: docker0    inet 172.18.0.1/16 brd 172.18.255.255 scope global docker0\\       valid_lft forever\n'
expect '172.17.0.1\n' "$interface" 172.17.0.1
expect '\n' "$interface" 172.18.0.1
expect '' "$interface" 172.18.0.1
expect '<no value>\n' "$interface" 172.18.0.1
expect 'fd00::1\n' "$interface" 172.18.0.1
expect 'fd00::1\n10.5.0.1\n' "$interface" 10.5.0.1
expect '\n' "$interface$interface" 172.18.0.1
expect '\n' '' refused
echo "sam: the address of this machine is found"
