#include "build/materialize.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "build/constraints.h"
#include "build/statements.h"
#include "build/together.h"
#include "build/written_sql.h"
#include "project/relation.h"
#include "project/templates.h"
#include "sql/name.h"
#include "swap/relation.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::NodeKind;
using project::RelationParts;

// What each straight way stands in for. One override anywhere, and the macros are carried out.
constexpr std::string_view kCommon[] = {"statement",
                                        "run_query",
                                        "run_hooks",
                                        "load_cached_relation",
                                        "make_intermediate_relation",
                                        "make_backup_relation",
                                        "drop_relation",
                                        "drop_relation_if_exists",
                                        "rename_relation",
                                        "persist_docs",
                                        "apply_grants",
                                        "should_revoke",
                                        "create_indexes",
                                        "get_create_index_sql",
                                        "should_full_refresh"};
constexpr std::string_view kOfTable[] = {"get_create_table_as_sql", "create_table_as", "get_assert_columns_equivalent",
                                         "get_table_columns_and_constraints", "get_select_subquery"};
constexpr std::string_view kOfView[] = {"get_create_view_as_sql", "create_view_as"};
constexpr std::string_view kOfMaterializedView[] = {"get_create_materialized_view_as_sql",
                                                    "get_replace_sql",
                                                    "materialized_view_setup",
                                                    "materialized_view_teardown",
                                                    "materialized_view_get_build_sql",
                                                    "materialized_view_execute_build_sql"};
constexpr std::string_view kOfSeed[] = {"create_csv_table", "reset_csv_table",  "load_csv_rows",
                                        "get_batch_size",   "get_binding_char", "get_seed_column_quoted_csv",
                                        "get_csv_sql"};

bool all_builtin(RunContext const& context, std::span<std::string_view const> names) {
  return std::all_of(names.begin(), names.end(), [&context](auto name) { return is_builtin(context, name); });
}

// The macro that makes the node: of the project for PostgreSQL, then for all databases; then weir's.
project::MacroCode const* materialization_macro(RunContext const& context, std::string const& name) {
  auto const& library = *context.facts().library;
  for (auto const* adapter : {"postgres", "default"}) {
    auto const* code = library.find(context.package(), fmt::format("materialization_{}_{}", name, adapter));
    if (code != nullptr) return code;
  }
  return nullptr;
}

bool should_full_refresh(RunContext const& context) {
  auto const& own = context.config("full_refresh");
  return own.is_none() ? context.facts().flags["FULL_REFRESH"].truth() : own.truth();
}

enum class Way { Table, View, MaterializedView, Seed, Macros };

Way choose_way(RunContext const& context, std::string const& kind, std::optional<RelationParts> const& existing) {
  auto const* macro = materialization_macro(context, kind);
  if (macro == nullptr || !project::is_internal_package(macro->package_name) || !all_builtin(context, kCommon))
    return Way::Macros;
  if (kind == "table" && all_builtin(context, kOfTable)) return Way::Table;
  if (kind == "view" && all_builtin(context, kOfView)) return Way::View;
  if (kind == "seed" && all_builtin(context, kOfSeed))
    return existing && existing->type == "view" ? Way::Macros : Way::Seed;
  bool const whole = !existing || should_full_refresh(context);
  // What is there already is refreshed or altered by the macros.
  if (kind == "materialized_view" && (whole || existing->type != "materialized_view") &&
      all_builtin(context, kOfMaterializedView))
    return Way::MaterializedView;
  // The first build and the full refresh of an incremental model are a table's.
  if (kind == "incremental" && (whole || existing->type == "view") && all_builtin(context, kOfTable)) return Way::Table;
  return Way::Macros;
}

Status run_header(RunContext& context) {
  auto const& header = context.config("sql_header");
  if (!header.is_string() || is_blank_sql(header.text())) return {};
  WEIR_DO(context.worker().execute(header.text()));
  return {};
}

bool has_contract(RunContext const& context) {
  return context.config("contract")["enforced"].truth();
}

