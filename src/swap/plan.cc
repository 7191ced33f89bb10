#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/adopt.h"
#include "swap/capture.h"
#include "swap/columns.h"
#include "swap/leaf.h"
#include "swap/swap.h"

namespace weir::swap {
namespace {

constexpr std::array<std::pair<std::string_view, Method>, 5> kMethods{{{"auto", Method::Auto},
                                                                       {"shell", Method::Shell},
                                                                       {"merge", Method::Merge},
                                                                       {"view", Method::View},
                                                                       {"truncate", Method::Truncate}}};

struct Choice {
  Method method = Method::Shell;
  std::string reason;
  bool adopts = false;
};

Error refused(Request const& request, std::string why, std::string next) {
  return refusal(request,
                 fmt::format("cannot refresh {} by method {}", in_quotes(request.target), method_name(request.method)),
                 std::move(why), std::move(next));
}

Dependent const* find_kind(Capture const& capture, std::string_view kind) {
  for (Dependent const& d : capture.dependents)
    if (d.kind == kind) return &d;
  return nullptr;
}

// Why the change of columns cannot be made in the table itself; "" = it can, or it is refused whatever the method.
std::string column_obstacle(Capture const& capture, Request const& request) {
  auto const columns = plan_columns(capture, request, true);
  if (!columns.ok()) return "";
  if (request.method == Method::Truncate && !columns->rewritten.empty())
    return fmt::format("column \"{}\" changes its type, and {} would be locked for the whole copy, to be rewritten",
                       *columns->retyped.begin(), columns->rewritten.front().object);
  return columns->in_place_obstacle;
}

// Columns whose values only rows that are changed in place keep; "" = there are none.
std::string users_values(Capture const& capture, Request const& request) {
  auto const columns = users_columns(capture, request);
  if (columns.empty()) return "";
  bool const one = columns.size() == 1;
  return fmt::format("{} \"{}\" {} added by the table's users", one ? "column" : "columns", join(columns, "\", \""),
                     one ? "was" : "were");
}

Result<Choice> choose_for_users_values(Request const& request, std::string const& theirs, std::string const& obstacle) {
  if (obstacle.empty())
    return Choice{
        Method::Merge,
        theirs + (request.key.empty()
                      ? ": rows that stay as they are keep its values; without a key a changed row is a new one"
                      : ": rows are changed in place, so that its values stay")};
  return refused(request, fmt::format("{}, and the rows cannot be changed in place: {}", theirs, obstacle),
                 "change that, or give the values up: method shell");
}

// Why DML in the table itself would not do what it says; "" = it would.
std::string in_place_obstacle(Capture const& capture, Request const& request) {
  auto const& relation = *capture.relation;
  if (relation.force_row_security) return "row security is forced on its owner, who would not see all rows";
  if (relation.has_rules) return "rules on it would rewrite the statements";
  return column_obstacle(capture, request);
}

// Rows as the statistics know them, else as many as could be in its pages (a row takes 32 bytes at least).
std::int64_t rows_at_most(Capture const& capture) {
  if (std::int64_t const rows = capture.known_rows(); rows >= 0) return rows;
  return (capture.leaf ? capture.leaf->bytes : capture.relation->bytes) / 32;
}

bool is_small(Capture const& capture, Request const& request) {
  auto const limit = static_cast<std::int64_t>(request.merge_below_rows);
  return rows_at_most(capture) <= limit && request.expected_rows <= limit;
}

std::string lookup_table(Capture const& capture) {
  std::string const rows =
      capture.known_rows() >= 0
          ? fmt::format("about {} rows", format_count(static_cast<std::uint64_t>(capture.known_rows())))
          : "a few rows";
  return fmt::format("a lookup table of {}: differing rows are changed in place", rows);
}

Result<Choice> choose_missing(Capture const& capture, Request const& request) {
  if (request.operation != Operation::Replace && request.method == Method::View)
    return refused(request, "rows are added in place, and a view has no place for them", "use method auto");
  switch (request.method) {
    case Method::View:
      return Choice{Method::View, "asked for: a stable view over numbered tables"};
    case Method::Merge:
      return Choice{Method::Merge, "asked for: an ordinary table, filled in place"};
    case Method::Truncate:
      return Choice{Method::Truncate, "asked for: an ordinary table, emptied and filled in one transaction"};
    case Method::Auto:
    case Method::Shell:
      break;
  }
  if (capture.shell_key != "whole row") {
    if (request.method == Method::Shell)
      return refused(request, "shells cannot be made on this server: " + capture.shell_key, "use method merge or view");
    return Choice{Method::Merge, "shells cannot be made on this server: " + capture.shell_key};
  }
  return Choice{Method::Shell, "a new table: made as a shell, so that later refreshes never touch what depends on it"};
}

Result<Choice> choose_in_place(Capture const& capture, Request const& request) {
  if (capture.kind == TargetKind::View)
    return refused(request, "the target is a view over numbered tables, which takes no rows",
                   "use full refresh for it");
  if (std::string const why = in_place_obstacle(capture, request); !why.empty())
    return refused(request, why, "change that, or use full refresh with method shell");
  return Choice{Method::Merge, request.operation == Operation::Append ? "rows are added in place"
                                                                      : "rows are added and replaced by key in place"};
}

Result<Choice> choose_for_shell(Capture const& capture, Request const& request) {
  std::string const obstacle = in_place_obstacle(capture, request);
  if (request.method == Method::View)
    return refused(request, "the target is a table", "use method auto, or load into another name");
  std::string const theirs = users_values(capture, request);
  if (request.method == Method::Auto && !theirs.empty()) return choose_for_users_values(request, theirs, obstacle);
  if (request.method == Method::Truncate)
    return refused(request, "the target is a shell: method shell replaces its rows without blocking readers",
                   "use method auto or shell");
  std::string const no_shells =
      capture.shell_key == "whole row" ? "" : "shells cannot be made on this server: " + capture.shell_key;
  if (request.method == Method::Shell) {
    if (!no_shells.empty()) return refused(request, no_shells, "use method merge");
    return Choice{Method::Shell, "asked for: the leaf of the shell is exchanged"};
  }
  if (request.method == Method::Merge) {
    if (!obstacle.empty()) return refused(request, obstacle, "use method shell");
    return Choice{Method::Merge, "asked for: differing rows are changed in place"};
  }
  if (!no_shells.empty()) {
    if (!obstacle.empty())
      return refused(request, fmt::format("{}; and the rows cannot be changed in place: {}", no_shells, obstacle),
                     "change one of the two");
    return Choice{Method::Merge, no_shells};
  }
  if (!capture.relation->publications.empty() && obstacle.empty())
    return Choice{Method::Merge, fmt::format("publication \"{}\" would not send the rows of an exchanged leaf",
                                             capture.relation->publications[0])};
  bool const fires = !capture.relation->triggers.empty();
  if (is_small(capture, request) && obstacle.empty() && !fires) return Choice{Method::Merge, lookup_table(capture)};
  if (is_small(capture, request) && !obstacle.empty())
    return Choice{Method::Shell, "the leaf of the shell is exchanged: " + obstacle};
  return Choice{Method::Shell, "the leaf of the shell is exchanged: nothing that depends on the table is touched"};
}

Result<Choice> choose_for_table(Capture const& capture, Request const& request) {
  std::string const in_place = in_place_obstacle(capture, request);
  std::string const theirs = users_values(capture, request);
  if (request.method == Method::Auto && !theirs.empty()) return choose_for_users_values(request, theirs, in_place);
  std::vector<std::string> const obstacles = adoption_obstacles(capture);
  std::string const why_not =
      obstacles.empty() ? ""
                        : obstacles.front() +
                              (obstacles.size() > 1 ? fmt::format(" (and {} more reasons)", obstacles.size() - 1) : "");
  switch (request.method) {
    case Method::View:
      return refused(request, "the target is a table", "use method auto, or load into another name");
    case Method::Truncate:
      if (Dependent const* fk = find_kind(capture, "foreign key (incoming)"))
        return refused(request, fmt::format("TRUNCATE is refused by the server: {} points at it", fk->object),
                       "use method merge");
      if (capture.relation->kind != 'r') return refused(request, "it is a partitioned table", "use method merge");
      if (std::string const why = column_obstacle(capture, request); !why.empty())
        return refused(request, why, "use method shell or auto");
      return Choice{Method::Truncate, "asked for: emptied and filled in one transaction"};
    case Method::Merge:
      if (!in_place.empty()) return refused(request, in_place, "use method shell");
      return Choice{Method::Merge, "asked for: differing rows are changed in place"};
    case Method::Shell:
      if (!obstacles.empty())
        return refused(request, "the table cannot become a shell: " + join(obstacles, "; "),
                       "use method merge, or change what stands in the way");
      return Choice{Method::Shell, "asked for: the table becomes a shell", true};
    case Method::Auto:
      break;
  }
  if (!obstacles.empty()) {
    if (!in_place.empty())
      return refused(
          request, fmt::format("it cannot become a shell ({}), and cannot be changed in place ({})", why_not, in_place),
          "change one of the two");
    return Choice{Method::Merge, "stays an ordinary table, changed in place: " + why_not};
  }
  if (is_small(capture, request) && in_place.empty() && capture.relation->triggers.empty())
    return Choice{Method::Merge, lookup_table(capture)};
  return Choice{Method::Shell,
                "the ordinary table becomes a shell once; its views are pointed at the shell and keep their OIDs",
                true};
}

Result<Choice> choose(Capture const& capture, Request const& request) {
  if (capture.kind == TargetKind::Missing) return choose_missing(capture, request);
  if (capture.kind == TargetKind::Other)
    return refusal(
        request,
        fmt::format("cannot load into {}: it is a {}", in_quotes(request.target), relkind_name(capture.relation->kind)),
        fmt::format("it belongs to \"{}\", and weir did not make it", capture.relation->owner),
        "load into another name, or move that object away");
  if (request.operation != Operation::Replace) return choose_in_place(capture, request);
  if (capture.kind == TargetKind::Shell) return choose_for_shell(capture, request);
  if (capture.kind == TargetKind::View) {
    if (request.method != Method::Auto && request.method != Method::View)
      return refused(request, "the target is a stable view over numbered tables", "use method auto or view");
    return Choice{Method::View, "the stable view is pointed at a new numbered table"};
  }
  return choose_for_table(capture, request);
}

Status check_rights(Capture const& capture) {
  if (capture.relation) {
    if (capture.relation->can_alter) return {};
    return Error(ErrorKind::Denied,
                 fmt::format("role \"{}\" may not change table {}", capture.role, in_quotes(capture.target)))
        .object(capture.target.text())
        .sqlstate("42501")
        .cause(fmt::format("it belongs to \"{}\"", capture.relation->owner))
        .state("nothing was loaded and nothing was changed")
        .next(fmt::format("GRANT {} TO {}", sql::quote_pg_if_needed(capture.relation->owner),
                          sql::quote_pg_if_needed(capture.role)));
  }
  if (capture.can_create) return {};
  return Error(ErrorKind::Denied, fmt::format("role \"{}\" may not create {}", capture.role, in_quotes(capture.target)))
      .object(capture.target.text())
      .sqlstate("42501")
      .state("nothing was loaded and nothing was changed")
      .next(capture.schema_exists
                ? fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}", sql::quote_pg_if_needed(capture.target.schema),
                              sql::quote_pg_if_needed(capture.role))
                : fmt::format("GRANT CREATE ON DATABASE {} TO {}, or create schema \"{}\" for it",
                              sql::quote_pg_if_needed(capture.database), sql::quote_pg_if_needed(capture.role),
                              capture.target.schema));
}

