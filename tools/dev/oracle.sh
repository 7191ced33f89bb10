# dbt-core, for the tests that compare with it. Sourced by main.sh. Never needed to build or to run the tests that CI runs.
oracle_folder=${XDG_CACHE_HOME:-$HOME/.cache}/weir/dbt-oracle

# Installs dbt-core and dbt-postgres into a virtual environment of its own; says so and fails where that cannot be done.
install_oracle() {
  local python=$oracle_folder/bin/python
  if [ -x "$oracle_folder/bin/dbt" ]; then
    say "dbt-core is there: $oracle_folder/bin/dbt"
    return
  fi
  python3 -m venv "$oracle_folder" || die "python3 cannot make a virtual environment (Debian package python3-venv)"
  "$python" -m pip -q install 'dbt-core>=1.11,<1.12' dbt-postgres || die "dbt-core could not be installed: tests against it are skipped"
  say "installed dbt-core: $oracle_folder/bin/dbt"
}