// Grants and comments of the config, by dbt's macros. The old relation's own grants are still there.
Status finish_relation(RunContext& context, RelationParts const& target, bool existed) {
  auto const relation = project::make_relation(target);
  if (auto const& grants = context.config("grants"); grants.truth()) {
    WEIR_TRY(auto const ignored,
             context.call("apply_grants", {relation, project::to_value(grants)}, {{"should_revoke", Value(existed)}}));
  }
  if (auto const& docs = context.config("persist_docs"); docs["relation"].truth() || docs["columns"].truth()) {
    WEIR_TRY(auto const ignored, context.call("persist_docs", {relation, context.find("model")}));
  }
  return {};
}

// A table that a model declares a foreign key to needs a unique constraint, which a shell cannot have.
bool is_key_of_others(RunContext const& context) {
  return context.run().foreign_keys.lead_to(context.run().relation(context.node()));
}

Result<swap::RelationDefinition> definition_of(RunContext& context, swap::RelationKind kind) {
  swap::RelationDefinition definition;
  definition.target = name_of(context.target());
  definition.kind = kind;
  definition.query = strip_semicolon(context.sql());
  if (auto const* together = context.run().together)
    definition.build_query = std::exchange(definition.query, together->as_published(definition.query));
  if (kind != swap::RelationKind::View) {
    WEIR_TRY(definition.indexes, indexes_of(context));
  }
  definition.unlogged = context.config("unlogged").truth();
  if (has_contract(context)) {
    WEIR_TRY(auto const ignored, context.call("get_assert_columns_equivalent", {Value(context.sql())}));
    if (kind == swap::RelationKind::Table) {
      WEIR_TRY(auto const lines, columns_ddl(context));
      definition.columns_ddl = join(lines, ",\n    ");
    }
  }
  if (context.weir_setting("shape") == "ordinary" || is_key_of_others(context))
    definition.shape = swap::Shape::Ordinary;
  return definition;
}

std::string_view relation_type(swap::RelationKind kind) {
  switch (kind) {
    case swap::RelationKind::View:
      return "view";
    case swap::RelationKind::MaterializedView:
      return "materialized_view";
    case swap::RelationKind::Table:
      break;
  }
  return "table";
}

// What dbt would carry out, for target/run: text that a person can carry out by hand beside the relation that is there.
std::string run_sql(RunContext const& context, swap::RelationDefinition const& definition, bool existed) {
  auto const& header = context.config("sql_header");
  std::string out = header.is_string() ? header.text() + "\n" : "";
  auto target = context.target();
  if (definition.kind == swap::RelationKind::MaterializedView)
    return out + fmt::format("create materialized view if not exists {} as {};\n", target.render(), definition.query);
  bool const is_first = context.node().materialized() == "incremental" && !existed;
  if (!is_first) target.identifier = sql::derive_identifier(target.identifier.value_or(""), "__dbt_tmp");
  std::string const name = target.render();
  if (definition.kind == swap::RelationKind::View)
    return out + fmt::format("create view {} as (\n{}\n);\n", name, definition.query);
  out += fmt::format("create {}table {}", definition.unlogged ? "unlogged " : "", name);
  if (definition.columns_ddl.empty()) return out + fmt::format(" as (\n{}\n);\n", definition.query);
  std::string const columns = columns_list(context);
  return out + fmt::format(
                   " (\n    {}\n);\ninsert into {} (\n    {}\n)\n(\n    select {}\n    from (\n{}\n    ) as "
                   "model_subq\n);\n",
                   definition.columns_ddl, name, columns, columns, definition.query);
}

RelationParts published(RunContext const& context, swap::RelationReport const& report) {
  auto target = context.target();
  target.type = relation_type(report.kind);
  return target;
}

// Committed with all that belongs to it, or it waits until all is published together. Gives its rows.
Result<std::uint64_t> build_or_hold(RunContext& context, swap::RelationDefinition const& definition, bool existed) {
  WEIR_TRY(auto* session, context.worker().session());
  if (auto* together = context.run().together) {
    WEIR_DO(context.worker().begin());
    WEIR_TRY(auto const plan, swap::plan_relation(*session, definition));
    WEIR_TRY(auto prepared, swap::prepare(*session, plan));
    std::uint64_t const rows = prepared.rows;
    WEIR_DO(together->hold(context, std::move(prepared), existed));
    return rows;
  }
  WEIR_TRY(auto report, swap::build(*session, definition, publish_limits(context.worker())));
  WEIR_DO(finish_inside(context, report, existed));
  WEIR_DO(commit(context));
  WEIR_DO(finish_outside(context, report));
  return report.rows;
}