void warn(Plan& plan) {
  Capture const& capture = *plan.capture;
  for (std::string const& warning : plan.column_plan->warnings) plan.warnings.push_back(warning);
  for (Dependent const& d : capture.on_leaf)
    plan.warnings.push_back(fmt::format(
        "{} (owner {}) reads the leaf, not the table: it will keep showing the rows of that leaf", d.object, d.owner));
  if (plan.method == Method::Truncate)
    plan.warnings.push_back(
        "readers are shut out for the whole copy: method shell would hold them up for milliseconds");
  if (std::string const theirs = users_values(capture, plan.request); !theirs.empty() && plan.method != Method::Merge)
    plan.warnings.push_back(fmt::format("{}, and method {} leaves NULL there: methods auto and merge keep the values",
                                        theirs, method_name(plan.method)));
  if (plan.method == Method::Merge && capture.relation && !capture.relation->triggers.empty())
    plan.warnings.push_back(
        fmt::format("{} on the table will fire", plural(capture.relation->triggers.size(), "trigger")));
  if (plan.column_plan->renames ||
      std::any_of(plan.columns.begin(), plan.columns.end(), [](ColumnAction const& a) { return a.action == "drop"; }))
    for (auto const& f : capture.late_bound)
      plan.warnings.push_back(fmt::format(
          "function {} (owner {}) names the table in its text and may use a column that changes", f.function, f.owner));
  for (Dependent const& d : capture.dependents) {
    if (d.kind != "policy" && d.kind != "check") continue;
    for (Shadow const& s : plan.column_plan->new_shadows)
      if (std::find(d.uses_columns.begin(), d.uses_columns.end(), s.column) != d.uses_columns.end())
        plan.warnings.push_back(
            fmt::format("needs your attention: {} goes on reading the old column, now \"{}\"", d.object, s.shadow));
  }
}

