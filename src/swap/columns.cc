#include "swap/columns.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

bool keeps_row_type(Dependent const& dependent) {
  return dependent.catalog == "pg_proc" || dependent.catalog == "pg_type" || dependent.catalog == "pg_cast" ||
         dependent.catalog == "pg_operator" || dependent.kind == "column of row type" ||
         dependent.kind == "inheritance child" || dependent.kind == "composite type";
}

// Users of the table's row type: they stop ALTER COLUMN TYPE, but not ADD, DROP or RENAME.
Dependent const* row_type_user(Capture const& capture) {
  for (Dependent const& d : capture.dependents)
    if (keeps_row_type(d) && (!d.direct || d.uses_whole_row)) return &d;
  return nullptr;
}

bool is_primary_key(Capture const& capture, std::string_view column) {
  for (auto const* relation : {capture.leaf ? &*capture.leaf : nullptr, &*capture.relation}) {
    if (relation == nullptr) continue;
    for (warehouse::Index const& index : relation->indexes)
      if (index.primary && std::ranges::find(index.columns, column) != index.columns.end()) return true;
  }
  return false;
}

constexpr std::string_view kUsersOwn = "weir never loaded it: it is its users' own";

class Planner {
 public:
  Planner(Capture const& capture, Request const& request, bool in_place)
      : capture_(capture),
        request_(request),
        in_place_(in_place),
        keeps_rows_(request.operation != Operation::Replace) {}

  Result<ColumnPlan> run() {
    WEIR_DO(check_request());
    if (capture_.relation)
      for (warehouse::Column const& column : capture_.relation->columns) existing(column);
    for (TargetColumn const& column : request_.columns)
      if (!capture_.relation || capture_.relation->find_column(column.name) == nullptr) add(column);
    if (!refusals_.empty()) return refuse();
    return std::move(plan_);
  }

 private:
  Status check_request();
  void existing(warehouse::Column const& column);
  void missing_at_source(warehouse::Column const& column);
  void other_type(warehouse::Column const& column, TargetColumn const& wanted);
  void same(warehouse::Column const& column, TargetColumn const& wanted);
  void add(TargetColumn const& wanted);
  void keep(warehouse::Column const& column, std::string why);
  void leave_alone(warehouse::Column const& column);
  void drop(warehouse::Column const& column, std::string why);
  void shadow(warehouse::Column const& column, TargetColumn const* wanted, std::string why);
  void upgrade(warehouse::Column const& column, TargetColumn const& wanted, std::vector<Dependent const*> const& users);
  void retype(warehouse::Column const& column, TargetColumn const& wanted);
  void retype_in_place(warehouse::Column const& column, LoadColumn& load);
  void relax(warehouse::Column const& column, std::string const& why);
  void relax_in_place(warehouse::Column const& column, std::string const& why);
  bool drop_unfinished(warehouse::Column const& column);
  void obstacle(std::string why) {
    if (in_place_ && plan_.in_place_obstacle.empty()) plan_.in_place_obstacle = std::move(why);
  }
  Error refuse();

  TargetColumn const* wanted(std::string_view name) const {
    for (TargetColumn const& c : request_.columns)
      if (c.name == name) return &c;
    return nullptr;
  }
  Shadow const* shadow_named(std::string_view name) const {
    for (Shadow const& s : capture_.shadows)
      if (s.shadow == name) return &s;
    return nullptr;
  }
  std::string free_name(std::string_view stem, std::string_view suffix) const;
  bool is_source_key(std::vector<std::string> columns) const {
    std::vector<std::string> key = request_.key;
    std::ranges::sort(key);
    std::ranges::sort(columns);
    return columns == key;
  }
  void act(std::string_view column, std::string_view action, std::string detail) {
    bool const is_ours = !request_.loaded_before || wanted(column) != nullptr || shadow_named(column) != nullptr ||
                         std::ranges::find(*request_.loaded_before, column) != request_.loaded_before->end();
    plan_.actions.push_back({std::string(column), std::string(action), std::move(detail), !is_ours});
  }
  // DDL where the rows are exchanged: on the empty shell, or at the end of the transaction that wrote them.
  void ddl(std::string statement) { (in_place_ ? plan_.after : plan_.on_empty).push_back(std::move(statement)); }
  static LoadColumn loaded(warehouse::Column const& column, Fill fill) {
    return {.name = column.name,
            .type = column.type,
            .collation = column.collation,
            .fill = fill,
            .of = {},
            .of_type = {},
            .expression = {},
            .not_null = column.not_null,
            .may_relax = false,
            .storage = column.storage,
            .compression = column.compression,
            .table_name = column.name};
  }

