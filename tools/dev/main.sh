#!/usr/bin/env bash
# What ./dev does. Read from the bottom: each command is a function of its name, in dev_<command>.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
source tools/dev/lib.sh

dev_help() {
  cat <<'TEXT'
./dev COMMAND

  demo              build a release and run `weir demo`: the incident, and how it ends with weir
  test              build with sanitizers and run every test (about what CI does)
  test REGEX        only the ctest cases whose name matches, with the dev build
  build [PRESET]    build a preset: release (the default), dev, tsan, clang, fuzz; then targets, if not all
  case NAME         write a skeleton for tests/cases/NAME.case
  bench [ARGS]      measure: see bench/README.md
  fuzz SECONDS      coverage-guided fuzzing of every target
  format [--check]  clang-format 14 over all C++ files, or only say which differ
  oracle            install dbt-core, which tests/dbt and tests/dbt_parse are compared with
  help              this text

Each installs the Debian packages that it needs (tools/dev/packages.txt) and keeps its logs in build/logs/.
TEXT
}

dev_build() {
  local preset=${1:-release}
  install_packages
  build "$preset" "${@:2}"
  say "programs: build/$preset/bin"
}

dev_demo() {
  install_packages
  build release
  exec build/release/bin/weir demo "$@"
}

dev_test() {
  install_packages
  if [ $# -gt 0 ]; then
    build dev
    run_ctest dev -R "$1"
    return
  fi
  source tools/dev/test.sh
  test_all
}

dev_bench() {
  install_packages
  build release
  exec /usr/bin/python3 bench/run.py --bin build/release/bin "$@"
}

dev_fuzz() {
  install_packages
  build fuzz
  exec fuzz/run.sh "${1:-60}"
}

dev_oracle() {
  source tools/dev/oracle.sh
  install_oracle
}

dev_format() {
  install_packages
  local how=(-i)
  [ "${1:-}" != --check ] || how=(--dry-run -Werror)
  git ls-files '*.h' '*.cc' | xargs -P "$(nproc)" -n 20 clang-format-14 "${how[@]}"
  [ "${1:-}" = --check ] || git diff --stat
}

dev_case() {
  [ $# -eq 1 ] || die "which case? ./dev case AREA/NAME"
  local file=tests/cases/$1.case
  [ ! -e "$file" ] || die "$file is already there"
  mkdir -p "$(dirname "$file")"
  cp tests/runner/skeleton.case "$file"
  say "wrote $file (its format: tests/README.md); fill it in, then"
  say "  build/dev/bin/weir_cases $1            # run it"
  say "  build/dev/bin/weir_cases --accept $1   # take what the program says as the expectation, after reading it"
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
  demo | test | build | bench | fuzz | format | case | oracle | help) "dev_$command" "$@" ;;
  -h | --help) dev_help ;;
  *)
    dev_help >&2
    die "there is no command \"$command\""
    ;;
esac
