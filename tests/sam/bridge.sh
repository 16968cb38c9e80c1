#!/usr/bin/env bash
# Prints the address of this machine as a container sees it: the gateway of Docker's network `bridge`. A daemon names no gateway
# at its first start on a machine, nor one that is IPv6 alone; its interface has the address.
set -euo pipefail
gateway="$(docker network inspect bridge --format '{{range .IPAM.Config}}{{println .Gateway}}{{end}}' | grep -m 1 '^[0-9.]*[0-9]$' || true)"
if [ -z "$gateway" ]; then
  gateway="$(ip -4 -o address show docker0 | awk 'NR == 1 {sub("/.*", "", $4); print $4}')"
fi
[ -n "$gateway" ] || { echo "Docker's network 'bridge' has no IPv4 address." >&2; exit 1; }
echo "$gateway"