Status check_view_columns(Plan const& plan) {
  if (plan.method != Method::View || !plan.capture->relation) return {};
  for (ColumnAction const& a : plan.columns)
    if (a.action != "add" && a.action != "keep")
      return refusal(
          plan.request,
          fmt::format("cannot refresh {}: column \"{}\" would change its type, and a view's columns are for ever",
                      in_quotes(plan.request.target), a.column),
          a.detail, "load into a table (method shell), or give the new column another name");
  return {};
}

// A view cannot lose or change a column: what is gone is kept as NULL, whoever uses it.
Request for_view(Request request) {
  request.dropped = ColumnPolicy::Keep;
  return request;
}

// A view's columns stay, in their order; new ones come behind.
void keep_view_columns(Capture const& capture, ColumnPlan& columns) {
  std::vector<LoadColumn> ordered;
  for (warehouse::Column const& c : capture.relation->columns) {
    if (LoadColumn const* has = columns.find(c.name)) {
      ordered.push_back(*has);
      continue;
    }
    ordered.push_back({.name = c.name,
                       .type = c.type,
                       .collation = c.collation,
                       .fill = Fill::Empty,
                       .of = {},
                       .of_type = {},
                       .expression = {},
                       .not_null = false,
                       .may_relax = false,
                       .storage = {},
                       .compression = {},
                       .table_name = c.name});
    for (ColumnAction& a : columns.actions)
      if (a.column == c.name) a.action = "keep";
  }
  for (LoadColumn& c : columns.load)
    if (capture.relation->find_column(c.name) == nullptr) ordered.push_back(std::move(c));
  columns.load = std::move(ordered);
}

