// The long part of a build: the query runs into a private table. Nothing that users see is locked.

#include <algorithm>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "swap/leaf.h"
#include "swap/load.h"
#include "swap/publish.h"
#include "swap/relation_parts.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

Status lock_writer(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(auto rows, session.query("SELECT pg_try_advisory_xact_lock($1, $2)",
                                    {std::to_string(kWriterLock), std::to_string(writer_lock_key(target))}));
  if (rows.boolean(0, 0)) return {};
  return Error(ErrorKind::Busy, fmt::format("could not build {}: another session is loading it", in_quotes(target)))
      .object(target.text())
      .state("nothing was changed")
      .next("wait for the other one");
}

// Builds of before that nobody published go.
Status drop_earlier(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(auto rows,
           session.query("SELECT relation_schema, relation FROM weir.generation WHERE target_schema = $1 AND "
                         "target_name = $2 AND state IN ('building', 'ready', 'held') ORDER BY n",
                         {target.schema, target.name}));
  if (rows.size() == 0) return {};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sql::QualifiedName const name{std::string(rows.text(i, 0)), std::string(rows.text(i, 1))};
    auto const dropped =
        session.execute(fmt::format("DROP TABLE IF EXISTS {}, {}", name.quoted(), keys_name(name).quoted()));
    if (dropped.ok()) continue;
    if (dropped.error().sqlstate() != "2BP01") return dropped.error().clone();
    return Error(ErrorKind::Busy, fmt::format("could not build {}: another run holds it back", in_quotes(target)))
        .object(target.text())
        .cause("that run publishes it together with others, once it is done")
        .state("nothing was changed")
        .next("wait for the other one");
  }
  WEIR_DO(session.query(
      "UPDATE weir.generation SET state = 'dropped' WHERE target_schema = $1 AND target_name = $2 AND state IN "
      "('building', 'ready', 'held')",
      {target.schema, target.name}));
  return {};
}

Status register_private(pg::Session& session, Prepared& prepared) {
  sql::QualifiedName const& target = prepared.plan.definition.target;
  WEIR_DO(lock_writer(session, target));
  WEIR_DO(drop_earlier(session, target));
  WEIR_TRY(
      auto next,
      session.query("SELECT coalesce(max(n), 0) + 1 FROM weir.generation WHERE target_schema = $1 AND target_name = $2",
                    {target.schema, target.name}));
  prepared.relation = generation_name(target, next.integer(0, 0));
  WEIR_TRY(auto row, session.query(R"(
INSERT INTO weir.generation (target_schema, target_name, n, relation_schema, relation, method, state, scope, frozen)
VALUES ($1, $2, $3, $4, $5, $6, 'building', 'build', false) RETURNING id)",
                                   {target.schema, target.name, std::string(next.text(0, 0)), prepared.relation.schema,
                                    prepared.relation.name, std::string(way_name(prepared.plan.way))}));
  prepared.generation = row.integer(0, 0);
  return {};
}

// The columns that the table has beside those that the query brings.
struct Extra {
  std::vector<std::string> add;  // "ADD COLUMN ..."
  bool computed = false;         // filled by triggers or generated: rows must come by INSERT
};

Extra extra_columns(ColumnPlan const& columns) {
  Extra extra;
  for (LoadColumn const& c : columns.load) {
    if (c.fill == Fill::Copied) continue;
    std::string ddl = fmt::format("ADD COLUMN {} {}{}", quote_pg(c.name), c.type,
                                  c.collation.empty() ? "" : " COLLATE " + c.collation);
    if (c.fill == Fill::Generated) ddl += fmt::format(" GENERATED ALWAYS AS ({}) STORED", c.expression);
    extra.add.push_back(std::move(ddl));
    extra.computed = extra.computed || c.fill != Fill::Empty;
  }
  return extra;
}

// What the shell's machinery plans for the leaf that is to be, or nothing where a new table is made.
Result<std::optional<Plan>> plan_for_existing(pg::Session& session, RelationPlan const& plan) {
  if (plan.way != Way::Leaf && plan.way != Way::Adopt && plan.way != Way::Merge) return std::optional<Plan>();
  WEIR_TRY(auto now, capture(session, plan.definition.target, warehouse::Definitions::Omit));
  WEIR_TRY(auto planned, swap::plan(now, request_for(plan, plan.way == Way::Merge ? Method::Merge : Method::Shell)));
  return std::optional<Plan>(std::move(planned));
}

