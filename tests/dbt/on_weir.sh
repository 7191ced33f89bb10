#!/bin/sh
# A `dbt` that is dbt-core on what weir has parsed (on_weir.py): on_weir.sh WEIR DBT_CORE NAME... runs those projects by it and compares
# with what dbt-core made of them by itself. Without dbt-core (./dev oracle) it is skipped, exit status 77.
here=$(dirname "$(realpath "$0")")
if [ "$(basename "$0")" = dbt ]; then
  exec "$ORACLE_PYTHON" "$here/on_weir.py" "$@"
fi
weir=$(realpath "$1") oracle=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/weir/dbt-oracle/bin/dbt}
shift 2
if [ ! -x "$oracle" ]; then
  echo "skipped: there is no dbt-core at $oracle (./dev oracle installs it)"
  exit 77
fi
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
ln -s "$here/on_weir.sh" "$bin/dbt"
WEIR=$weir ORACLE_PYTHON=$(dirname "$oracle")/python
export WEIR ORACLE_PYTHON
/usr/bin/python3 "$here/check.py" --engine dbt --program "$bin/dbt" "$@"