  Capture const& capture_;
  Request const& request_;
  bool const in_place_, keeps_rows_;
  ColumnPlan plan_;
  std::vector<std::pair<std::string, std::string>> refusals_;  // column, why
};

Status Planner::check_request() {
  if (request_.columns.empty())
    return Error(ErrorKind::Refused, "a table needs at least one column").object(request_.target.text());
  std::set<std::string> names;
  for (TargetColumn const& c : request_.columns)
    if (!names.insert(c.name).second)
      return Error(ErrorKind::Refused,
                   fmt::format("column \"{}\" stands twice in the rows for {}", c.name, in_quotes(request_.target)))
          .next("rename or leave out one of the two columns");
  static constexpr std::array<std::string_view, 6> kSystem{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
  for (TargetColumn const& c : request_.columns)
    if (std::find(kSystem.begin(), kSystem.end(), c.name) != kSystem.end())
      return Error(ErrorKind::Refused, fmt::format("column \"{}\" has the name of a PostgreSQL system column", c.name))
          .object(request_.target.text());
  for (std::string const& key : request_.key)
    if (!names.contains(key))
      return Error(ErrorKind::Refused,
                   fmt::format("key column \"{}\" is not among the columns of {}", key, in_quotes(request_.target)));
  int const highest = capture_.relation ? capture_.relation->highest_column : 0;
  if (request_.columns.size() > 1600 || highest > 1590)
    return Error(ErrorKind::Refused,
                 fmt::format("table {} would pass PostgreSQL's limit of 1,600 columns", in_quotes(request_.target)))
        .cause(fmt::format("{} columns are asked for; {} attribute numbers are used up, dropped columns included",
                           request_.columns.size(), highest))
        .next("leave columns out, or load into a new table");
  if (highest > 1400)
    plan_.warnings.push_back(fmt::format("{} of 1,600 attribute numbers are used up (dropped columns count)", highest));
  return {};
}

void Planner::existing(warehouse::Column const& column) {
  TargetColumn const* const want = wanted(column.name);
  if (column.generated) {
    if (want != nullptr)
      refusals_.emplace_back(column.name,
                             "it is a generated column in the warehouse, and the source has a column of that name");
    LoadColumn load = loaded(column, Fill::Generated);
    load.expression = column.default_expression.value_or("");
    plan_.load.push_back(std::move(load));
    return;
  }
  if (want == nullptr) {
    if (!drop_unfinished(column)) missing_at_source(column);
    return;
  }
  if (normal_type(column.type) != normal_type(want->type)) {
    other_type(column, *want);
    return;
  }
  same(column, *want);
  return;
}

void Planner::same(warehouse::Column const& column, TargetColumn const& wanted) {
  LoadColumn load = loaded(column, Fill::Copied);
  bool const is_key = std::find(request_.key.begin(), request_.key.end(), column.name) != request_.key.end();
  load.may_relax = column.not_null && !wanted.not_null && !is_key;
  plan_.load.push_back(std::move(load));
}

void Planner::missing_at_source(warehouse::Column const& column) {
  auto const users = users_of(capture_, column.name);
  if (Shadow const* s = shadow_named(column.name)) {
    if (users.empty() && !column.has_grants && !keeps_rows_) {
      drop(column, fmt::format("shadow of \"{}\" that nothing uses any more", s->column));
      plan_.gone_shadows.push_back(s->shadow);
      return;
    }
    TargetColumn const* const of = s->column.empty() ? nullptr : wanted(s->column);
    if (of == nullptr) {
      keep(column, "used by " + list_objects(users));
      return;
    }
    LoadColumn load = loaded(column, Fill::Cast);
    load.of = of->name;
    load.of_type = of->type;
    load.not_null = false;
    relax(column, "used by " + list_objects(users));
    plan_.load.push_back(std::move(load));
    act(column.name, "fill shadow",
        fmt::format("{} from \"{}\" where it fits; used by {}", column.type, of->name, list_objects(users)));
    return;
  }
  if (keeps_rows_) {
    keep(column, "earlier rows hold values");
    return;
  }
  if (request_.loaded_before &&
      std::ranges::find(*request_.loaded_before, column.name) == request_.loaded_before->end()) {
    bool const stays = in_place_ && request_.method != Method::Truncate;
    stays ? leave_alone(column) : keep(column, std::string(kUsersOwn));
    return;
  }
  if (users.empty() && !column.has_grants) {
    drop(column, "not at the source any more, and nothing uses it");
    return;
  }
  std::string const why = users.empty() ? "it has grants of its own" : "used by " + list_objects(users);
  switch (request_.dropped) {
    case ColumnPolicy::Hold:
      refusals_.emplace_back(column.name, "it is not at the source any more, and it is " + why);
      break;
    case ColumnPolicy::Shadow:
      shadow(column, nullptr, why);
      break;
    case ColumnPolicy::Upgrade:
    case ColumnPolicy::Keep:
      keep(column, why);
      break;
  }
  return;
}

void Planner::other_type(warehouse::Column const& column, TargetColumn const& wanted) {
  std::string const change = fmt::format("{} -> {}", column.type, wanted.type);
  if (keeps_rows_) {
    refusals_.emplace_back(
        column.name,
        fmt::format("its type changed ({}), and earlier rows are kept; a full refresh changes it", change));
    return;
  }
  auto users = users_of(capture_, column.name);
  // A primary key of the source's key columns is weir's to make again.
  std::erase_if(users, [&](Dependent const* d) { return d->kind == "primary key" && is_source_key(d->uses_columns); });
  Dependent const* const row_type = row_type_user(capture_);
  if (users.empty() && row_type == nullptr) {
    retype(column, wanted);
    return;
  }
  std::string const why =
      users.empty() ? "the row type is used by " + row_type->object : "used by " + list_objects(users);
  switch (request_.retyped) {
    case ColumnPolicy::Hold:
      refusals_.emplace_back(column.name, fmt::format("its type changed ({}), and it is {}", change, why));
      break;
    case ColumnPolicy::Upgrade:
      upgrade(column, wanted, users);
      break;
    case ColumnPolicy::Keep:
    case ColumnPolicy::Shadow:
      shadow(column, &wanted, fmt::format("{}; {}", change, why));
      break;
  }
  return;
}

// The column of a publish in place that was cut off, unless somebody uses it by now.
bool Planner::drop_unfinished(warehouse::Column const& column) {
  if (std::ranges::find(capture_.unfinished, column.name) == capture_.unfinished.end()) return false;
  if (column.has_grants || !users_of(capture_, column.name).empty()) return false;
  plan_.dropped.insert(column.name);
  (in_place_ ? plan_.before : plan_.on_empty).push_back(fmt::format("DROP COLUMN IF EXISTS {}", quote_pg(column.name)));
  act(column.name, "drop", "left by a publish that was cut off");
  return true;
}

void Planner::relax(warehouse::Column const& column, std::string const& why) {
  if (!column.not_null || !column.identity.empty()) return;
  plan_.relaxed.insert(column.name);
  if (in_place_) {
    relax_in_place(column, why);
  } else {
    plan_.on_empty.push_back(fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_pg(column.name)));
  }
  act(column.name, "not null off", "new rows hold NULL there");
}

