// What shall stand at a name, what stands there, and the way from one to the other. Reads only: all of it happens in a
// savepoint that is rolled back, so that no lock and no setting stays.

#include "swap/relation.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sql/statement.h"
#include "swap/leaf.h"
#include "swap/legacy.h"
#include "swap/relation_parts.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

Error refused(RelationDefinition const& definition, std::string cause, std::string next) {
  return Error(ErrorKind::Refused,
               fmt::format("cannot build {} without losing what depends on it", in_quotes(definition.target)))
      .object(definition.target.text())
      .cause(std::move(cause))
      .state("nothing was changed")
      .next(std::move(next));
}

char kind_of(RelationPlan const& plan) {
  switch (plan.definition.kind) {
    case RelationKind::View:
      return 'v';
    case RelationKind::MaterializedView:
      return 'm';
    case RelationKind::Table:
      break;
  }
  return plan.shape == Shape::Ordinary ? 'r' : 'p';
}

// The first `count` columns of both are the same, in the same order.
bool begins_like(std::vector<DescribedColumn> const& wanted, std::vector<warehouse::Column> const& has) {
  if (wanted.size() < has.size()) return false;
  for (std::size_t i = 0; i < has.size(); ++i)
    if (wanted[i].name != has[i].name || wanted[i].type != has[i].type || wanted[i].collation != has[i].collation)
      return false;
  return true;
}

DescribedColumn const* find(std::vector<DescribedColumn> const& columns, std::string_view name) {
  for (DescribedColumn const& c : columns)
    if (c.name == name) return &c;
  return nullptr;
}

// Columns that dependents use and that would go, or change their type.
Status check_policies(RelationPlan const& plan, std::vector<DescribedColumn> const& wanted) {
  std::string gone, retyped;
  for (Holder const& h : plan.legacy->holders) {
    for (std::string const& used : h.uses) {
      DescribedColumn const* const now = find(wanted, used);
      warehouse::Column const* const was = plan.legacy->relation.find_column(used);
      std::string const who = fmt::format("column \"{}\" is used by {} (owner {})", used, h.object, h.owner);
      if (now == nullptr)
        gone += (gone.empty() ? "" : "; ") + who;
      else if (was != nullptr && was->type != now->type)
        retyped += fmt::format("{}{} as {}, and would be {}", retyped.empty() ? "" : "; ", who, was->type, now->type);
    }
  }
  if (!gone.empty() && plan.definition.dropped == ColumnPolicy::Hold)
    return refused(plan.definition, gone, "keep the column in the query, or change what uses it");
  if (!retyped.empty() && plan.definition.retyped == ColumnPolicy::Hold)
    return refused(plan.definition, retyped, "cast the column to its type of before, or change what uses it");
  return {};
}

class Decision {
 public:
  Decision(pg::Session& session, RelationPlan& plan, std::vector<DescribedColumn> const& wanted)
      : session_(session), plan_(plan), wanted_(wanted) {}

  Status decide() {
    Capture const& now = *plan_.capture;
    if (!now.relation) return missing();
    if (!now.relation->can_alter)
      return Error(ErrorKind::Denied, fmt::format("role \"{}\" may not change {}", now.role, in_quotes(now.target)))
          .object(now.target.text())
          .sqlstate("42501")
          .cause(fmt::format("it belongs to \"{}\"", now.relation->owner))
          .state("nothing was changed")
          .next(fmt::format("GRANT {} TO {}", sql::quote_pg_if_needed(now.relation->owner),
                            sql::quote_pg_if_needed(now.role)));
    char const kind = now.relation->kind;
    if (kind != 'r' && kind != 'p' && kind != 'v' && kind != 'm')
      return refused(plan_.definition, fmt::format("a {} of that name is there", relkind_name(kind)),
                     "give the relation another name, or move that object away");
    switch (plan_.definition.kind) {
      case RelationKind::View:
        if (kind == 'v' && begins_like(wanted_, now.relation->columns))
          return take(Way::Replace, "the view is replaced in place: what depends on it is not touched");
        return succeed("its columns or its kind change");
      case RelationKind::MaterializedView:
        return materialized(kind);
      case RelationKind::Table:
        break;
    }
    if (kind == 'v' || kind == 'm') return succeed(fmt::format("a {} becomes a table", relkind_name(kind)));
    return table();
  }

