// What a run would do to the warehouse as it stands now: `weir dbt plan`.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "build/compile.h"
#include "build/constraints.h"
#include "build/materialize.h"
#include "build/statements.h"
#include "sql/name.h"
#include "warehouse/dependents.h"

namespace weir::build {
namespace {

using project::Node;

// schema.name of every relation that a node of the project makes.
std::set<std::string> made_by_nodes(RunState const& run) {
  std::set<std::string> names;
  for (auto const& node : run.manifest.nodes())
    if (node.is_relational() && !node.source) names.insert(name_of(run.relation(node)).text());
  return names;
}

bool is_of_interest(std::string const& kind) {
  return kind == "view" || kind == "materialized view" || kind == "function" || kind == "policy" ||
         kind == "foreign key (incoming)";
}

class Look {
 public:
  explicit Look(RunState& run)
      : run_(run), made_(made_by_nodes(run)), worker_(run.manifest.target(), run.options.stop, "MainThread", run.log) {}

  Result<RunOutlook> go() {
    RunOutlook out;
    WEIR_DO(worker_.begin());
    auto const plan = build::plan(run_.manifest, Command::Build, run_.options.selected);
    for (auto const& one : plan.nodes) {
      auto const& node = run_.manifest.nodes()[one.node];
      if (!node.is_relational() || node.is_ephemeral() || node.kind == project::NodeKind::Test) continue;
      WEIR_DO(worker_.begin());
      WEIR_TRY(auto* session, worker_.session());
      WEIR_DO(session->execute("SAVEPOINT weir_outlook"));
      out.nodes.push_back(of_node(node));
      if (session->is_broken())
        return Error(ErrorKind::Unavailable, "the session with the warehouse is gone").state("nothing was changed");
      WEIR_DO(session->execute("ROLLBACK TO SAVEPOINT weir_outlook"));
    }
    WEIR_TRY(out.orphans, orphans());
    WEIR_DO(worker_.rollback());
    return out;
  }

 private:
  Outlook of_node(Node const& node) {
    Outlook out;
    out.unique_id = node.unique_id;
    out.materialized = node.materialized().empty() ? std::string(kind_name(node.kind)) : node.materialized();
    out.relation = name_of(run_.relation(node)).text();
    RunContext context(run_, worker_, node);
    Status done = fill(context, out);
    if (!done.ok()) out.error = std::move(done).error();
    return out;
  }

  Status fill(RunContext& context, Outlook& out) {
    auto const name = name_of(context.target());
    if (context.node().kind == project::NodeKind::Seed) {
      out.way = "rows";
      out.reason = "its rows are loaded beside the old ones and published at once";
      return standing(context, out);
    }
    WEIR_TRY(auto const code, compile(context));
    WEIR_TRY(auto const definition, planned_definition(context));
    WEIR_TRY(auto* session, context.worker().session());
    if (!definition) {
      out.way = "macros";
      out.reason = context.node().materialized() == "incremental"
                       ? "rows are added to the table that is there"
                       : "the materialization's macros make it; what they drop or rename is guarded";
      return standing(context, out);
    }
    WEIR_TRY(auto const plan, swap::plan_relation(*session, *definition));
    out.way = way_name(plan.way);
    out.reason = plan.reason;
    out.warnings = plan.warnings;
    for (auto const& one : plan.dependents)
      add(out, one, std::find(plan.moved.begin(), plan.moved.end(), one.object) != plan.moved.end());
    return {};
  }

  // What depends on the relation that stands there, where that stays.
  Status standing(RunContext& context, Outlook& out) {
    WEIR_TRY(auto* session, context.worker().session());
    WEIR_TRY(auto const all,
             warehouse::load_dependents(*session, name_of(context.target()), warehouse::Definitions::Omit));
    for (auto const& one : all) add(out, one, false);
    return {};
  }

  void add(Outlook& out, warehouse::Dependent const& one, bool moves) const {
    if (!is_of_interest(one.kind)) return;
    bool const outside = !made_.contains(sql::QualifiedName{one.schema, one.name}.text());
    out.dependents.push_back({one.kind, one.object, one.owner, outside, moves});
  }