void add_steps(Plan& plan) {
  std::string const target = plan.request.target.quoted();
  auto step = [&](std::string phase, std::string what, std::string lock, std::string sql) {
    plan.steps.push_back({std::move(phase), std::move(what), std::move(lock), std::move(sql)});
  };
  Capture const& capture = *plan.capture;
  bool const leaf = uses_leaf(plan);
  step("load",
       leaf ? "make a private leaf and copy the rows into it (COPY BINARY, FREEZE)"
            : "make a private staging table and copy the rows into it",
       "", "");
  step("load", leaf ? "add the indexes and constraints of the table, ANALYZE" : "count the rows, ANALYZE", "", "");
  step("rehearse", "run the publish with an empty table and roll back",
       capture.relation && plan.method != Method::Merge ? "ACCESS EXCLUSIVE, NOWAIT, a few ms" : "", "");
  if (capture.relation && plan.method == Method::Shell)
    step("publish", "queue politely, behind autovacuum and other DDL only",
         "SHARE UPDATE EXCLUSIVE (readers and writers go on)",
         fmt::format("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", target));
  switch (plan.method) {
    case Method::Shell:
      if (plan.creates_table)
        step("publish", "make the shell and attach the leaf", "",
             fmt::format("CREATE TABLE {} (...) PARTITION BY LIST (({}.* IS NULL))", target,
                         sql::quote_pg(plan.request.target.name)));
      else if (plan.adopts_table)
        step("publish",
             "move the table to " + std::string(kDataSchema) +
                 ", make the shell in its place, attach the new leaf, point the views at the shell, replay grants, "
                 "policies, triggers and comments",
             "ACCESS EXCLUSIVE, NOWAIT, milliseconds", "");
      else
        step("publish", "exchange the leaf", "ACCESS EXCLUSIVE, NOWAIT, about 2 ms",
             fmt::format("ALTER TABLE {} DETACH PARTITION ...; ALTER TABLE {} ATTACH PARTITION ... DEFAULT", target,
                         target));
      for (std::string const& ddl : plan.column_plan->on_empty)
        step("publish", "column change on the empty shell", "", fmt::format("ALTER TABLE {} {}", target, ddl));
      break;
    case Method::Merge:
      for (std::string const& ddl : plan.column_plan->before)
        step("publish", "column change, in a transaction of its own", "ACCESS EXCLUSIVE, NOWAIT, milliseconds",
             fmt::format("ALTER TABLE {} {}", target, ddl));
      if (plan.creates_table) step("publish", "make the table", "", "");
      step("publish",
           plan.request.operation == Operation::Replace  ? "delete, update and insert the rows that differ"
           : plan.request.operation == Operation::Append ? "insert the rows"
                                                         : "update and insert rows by key",
           "SHARE ROW EXCLUSIVE (readers go on, writers wait)", "");
      for (std::string const& ddl : plan.column_plan->after)
        step("publish", "column change", "ACCESS EXCLUSIVE, NOWAIT, milliseconds",
             fmt::format("ALTER TABLE {} {}", target, ddl));
      break;
    case Method::Truncate:
      step("publish", "empty the table and copy the rows into it", "ACCESS EXCLUSIVE for the whole copy: readers wait",
           fmt::format("TRUNCATE ONLY {}", target));
      break;
    case Method::View:
      step("publish", "point the view at the new table", "ACCESS EXCLUSIVE on the view, NOWAIT, milliseconds",
           fmt::format("CREATE OR REPLACE VIEW {} AS ...", target));
      break;
    case Method::Auto:
      break;
  }
  step("publish", "compare the catalog fingerprint with the one before; cursor and ledger; COMMIT", "", "");
  step("after",
       plan.method == Method::Shell && !plan.creates_table
           ? "ANALYZE; the previous leaf is kept for weir table rollback"
           : "ANALYZE",
       "", "");
}

}  // namespace

