#include "warehouse/dependents.h"

#include <algorithm>

#include "warehouse/query.h"

namespace weir::warehouse {

Result<std::vector<Dependent>> load_dependents(pg::Session& session, sql::QualifiedName const& relation,
                                               Definitions definitions) {
  WEIR_TRY(auto rows, catalog_rows(session, "dependents",
                                   {{"root", relation.quoted()},
                                    {"definitions", definitions == Definitions::Print ? "yes" : "no"}}));
  std::vector<Dependent> dependents;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Dependent d;
    d.depth = static_cast<int>(rows.integer(i, 0));
    d.kind = rows.text(i, 1);
    d.object = rows.text(i, 2);
    d.owner = rows.text(i, 3);
    d.can_alter = rows.boolean(i, 4);
    d.uses_columns = rows.array(i, 5);
    d.uses_whole_row = rows.boolean(i, 6);
    d.direct = rows.boolean(i, 7);
    d.definition = rows.text(i, 9);
    d.catalog = rows.text(i, 10);
    d.oid = static_cast<std::uint32_t>(rows.integer(i, 11));
    d.name = rows.text(i, 12);
    d.schema = rows.text(i, 13);
    d.has_row_value = rows.boolean(i, 14);
    d.options = rows.text(i, 15);
    dependents.push_back(std::move(d));
  }
  return dependents;
}

int count_dependents(std::vector<Dependent> const& dependents) {
  return static_cast<int>(
      std::ranges::count_if(dependents, [](Dependent const& d) { return d.kind != "primary key" || !d.direct; }));
}

std::vector<Dependent> built_by_others(std::vector<Dependent> const& dependents) {
  std::vector<Dependent> theirs;
  std::ranges::copy_if(dependents, std::back_inserter(theirs), [](Dependent const& one) {
    return one.kind.find("view") != std::string::npos || one.kind.find("function") != std::string::npos ||
           one.kind.find("foreign key (incoming)") != std::string::npos || one.kind == "table";
  });
  return theirs;
}

Result<std::vector<LateBound>> load_late_bound(pg::Session& session, sql::QualifiedName const& relation) {
  WEIR_TRY(auto rows, catalog_rows(session, "late_bound", {{"root", relation.quoted()}}));
  std::vector<LateBound> functions;
  for (std::size_t i = 0; i < rows.size(); ++i)
    functions.push_back({.function = std::string(rows.text(i, 0)),
                         .language = std::string(rows.text(i, 1)),
                         .owner = std::string(rows.text(i, 2))});
  return functions;
}

}  // namespace weir::warehouse
