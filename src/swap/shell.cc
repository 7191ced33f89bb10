// Method shell: the table that users see stays, its leaf is exchanged.

#include <fmt/format.h>

#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

// A row trigger that is not plainly enabled is cloned to the new leaf as enabled before PostgreSQL 15.
std::string clone_trigger_states(Plan const& plan, sql::QualifiedName const& leaf) {
  std::string text;
  for (warehouse::Trigger const& t : plan.capture->relation->triggers) {
    if (!t.row || t.enabled == "O") continue;
    text += fmt::format("; ALTER TABLE {} {} TRIGGER {}", leaf.quoted(),
                        t.enabled == "D"   ? "DISABLE"
                        : t.enabled == "R" ? "ENABLE REPLICA"
                                           : "ENABLE ALWAYS",
                        quote_pg(t.name));
  }
  return text;
}

std::string column_list(Plan const& plan) {
  std::string text;
  for (LoadColumn const& c : plan.column_plan->load) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", quote_pg(c.name), c.type);
    if (!c.collation.empty()) text += " COLLATE " + c.collation;
    if (c.not_null) text += " NOT NULL";
  }
  return text;
}

}  // namespace

void note_relaxed(Publication& p) {
  for (std::string const& column : p.relaxed)
    p.report.notes.push_back(
        fmt::format("column \"{}\" is no longer NOT NULL: the source allows NULL, and the rows hold it", column));
}

std::string shell_ddl(Plan const& plan) {
  // Always with ".*": a column may be named like the table.
  return fmt::format("CREATE TABLE {} ({}) PARTITION BY LIST (({}.* IS NULL))", plan.request.target.quoted(),
                     column_list(plan), quote_pg(plan.request.target.name));
}

Status create_shell(Publication& p) {
  if (!p.plan.capture->schema_exists) {
    WEIR_DO(p.session.execute(fmt::format("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(p.plan.request.target.schema))));
  }
  WEIR_DO(p.session.execute(fmt::format("{}; ALTER TABLE {} ATTACH PARTITION {} DEFAULT", shell_ddl(p.plan),
                                        p.plan.request.target.quoted(), p.relation.quoted())));
  p.report.generation = p.relation.text();
  p.report.rows_after = p.rows;
  return {};
}

std::string swap_statements(Plan const& plan, sql::QualifiedName const& leaf, std::vector<std::string> const& relaxed) {
  std::string const alter = "ALTER TABLE " + plan.request.target.quoted() + " ";
  std::string text;
  if (plan.capture->leaf) text += alter + "DETACH PARTITION " + plan.capture->leaf->name.quoted() + "; ";
  for (std::string const& ddl : plan.column_plan->on_empty) text += alter + ddl + "; ";
  for (std::string const& column : relaxed)
    text += alter + fmt::format("ALTER COLUMN {} DROP NOT NULL; ", quote_pg(column));
  return text + alter + fmt::format("ATTACH PARTITION {} DEFAULT", leaf.quoted()) + clone_trigger_states(plan, leaf);
}

Status swap_leaf(Publication& p) {
  if (!p.has_facts) {
    WEIR_DO(take_facts(p));
  }
  note_relaxed(p);
  std::string const locks = p.plan.request.target.quoted() + ", " + p.relation.quoted();
  std::string const statements = swap_statements(p.plan, p.relation, p.relaxed);
  if (!p.plan.column_plan->rewritten.empty()) {
    WEIR_DO(swap_with_rewrite(p, locks, statements));
  } else if (p.careful) {
    WEIR_DO(with_exclusive_lock(p, locks, ""));
    WEIR_DO(take_facts(p));
    WEIR_DO(p.session.execute(statements));
  } else {
    WEIR_DO(with_exclusive_lock(p, locks, statements));
  }
  p.report.generation = p.relation.text();
  p.report.rows_after = p.rows;
  if (p.plan.capture->published && p.plan.capture->published->rows > 0)
    p.report.rows_before = static_cast<std::uint64_t>(p.plan.capture->published->rows);
  return {};
}

}  // namespace weir::swap
