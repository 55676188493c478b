# Sourced by the scripts that build and test: named stages, and at the end what became of
# each and how long it took.
#
#   stage NAME COMMAND…    runs it, with a copy of its output in build/logs/NAME.log. False if
#                          it has failed.
#   summary                prints the stages and the total. False if one of them has failed.

stage_lines=()
stages_failed=0

stage() {
  local name=$1 begin=$SECONDS verdict=passed
  shift
  local log=build/logs/$name.log
  mkdir -p build/logs
  echo "=== $name"
  (set -o pipefail && "$@" 2>&1 | tee "$log") || { verdict=FAILED && stages_failed=1; }
  local tests
  tests=$(grep -hE '% tests passed|No tests were found' "$log" | tail -1)
  stage_lines+=("$(printf '%-14s %-7s %4d s  %s' "$name" "$verdict" $((SECONDS - begin)) "$tests")")
  [ "$verdict" = passed ]
}

summary() {
  echo "=== summary"
  printf '%s\n' "${stage_lines[@]}"
  echo "total $SECONDS s on $(nproc) cores: $([ $stages_failed = 0 ] && echo passed || echo FAILED)"
  return $stages_failed
}
