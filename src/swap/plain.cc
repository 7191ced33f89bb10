// The short way of build(): for what needs none of the care that the long way takes. A view that PostgreSQL itself
// replaces under its dependents, a name that is free, and a shell that has nothing but columns and rows
// (queries/plain.sql). Whatever does not go smoothly (a lock, a column, a change by somebody else) is undone and left
// to the long way, which knows how to wait and what to say.

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "swap/leaf.h"
#include "swap/publish.h"
#include "swap/relation_parts.h"
#include "warehouse/query.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

struct Look {
  std::optional<CatalogSettings> settings;
  char kind = 0;  // of what stands at the name; 0 = nothing
  bool plain = false;
  bool locked = false;  // the writer lock was to be had
  std::int64_t n = 0;   // of the next leaf
  sql::QualifiedName leaf;
  bool has_dependents = false;
  std::string columns, stamp;
};

// `first` is carried out before, and then the settings for reading the catalog hold.
Result<Look> look(pg::Session& session, sql::QualifiedName const& target, std::string_view first) {
  WEIR_TRY(auto rows, warehouse::catalog_rows(session, "plain",
                                              {{"root", target.quoted()},
                                               {"schema", target.schema},
                                               {"name", target.name},
                                               {"lock", std::to_string(kWriterLock)},
                                               {"key", std::to_string(writer_lock_key(target))}},
                                              fmt::format("{}; {}", first, CatalogSettings::entering())));
  return Look{.settings = CatalogSettings::of(session, rows),
              .kind = rows.text(0, "kind").empty() ? char{0} : rows.text(0, "kind")[0],
              .plain = rows.text(0, "plain") == "t",
              .locked = rows.text(0, "locked") == "t",
              .n = rows.integer(0, 2),
              .leaf = {std::string(kDataSchema), std::string(rows.text(0, "leaf"))},
              .has_dependents = rows.text(0, "has_dependents") == "t",
              .columns = std::string(rows.text(0, "columns")),
              .stamp = std::string(rows.text(0, "stamp"))};
}

// A table that was made by its columns' DDL is nothing but columns: what a shell takes over by LIKE.
constexpr std::string_view kIsOnlyColumns = R"(
SELECT c.relkind = 'r' AND NOT c.relhasindex AND c.relchecks = 0 AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                   WHERE a.attrelid = c.oid AND a.attnum > 0
                     AND (a.attnotnull OR a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' OR a.attstorage <> t.typstorage
                          OR coalesce(pg_catalog.to_jsonb(a) ->> 'attcompression', '') <> ''))
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1))";

// The columns of the query's answer, as queries/plain.sql writes those of a relation. Collations are not in it, and a
// domain's column shows its base type: a leaf that differs in those is refused by the server when it is attached.
// `first`: what is carried out before.
Result<std::string> columns_of(pg::Session& session, std::string const& first, std::string const& query) {
  WEIR_TRY(auto rows, session.execute(fmt::format("{}; SELECT * FROM ({}\n) weir_query LIMIT 0", first, query)));
  std::string text;
  for (std::size_t i = 0; i < rows.columns(); ++i)
    text += fmt::format("{}{} {} {}", i == 0 ? "" : "\n", rows.column_type(i), rows.column_modifier(i),
                        rows.column_name(i));
  return text;
}

class ShortWay {
 public:
  ShortWay(pg::Session& session, RelationDefinition const& definition, PublishLimits const& limits)
      : session_(session), definition_(definition), limits_(limits) {
    report_.target = definition.target;
    report_.kind = definition.kind;
  }

