# The built binary, and the kernel that guests boot; sourced by the steps that boot one.
# shellcheck shell=bash

browndog=${CARGO_TARGET_DIR:-target}/$(rustc --print host-tuple)/release/browndog
kernel=${BROWNDOG_KERNEL:-6.12}

# guest STEP: ends the step, saying why, where no guest can be booted.
guest() {
  if ! command -v qemu-system-x86_64 >/dev/null; then
    echo "skipped: step $1: no qemu-system-x86_64"
    exit 0
  fi
  if ! "$browndog" conformance vm --kernel "$kernel" -- browndog --version; then
    echo "skipped: step $1: no kernel $kernel could be fetched and booted"
    exit 0
  fi
}