 private:
  // What hangs on the relation: costly to read, and needed only where the relation may lose its identity or a column.
  Status read_what_hangs_on_it() {
    if (plan_.legacy) return {};
    WEIR_TRY(plan_.legacy, read_legacy(session_, plan_.definition.target));
    if (plan_.legacy) return {};
    return refused(plan_.definition, "it was dropped meanwhile", "run it again: it plans with what stands there now");
  }
  Status take(Way way, std::string reason) {
    plan_.way = way;
    plan_.reason = std::move(reason);
    return {};
  }
  Status missing() {
    Capture const& now = *plan_.capture;
    if (!now.can_create)
      return Error(ErrorKind::Denied, fmt::format("role \"{}\" may not create {}", now.role, in_quotes(now.target)))
          .object(now.target.text())
          .sqlstate("42501")
          .state("nothing was changed")
          .next(fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}", sql::quote_pg_if_needed(now.target.schema),
                            sql::quote_pg_if_needed(now.role)));
    if (plan_.shape == Shape::Auto || (plan_.shape == Shape::Shell && now.shell_key != "whole row"))
      plan_.shape = now.shell_key == "whole row" ? Shape::Shell : Shape::Ordinary;
    return take(Way::Create, "nothing of that name is there");
  }
  Status succeed(std::string reason) {
    WEIR_DO(read_what_hangs_on_it());
    for (std::string const& why : plan_.legacy->obstacles())
      return refused(plan_.definition, why, "drop or change that object, or give the new relation another name");
    WEIR_DO(check_policies(plan_, wanted_));
    if (plan_.shape == Shape::Auto)
      plan_.shape = plan_.capture->shell_key == "whole row" ? Shape::Shell : Shape::Ordinary;
    WEIR_DO(check_fit(*plan_.legacy, kind_of(plan_), plan_.definition.unfit));
    for (Holder const& h : plan_.legacy->holders) plan_.moved.push_back(h.object);
    return take(Way::Succeed, std::move(reason));
  }
  Status materialized(char kind) {
    if (kind == 'm' && plan_.same_query) return take(Way::Refresh, "the query is the one of before");
    return succeed(kind == 'm' ? "its query changed"
                               : fmt::format("a {} becomes a materialized view", relkind_name(kind)));
  }
  bool movable() const {
    if (!plan_.legacy->obstacles().empty()) return false;
    return std::none_of(plan_.legacy->holders.begin(), plan_.legacy->holders.end(),
                        [](Holder const& h) { return h.kind == "foreign key"; });
  }
  Status in_place(std::string why) {
    Capture const& now = *plan_.capture;
    if (now.relation->force_row_security || now.relation->has_rules)
      return refused(plan_.definition, why + "; and rules or forced row security forbid changing it in place",
                     "change what stands in the way");
    plan_.shape = Shape::Ordinary;
    return take(Way::Merge, std::move(why));
  }
  Status table() {
    Capture const& now = *plan_.capture;
    bool const same = begins_like(wanted_, now.relation->columns);
    if (now.kind == TargetKind::Shell && plan_.shape != Shape::Ordinary) {
      plan_.shape = Shape::Shell;
      if (!now.relation->publications.empty())
        return in_place(fmt::format("publication \"{}\" would not send the rows of an exchanged leaf",
                                    now.relation->publications[0]));
      if (!same) {
        WEIR_DO(read_what_hangs_on_it());
        if (plan_.definition.retyped == ColumnPolicy::Upgrade && movable())
          return succeed("its columns change: a new table takes the name, and what depends on it is moved");
        WEIR_DO(check_policies(plan_, wanted_));
      }
      return take(Way::Leaf, "the leaf of the shell is exchanged: nothing that depends on the table is touched");
    }
    if (plan_.shape == Shape::Ordinary) {
      WEIR_DO(read_what_hangs_on_it());
      if (movable()) return succeed("a new table takes the name, and what depends on the old one is moved");
      return in_place("what depends on it cannot be moved to a new table");
    }
    std::vector<std::string> const obstacles = adoption_obstacles(now);
    if (obstacles.empty() && same) {
      plan_.shape = Shape::Shell;
      return take(Way::Adopt, "the ordinary table becomes a shell; its views keep their identity");
    }
    WEIR_DO(read_what_hangs_on_it());
    if (movable() && now.relation->publications.empty() && now.shell_key == "whole row" && !now.relation->has_parent &&
        !now.relation->has_children)
      return succeed("a new table takes the name, and what depends on the old one is moved");
    std::string const why = obstacles.empty() ? "what depends on it cannot be moved" : obstacles.front();
    if (plan_.shape == Shape::Shell)
      return refused(plan_.definition, "it cannot become a shell: " + why, "let it stay an ordinary table");
    return in_place("stays an ordinary table, changed in place: " + why);
  }

  pg::Session& session_;
  RelationPlan& plan_;
  std::vector<DescribedColumn> const& wanted_;
};