// Rows are written while the column is still there, and hold NULL in it.
void Planner::relax_in_place(warehouse::Column const& column, std::string const& why) {
  if (!column.not_null || !column.identity.empty()) return;
  if (is_primary_key(capture_, column.name))
    obstacle(fmt::format("column \"{}\" stands in the primary key, which cannot give it up in place ({})", column.name,
                         why));
  plan_.before.push_back(fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_pg(column.name)));
}

void Planner::keep(warehouse::Column const& column, std::string why) {
  relax(column, why);
  LoadColumn load = loaded(column, Fill::Empty);
  load.not_null = false;
  plan_.load.push_back(std::move(load));
  act(column.name, "keep", why + "; new rows hold NULL");
}

void Planner::leave_alone(warehouse::Column const& column) {
  if (!column.default_expression) relax(column, std::string(kUsersOwn));
  LoadColumn load = loaded(column, Fill::Users);
  load.not_null = false;
  plan_.load.push_back(std::move(load));
  act(column.name, "keep", std::string(kUsersOwn) + "; its values stay with the rows whose key stays");
}

void Planner::drop(warehouse::Column const& column, std::string why) {
  plan_.dropped.insert(column.name);
  if (in_place_) relax_in_place(column, why);
  ddl(fmt::format("DROP COLUMN {}", quote_pg(column.name)));
  act(column.name, "drop", std::move(why));
}

