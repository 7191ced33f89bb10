#include "swap/statistics.h"

#include <fmt/format.h>

#include "warehouse/query.h"

namespace weir::swap {
namespace {

// Whether a quartile of the leaf lies elsewhere in the shell's histogram, by more than a tenth of the rows.
std::string quartiles_moved(std::string const& type, std::string const& quartiles, std::string const& histogram) {
  return fmt::format(
      "EXISTS (SELECT FROM unnest({}::{}[]) WITH ORDINALITY q (value, n), CAST({} AS {}[]) h WHERE "
      "abs(width_bucket(value, h)::float8 / cardinality(h) - (n - 1) / 4.0) > 0.1)",
      sql::literal_pg(quartiles), type, sql::literal_pg(histogram), type);
}

}  // namespace

Result<bool> statistics_moved(pg::Session& session, sql::QualifiedName const& shell, sql::QualifiedName const& leaf) {
  WEIR_TRY(auto rows,
           warehouse::catalog_rows(session, "statistics", {{"shell", shell.quoted()}, {"leaf", leaf.quoted()}}));
  if (rows.size() == 0) return true;
  std::string moved = "false";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.boolean(i, 1)) return true;
    if (!rows.is_null(i, 2))
      moved += " OR " + quartiles_moved(std::string(rows.text(i, 0)), std::string(rows.text(i, 2)),
                                        std::string(rows.text(i, 3)));
  }
  WEIR_TRY(auto answer, session.query("SELECT " + moved));
  return answer.boolean(0, 0);
}

}  // namespace weir::swap
