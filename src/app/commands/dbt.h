#pragma once
// The functions behind the dbt commands of the command table.

#include "app/command.h"

namespace weir::app {

Result<int> run_dbt_parse(Context& context);
Result<int> run_dbt_ls(Context& context);
Result<int> run_dbt_clean(Context& context);

}  // namespace weir::app
