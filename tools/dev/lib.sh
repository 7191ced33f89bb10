# Pieces that every command of ./dev uses. Sourced, with the current folder at the project's root.

# Debian's own tools come first, whatever else this machine has on its PATH; nothing from outside changes a build or a test.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export LC_ALL=C.UTF-8 TZ=UTC
unset "${!PG@}" CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LD_LIBRARY_PATH LD_PRELOAD ODBCSYSINI ODBCINI FREETDSCONF WEIR_CRASH_AT \
  WEIR_FAIL_AT WEIR_FAIL_REPORT 2>/dev/null || true

logs=$root/build/logs
mkdir -p "$logs"

say() { printf '%s\n' "== $*" >&2; }
die() {
  printf '%s\n' "error: $*" >&2
  exit 1
}

# step "WHAT" COMMAND...: runs it, with its time; its output goes where it goes.
step() {
  local what=$1 start=$SECONDS
  shift
  say "$what"
  local code=0
  "$@" || code=$?
  say "$what: $([ "$code" = 0 ] && echo done || echo "FAILED ($code)") after $((SECONDS - start)) s"
  return "$code"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Packages of tools/dev/packages.txt that this machine lacks, one a line.
missing_packages() {
  local line wanted=()
  while read -r line; do
    case $line in
      '' | '#'*) ;;
      *:*) command -v "${line%%:*}" >/dev/null || printf '%s\n' ${line#*:} ;;
      *) wanted+=("$line") ;;
    esac
  done <tools/dev/packages.txt
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p' | sort)
}

install_packages() {
  command -v dpkg-query >/dev/null || die "this is not Debian: install what tools/dev/packages.txt names, then use cmake --preset"
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "these Debian packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  : >"$logs/apt.log"
  step "apt-get update" logged "$logs/apt.log" as_root apt-get update || die_with_log "$logs/apt.log" "apt-get update failed"
  # Debian's package would make and start a server of its own; the tests start theirs.
  local quiet=/etc/postgresql-common/createcluster.d/weir-no-main-cluster.conf
  as_root mkdir -p "$(dirname "$quiet")"
  echo 'create_main_cluster = false' | as_root tee "$quiet" >/dev/null
  local code=0
  step "apt-get install" logged "$logs/apt.log" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends "${missing[@]}" || code=$?
  as_root rm -f "$quiet"
  [ "$code" = 0 ] || die_with_log "$logs/apt.log" "apt-get install failed"
}

die_with_log() {
  tail -n 40 "$1" >&2
  die "$2; the whole log: $1"
}

# build PRESET [TARGET...]: configures where that is needed and builds, with ccache.
build() {
  local preset=$1
  shift
  # In the launcher, so that a plain `cmake --build` finds what any other clone on this machine has compiled.
  local launcher="env;CCACHE_BASEDIR=$root;CCACHE_NOHASHDIR=1;CCACHE_SLOPPINESS=pch_defines,time_macros;ccache"
  local log=$logs/build-$preset.log targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  : >"$log"
  step "configuring $preset" logged "$log" cmake --preset "$preset" "-DCMAKE_C_COMPILER_LAUNCHER=$launcher" \
    "-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher" || die_with_log "$log" "cmake --preset $preset failed"
  step "building $preset (log: build/logs/build-$preset.log)" logged "$log" env NINJA_STATUS='[%f/%t] ' \
    cmake --build "build/$preset" -j "$(nproc)" "${targets[@]}" || die_with_log "$log" "building $preset failed"
}

# logged LOG COMMAND...: its output goes to the log's end; a person who waits at a terminal sees its newest line.
logged() {
  local log=$1
  shift
  if [ -t 2 ]; then
    "$@" </dev/null 2>&1 | tee -a "$log" | show_newest
  else
    "$@" </dev/null >>"$log" 2>&1
  fi
}

# One line that is written over.
show_newest() {
  local line
  while IFS= read -r line; do printf '\r\033[K%.100s' "$line" >&2; done
  printf '\r\033[K' >&2
}

# run_ctest PRESET [CTEST ARGUMENT...]: one more at a time than there are processors, for each waits for servers at times; each
# bounded, full output of what fails.
run_ctest() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" -j $(($(nproc) + 1)) --timeout 600 --output-on-failure --no-tests=error "$@"
}
