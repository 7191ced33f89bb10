# `./dev test`: everything that CI checks, in order of how soon it tells something. Sourced by main.sh.

test_all() {
  local begin=$SECONDS failed=()
  build dev
  step "tests (address and undefined behaviour sanitizers)" run_and_keep dev || failed+=("tests")
  build tsan
  step "concurrent tests (thread sanitizer)" run_and_keep tsan -L concurrent || failed+=("thread sanitizer")
  # Compiled by clang for its warnings and its thread-safety analysis; nothing is run.
  build clang
  say "all after $((SECONDS - begin)) s${failed:+; failed: ${failed[*]}}"
  /usr/bin/python3 tools/dev/count_tests.py "$logs/ctest-dev.log" "$logs/ctest-tsan.log"
  [ ${#failed[@]} -eq 0 ]
}

# Runs ctest and keeps its log, with the whole output of passed tests too, for the count.
run_and_keep() {
  local preset=$1 code=0
  run_ctest "$@" || code=$?
  cp "build/$preset/Testing/Temporary/LastTest.log" "$logs/ctest-$preset.log" || code=1
  return "$code"
}
