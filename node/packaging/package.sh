#!/usr/bin/env bash
# Makes packages of a node: a .deb, or a tarball with the binary, the unit and the documents.
#
#   node/packaging/package.sh deb      <target>/packages/rookery_VERSION-1_ARCH.deb
#   node/packaging/package.sh tarball  <target>/packages/rookery-VERSION-ARCH-linux.tar.gz
#
# Prints the name of what it made, and nothing else, on standard output. ROOKERY names a binary that is
# there; without it a release build is made. ROOKERY_PACKAGE_FAST makes a larger .deb in less time. The files
# in a tarball are those of the .deb. For a tarball of another machine's binary (arm64.sh) ROOKERY_ARCH names
# the machine, and ROOKERY_RUN what runs the binary here.
set -euo pipefail

CARGO_DEB=3.8.0

case ${1:-} in
  deb | tarball) ;;
  --help | -h) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac

root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
tools=$target/tools
packages=${PACKAGES:-$target/packages}

if [[ -z ${ROOKERY:-} ]]; then
  cargo build --manifest-path "$root/Cargo.toml" --release --locked --package rookery >&2
  ROOKERY=$target/release/rookery
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
run=${ROOKERY_RUN:-$ROOKERY}
[[ $("$run" --version) == "rookery $version" ]] || {
  echo "$ROOKERY is not of this source tree: $("$run" --version), not $version" >&2
  exit 1
}

# Where cargo-deb looks for what was built; a binary of another profile goes there too.
stage=$(mktemp -d "${TMPDIR:-/tmp}/rookery-package.XXXXXX")
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/release" "$packages"
if [[ -n ${ROOKERY_ARCH:-} ]]; then
  [[ $1 == tarball ]] || { echo "a .deb is made on the machine that it is for" >&2 && exit 2; }
  cp "$ROOKERY" "$stage/release/rookery"
else
  strip --strip-unneeded -o "$stage/release/rookery" "$ROOKERY"
fi

# Unoptimised: it builds in a quarter of the time and runs for seconds.
deb_tool() {
  [[ $("$tools/bin/cargo-deb" --version 2>/dev/null) == *"$CARGO_DEB" ]] && return
  CARGO_TARGET_DIR="$tools/target-deb" CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --force --root "$tools" --version "$CARGO_DEB" cargo-deb >&2
  rm -rf "$tools/target-deb"
}

deb() { # prints the file
  deb_tool
  local fast=()
  [[ -z ${ROOKERY_PACKAGE_FAST:-} ]] || fast=(--fast)
  (cd "$root" && CARGO_TARGET_DIR="$stage" "$tools/bin/cargo-deb" --quiet --no-build --no-strip "${fast[@]}" \
    --manifest-path node/Cargo.toml --output "$packages/" >&2)
  local made=("$packages"/rookery_"$version"-*.deb)
  echo "${made[-1]}"
}

tarball() {
  local name
  name=rookery-$version-${ROOKERY_ARCH:-$(uname -m)}-linux
  mkdir -p "$stage/$name/docs"
  install -m 0755 "$stage/release/rookery" "$stage/$name/"
  install -m 0644 "$root"/node/packaging/rookery.{service,sysusers,1} "$root/node/src/config/rookery.toml" "$stage/$name/"
  install -m 0644 "$root"/{README,CHANGELOG}.md "$root/LICENSE" "$stage/$name/"
  install -m 0644 "$root"/docs/*.md "$stage/$name/docs/"
  # The same bytes from the same files.
  tar --create --gzip --file "$packages/$name.tar.gz" --directory "$stage" --sort=name --owner=0 --group=0 \
    --numeric-owner --mtime="@$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)" "$name"
  echo "$packages/$name.tar.gz"
}

"$1"
