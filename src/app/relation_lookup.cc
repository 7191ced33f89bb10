#include "app/relation_lookup.h"

#include <fmt/format.h>

#include "app/wiring.h"
#include "base/text.h"

namespace weir::app {
namespace {

Result<warehouse::Relation> look_up(pg::Session& session, sql::QualifiedName const& name) {
  auto found = warehouse::load_relation(session, name);
  if (!found.ok()) {
    Error& error = found.error();
    if (error.kind() == ErrorKind::Denied && error.next().empty()) {
      WEIR_TRY(auto role, session.query("SELECT quote_ident(current_user)"));
      error.state("nothing was looked at and nothing was changed")
          .next(fmt::format("GRANT USAGE ON SCHEMA {} TO {}", sql::quote_pg_if_needed(name.schema), role.text(0, 0)));
    }
    return std::move(error).context(fmt::format("looking for {}", name.text()));
  }
  auto relation = std::move(found).value();
  if (relation) return *std::move(relation);
  WEIR_TRY(auto rows,
           session.query(
               "SELECT schemaname, name FROM (SELECT schemaname, tablename AS name FROM pg_tables UNION ALL"
               " SELECT schemaname, viewname FROM pg_views UNION ALL SELECT schemaname, matviewname FROM pg_matviews) r"
               " WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'weir', 'weir_data')"
               " ORDER BY 1, 2 LIMIT 10000"));
  std::vector<std::string> known;
  for (std::size_t i = 0; i < rows.size(); ++i)
    known.push_back(sql::QualifiedName{std::string(rows.text(i, 0)), std::string(rows.text(i, 1))}.text());
  std::string next;
  if (auto const near = nearest(name.text(), known); !near.empty())
    next = fmt::format("did you mean {}?", join(near, " or "));
  return Error(ErrorKind::Usage, fmt::format("relation {} does not exist", name.text()))
      .object(name.text())
      .next(next.empty() ? "names with capitals stand in double quotes: 'sync_core.\"Country\"'" : next);
}

}  // namespace

Result<OpenRelation> open_relation(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const* endpoint, context.warehouse());
  WEIR_TRY(auto name, sql::parse_qualified_name(context.arguments().positionals[0]));
  WEIR_TRY(auto session, connect_warehouse(*config, *endpoint));
  WEIR_TRY(auto relation, look_up(session, name));
  return OpenRelation{std::move(name), endpoint, std::move(session), std::move(relation)};
}

}  // namespace weir::app