// Where no hook runs inside of the transaction, it begins with the first statement of swap::build().
Status begin_with_hooks(RunContext& context) {
  WEIR_DO(run_hooks(context, context.pre_hooks, false));
  auto const& hooks = context.pre_hooks;
  bool const inside = std::any_of(hooks.begin(), hooks.end(), [](auto const& hook) { return hook.transaction; });
  if (!inside && !context.worker().stands_alone) return {};
  WEIR_DO(context.worker().begin());
  return run_hooks(context, hooks, true);
}

Result<Materialized> straight(RunContext& context, swap::RelationKind kind, bool existed) {
  WEIR_DO(begin_with_hooks(context));
  WEIR_DO(run_header(context));
  WEIR_TRY(auto const definition, definition_of(context, kind));
  WEIR_DO(write_run_sql(context, run_sql(context, definition, existed)));
  WEIR_TRY(auto const rows, build_or_hold(context, definition, existed));
  Materialized out;
  if (kind == swap::RelationKind::View) {
    out.response = response_of("CREATE VIEW");
    out.response.rows_affected = std::nullopt;
  } else {
    out.response = response_of(fmt::format("{} {}", has_contract(context) ? "INSERT 0" : "SELECT", rows));
  }
  return out;
}

// COPY's text format: tabs between values, \N for NULL.
void append_copy_row(std::string& out, std::span<std::optional<std::string_view> const> row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += '\t';
    if (!row[i]) {
      out += "\\N";
      continue;
    }
    std::string_view rest = *row[i];
    for (auto at = rest.find_first_of("\\\t\n\r"); at != std::string_view::npos; at = rest.find_first_of("\\\t\n\r")) {
      out.append(rest, 0, at);
      out += '\\';
      out += rest[at] == '\t' ? 't' : rest[at] == '\n' ? 'n' : rest[at] == '\r' ? 'r' : '\\';
      rest.remove_prefix(at + 1);
    }
    out += rest;
  }
  out += '\n';
}

Result<std::uint64_t> copy_rows(pg::Session& session, std::string const& statement, SeedRows const& seed) {
  WEIR_TRY(auto copy, session.copy_in(statement));
  std::string buffer;
  for (std::size_t row = 0; row < seed.size(); ++row) {
    append_copy_row(buffer, seed.row(row));
    if (buffer.size() < (1U << 18)) continue;
    WEIR_DO(copy.write(buffer));
    buffer.clear();
  }
  WEIR_DO(copy.write(buffer));
  WEIR_TRY(auto const taken, std::move(copy).finish());
  if (taken == seed.size()) return taken;
  return Error(ErrorKind::Data, fmt::format("{} rows were sent and {} arrived", seed.size(), taken))
      .state("nothing was changed");
}

std::string seed_column(RunContext const& context, std::string const& name) {
  auto const& quote = context.config("quote_columns");
  return quote.is_none() || quote.truth() ? sql::quote_pg(name) : name;
}

// Names as PostgreSQL stores them, for COPY: bare ones are folded.
std::string stored_name(RunContext const& context, std::string const& name) {
  auto const& quote = context.config("quote_columns");
  return quote.is_none() || quote.truth() ? name : to_lower(name);
}

