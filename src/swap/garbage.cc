// Tables that nobody needs any more: older leaves, staging tables, loads that were overtaken. Never CASCADE.

#include <fmt/format.h>

#include "swap/leaf.h"
#include "swap/load.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

struct Row {
  std::int64_t id = 0;
  sql::QualifiedName target, relation;
  std::string why;
};

// What may go: old generations; loads that a later publish of the same target, or a later attempt of the same scope,
// overtook; loads that were never committed.
constexpr std::string_view kCandidates = R"(
SELECT g.id, g.target_schema, g.target_name, g.relation_schema, g.relation,
       CASE WHEN g.state = 'old' THEN 'replaced'
            WHEN to_regclass(format('%I.%I', g.relation_schema, g.relation)) IS NULL THEN 'never committed'
            ELSE 'overtaken' END
FROM weir.generation g
WHERE g.state = 'old'
   OR (g.state IN ('building', 'ready', 'held')
       AND (EXISTS (SELECT FROM weir.generation p WHERE p.target_schema = g.target_schema AND p.target_name = g.target_name
                    AND p.state IN ('published', 'previous', 'old', 'dropped') AND p.swapped_at IS NOT NULL AND p.n > g.n)
            OR EXISTS (SELECT FROM weir.fence f WHERE f.scope = g.scope AND f.token > g.token)
            OR (g.state = 'building' AND g.frozen AND to_regclass(format('%I.%I', g.relation_schema, g.relation)) IS NULL)))
ORDER BY g.id)";

}  // namespace

Status drop_generation(pg::Session& session, std::int64_t id, sql::QualifiedName const& relation) {
  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  // DROP TABLE of a leaf with foreign keys locks the tables they point at: readers of those must not wait for it.
  WEIR_DO(session.execute("SET LOCAL lock_timeout = '20ms'; SET LOCAL client_min_messages = warning; " +
                          drop_load(relation)));
  WEIR_DO(session.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1", {std::to_string(id)}));
  return std::move(transaction).commit();
}

Status release_references(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(auto keys, session.query(R"(
SELECT format('ALTER TABLE %I.%I DROP CONSTRAINT %I', g.relation_schema, g.relation, k.conname)
FROM weir.generation g
JOIN pg_constraint k ON k.conrelid = to_regclass(format('%I.%I', g.relation_schema, g.relation))
WHERE g.state = 'previous' AND k.contype = 'f' AND k.conparentid = 0
  AND ($2 = '' OR (g.target_schema = $1 AND g.target_name = $2)))",
                                    {target.schema, target.name}));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    WEIR_TRY(auto transaction, pg::Transaction::begin(session));
    WEIR_DO(session.execute("SET LOCAL lock_timeout = '20ms'; " + std::string(keys.text(i, 0))));
    WEIR_DO(std::move(transaction).commit());
  }
  return {};
}

Result<std::vector<std::string>> collect_garbage(pg::Session& session) {
  WEIR_TRY(auto rows, session.query(kCandidates));
  std::vector<Row> candidates;
  for (std::size_t i = 0; i < rows.size(); ++i)
    candidates.push_back({.id = rows.integer(i, 0),
                          .target = {std::string(rows.text(i, 1)), std::string(rows.text(i, 2))},
                          .relation = {std::string(rows.text(i, 3)), std::string(rows.text(i, 4))},
                          .why = std::string(rows.text(i, 5))});
  std::vector<std::string> lines;
  if (Status released = release_references(session, {}); !released.ok()) {
    if (session.is_broken()) return std::move(released).error();
    lines.push_back("a previous leaf keeps its foreign keys: " + released.error().message());
  }
  for (Row const& row : candidates) {
    // Whoever loads or publishes the target now holds its writer lock: his tables are his.
    if (Status free = take_writer_lock(session, row.target); !free.ok()) {
      if (free.error().kind() != ErrorKind::Busy) return std::move(free).error();
      continue;
    }
    Status done = drop_generation(session, row.id, row.relation);
    release_writer_lock(session, row.target);
    if (done.ok()) {
      lines.push_back(fmt::format("dropped {} ({})", in_quotes(row.relation), row.why));
    } else if (session.is_broken()) {
      return std::move(done).error();
    } else {
      std::string const cause =
          done.error().cause().empty() ? done.error().message() : done.error().message() + ": " + done.error().cause();
      lines.push_back(fmt::format("kept {}: {}", in_quotes(row.relation), cause));
    }
  }
  WEIR_TRY(auto strangers, session.query(R"(
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = to_regnamespace('weir_data') AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM weir.generation g WHERE g.relation_schema = 'weir_data' AND g.state <> 'dropped'
                  AND c.relname IN (g.relation, g.relation || '__keys'))
ORDER BY 1)"));
  for (std::size_t i = 0; i < strangers.size(); ++i)
    lines.push_back(
        fmt::format("kept {}: it is not registered in weir.generation, so weir did not make it", strangers.text(i, 0)));
  return lines;
}

}  // namespace weir::swap
