# The functions that the scripts below share: a built stack on a free port, and its end. To be sourced.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
# Python compiles a module at its first use; pip would compile all of each package.
export PIP_NO_COMPILE=1
# Where the build of the tests puts its programs.
debug="$CARGO_TARGET_DIR${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}/debug"

# Installs Debian packages whose command ($1) is missing. Scripts that run side by side wait for each other.
need() {
  local command="$1"
  shift
  if ! command -v "$command" >/dev/null; then
    (
      flock 9
      apt-get update -q
      apt-get install -y -q "$@"
    ) 9>"${TMPDIR:-/tmp}/tollgate-apt.lock"
  fi
}

# Prints this many free ports.
free_ports() {
  node -e '
    const { createServer } = require("node:net");
    const open = () => new Promise((done) => { const server = createServer().listen(0, "127.0.0.1", () => done(server)); });
    Promise.all(Array.from({ length: Number(process.argv[1]) }, open)).then((servers) => {
      console.log(servers.map((server) => server.address().port).join(" "));
      servers.forEach((server) => server.close());
    });
  ' "$1"
}

# Starts the stack with these options; BASE is its address then.
start_stack() {
  # The build of the tests has the command in it: nothing is compiled twice.
  [ -n "${is_built:-}" ] || cargo test --manifest-path "$root/Cargo.toml" --workspace --locked --no-run --quiet
  is_built=yes
  stack_folder="$(mktemp -d)"
  touch "$stack_folder/out"
  (cd "$stack_folder" && exec "$debug/tollgate" --port "${STACK_PORT:-0}" --data :memory: "$@" >"$stack_folder/out" 2>&1) &
  stack_pid=$!
  trap 'kill "$stack_pid" 2>/dev/null || true; wait "$stack_pid" 2>/dev/null || true; rm -rf "$stack_folder"' EXIT
  for _ in $(seq 200); do
    grep -q '^ready' "$stack_folder/out" && break
    kill -0 "$stack_pid" 2>/dev/null || break
    sleep 0.1
  done
  grep -q '^ready' "$stack_folder/out" || { cat "$stack_folder/out"; exit 1; }
  BASE="$(awk '/^account/ {sub("/account$", "", $2); print $2}' "$stack_folder/out")"
}