Result<Materialized> seed(RunContext& context, bool existed) {
  auto& worker = context.worker();
  WEIR_TRY(auto const rows, read_seed(context));
  WEIR_DO(begin_with_hooks(context));
  auto const& types = context.config("column_types");
  swap::RelationDefinition definition;
  definition.target = name_of(context.target());
  std::vector<std::string> ddl;
  for (auto const& column : rows.columns) {
    auto const* said = types.find(column.name);
    ddl.push_back(
        fmt::format("{} {}", seed_column(context, column.name), said != nullptr ? said->str() : column.sql_type));
    definition.row_columns.push_back(stored_name(context, column.name));
  }
  definition.columns_ddl = join(ddl, ", ");
  WEIR_TRY(definition.indexes, indexes_of(context));
  WEIR_TRY(auto* session, worker.session());
  definition.rows = [&](std::string const& copy) { return copy_rows(*session, copy, rows); };
  WEIR_TRY(auto const count, build_or_hold(context, definition, existed));
  Materialized out;
  std::string const code = should_full_refresh(context) ? "CREATE" : "INSERT";
  out.response.message = fmt::format("{} {}", code, count);
  out.response.code = code;
  out.response.rows_affected = static_cast<std::int64_t>(count);
  return out;
}

Result<Materialized> by_macros(RunContext& context, std::string const& kind) {
  auto const* macro = materialization_macro(context, kind);
  if (macro == nullptr) {
    std::vector<std::string> known{"view", "table", "incremental", "ephemeral", "materialized_view"};
    std::string next = did_you_mean(kind, known);
    return Error(ErrorKind::Template, fmt::format("there is no materialization \"{}\"", kind))
        .object(context.node().unique_id)
        .where(context.node().original_file_path)
        .next(next.empty()
                  ? "use view, table, incremental, ephemeral or materialized_view, or write the materialization"
                  : next);
  }
  auto result = macro->code->call(*macro->definition, context, {});
  if (!result.ok()) return std::move(result).error().to_error();
  WEIR_DO(commit(context));
  if (result->is_dict())
    if (auto const* relations = result->dict().find(std::string_view("relations"));
        relations != nullptr && relations->is_list())
      for (auto const& one : relations->list().items)
        if (auto const* relation = one.as<project::RelationObject>()) context.run().cache.add(relation->parts);
  Materialized out;
  if (auto const* main = context.stored("main")) {
    out.response = main->response;
  } else if (kind == "clone") {
    out.response.message = "No-op";
  }
  return out;
}

// Macros that make a relation where it waits; hooks behind it, grants and comments are for what is published.
Result<Materialized> by_macros_and_hold(RunContext& context, std::string const& kind,
                                        std::optional<RelationParts> const& existing) {
  if (kind == "seed" && existing && existing->type == "view") return by_macros(context, kind);  // which refuse that
  auto& together = *context.run().together;
  auto const target = context.target();
  bool const in_place = kind == "snapshot" || (kind == "incremental" && !should_full_refresh(context));
  if (in_place && existing && existing->type == "table") {
    WEIR_DO(together.copy_published(context, target));
  }
  context.make_it_at(together.where_it_waits(target));
  auto const hooks = std::exchange(context.post_hooks, {});
  WEIR_TRY(auto made, by_macros(context, kind));
  WEIR_DO(together.hold_made(context, target, existing.has_value()));
  return made;
}

std::string kind_of(project::Node const& node) {
  switch (node.kind) {
    case NodeKind::Seed:
      return "seed";
    case NodeKind::Snapshot:
      return "snapshot";
    case NodeKind::Test:
      return node.materialized().empty() ? "test" : node.materialized();
    case NodeKind::UnitTest:
      return "unit";
    case NodeKind::Function:
      return "function";
    default:
      return node.materialized();
  }
}

std::optional<swap::RelationKind> swap_kind(Way way) {
  switch (way) {
    case Way::Table:
      return swap::RelationKind::Table;
    case Way::View:
      return swap::RelationKind::View;
    case Way::MaterializedView:
      return swap::RelationKind::MaterializedView;
    case Way::Seed:
    case Way::Macros:
      break;
  }
  return std::nullopt;
}

Result<std::optional<RelationParts>> existing_relation(RunContext& context) {
  if (!context.node().is_relational()) return std::optional<RelationParts>();
  return context.run().cache.find(context.worker(), context.target().schema.value_or(""),
                                  context.target().identifier.value_or(""));
}

}  // namespace

bool has_own_materialization(RunContext const& context) {
  auto const* macro = materialization_macro(context, kind_of(context.node()));
  return macro != nullptr && !project::is_internal_package(macro->package_name);
}