class TableMaker {
 public:
  TableMaker(pg::Session& session, Prepared& prepared)
      : session_(session), prepared_(prepared), definition_(prepared.plan.definition) {}

  Status make(CatalogSettings const& settings) {
    WEIR_TRY(planned_, plan_for_existing(session_, prepared_.plan));
    if (planned_) extra_ = extra_columns(*planned_->column_plan);
    if (prepared_.plan.legacy && prepared_.plan.way == Way::Succeed)
      for (warehouse::Column const* c : kept_columns(*prepared_.plan.legacy, prepared_.plan.columns)) {
        extra_.add.push_back(fmt::format("ADD COLUMN {} {}{}", quote_pg(c->name), c->type,
                                         c->collation.empty() ? "" : " COLLATE " + c->collation));
        prepared_.notes.push_back(fmt::format(
            "column \"{}\" is not in the query any more and stays, holding NULL: dependents use it", c->name));
      }
    if (definition_.query.empty()) return empty_table(settings);
    if (!definition_.columns_ddl.empty() || extra_.computed) {
      WEIR_DO(empty_table(settings));
      return insert(settings);
    }
    WEIR_TRY(prepared_.rows, run(settings, fmt::format("CREATE {}TABLE {} AS {}\n", unlogged(), table(), text())));
    return add_columns();
  }
  std::optional<Plan> const& planned() const { return planned_; }

 private:
  std::string table() const { return prepared_.relation.quoted(); }
  std::string const& text() const {
    return definition_.build_query.empty() ? definition_.query : definition_.build_query;
  }
  // A staging table for a merge need not survive a crash.
  std::string_view unlogged() const {
    return definition_.unlogged || prepared_.plan.way == Way::Merge ? "UNLOGGED " : "";
  }

  // With the caller's search_path.
  Result<std::uint64_t> run(CatalogSettings const& settings, std::string const& sql) {
    WEIR_DO(session_.execute(settings.callers()));
    WEIR_TRY(auto rows, session_.execute(sql));
    std::uint64_t const count = rows.affected();
    WEIR_DO(session_.execute(CatalogSettings::ours()));
    return count;
  }
  Status add_columns() {
    if (extra_.add.empty()) return {};
    WEIR_DO(session_.execute(fmt::format("ALTER TABLE {} {}", table(), join(extra_.add, ", "))));
    return {};
  }
  Status empty_table(CatalogSettings const& settings) {
    WEIR_DO(run(settings, definition_.columns_ddl.empty()
                              ? fmt::format("CREATE {}TABLE {} AS {}\n WITH NO DATA", unlogged(), table(), text())
                              : fmt::format("CREATE {}TABLE {} ({})", unlogged(), table(), definition_.columns_ddl)));
    WEIR_DO(add_columns());
    if (!planned_ || !extra_.computed) return {};
    std::vector<std::string> const statements = create_load(*planned_, prepared_.relation);
    for (std::size_t i = 1; i < statements.size(); ++i) {
      WEIR_DO(session_.execute(statements[i]));
    }
    return {};
  }
  Status insert(CatalogSettings const& settings) {
    std::vector<std::string> names = prepared_.plan.query_columns;
    if (names.empty())
      for (TargetColumn const& c : prepared_.plan.columns) names.push_back(c.name);
    WEIR_TRY(prepared_.rows, run(settings, fmt::format("INSERT INTO {} ({}) SELECT {} FROM ({}\n) weir_query", table(),
                                                       sql::quote_pg_list(names), sql::quote_pg_list(names), text())));
    if (!planned_) return {};
    for (std::string const& statement : settle_columns(*planned_, prepared_.relation)) {
      WEIR_DO(session_.execute(statement));
    }
    return {};
  }

  pg::Session& session_;
  Prepared& prepared_;
  RelationDefinition const& definition_;
  std::optional<Plan> planned_;
  Extra extra_;
};