  // Nothing: it is not as plain as that, and nothing was changed.
  Result<std::optional<RelationReport>> view() {
    WEIR_TRY(auto const settings, CatalogSettings::enter(session_, begin()));
    auto rows = session_.query(R"(
SELECT relkind::text, array_to_string(reloptions, ', '),
       EXISTS (SELECT FROM weir.generation WHERE target_schema = $2 AND target_name = $3 AND state = 'old')
FROM (SELECT to_regclass($1) AS oid) root LEFT JOIN pg_class USING (oid))",
                               {target(), definition_.target.schema, definition_.target.name});
    if (!rows.ok()) return undo(std::move(rows).error());
    bool const there = !rows->is_null(0, 0);
    if (there && rows->text(0, 0) != "v") return undo();
    report_.way = there ? Way::Replace : Way::Create;
    report_.has_old_leaves = rows->boolean(0, 2);
    std::string const options(rows->text(0, 1));
    Duration const before = system_clock().monotonic();
    auto done = session_.execute(
        fmt::format("{}; SET LOCAL lock_timeout = '20ms'; CREATE {}VIEW {}{} AS {}\n; {}; RELEASE SAVEPOINT weir_plain",
                    settings.callers(), there ? "OR REPLACE " : "", target(),
                    with_options(definition_.options, options), definition_.query, settings.restoring()));
    if (!done.ok()) return undo(std::move(done).error());
    report_.lock_tries = there ? 1 : 0;
    report_.locked = there ? system_clock().monotonic() - before : Duration::zero();
    return std::move(report_);
  }

  Result<std::optional<RelationReport>> table() {
    auto before = look(session_, definition_.target, begin());
    if (!before.ok()) return undo(std::move(before).error());
    before_ = std::move(*before);
    if (!before_.plain || !before_.locked) return undo();
    report_.has_old_leaves = false;
    bool const there = before_.kind != 0;
    report_.way = there ? Way::Leaf : Way::Create;
    leaf_ = generation_name(definition_.target, before_.n);
    report_.generation = leaf_.text();
    auto filled = definition_.rows ? take_rows() : run_query();
    if (!filled.ok())
      return std::move(filled).error().context(fmt::format("building {}", in_quotes(definition_.target)));
    if (!*filled) return undo();
    // Before PostgreSQL 18 ANALYZE of the new shell, behind the commit, takes its leaf with it.
    bool const analyzed_later = !there && report_.rows >= kShellStatisticsFrom && session_.server_version() < 180000;
    if (report_.rows >= definition_.analyze_above_rows && !analyzed_later) {
      WEIR_DO(session_.execute("ANALYZE " + leaf_.quoted()));
    }
    crash_point("kB1");
    return there ? exchange() : create();
  }

 private:
  std::string target() const { return definition_.target.quoted(); }
  CatalogSettings& settings() { return *before_.settings; }

  std::string_view begin() const {
    bool const open = session_.transaction_state() == pg::TransactionState::InTransaction;
    return open ? "SAVEPOINT weir_plain" : "BEGIN; SAVEPOINT weir_plain";
  }

  Result<std::optional<RelationReport>> undo() {
    WEIR_DO(session_.execute("ROLLBACK TO SAVEPOINT weir_plain; RELEASE SAVEPOINT weir_plain"));
    return std::optional<RelationReport>();
  }
  Result<std::optional<RelationReport>> undo(Error why) {
    if (session_.is_broken() || session_.transaction_state() == pg::TransactionState::Idle) return why;
    return undo();
  }

  // The leaf with its rows. False: it would not have the columns of the shell that is there.
  Result<bool> run_query() {
    if (before_.kind != 0) {
      auto columns = columns_of(session_, settings().callers(), definition_.query);
      if (!columns.ok() && session_.is_broken()) return std::move(columns).error();
      if (!columns.ok() || *columns != before_.columns) return false;
    }
    WEIR_TRY(auto made, session_.execute(fmt::format("{}; CREATE TABLE {} AS {}\n", settings().callers(),
                                                     leaf_.quoted(), definition_.query)));
    report_.rows = made.affected();
    return true;
  }
  // The same with rows of the client. False, too: the definition says more than columns.
  Result<bool> take_rows() {
    auto columns = columns_of(
        session_,
        fmt::format("{}; CREATE TABLE {} ({})", settings().callers(), leaf_.quoted(), definition_.columns_ddl),
        "TABLE " + leaf_.quoted());
    if (!columns.ok() && session_.is_broken()) return std::move(columns).error();
    if (!columns.ok() || (before_.kind != 0 && *columns != before_.columns)) return false;
    WEIR_TRY(auto const only_columns, session_.query(kIsOnlyColumns, {leaf_.quoted()}));
    if (!only_columns.boolean(0, 0)) return false;
    WEIR_TRY(report_.rows, definition_.rows(copy_statement(leaf_, definition_)));
    return true;
  }

  // The shell has the leaf's columns, and nothing else.
  Result<std::optional<RelationReport>> create() {
    auto done = session_.execute(fmt::format(
        "{0}; CREATE TABLE {1} (LIKE {2}) PARTITION BY LIST (({3}.* IS NULL)); ALTER TABLE {1} ATTACH PARTITION {2} "
        "DEFAULT; {4}; {5}; RELEASE SAVEPOINT weir_plain",
        CatalogSettings::ours(), target(), leaf_.quoted(), quote_pg(definition_.target.name), in_the_books(),
        settings().restoring()));
    if (!done.ok()) return undo(std::move(done).error());
    return std::move(report_);
  }

  Result<std::optional<RelationReport>> exchange() {
    WEIR_DO(wait_for_snapshots(session_, limits_, report_.notes,
                               fmt::format("{}; SAVEPOINT weir_exchange", CatalogSettings::ours())));
    auto exchanged = try_exchange();
    if (exchanged.ok() && *exchanged) return std::move(report_);
    if (session_.is_broken()) return std::move(exchanged).error();
    WEIR_DO(session_.execute("ROLLBACK TO SAVEPOINT weir_exchange"));
    return by_the_long_way();
  }

  // False: something is not as it was.
  Result<bool> try_exchange() {
    std::vector<warehouse::Fact> facts;
    if (before_.has_dependents) {
      WEIR_TRY(facts, warehouse::load_fingerprint(session_, definition_.target, warehouse::Definitions::Omit));
    }
    Duration const before = system_clock().monotonic();
    WEIR_TRY(auto const after,
             warehouse::catalog_rows(
                 session_, "plain_stamp", {{"root", target()}},
                 fmt::format("SET LOCAL lock_timeout = '20ms'; LOCK TABLE {0} IN ACCESS EXCLUSIVE MODE NOWAIT; "
                             "ALTER TABLE {0} DETACH PARTITION {1}; ALTER TABLE {0} ATTACH PARTITION {2} DEFAULT",
                             target(), before_.leaf.quoted(), leaf_.quoted())));
    crash_point("kB4");
    // Every row of the catalog that describes the relation is the very one that was there before the query ran.
    if (after.text(0, "stamp") != before_.stamp || (after.text(0, "has_dependents") == "t") != before_.has_dependents)
      return false;
    if (before_.has_dependents) {
      WEIR_TRY(auto now, warehouse::load_fingerprint(session_, definition_.target, warehouse::Definitions::Omit));
      if (now != facts) return false;
      report_.facts_verified = static_cast<int>(facts.size());
    }
    WEIR_DO(session_.execute(fmt::format("DROP TABLE {}; {}; {}; RELEASE SAVEPOINT weir_plain", before_.leaf.quoted(),
                                         in_the_books(), settings().restoring())));
    report_.lock_tries = 1;
    report_.locked = system_clock().monotonic() - before;
    return true;
  }

  // The rows are there already: the long way takes them, or the query runs again.
  Result<std::optional<RelationReport>> by_the_long_way() {
    WEIR_DO(settings().leave());
    WEIR_TRY(auto const plan, plan_relation(session_, definition_));
    WEIR_TRY(auto prepared, take_over(session_, plan, leaf_, report_.rows));
    if (!prepared) return undo();
    WEIR_TRY(auto reports, publish(session_, std::span(&*prepared, 1), limits_));
    return std::move(reports.front());
  }

  std::string in_the_books() const {
    std::string const schema = sql::literal_pg(definition_.target.schema),
                      name = sql::literal_pg(definition_.target.name);
    return fmt::format(
        "UPDATE weir.generation SET state = 'dropped' WHERE target_schema = {0} AND target_name = {1} AND state <> "
        "'dropped'; INSERT INTO weir.generation (target_schema, target_name, n, relation_schema, relation, method, "
        "state, scope, frozen, rows, ready_at, swapped_at) VALUES ({0}, {1}, {2}, {3}, {4}, '{5}', 'published', "
        "'build', false, {6}, clock_timestamp(), clock_timestamp())",
        schema, name, before_.n, sql::literal_pg(leaf_.schema), sql::literal_pg(leaf_.name), way_name(report_.way),
        report_.rows);
  }

  pg::Session& session_;
  RelationDefinition const& definition_;
  PublishLimits const& limits_;
  Look before_;
  sql::QualifiedName leaf_;
  RelationReport report_;
};

bool is_plain(RelationDefinition const& definition) {
  bool const has_ddl = !definition.columns_ddl.empty();
  if (definition.rows ? !has_ddl : has_ddl || definition.query.empty()) return false;
  if (!definition.build_query.empty() && definition.build_query != definition.query) return false;
  if (definition.kind == RelationKind::View) return true;
  return definition.kind == RelationKind::Table && definition.shape != Shape::Ordinary && definition.indexes.empty() &&
         !definition.unlogged && !definition.keep_previous;
}

}  // namespace

Result<std::optional<RelationReport>> build_plainly(pg::Session& session, RelationDefinition const& definition,
                                                    PublishLimits const& limits) {
  if (!is_plain(definition)) return std::optional<RelationReport>();
  ShortWay way(session, definition, limits);
  return definition.kind == RelationKind::View ? way.view() : way.table();
}

}  // namespace weir::swap
