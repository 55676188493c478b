#!/bin/bash
# Uses zkq as its users do: installs build/ci to a prefix, moves that prefix, and
# builds each example against it as a project of its own; then builds a host that
# takes zkq in with add_subdirectory, as shared libraries, and simulates it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$PWD/build/stand_alone
rm -rf "$work"
configure() {
  cmake -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
}

cmake --install build/ci --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix" # what is installed must not remember where it was
for example in counter ctl leader_election kv simulation; do
  echo "== $example, against the installed package"
  configure -S "examples/$example" -B "$work/$example" -DCMAKE_PREFIX_PATH="$work/prefix"
  cmake --build "$work/$example"
done
"$work/simulation/zkq-tally-test"
"$work/kv/zkq-kv-state-machine-test"

echo "== a host with zkq as subproject, shared"
configure -S test/stand_alone -B "$work/host" -DZKQ_WERROR=ON -DBUILD_SHARED_LIBS=ON
cmake --build "$work/host"
"$work/host/simulation"
echo "stand-alone: every build passed"