std::optional<Method> method_from(std::string_view text) {
  for (auto const& [name, method] : kMethods)
    if (name == text) return method;
  return std::nullopt;
}

std::string_view method_name(Method method) {
  for (auto const& [name, known] : kMethods)
    if (known == method) return name;
  return "auto";
}

Result<Plan> plan(std::shared_ptr<Capture const> capture, Request const& request) {
  WEIR_DO(check_rights(*capture));
  if (request.operation == Operation::Upsert && request.key.empty())
    return Error(ErrorKind::Refused,
                 fmt::format("cannot add rows to {} by key: no key is known", in_quotes(request.target)))
        .object(request.target.text())
        .next("set the stream's key, or use append without deduplication");
  WEIR_TRY(Choice choice, choose(*capture, request));
  Plan plan;
  plan.request = request;
  plan.method = choice.method;
  plan.reason = std::move(choice.reason);
  plan.adopts_table = choice.adopts;
  plan.creates_table = capture->kind == TargetKind::Missing;
  plan.capture = capture;
  bool const in_place = choice.method == Method::Merge || choice.method == Method::Truncate;
  WEIR_TRY(auto columns, plan_columns(*capture, choice.method == Method::View ? for_view(request) : request, in_place));
  if (choice.method == Method::View && capture->relation) keep_view_columns(*capture, columns);
  plan.columns = columns.actions;
  plan.column_plan = std::make_shared<ColumnPlan const>(std::move(columns));
  plan.dependents = capture->dependents;
  WEIR_DO(check_view_columns(plan));
  warn(plan);
  add_steps(plan);
  return plan;
}

}  // namespace weir::swap
