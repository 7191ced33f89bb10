#pragma once
// The functions behind the dbt commands of the command table.

#include "app/command.h"
#include "app/dbt_invocation.h"

namespace weir::app {

Result<int> run_dbt_parse(Context& context);
Result<int> run_dbt_ls(Context& context);
Result<int> run_dbt_clean(Context& context);
Result<int> run_dbt_deps(Context& context);
// dbt_run.cc
Result<int> run_dbt_run(Context& context);
Result<int> run_dbt_build(Context& context);
Result<int> run_dbt_test(Context& context);
Result<int> run_dbt_seed(Context& context);
Result<int> run_dbt_snapshot(Context& context);
Result<int> run_dbt_compile(Context& context);
Result<int> run_dbt_show(Context& context);
Result<int> run_dbt_clone(Context& context);
Result<int> run_dbt_retry(Context& context);
// dbt_warehouse.cc
Result<int> run_dbt_operation(Context& context);
Result<int> run_dbt_freshness(Context& context);
Result<int> run_dbt_plan(Context& context);
Result<int> run_dbt_debug(Context& context);
// dbt_docs.cc
Result<int> run_dbt_docs_generate(Context& context);
// What is selected is compiled once more, then the catalog of everything is written.
Result<int> retry_dbt_docs(Context const& context, DbtInvocation invocation);
Result<int> run_dbt_docs_serve(Context& context);
// dbt_init.cc
Result<int> run_dbt_init(Context& context);

}  // namespace weir::app
