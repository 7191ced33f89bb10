#pragma once
// Which templates dbt reads without rendering them: it then takes a source that is named twice for one. Pure.
// docs.getdbt.com/reference/parsing ("Static parser").

#include "jinja/environment.h"

namespace weir::project {

// True where there is nothing but text and {{ ref(...) }}, {{ source(...) }}, {{ config(...) }} with literals in them,
// as far as dbt's own reader of such templates goes: numbers in config(), hooks, `true`, a comma-less pair of texts,
// {{- ... -}} and statements are beyond it.
bool has_only_static_calls(jinja::Template const& tmpl);

}  // namespace weir::project