std::string Planner::free_name(std::string_view stem, std::string_view suffix) const {
  for (int i = 1;; ++i) {
    std::string name = sql::derive_identifier(stem, i == 1 ? std::string(suffix) : fmt::format("{}_{}", suffix, i));
    if (wanted(name) == nullptr && capture_.relation->find_column(name) == nullptr) return name;
  }
}

std::string short_type(std::string_view type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kShort{
      {{"integer", "int4"},
       {"bigint", "int8"},
       {"smallint", "int2"},
       {"boolean", "bool"},
       {"double precision", "float8"},
       {"real", "float4"},
       {"timestamp with time zone", "timestamptz"},
       {"timestamp without time zone", "timestamp"},
       {"character varying", "varchar"}}};
  std::string_view const base = trim(type.substr(0, type.find('(')));
  for (auto const& [full, brief] : kShort)
    if (base == full) return std::string(brief);
  std::string name;
  for (char c : base) name += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  return name;
}

void Planner::shadow(warehouse::Column const& column, TargetColumn const* wanted, std::string why) {
  std::string const name = free_name(column.name, wanted == nullptr ? "__removed" : "__" + short_type(column.type));
  plan_.renames = true;
  plan_.renamed.emplace_back(name, column.name);
  relax(column, why);
  LoadColumn old = loaded(column, wanted == nullptr ? Fill::Empty : Fill::Cast);
  old.name = name;
  old.not_null = false;
  if (wanted != nullptr) {
    old.of = wanted->name;
    old.of_type = wanted->type;
  }
  plan_.load.push_back(std::move(old));
  ddl(fmt::format("RENAME COLUMN {} TO {}", quote_pg(column.name), quote_pg(name)));
  plan_.new_shadows.push_back({.column = wanted == nullptr ? std::string() : column.name,
                               .shadow = name,
                               .old_type = column.type,
                               .reason = why});
  act(column.name, "shadow", fmt::format("{}; kept as \"{}\"", why, name));
  if (wanted == nullptr) return;

  LoadColumn fresh{.name = wanted->name,
                   .type = wanted->type,
                   .collation = {},
                   .fill = Fill::Copied,
                   .of = {},
                   .of_type = {},
                   .expression = {},
                   .not_null = false,
                   .may_relax = false,
                   .storage = {},
                   .compression = {},
                   .table_name = wanted->name};
  if (in_place_) {
    fresh.table_name = free_name(column.name, "__weir");
    plan_.unfinished.push_back(fresh.table_name);
    plan_.renamed.emplace_back(wanted->name, fresh.table_name);
    plan_.before.push_back(fmt::format("ADD COLUMN IF NOT EXISTS {} {}", quote_pg(fresh.table_name), wanted->type));
    plan_.after.push_back(fmt::format("RENAME COLUMN {} TO {}", quote_pg(fresh.table_name), quote_pg(wanted->name)));
  } else {
    plan_.added.insert(wanted->name);
    plan_.on_empty.push_back(fmt::format("ADD COLUMN {} {}", quote_pg(wanted->name), wanted->type));
  }
  plan_.load.push_back(std::move(fresh));
}

void Planner::retype(warehouse::Column const& column, TargetColumn const& wanted) {
  plan_.retyped.insert(column.name);
  act(column.name, "retype", fmt::format("{} -> {}; nothing uses it", column.type, wanted.type));
  LoadColumn load{.name = wanted.name,
                  .type = wanted.type,
                  .collation = {},
                  .fill = Fill::Copied,
                  .of = {},
                  .of_type = {},
                  .expression = {},
                  .not_null = column.not_null,
                  .may_relax = false,
                  .storage = {},
                  .compression = {},
                  .table_name = wanted.name};
  load.may_relax = column.not_null && !wanted.not_null;
  std::string const name = quote_pg(column.name);
  if (in_place_) {
    retype_in_place(column, load);
  } else {
    if (column.default_expression) plan_.on_empty.push_back(fmt::format("ALTER COLUMN {} DROP DEFAULT", name));
    plan_.on_empty.push_back(fmt::format("ALTER COLUMN {} TYPE {} USING NULL", name, wanted.type));
  }
  if (column.default_expression)
    ddl(fmt::format("ALTER COLUMN {} SET DEFAULT ({})::{}", name, *column.default_expression, wanted.type));
  plan_.load.push_back(std::move(load));
}

