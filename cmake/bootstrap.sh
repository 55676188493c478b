#!/bin/sh
# Installs with apt-get what building and testing zkq needs and this machine
# lacks. Silent when nothing is missing.
#
#   cmake/bootstrap.sh           everything: build, tests, sanitizer builds
#   cmake/bootstrap.sh --build   only what a build needs
set -eu

build="cmake ninja-build ccache g++ libabsl-dev libisal-dev libprotobuf-dev \
protobuf-compiler libgrpc++-dev protobuf-compiler-grpc"
test="catch2 clang iproute2 lld nftables"

# The sanitizers' runtime goes by clang's version, and Ubuntu's clang is newer.
if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
  test="$test libclang-rt-14-dev"
else
  test="$test libclang-rt-dev"
fi

case "${1-}" in
  '') wanted="$build $test" ;;
  --build) wanted="$build" ;;
  *) echo "usage: cmake/bootstrap.sh [--build]" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "zkq: these packages are missing, and this is neither root nor has sudo:$missing" >&2
    exit 1
  }
  as_root=sudo
fi
echo "zkq: installing with apt-get:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086  # a list
$as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends $missing
