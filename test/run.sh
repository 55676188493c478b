#!/bin/bash
# Builds everything and runs every test but the planted mistakes, which .ci/run does:
#   test/run.sh [ctest arguments]     e.g.  test/run.sh -L unit    test/run.sh -R election
# Installs missing packages first (cmake/bootstrap.sh). The build is build/ci. Prints at the
# end what each stage took.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source test/stages.sh

# Tests of real servers wait for most of their time.
stage packages cmake/bootstrap.sh &&
  stage configure cmake --preset ci &&
  stage build cmake --build --preset ci &&
  stage ctest ctest --preset ci -j "$((2 * $(nproc)))" "$@"
summary