// A column of another name takes the rows and then the place of the old one, with all that a change of type would keep.
void Planner::retype_in_place(warehouse::Column const& column, LoadColumn& load) {
  std::string const change = fmt::format("{} -> {}", column.type, load.type), name = quote_pg(column.name);
  if (column.has_grants)
    obstacle(fmt::format("column \"{}\" has grants of its own, and a column made anew would lose them ({})",
                         column.name, change));
  for (auto const* relation : {capture_.leaf ? &*capture_.leaf : nullptr, &*capture_.relation}) {
    if (relation == nullptr) continue;
    for (warehouse::Index const& index : relation->indexes)
      if (std::ranges::find(index.columns, column.name) != index.columns.end())
        obstacle(fmt::format("column \"{}\" stands in index {}, which goes with a column that is made anew ({})",
                             column.name, index.name.text(), change));
  }
  relax_in_place(column, change);
  load.table_name = free_name(column.name, "__weir");
  plan_.unfinished.push_back(load.table_name);
  plan_.dropped.insert(load.table_name);  // by that name
  plan_.before.push_back(fmt::format("ADD COLUMN IF NOT EXISTS {} {}", quote_pg(load.table_name), load.type));
  plan_.after.push_back(fmt::format("DROP COLUMN {}", name));
  plan_.after.push_back(fmt::format("RENAME COLUMN {} TO {}", quote_pg(load.table_name), name));
  if (column.statistics_target >= 0)
    plan_.after.push_back(fmt::format("ALTER COLUMN {} SET STATISTICS {}", name, column.statistics_target));
  if (!column.options.empty()) plan_.after.push_back(fmt::format("ALTER COLUMN {} SET ({})", name, column.options));
  if (!column.comment.empty())
    plan_.restore.push_back(
        fmt::format("COMMENT ON COLUMN {}.{} IS {}", request_.target.quoted(), name, sql::literal_pg(column.comment)));
}

void Planner::upgrade(warehouse::Column const& column, TargetColumn const& wanted,
                      std::vector<Dependent const*> const& users) {
  std::string stopper;
  if (!in_place_ && capture_.kind == TargetKind::Table) stopper = "the table becomes a shell in the same publish";
  if (Dependent const* row_type = row_type_user(capture_)) stopper = "the row type is used by " + row_type->object;
  for (Dependent const* user : users) {
    if (user->kind != "view")
      stopper = fmt::format("{} is a {}", user->object, user->kind);
    else if (!user->can_alter)
      stopper = fmt::format("{} belongs to \"{}\"", user->object, user->owner);
  }
  if (!stopper.empty()) {
    shadow(column, &wanted, fmt::format("{} -> {}; upgrade is not possible: {}", column.type, wanted.type, stopper));
    return;
  }
  retype(column, wanted);
  plan_.actions.back() = {column.name, "upgrade",
                          fmt::format("{} -> {}; rewrites {}", column.type, wanted.type, list_objects(users)), false};
  for (Dependent const* user : users) {
    bool const known = std::any_of(plan_.rewritten.begin(), plan_.rewritten.end(),
                                   [&](Dependent const& d) { return d.oid == user->oid; });
    if (!known) plan_.rewritten.push_back(*user);
  }
}

void Planner::add(TargetColumn const& wanted) {
  bool const shadowed =
      std::any_of(plan_.load.begin(), plan_.load.end(), [&](LoadColumn const& c) { return c.name == wanted.name; });
  if (shadowed) return;
  plan_.load.push_back({.name = wanted.name,
                        .type = wanted.type,
                        .collation = {},
                        .fill = Fill::Copied,
                        .of = {},
                        .of_type = {},
                        .expression = {},
                        .not_null = wanted.not_null && !capture_.relation,
                        .may_relax = false,
                        .storage = {},
                        .compression = {},
                        .table_name = wanted.name});
  if (!capture_.relation) return;
  plan_.added.insert(wanted.name);
  (in_place_ ? plan_.before : plan_.on_empty)
      .push_back(
          fmt::format("ADD COLUMN {}{} {}", in_place_ ? "IF NOT EXISTS " : "", quote_pg(wanted.name), wanted.type));
  act(wanted.name, "add", wanted.type);
}

