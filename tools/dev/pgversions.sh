# The oldest and the newest PostgreSQL beside Debian's, for the tests labelled `postgres`. Sourced by test.sh.

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
