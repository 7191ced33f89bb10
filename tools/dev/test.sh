# `./dev test`: everything that CI checks, in order of how soon it tells something. Sourced by main.sh.
source tools/dev/pgversions.sh

test_all() {
  local begin=$SECONDS failed=() kept=() skipped=0 version builder
  build dev
  # Tests wait at times, for servers and for each other: what is built meanwhile takes what they leave of the processors.
  set -m  # a group of its own, that ends with this whatever happens
  build_others &
  builder=$!
  set +m
  trap "kill -- -$builder 2>/dev/null || true" EXIT
  run_and_keep "tests (address and undefined behaviour sanitizers, PostgreSQL 15)" dev
  if step "PostgreSQL's oldest and newest versions" install_pg_versions; then
    step "pg_dump for them" install_pg_dump ||
      say "SKIPPED: pg_dump for PostgreSQL 18 could not be installed (log: build/logs/pgdump.log)"
    for version in "${!pg_bins[@]}"; do
      WEIR_TEST_PG_BIN=${pg_bins[$version]} run_and_keep "tests on PostgreSQL $version" dev -L postgres
    done
  else
    tail -n 5 "$logs/pgversions.log" >&2
    say "SKIPPED: PostgreSQL 13 and 18 could not be installed (log: build/logs/pgversions.log)"
    skipped=2
  fi
  wait "$builder" || failed+=("building with clang or the thread sanitizer")
  run_and_keep "concurrent tests (thread sanitizer)" tsan -L concurrent
  say "all after $((SECONDS - begin)) s; failed: ${failed[*]:-nothing}"
  /usr/bin/python3 tools/dev/count_tests.py --skipped "$skipped" "${kept[@]}"
  [ ${#failed[@]} -eq 0 ]
}

# With the thread sanitizer, for its tests; and by clang, for its warnings and its thread-safety analysis: nothing of that is run.
build_others() {
  local code=0
  renice -n 19 "$BASHPID" >/dev/null
  (build tsan weir_unit) || code=1
  (build clang) || code=1
  return "$code"
}

# run_and_keep "WHAT" PRESET [CTEST ARGUMENT...]: notes a failure in `failed`, and keeps ctest's log for the count.
run_and_keep() {
  local what=$1 log=$logs/ctest-${#kept[@]}.log
  shift
  step "$what" run_ctest "$@" || failed+=("$what")
  cp "build/$1/Testing/Temporary/LastTest.log" "$log"
  kept+=("$log")
}
