// weir deps: everything that depends on a relation, from PostgreSQL's own catalog.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/relation_lookup.h"
#include "base/text.h"
#include "warehouse/dependents.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

Json dependent_json(warehouse::Dependent const& dependent) {
  return Json{{"depth", dependent.depth},
              {"kind", dependent.kind},
              {"object", dependent.object},
              {"owner", dependent.owner},
              {"direct", dependent.direct},
              {"uses_columns", dependent.uses_columns},
              {"uses_whole_row", dependent.uses_whole_row},
              {"definition", dependent.definition}};
}

}  // namespace

Result<int> run_deps(Context& context) {
  WEIR_TRY(auto opened, open_relation(context));
  auto& [name, endpoint, session, relation] = opened;
  WEIR_TRY(auto dependents, warehouse::load_dependents(session, name));
  WEIR_TRY(auto late, warehouse::load_late_bound(session, name));
  if (context.format() == Format::Json) {
    Json json{{"relation", name.text()},
              {"kind", warehouse::relkind_name(relation.kind)},
              {"owner", relation.owner},
              {"dependents", Json::array()},
              {"named_in_code", Json::array()}};
    for (auto const& dependent : dependents) json["dependents"].push_back(dependent_json(dependent));
    for (auto const& one : late)
      json["named_in_code"].push_back(
          Json{{"function", one.function}, {"language", one.language}, {"owner", one.owner}});
    write_out(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  Terminal const& terminal = context.terminal();
  write_out(
      fmt::format("{} ({}, owner {}): {}\n", terminal.paint(Colour::Bold, name.text()),
                  warehouse::relkind_name(relation.kind), relation.owner,
                  warehouse::count_dependents(dependents) == 0
                      ? "nothing depends on it"
                      : plural(static_cast<std::uint64_t>(warehouse::count_dependents(dependents)), "dependent")));
  std::size_t width = 0;
  for (auto const& dependent : dependents)
    width = std::max(width, 2 * static_cast<std::size_t>(dependent.depth) + characters(dependent.object));
  for (auto const& dependent : dependents) {
    std::string line = std::string(2 * static_cast<std::size_t>(dependent.depth), ' ') + dependent.object;
    line = fmt::format("{}  owner {}", pad(line, width), dependent.owner);
    if (dependent.uses_whole_row) line += ", uses whole rows";
    if (!dependent.uses_columns.empty()) line += ", uses " + join(dependent.uses_columns, ", ");
    write_out(line + "\n");
  }
  if (!late.empty())
    write_out("\nNamed in code that PostgreSQL does not track (found by name, may be something else):\n");
  for (auto const& one : late) write_out(fmt::format("  {} ({}, owner {})\n", one.function, one.language, one.owner));
  return 0;
}

}  // namespace weir::app
