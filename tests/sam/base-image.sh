#!/usr/bin/env bash
# Makes the image $1 that `sam local invoke --invoke-image $1` runs a function in: a C library, a shell and the root
# certificates of this machine instead of AWS's own image, so that no image registry is asked. The further arguments,
# NAME=VALUE, are in the environment of every function that runs in it: that is how a function learns where AWS is.
set -euo pipefail
image="$1"
shift

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
machine="$(uname -m)"
mkdir -p "$root"/{bin,dev,etc/pki/tls/certs,etc/ssl/certs,lib,lib64,opt,proc,sys,tmp,usr/bin,var/rapid,var/runtime,var/task}
chmod 1777 "$root/tmp"

cp "$(command -v busybox)" "$root/bin/busybox"
for name in cat chmod cp env ls mkdir mv rm sh; do ln -s busybox "$root/bin/$name"; done

# The libraries of a Rust program, and those that resolve names for it.
mkdir -p "$root/lib/$machine-linux-gnu"
for name in libc.so.6 libdl.so.2 libgcc_s.so.1 libm.so.6 libnss_dns.so.2 libnss_files.so.2 libpthread.so.0 libresolv.so.2 librt.so.1; do
  cp -L "/lib/$machine-linux-gnu/$name" "$root/lib/$machine-linux-gnu/"
done
case "$machine" in
x86_64) cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/" ;;
*) cp -L "/lib/ld-linux-$machine.so.1" "$root/lib/" ;;
esac
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/pki/tls/certs/ca-bundle.crt"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# The variables that AWS's own image sets.
changes=(
  --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin LANG=en_US.UTF-8 TZ=:/etc/localtime'
  --change 'ENV LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/task:/var/task/lib:/opt/lib'
  --change 'ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime'
  --change 'WORKDIR /var/task'
)
for variable in "$@"; do changes+=(--change "ENV $variable"); done
# SAM would reuse its own image that it made from an earlier image of this name.
docker image ls --quiet --filter "reference=$image:rapid-*" | sort -u | xargs -r docker image rm --force >/dev/null
tar -C "$root" -c . | docker import "${changes[@]}" - "$image" >/dev/null