project::Node const* foreign_key_within(RunContext& context, std::function<bool(project::Node const&)> const& among) {
  for (auto const& node : context.run().manifest.nodes())
    if (among(node) && node.unique_id != context.node().unique_id &&
        context.run().foreign_keys.lead_to(context.run().relation(node), context.node()))
      return &node;
  return nullptr;
}

Status finish_inside(RunContext& context, swap::RelationReport& report, bool existed) {
  auto const target = published(context, report);
  bool const hooks_first = context.node().materialized() == "table";
  if (hooks_first) {
    WEIR_DO(run_hooks(context, context.post_hooks, true));
  }
  WEIR_DO(finish_relation(context, target, existed));
  if (!hooks_first) {
    WEIR_DO(run_hooks(context, context.post_hooks, true));
  }
  WEIR_TRY(auto* session, context.worker().session());
  return swap::complete(*session, report);
}

Status finish_outside(RunContext& context, swap::RelationReport& report) {
  WEIR_TRY(auto* session, context.worker().session());
  swap::tidy_up(*session, report);
  WEIR_DO(run_hooks(context, context.post_hooks, false));
  WEIR_DO(commit(context));
  context.run().cache.add(published(context, report));
  context.notes.insert(context.notes.end(), report.notes.begin(), report.notes.end());
  return {};
}

bool is_builtin(RunContext const& context, std::string_view macro) {
  auto const& library = *context.facts().library;
  auto const* code = library.find(context.package(), macro);
  if (code != nullptr && !project::is_internal_package(code->package_name)) return false;
  auto const* link = library.dispatch(context.package(), macro, "dbt");
  return link == nullptr || project::is_internal_package(link->package_name);
}

Status run_hooks(RunContext& context, std::vector<project::Hook> const& hooks, bool inside) {
  bool first = true;
  for (auto const& hook : hooks) {
    if (hook.transaction != inside) continue;
    WEIR_TRY(auto const text, context.render("hook of " + context.node().name, hook.sql));
    if (!inside && (first || needs_no_transaction(text))) {
      WEIR_DO(commit(context));
    }
    first = false;
    if (is_blank_sql(text)) continue;
    WEIR_TRY(auto const ignored, run_statement(context, text, inside));
  }
  return {};
}

Result<std::optional<swap::RelationDefinition>> planned_definition(RunContext& context) {
  WEIR_TRY(auto const existing, existing_relation(context));
  auto const relation_kind = swap_kind(choose_way(context, kind_of(context.node()), existing));
  if (!relation_kind) return std::optional<swap::RelationDefinition>();
  WEIR_TRY(auto definition, definition_of(context, *relation_kind));
  return std::optional(std::move(definition));
}

Result<Materialized> materialize(RunContext& context) {
  auto const& node = context.node();
  std::string const kind = context.run().options.command == Command::Clone ? "clone" : kind_of(node);
  if (node.language == "python")
    return Error(ErrorKind::Template,
                 fmt::format("materialization \"{}\" takes SQL only, and \"{}\" is written in Python", kind, node.name))
        .where(node.original_file_path)
        .state("nothing of it was built")
        .next("write the model in SQL: PostgreSQL runs no Python models");
  WEIR_TRY(auto const existing, existing_relation(context));
  auto const way = choose_way(context, kind, existing);
  auto const relation_kind = swap_kind(way);
  if (kind == "incremental" && relation_kind) {
    auto const strategy = context.config("incremental_strategy");
    WEIR_TRY(auto const ignored, incremental_strategy(context, strategy.truth() ? strategy.str() : "default"));
  }
  bool const waits = context.run().together != nullptr && context.run().together->holds(node);
  auto made = relation_kind      ? straight(context, *relation_kind, existing.has_value())
              : way == Way::Seed ? seed(context, existing.has_value())
              : waits            ? by_macros_and_hold(context, kind, existing)
                                 : by_macros(context, kind);
  if (!made.ok()) {
    auto const ignored = rollback(context);
    static_cast<void>(ignored);
  }
  return made;
}

}  // namespace weir::build
