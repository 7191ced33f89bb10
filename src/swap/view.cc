// Method view: a stable view over numbered tables, pointed at the new one.

#include <fmt/format.h>

#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {

Status repoint_view(Publication& p) {
  std::string columns;
  for (LoadColumn const& c : p.plan.column_plan->load) columns += (columns.empty() ? "" : ", ") + sql::quote_pg(c.name);
  std::string const target = p.plan.request.target.quoted();
  std::string const select = fmt::format("SELECT {} FROM {}", columns, p.relation.quoted());
  p.report.generation = p.relation.text();
  p.report.rows_after = p.rows;
  if (p.plan.creates_table) {
    if (!p.plan.capture->schema_exists) {
      WEIR_DO(p.session.execute(
          fmt::format("CREATE SCHEMA IF NOT EXISTS {}", sql::quote_pg(p.plan.request.target.schema))));
    }
    WEIR_DO(p.session.execute(fmt::format("CREATE VIEW {} AS {}", target, select)));
    return {};
  }
  WEIR_DO(take_facts(p));
  // OR REPLACE without the options would drop security_barrier and its like.
  std::string const& options = p.plan.capture->relation->options;
  if (p.plan.capture->published && p.plan.capture->published->rows > 0)
    p.report.rows_before = static_cast<std::uint64_t>(p.plan.capture->published->rows);
  return with_exclusive_lock(p, target,
                             fmt::format("CREATE OR REPLACE VIEW {}{} AS {}", target,
                                         options.empty() ? "" : " WITH (" + options + ")", select));
}

}  // namespace weir::swap