bool needs_proof(Plan const& plan) {
  return std::any_of(plan.column_plan->load.begin(), plan.column_plan->load.end(),
                     [](LoadColumn const& c) { return c.may_relax || c.fill == Fill::Cast; });
}

// Indexes of the definition, then what the table of before has; statistics.
Status finish_table(pg::Session& session, Prepared& prepared, std::optional<Plan> const& planned) {
  RelationPlan const& plan = prepared.plan;
  std::string const table = prepared.relation.quoted();
  bool const leaf = plan.shape != Shape::Ordinary;
  if (plan.way != Way::Merge)
    for (IndexDefinition const& index : plan.definition.indexes) {
      std::string const name =
          leaf ? leaf_index_name(prepared.relation, index) : index_name(plan.definition.target, index);
      WEIR_DO(session.execute(create_index(index, name, table)));
    }
  if (planned) {
    if (needs_proof(*planned)) {
      WEIR_TRY(Proof proof, prove(session, *planned, prepared.relation));
      prepared.relaxed = proof.relaxed;
      prepared.notes.insert(prepared.notes.end(), proof.notes.begin(), proof.notes.end());
    }
    if (uses_leaf(*planned)) {
      WEIR_TRY(auto relation, warehouse::load_relation(session, prepared.relation));
      for (std::string const& statement : complete_leaf(*planned, *relation, prepared.relaxed)) {
        WEIR_DO(session.execute(statement));
      }
    }
  }
  if (prepared.rows >= plan.definition.analyze_above_rows) {
    WEIR_DO(session.execute("ANALYZE " + table));
  }
  WEIR_DO(session.query(
      "UPDATE weir.generation SET state = 'ready', rows = $2, ready_at = clock_timestamp(), relaxed = $3 WHERE id = $1",
      {std::to_string(prepared.generation), std::to_string(prepared.rows), join(prepared.relaxed, "\n")}));
  return {};
}

Status take_rows(pg::Session& session, Prepared& prepared) {
  RelationDefinition const& definition = prepared.plan.definition;
  WEIR_TRY(auto const rows, definition.rows(copy_statement(prepared.relation, definition)));
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_TRY(auto counted, session.query("SELECT count(*) FROM " + prepared.relation.quoted()));
  prepared.rows = static_cast<std::uint64_t>(counted.integer(0, 0));
  if (prepared.rows != rows)
    return Error(ErrorKind::Data, fmt::format("cannot build {}: {} rows were sent and {} arrived",
                                              in_quotes(definition.target), rows, prepared.rows))
        .state("nothing was changed");
  WEIR_TRY(auto planned, plan_for_existing(session, prepared.plan));
  if (planned) {
    for (std::string const& statement : settle_columns(*planned, prepared.relation)) {
      WEIR_DO(session.execute(statement));
    }
  }
  WEIR_DO(finish_table(session, prepared, planned));
  prepared.plan.definition.rows = nullptr;  // what it looks at may go before the publish
  return settings.leave();
}

Status prepare_table(pg::Session& session, Prepared& prepared) {
  RelationDefinition const& definition = prepared.plan.definition;
  if (definition.rows && (!definition.query.empty() || definition.columns_ddl.empty()))
    return Error(ErrorKind::Internal, "rows of the client need a table that is defined by its columns");
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_DO(register_private(session, prepared));
  TableMaker maker(session, prepared);
  WEIR_DO(maker.make(settings));
  crash_point("kB1");
  if (!definition.rows) {
    WEIR_DO(finish_table(session, prepared, maker.planned()));
    return settings.leave();
  }
  WEIR_DO(settings.leave());
  return take_rows(session, prepared);
}

