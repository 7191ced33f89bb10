#!/usr/bin/env bash
# fuzz/run.sh SECONDS: coverage-guided runs of every target, SECONDS each, from the committed corpus and what earlier runs
# found. An input that breaks something is kept in build/fuzz/found/ and belongs, with the fix, into fuzz/corpus/.
set -uo pipefail
cd "$(dirname "$0")/.."
export TMPDIR=/dev/shm  # the configuration target writes two small files for every input
seconds=$1 code=0
mkdir -p build/fuzz/found
for program in build/fuzz/bin/*_fuzz; do
  name=$(basename "$program" _fuzz)
  grown=build/fuzz/corpus/$name
  mkdir -p "$grown"
  echo "== fuzzing $name for $seconds s" >&2
  if ! "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$name-" "$grown" "fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
    tail -n 30 "build/fuzz/$name.log" >&2
    echo "== $name: FAILED; the input is in build/fuzz/found/" >&2
    code=1
  else
    grep -E 'number_of_executed_units|new_units_added' "build/fuzz/$name.log" >&2
  fi
done
exit "$code"