  Result<std::vector<std::pair<std::string, std::string>>> orphans() {
    std::set<std::string> schemas;
    for (auto const& node : run_.manifest.nodes())
      if (node.is_relational() && !node.source && !node.is_ephemeral()) schemas.insert(node.schema);
    std::vector<std::pair<std::string, std::string>> out;
    if (schemas.empty()) return out;
    std::string list;
    for (auto const& schema : schemas) list += (list.empty() ? "" : ", ") + quote_literal(schema);
    WEIR_TRY(auto const rows,
             worker_.execute(fmt::format(
                 "select n.nspname, c.relname, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' "
                 "else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
                 "where n.nspname in ({}) and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and "
                 "pg_catalog.pg_get_userbyid(c.relowner) = current_user order by 1, 2",
                 list)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      sql::QualifiedName const name{std::string(rows.text(i, 0)), std::string(rows.text(i, 1))};
      if (!made_.contains(name.text())) out.emplace_back(name.text(), rows.text(i, 2));
    }
    return out;
  }

  RunState& run_;
  std::set<std::string> made_;
  Worker worker_;
};

std::size_t outside_count(RunOutlook const& outlook) {
  std::set<std::string> objects;
  for (auto const& node : outlook.nodes)
    for (auto const& one : node.dependents)
      if (one.is_outside) objects.insert(one.object);
  return objects.size();
}

}  // namespace

Result<RunOutlook> look_ahead(RunOptions options, EventLog& log) {
  if (options.lookup == nullptr) options.lookup = std::make_shared<Lookup const>(*options.project->manifest);
  RunState run(std::move(options), log);
  return Look(run).go();
}

std::string explain_text(RunOutlook const& outlook) {
  std::string out = fmt::format("{}, {} of others on them\n", plural(outlook.nodes.size(), "relation"),
                                plural(outside_count(outlook), "object"));
  for (auto const& node : outlook.nodes) {
    out += fmt::format("\n{} ({}): {}\n", node.relation, node.materialized,
                       node.error ? "cannot be planned" : fmt::format("{}, {}", node.way, node.reason));
    if (node.error) out += indent(node.error->to_text(), 2) + "\n";
    for (auto const& one : node.dependents)
      out += fmt::format("  {} {}{}\n", one.moves ? "moves" : "keeps", one.object,
                         one.is_outside ? fmt::format(" (of others: owner {})", one.owner) : "");
    for (auto const& warning : node.warnings) out += "  note: " + warning + "\n";
  }
  if (!outlook.orphans.empty()) out += "\nin the project's schemas, and made by no node:\n";
  for (auto const& [name, kind] : outlook.orphans) out += fmt::format("  {} {}\n", kind, name);
  return out;
}

nlohmann::ordered_json explain_json(RunOutlook const& outlook) {
  auto nodes = nlohmann::ordered_json::array();
  for (auto const& node : outlook.nodes) {
    auto dependents = nlohmann::ordered_json::array();
    for (auto const& one : node.dependents)
      dependents.push_back({{"kind", one.kind},
                            {"object", one.object},
                            {"owner", one.owner},
                            {"outside", one.is_outside},
                            {"moves", one.moves}});
    nlohmann::ordered_json json{{"unique_id", node.unique_id},
                                {"relation", node.relation},
                                {"materialized", node.materialized},
                                {"way", node.way},
                                {"reason", node.reason},
                                {"dependents", std::move(dependents)},
                                {"warnings", node.warnings}};
    if (node.error) json["error"] = node.error->to_json();
    nodes.push_back(std::move(json));
  }
  auto orphans = nlohmann::ordered_json::array();
  for (auto const& [name, kind] : outlook.orphans) orphans.push_back({{"relation", name}, {"kind", kind}});
  return {{"nodes", std::move(nodes)}, {"orphans", std::move(orphans)}};
}

}  // namespace weir::build