// A materialized view is made with its rows, where what it reads is there already. Of a view nothing is made before.
Status prepare_view(pg::Session& session, Prepared& prepared) {
  RelationPlan const& plan = prepared.plan;
  bool const other_text = !plan.definition.build_query.empty() && plan.definition.build_query != plan.definition.query;
  if (plan.definition.kind == RelationKind::View || other_text || plan.way == Way::Refresh) return {};
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_DO(register_private(session, prepared));
  std::string query = plan.definition.query;
  if (plan.legacy) query = query_with_kept(query, *plan.legacy, plan.columns);
  WEIR_DO(session.execute(settings.callers()));
  WEIR_TRY(auto made,
           session.execute(fmt::format(
               "CREATE MATERIALIZED VIEW {}{} AS {}\n", prepared.relation.quoted(),
               with_options(plan.definition.options, plan.legacy ? plan.legacy->relation.options : ""), query)));
  prepared.rows = made.affected();
  WEIR_DO(session.execute(CatalogSettings::ours()));
  for (IndexDefinition const& index : plan.definition.indexes) {
    WEIR_DO(
        session.execute(create_index(index, index_name(plan.definition.target, index), prepared.relation.quoted())));
  }
  WEIR_DO(
      session.query("UPDATE weir.generation SET state = 'ready', rows = $2, ready_at = clock_timestamp() WHERE id = $1",
                    {std::to_string(prepared.generation), std::to_string(prepared.rows)}));
  return settings.leave();
}

}  // namespace

Result<std::vector<DescribedColumn>> describe_relation(pg::Session& session, std::string const& relation) {
  WEIR_TRY(auto rows, session.query(R"(
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attcollation <> t.typcollation THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname) FROM pg_collation c
            JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation) ELSE '' END, a.attnotnull
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)",
                                    {relation}));
  std::vector<DescribedColumn> columns;
  for (std::size_t i = 0; i < rows.size(); ++i)
    columns.push_back({.name = std::string(rows.text(i, 0)),
                       .type = std::string(rows.text(i, 1)),
                       .collation = std::string(rows.text(i, 2)),
                       .not_null = rows.boolean(i, 3)});
  return columns;
}

std::string index_tail(IndexDefinition const& index) {
  std::string text =
      fmt::format("USING {} ({})", index.method.empty() ? "btree" : index.method, join(index.columns, ", "));
  if (!index.include.empty()) text += fmt::format(" INCLUDE ({})", join(index.include, ", "));
  if (!index.where.empty()) text += fmt::format(" WHERE ({})", index.where);
  return text;
}

std::string create_index(IndexDefinition const& index, std::string const& name, std::string const& table) {
  return fmt::format("CREATE {}INDEX {} ON {} {}", index.unique ? "UNIQUE " : "", quote_pg(name), table,
                     index_tail(index));
}