Error Planner::refuse() {
  std::string columns, causes;
  for (auto const& [column, why] : refusals_) {
    columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column);
    causes += fmt::format("{}column \"{}\": {}", causes.empty() ? "" : "; ", column, why);
  }
  return refusal(request_,
                 fmt::format("cannot refresh {}: column {} would change under what depends on it",
                             in_quotes(request_.target), columns),
                 causes, "set the column policy to shadow or keep, change the dependents, or refresh the table fully");
}

}  // namespace

Error refusal(Request const& request, std::string message, std::string cause, std::string next) {
  return Error(ErrorKind::Refused, std::move(message))
      .object(request.target.text())
      .cause(std::move(cause))
      .state("nothing was loaded and nothing was changed")
      .next(std::move(next));
}

LoadColumn const* ColumnPlan::find(std::string_view name) const {
  for (LoadColumn const& c : load)
    if (c.name == name) return &c;
  return nullptr;
}

std::string ColumnPlan::old_name(Shadow const& shadow) const {
  for (auto const& [name, name_before] : renamed)
    if (name == shadow.shadow) return name_before;
  return shadow.shadow;
}

Result<ColumnPlan> plan_columns(Capture const& capture, Request const& request, bool in_place) {
  return Planner(capture, request, in_place).run();
}

std::vector<std::string> users_columns(Capture const& capture, Request const& request) {
  std::vector<std::string> names;
  if (!capture.relation || !request.loaded_before || request.operation != Operation::Replace) return names;
  auto in = [](auto const& list, std::string const& name) { return std::ranges::find(list, name) != list.end(); };
  for (warehouse::Column const& column : capture.relation->columns) {
    bool const ours = column.generated || in(*request.loaded_before, column.name) ||
                      in(capture.unfinished, column.name) ||
                      std::ranges::find(request.columns, column.name, &TargetColumn::name) != request.columns.end() ||
                      std::ranges::find(capture.shadows, column.name, &Shadow::shadow) != capture.shadows.end();
    if (!ours) names.push_back(column.name);
  }
  return names;
}

std::string normal_type(std::string_view type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kSame{
      {{"int2", "smallint"},
       {"int4", "integer"},
       {"int", "integer"},
       {"int8", "bigint"},
       {"bool", "boolean"},
       {"float8", "double precision"},
       {"float4", "real"},
       {"decimal", "numeric"},
       {"varchar", "character varying"},
       {"char", "character"},
       {"bpchar", "character"},
       {"timestamptz", "timestamp with time zone"},
       {"timestamp", "timestamp without time zone"},
       {"timetz", "time with time zone"},
       {"time", "time without time zone"},
       {"varbit", "bit varying"},
       {"character(1)", "character(1)"}}};
  // "timestamp(3) with time zone": the modifier stands inside; "numeric(12,2)", "varchar(10)[]": behind.
  std::size_t const open = type.find('(');
  std::size_t const close = type.find(')');
  std::string modifier, base(type);
  if (open != std::string_view::npos && close != std::string_view::npos && close > open) {
    modifier = replace_all(std::string(type.substr(open, close - open + 1)), " ", "");
    base = std::string(trim(type.substr(0, open))) + std::string(type.substr(close + 1));
  }
  std::string array;
  while (base.ends_with("[]")) {
    base.resize(base.size() - 2);
    array += "[]";
  }
  if (base.find('"') == std::string::npos) base = to_lower(trim(base));
  if (base.starts_with("pg_catalog.")) base.erase(0, 11);
  for (auto const& [other, name] : kSame)
    if (base == other) {
      base = name;
      break;
    }
  if (modifier == "(6)" && base.starts_with("time")) modifier.clear();  // the default precision
  return base + modifier + array;
}

std::vector<Dependent const*> users_of(Capture const& capture, std::string_view column) {
  std::vector<Dependent const*> users;
  for (Dependent const& d : capture.dependents) {
    if (!d.direct || d.kind == "default" || d.kind == "not null") continue;
    if (std::find(d.uses_columns.begin(), d.uses_columns.end(), column) != d.uses_columns.end()) users.push_back(&d);
  }
  return users;
}

std::string list_objects(std::vector<Dependent const*> const& dependents, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < dependents.size() && i < most; ++i)
    text += fmt::format("{}{} (owner {})", i == 0 ? "" : ", ", dependents[i]->object, dependents[i]->owner);
  if (dependents.size() > most) text += fmt::format(" and {} more", dependents.size() - most);
  return text;
}

}  // namespace weir::swap