// The query's own columns, and whether a view of that name says the same.
Status describe_query(pg::Session& session, CatalogSettings const& settings, RelationPlan& plan,
                      std::vector<DescribedColumn>& columns) {
  RelationDefinition const& d = plan.definition;
  if (d.query.empty()) return {};
  std::string const& text = d.build_query.empty() ? d.query : d.build_query;
  WEIR_DO(session.execute(
      fmt::format("{}; CREATE TEMP VIEW weir_query AS {}\n; {}", settings.callers(), text, CatalogSettings::ours())));
  WEIR_TRY(columns, describe_relation(session, "pg_temp.weir_query"));
  if (d.kind != RelationKind::MaterializedView || !plan.capture->relation || plan.capture->relation->kind != 'm')
    return {};
  WEIR_TRY(auto same,
           session.query("SELECT pg_get_viewdef('pg_temp.weir_query'::regclass) = pg_get_viewdef($1::regclass)",
                         {d.target.quoted()}));
  plan.same_query = same.boolean(0, 0);
  return {};
}

Status look(pg::Session& session, RelationPlan& plan) {
  WEIR_TRY(auto settings, CatalogSettings::enter(session));
  WEIR_TRY(plan.capture, capture(session, plan.definition.target, warehouse::Definitions::Omit));
  plan.dependents = plan.capture->dependents;
  std::vector<DescribedColumn> columns;
  if (plan.capture->relation || !plan.definition.columns_ddl.empty()) {
    WEIR_DO(describe_query(session, settings, plan, columns));
    if (!plan.definition.columns_ddl.empty()) {
      // A temporary table's foreign keys could not point at the tables that they are meant for.
      auto const words = sql::words(plan.definition.columns_ddl);
      bool const refers =
          std::any_of(words.begin(), words.end(), [](auto const& word) { return word.is("references"); });
      std::string const shape =
          fmt::format("{}.weir_shape_{}", refers ? "weir_data" : "pg_temp", session.backend_pid());
      WEIR_DO(session.execute(fmt::format("{}; CREATE TABLE {} ({}); {}", settings.callers(), shape,
                                          plan.definition.columns_ddl, CatalogSettings::ours())));
      for (DescribedColumn const& c : columns) plan.query_columns.push_back(c.name);
      WEIR_TRY(columns, describe_relation(session, shape));
    }
  }
  for (DescribedColumn const& c : columns)
    plan.columns.push_back({.name = c.name, .type = c.type, .not_null = c.not_null});
  plan.shape = plan.definition.shape;
  return Decision(session, plan, columns).decide();
}

}  // namespace

std::string index_name(sql::QualifiedName const& table, IndexDefinition const& index) {
  if (!index.name.empty()) return index.name;
  std::string const text = table.quoted() + index_tail(index) + (index.unique ? " unique" : "");
  return sql::derive_identifier(table.name,
                                fmt::format("__{:08x}_weir", static_cast<std::uint32_t>(sql::stable_hash(text) >> 16)));
}

std::string_view way_name(Way way) {
  static constexpr std::array<std::string_view, 7> kNames{"create",  "leaf",    "adopt",  "merge",
                                                          "replace", "succeed", "refresh"};
  return kNames[static_cast<std::size_t>(way)];
}

Result<RelationPlan> plan_relation(pg::Session& session, RelationDefinition const& definition) {
  RelationPlan plan;
  plan.definition = definition;
  if (session.transaction_state() != pg::TransactionState::InTransaction)
    return Error(ErrorKind::Internal, "a relation was planned without an open transaction");
  WEIR_DO(session.execute("SAVEPOINT weir_plan"));
  Status looked = look(session, plan);
  if (session.is_broken()) return std::move(looked).error();
  WEIR_DO(session.execute("ROLLBACK TO SAVEPOINT weir_plan; RELEASE SAVEPOINT weir_plan"));
  if (!looked.ok()) return std::move(looked).error().context(fmt::format("planning {}", in_quotes(definition.target)));
  return plan;
}

std::string explain_text(RelationPlan const& plan) {
  std::string text = fmt::format("{}: {} ({})\n", plan.definition.target.text(), way_name(plan.way), plan.reason);
  for (Dependent const& d : plan.dependents)
    if (d.kind == "view" || d.kind == "materialized view" || d.kind == "function" || d.kind == "policy")
      text += fmt::format(
          "  {} {} (owner {})\n",
          std::find(plan.moved.begin(), plan.moved.end(), d.object) != plan.moved.end() ? "moves " : "keeps ", d.object,
          d.owner);
  for (std::string const& w : plan.warnings) text += "  note: " + w + "\n";
  return text;
}

nlohmann::ordered_json explain_json(RelationPlan const& plan) {
  nlohmann::ordered_json json{{"relation", plan.definition.target.text()},
                              {"way", way_name(plan.way)},
                              {"reason", plan.reason},
                              {"moved", plan.moved},
                              {"warnings", plan.warnings},
                              {"dependents", nlohmann::ordered_json::array()}};
  for (Dependent const& d : plan.dependents)
    json["dependents"].push_back({{"kind", d.kind}, {"object", d.object}, {"owner", d.owner}, {"depth", d.depth}});
  return json;
}

}  // namespace weir::swap
