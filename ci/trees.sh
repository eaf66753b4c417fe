# Small Debian trees, made as root with mmdebstrap; sourced by ci/distro and ci/services. The caller defines `skip`,
# `suite` and `work`.
# shellcheck shell=bash

# tools TOOL…: mmdebstrap, fetched where this machine can, and these.
tools() {
  [ "$(id -u)" -eq 0 ] || skip 'making the trees needs root'
  if ! command -v mmdebstrap >/dev/null && command -v apt-get >/dev/null; then
    local wait='DPkg::Lock::Timeout=300'
    apt-get -o "$wait" -qq update && DEBIAN_FRONTEND=noninteractive apt-get -o "$wait" -qq install \
      --no-install-recommends -y mmdebstrap debian-archive-keyring >/dev/null || true
  fi
  local tool
  for tool in mmdebstrap "$@"; do
    command -v "$tool" >/dev/null || skip "$tool is not installed (packages mmdebstrap and e2fsprogs)"
  done
  # The mirror that this machine uses, where it uses one.
  mapfile -t mirror < <(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 '/debian/$' || true)
}

# tree NAME PACKAGES: a minimal Debian whose root needs no password.
tree() {
  mmdebstrap --quiet --variant=minbase --include="$2" \
    --customize-hook='sed -i s/^root:[^:]*:/root::/ "$1/etc/shadow"' \
    --customize-hook='rm "$1/etc/hostname"; touch "$1/etc/.updated" "$1/var/.updated"' \
    --customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/usr/share/doc/* "$1"/usr/share/locale/*' \
    "$suite" "$work/trees/$1" "${mirror[@]}"
}
