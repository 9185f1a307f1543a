#!/usr/bin/env bash
# Builds the node for 64-bit ARM on another machine, as root, in a Debian that lies in a folder.
#
#   node/packaging/arm64.sh    <target>/arm64/rookery, and <target>/arm64/run, which runs it by qemu
#
# Prints the second name, and nothing else, on standard output: tests take it as ROOKERY_BINARY. The binary
# asks for glibc 2.39 (Debian 13, Ubuntu 24.04) or later. Needs debootstrap, Debian's archive and crates.io.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
arm=${CARGO_TARGET_DIR:-$root/target}/arm64
folder=$arm/debian-trixie
triple=aarch64-unknown-linux-gnu

# The compiler comes from backports: it has the standard library of both machines, of one version.
folder() {
  [[ ! -f $arm/made ]] || return 0
  rm -rf "$folder"
  mkdir -p "$arm"
  debootstrap --variant=minbase --include=ca-certificates trixie "$folder" http://deb.debian.org/debian
  echo "deb http://deb.debian.org/debian trixie-backports main" >"$folder/etc/apt/sources.list.d/backports.list"
  chroot "$folder" dpkg --add-architecture arm64
  chroot "$folder" apt-get update -q
  chroot "$folder" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -t trixie-backports cargo rustc libstd-rust-dev:arm64
  chroot "$folder" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
  mkdir -p "$folder/source" "$folder/cargo" "$folder/out"
  touch "$arm/made"
}

build() {
  cargo fetch --locked --manifest-path "$root/Cargo.toml" --target "$triple"
  # In a mount namespace of its own: nothing stays mounted, whatever happens.
  unshare --mount bash -euc '
    mount --bind -o ro "$1" "$3/source"
    mount --bind "$2" "$3/cargo"
    exec chroot "$3" env -i PATH=/usr/bin:/bin HOME=/tmp CARGO_HOME=/cargo CARGO_TARGET_DIR=/out \
      CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never \
      CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
      CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc \
      sh -c "cd /source && cargo build --release --locked --package rookery --target $4"
  ' build "$root" "${CARGO_HOME:-$HOME/.cargo}" "$folder" "$triple"
  chroot "$folder" aarch64-linux-gnu-strip --strip-unneeded -o /out/rookery "/out/$triple/release/rookery"
  cp "$folder/out/rookery" "$arm/rookery"
}

runner() {
  cat >"$arm/run" <<END
#!/bin/sh
exec "$folder/usr/bin/qemu-aarch64-static" -L "$folder/usr/aarch64-linux-gnu" "$arm/rookery" "\$@"
END
  chmod 0755 "$arm/run"
}

[[ $(id -u) == 0 ]] || { echo "run this as root: it mounts and chroots" >&2 && exit 1; }
folder >&2
build >&2
runner
[[ $("$arm/run" --version) == "rookery $(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)" ]]
echo "$arm/run"