bool is_derived_index_name(std::string_view name) {
  static constexpr std::string_view kEnd = "_weir";
  if (!name.ends_with(kEnd) || name.size() < kEnd.size() + 10) return false;
  std::string_view const hash = name.substr(name.size() - kEnd.size() - 10, 10);
  return hash.starts_with("__") && hash.substr(2).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string leaf_index_name(sql::QualifiedName const& leaf, IndexDefinition const& index) {
  std::string const text = index_tail(index) + (index.unique ? " unique" : "");
  return sql::derive_identifier(leaf.name,
                                fmt::format("__x{:08x}", static_cast<std::uint32_t>(sql::stable_hash(text) >> 16)));
}

Request request_for(RelationPlan const& plan, Method method) {
  Request request;
  request.target = plan.definition.target;
  request.columns = plan.columns;
  request.method = method;
  request.dropped = plan.definition.dropped == ColumnPolicy::Hold ? ColumnPolicy::Hold : ColumnPolicy::Keep;
  request.retyped = plan.definition.retyped;
  request.defines_parts = true;
  return request;
}

Result<Plan> plan_new_table(RelationPlan const& plan, warehouse::Relation const& leaf) {
  auto none = std::make_shared<Capture>();
  none->target = plan.definition.target;
  none->role = plan.capture->role;
  none->server_version = plan.capture->server_version;
  none->prepared = true;
  none->schema_exists = plan.capture->schema_exists;
  none->can_create = true;
  none->shell_key = plan.capture->shell_key;
  Request request = request_for(plan, Method::Shell);
  request.columns.clear();
  for (warehouse::Column const& c : leaf.columns)
    request.columns.push_back({.name = c.name, .type = c.type, .not_null = c.not_null});
  WEIR_TRY(Plan planned, swap::plan(std::move(none), request));
  auto columns = std::make_shared<ColumnPlan>(*planned.column_plan);
  for (LoadColumn& c : columns->load) c.collation = leaf.find_column(c.name)->collation;
  planned.column_plan = std::move(columns);
  return planned;
}

std::vector<warehouse::Column const*> kept_columns(Legacy const& legacy, std::vector<TargetColumn> const& columns) {
  std::vector<warehouse::Column const*> kept;
  std::set<std::string> const used = legacy.used_columns();
  for (warehouse::Column const& c : legacy.relation.columns) {
    bool const there =
        std::any_of(columns.begin(), columns.end(), [&](TargetColumn const& t) { return t.name == c.name; });
    if (!there && used.contains(c.name)) kept.push_back(&c);
  }
  return kept;
}

std::string query_with_kept(std::string const& query, Legacy const& legacy, std::vector<TargetColumn> const& columns) {
  std::string more;
  for (warehouse::Column const* c : kept_columns(legacy, columns))
    more += fmt::format(", NULL::{} AS {}", c->type, quote_pg(c->name));
  if (more.empty()) return query;
  return fmt::format("SELECT weir_query.*{} FROM ({}\n) weir_query", more, query);
}

std::string with_options(std::string const& defined, std::string const& before) {
  std::string text = defined;
  for (std::string const& option : split(before, ',')) {
    std::string_view const one = trim(option);
    std::string_view const name = trim(one.substr(0, one.find('=')));
    if (one.empty() || name.starts_with("autovacuum")) continue;
    bool spoken_of = false;
    for (std::string const& own : split(defined, ','))
      spoken_of = spoken_of || equals_ignoring_case(trim(std::string_view(own).substr(0, own.find('='))), name);
    if (!spoken_of) text += (text.empty() ? "" : ", ") + std::string(one);
  }
  return text.empty() ? "" : " WITH (" + text + ")";
}

std::string copy_statement(sql::QualifiedName const& table, RelationDefinition const& definition) {
  return fmt::format("COPY {} ({}) FROM STDIN (FREEZE)", table.quoted(), sql::quote_pg_list(definition.row_columns));
}

Result<Prepared> prepare(pg::Session& session, RelationPlan const& plan) {
  Prepared prepared{.plan = plan, .relation = {}, .generation = 0, .rows = 0, .relaxed = {}, .notes = {}};
  Status done =
      plan.definition.kind == RelationKind::Table ? prepare_table(session, prepared) : prepare_view(session, prepared);
  if (!done.ok()) return std::move(done).error().context(fmt::format("building {}", in_quotes(plan.definition.target)));
  return prepared;
}

Result<std::optional<Prepared>> take_over(pg::Session& session, RelationPlan const& plan,
                                          sql::QualifiedName const& relation, std::uint64_t rows) {
  Prepared prepared{.plan = plan, .relation = {}, .generation = 0, .rows = rows, .relaxed = {}, .notes = {}};
  if (plan.way != Way::Leaf) return std::optional<Prepared>();
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_DO(register_private(session, prepared));
  WEIR_TRY(auto planned, plan_for_existing(session, plan));
  if (prepared.relation != relation || !extra_columns(*planned->column_plan).add.empty())
    return std::optional<Prepared>();
  WEIR_DO(finish_table(session, prepared, planned));
  WEIR_DO(settings.leave());
  return std::optional(std::move(prepared));
}

Status discard(pg::Session& session, Prepared const& prepared) {
  if (prepared.generation == 0) return {};
  WEIR_TRY(auto kind,
           session.query("SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)",
                         {prepared.relation.quoted()}));
  if (kind.size() > 0) {
    std::string_view const word = kind.text(0, 0) == "v"   ? "VIEW"
                                  : kind.text(0, 0) == "m" ? "MATERIALIZED VIEW"
                                                           : "TABLE";
    WEIR_DO(session.execute(fmt::format("DROP {} {}", word, prepared.relation.quoted())));
  }
  WEIR_DO(session.query(
      "UPDATE weir.generation SET state = 'dropped' WHERE id = $1 AND state IN ('building', 'ready', 'held')",
      {std::to_string(prepared.generation)}));
  return {};
}

}  // namespace weir::swap
