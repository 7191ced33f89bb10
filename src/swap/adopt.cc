#include "swap/adopt.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/leaf.h"
#include "swap/publish.h"
#include "warehouse/query.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

// What may hang on the table directly and is put back by the adoption.
bool is_replayed(Dependent const& d, std::string const& target) {
  bool const on_table = d.object.ends_with(" " + target);  // "policy p on table sync_core.orders"
  if (d.kind == "index" || d.kind == "default" || d.kind == "check" || d.kind == "primary key" || d.kind == "unique" ||
      d.kind == "exclusion" || d.kind == "not null" || d.kind == "foreign key (outgoing)" || d.kind == "statistics")
    return true;
  if (d.kind == "trigger" || d.kind == "policy" || d.kind == "rule") return on_table;
  return false;
}

void own_obstacles(Capture const& capture, std::vector<std::string>& why) {
  warehouse::Relation const& r = *capture.relation;
  if (capture.shell_key != "whole row") why.push_back("shells cannot be made on this server: " + capture.shell_key);
  if (r.kind != 'r') why.push_back(fmt::format("it is a {}", relkind_name(r.kind)));
  if (r.persistence != 'p') why.push_back("it is unlogged or temporary");
  if (r.has_parent || r.has_children) why.push_back("it takes part in inheritance or partitioning");
  if (r.typed) why.push_back("it is a table of a composite type");
  if (!r.extension.empty()) why.push_back("it belongs to extension " + r.extension);
  if (r.access_method != "heap") why.push_back("its access method is " + r.access_method);
  if (!r.options.empty())
    why.push_back("it has storage options (" + r.options + "), which a partitioned table cannot have");
  if (!r.tablespace.empty()) why.push_back("it stands in tablespace " + r.tablespace);
  if (r.replica_identity != "d") why.push_back("it has a replica identity of its own");
  if (!r.publications.empty())
    why.push_back(fmt::format("publication \"{}\" would not send the rows of an exchanged leaf", r.publications[0]));
  for (warehouse::Column const& c : r.columns) {
    if (c.generated) why.push_back(fmt::format("column \"{}\" is generated", c.name));
    if (!c.identity.empty()) why.push_back(fmt::format("column \"{}\" is an identity column", c.name));
  }
  for (warehouse::Index const& i : r.indexes) {
    if (i.clustered) why.push_back(fmt::format("it is clustered on index \"{}\"", i.name.name));
    if (!i.valid) why.push_back(fmt::format("index \"{}\" is not valid", i.name.name));
    if (i.unique && i.constraint_type.empty())
      why.push_back(fmt::format("unique index \"{}\" cannot stand on a shell", i.name.name));
    if (!i.comment.empty() && !i.constraint_type.empty())
      why.push_back(fmt::format("index \"{}\" has a comment, and moves to the leaf", i.name.name));
  }
  for (warehouse::Trigger const& t : r.triggers) {
    if (t.row && t.transition_tables) why.push_back(fmt::format("row trigger \"{}\" has transition tables", t.name));
    if (t.definition.starts_with("CREATE CONSTRAINT TRIGGER"))
      why.push_back(fmt::format("\"{}\" is a constraint trigger", t.name));
  }
  for (warehouse::Constraint const& k : r.constraints) {
    if (!k.own && k.type == "f")
      why.push_back(fmt::format("foreign key \"{}\" of {} points at it", k.name, k.other_table));
    if (k.own && !k.validated) why.push_back(fmt::format("constraint \"{}\" is not validated", k.name));
    if (k.own && (k.type == "p" || k.type == "u" || k.type == "x") && !k.comment.empty())
      why.push_back(fmt::format("constraint \"{}\" has a comment, and moves to the leaf", k.name));
  }
}

}  // namespace

std::vector<std::string> adoption_obstacles(Capture const& capture) {
  std::vector<std::string> why;
  own_obstacles(capture, why);
  std::string const target = capture.relation->name.text(), quoted = capture.relation->name.quoted();
  for (Dependent const& d : capture.dependents) {
    if (d.kind == "view" && d.direct) {
      if (!d.can_alter)
        why.push_back(fmt::format("{} belongs to \"{}\", and cannot be pointed at the shell", d.object, d.owner));
      if (d.has_row_value) why.push_back(fmt::format("{} uses whole rows as values", d.object));
      continue;
    }
    if (d.direct && !is_replayed(d, target) && !is_replayed(d, quoted) && d.kind != "foreign key (incoming)")
      why.push_back(fmt::format("{} ({}) is bound to the table itself", d.object, d.kind));
    // Bound to its row type, which is two steps away.
    if (!d.direct && d.depth <= 3 && (d.kind == "column of row type" || d.kind == "domain over row type"))
      why.push_back(fmt::format("{} is bound to its row type", d.object));
    if (!d.direct && d.catalog == "pg_proc" && d.depth <= 2) {
      bool const through_view = std::any_of(capture.dependents.begin(), capture.dependents.end(),
                                            [](Dependent const& v) { return v.kind == "view" && v.direct; });
      if (!through_view)
        why.push_back(fmt::format("{} is bound to its row type", d.object));
      else if (d.object.find(target) != std::string::npos || d.object.find(quoted) != std::string::npos ||
               d.definition.find(target) != std::string::npos)
        why.push_back(fmt::format("{} is bound to its row type", d.object));
    }
  }
  return why;
}

Result<std::vector<ReplayStatement>> load_replay(pg::Session& session, sql::QualifiedName const& relation) {
  WEIR_TRY(auto rows, warehouse::catalog_rows(session, "replay", {{"root", relation.quoted()}}));
  std::vector<ReplayStatement> statements;
  for (std::size_t i = 0; i < rows.size(); ++i)
    statements.push_back({.order = static_cast<int>(rows.integer(i, 0)), .sql = std::string(rows.text(i, 1))});
  return statements;
}

AdoptionScript adoption_script(Capture const& capture, sql::QualifiedName const& old_leaf,
                               std::vector<ReplayStatement> const& replay) {
  AdoptionScript script;
  warehouse::Relation const& r = *capture.relation;
  std::string const target = capture.target.quoted(), old = old_leaf.quoted();
  auto detach = [&](std::string sql) { script.detach.push_back(std::move(sql)); };
  auto restore = [&](std::string sql) { script.restore.push_back(std::move(sql)); };

  // What hangs on the table by name leaves it first, so that it can be made again on the shell.
  for (warehouse::Trigger const& t : r.triggers) detach(fmt::format("DROP TRIGGER {} ON {}", quote_pg(t.name), target));
  for (Dependent const& d : capture.dependents) {
    if (!d.direct) continue;
    // "rule r on table x", "policy p on table x": the name is what stands between.
    auto const name = [&](std::string_view kind) {
      std::size_t const end = d.object.rfind(" on table ");
      return std::string(std::string_view(d.object).substr(kind.size() + 1, end - kind.size() - 1));
    };
    if (d.kind == "rule") detach(fmt::format("DROP RULE {} ON {}", name("rule"), target));
    if (d.kind == "policy") detach(fmt::format("DROP POLICY {} ON {}", name("policy"), target));
    if (d.kind == "statistics")
      detach("DROP STATISTICS " + d.object.substr(std::string_view("statistics object ").size()));
  }
  // Index names are the schema's: two tables of two schemas may both have a "users_pkey".
  int number = 0;
  for (warehouse::Index const& i : r.indexes)
    detach(fmt::format("ALTER INDEX {} RENAME TO {}", i.name.quoted(),
                       quote_pg(sql::derive_identifier(old_leaf.name, fmt::format("__a{}", ++number)))));
  detach(fmt::format("ALTER TABLE {} RENAME TO {}", target, quote_pg(old_leaf.name)));
  detach(fmt::format("ALTER TABLE {} SET SCHEMA {}", sql::QualifiedName{capture.target.schema, old_leaf.name}.quoted(),
                     quote_pg(old_leaf.schema)));
  if (r.row_security || r.force_row_security)
    detach(fmt::format("ALTER TABLE {} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", old));

  std::string columns;
  for (warehouse::Column const& c : r.columns) {
    columns +=
        fmt::format("{}{} {}{}{}{}", columns.empty() ? "" : ", ", quote_pg(c.name), c.type,
                    c.collation.empty() ? "" : " COLLATE " + c.collation,
                    c.default_expression ? " DEFAULT " + *c.default_expression : "", c.not_null ? " NOT NULL" : "");
  }
  detach(fmt::format("CREATE TABLE {} ({}) PARTITION BY LIST (({}.* IS NULL))", target, columns,
                     quote_pg(capture.target.name)));
  for (warehouse::Column const& c : r.columns) {
    if (!c.storage.empty())
      detach(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET STORAGE {}", target, quote_pg(c.name), c.storage));
    if (!c.compression.empty())
      detach(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET COMPRESSION {}", target, quote_pg(c.name), c.compression));
  }
  for (warehouse::Constraint const& k : r.constraints)
    if (k.own && (k.type == "c" || k.type == "f"))
      detach(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", target, quote_pg(k.name), k.definition));
  for (warehouse::Index const& i : r.indexes)
    if (i.constraint_type.empty()) {
      detach(fmt::format("CREATE {}INDEX {} ON ONLY {} {}", i.unique ? "UNIQUE " : "", quote_pg(i.name.name), target,
                         i.tail));
      if (!i.comment.empty())
        restore(fmt::format("COMMENT ON INDEX {} IS {}",
                            sql::QualifiedName{capture.target.schema, i.name.name}.quoted(),
                            sql::literal_pg(i.comment)));
    }
  for (Dependent const& d : capture.dependents)
    if (d.kind == "view" && d.direct) detach(d.definition);

  for (ReplayStatement const& s : replay) {
    // The shell's own DDL and the leaf carry storage, keys, checks and indexes.
    bool const about_index = s.sql.starts_with("COMMENT ON INDEX") ||
                             s.sql.find(" SET STORAGE ") != std::string::npos ||
                             s.sql.find(" SET COMPRESSION ") != std::string::npos;
    if (s.order == 28 || (s.order >= 30 && s.order <= 33) || s.order == 60 || about_index) continue;
    std::string sql = s.sql;
    if (sql.ends_with("; RESET ROLE"))
      sql = sql.substr(0, sql.size() - 10) + "SET LOCAL ROLE " + quote_pg(capture.role);
    restore(std::move(sql));
  }
  return script;
}

Status adopt_table(Publication& p) {
  Capture const& capture = *p.plan.capture;
  WEIR_DO(take_facts(p));
  WEIR_TRY(auto replay, load_replay(p.session, p.plan.request.target));
  WEIR_TRY(auto next,
           p.session.query(
               "SELECT coalesce(max(n), 0) + 1 FROM weir.generation WHERE target_schema = $1 AND target_name = $2",
               {capture.target.schema, capture.target.name}));
  std::int64_t const n = next.integer(0, 0);
  sql::QualifiedName const old_leaf = generation_name(capture.target, n);
  AdoptionScript const script = adoption_script(capture, old_leaf, replay);

  std::string text;
  // Readers lock a view before the table; so does this. A change of owner to the same one does nothing but lock.
  for (Dependent const& d : capture.dependents)
    if (d.kind == "view" && d.direct)
      text +=
          fmt::format("ALTER VIEW {} OWNER TO {}; ", sql::QualifiedName{d.schema, d.name}.quoted(), quote_pg(d.owner));
  text +=
      fmt::format("LOCK TABLE {}, {} IN ACCESS EXCLUSIVE MODE NOWAIT; ", capture.target.quoted(), p.relation.quoted());
  for (std::string const& sql : script.detach) text += sql + "; ";
  for (std::string const& ddl : p.plan.column_plan->on_empty)
    text += fmt::format("ALTER TABLE {} {}; ", capture.target.quoted(), ddl);
  for (std::string const& column : p.relaxed)
    text += fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL; ", capture.target.quoted(), quote_pg(column));
  text += fmt::format("ALTER TABLE {} ATTACH PARTITION {} DEFAULT", capture.target.quoted(), p.relation.quoted());
  for (std::string const& sql : script.restore) text += "; " + sql;
  WEIR_DO(with_exclusive_lock(p, "", text));

  WEIR_DO(forget_gone(p.session, capture.target));  // a shell of that name may have been dropped
  WEIR_DO(p.session.query(
      "INSERT INTO weir.generation (target_schema, target_name, n, relation_schema, relation, method, state, rows, "
      "swapped_at) "
      "VALUES ($1, $2, $3, $4, $5, 'adopted', 'published', $6, clock_timestamp())",
      {capture.target.schema, capture.target.name, std::to_string(n), old_leaf.schema, old_leaf.name,
       capture.known_rows() < 0 ? pg::Parameter() : pg::Parameter(std::to_string(capture.known_rows()))}));
  p.report.generation = p.relation.text();
  p.report.rows_after = p.rows;
  if (capture.known_rows() > 0) p.report.rows_before = static_cast<std::uint64_t>(capture.known_rows());
  p.report.notes.push_back(fmt::format("{} is a shell now; its rows of before are kept as {}",
                                       in_quotes(capture.target), in_quotes(old_leaf)));
  return {};
}

bool adoption_accounts_for(Publication const& p, warehouse::Fact const& fact,
                           std::vector<warehouse::Fact> const& after) {
  Capture const& capture = *p.plan.capture;
  if (fact.object == "relation" && (fact.aspect == "oid" || fact.aspect == "kind" || fact.aspect == "partition key"))
    return true;
  if (fact.object.starts_with("relation column ") && fact.aspect == "number") return true;
  if (fact.object.starts_with("index ") && (fact.aspect == "oid" || fact.aspect == "kind")) return true;
  if (fact.object.starts_with("view ") && fact.aspect == "stored rule") return true;
  // Keys stand on the leaf now: the same definition must be there.
  for (warehouse::Constraint const& k : capture.relation->constraints) {
    if (!k.own || (k.type != "p" && k.type != "u" && k.type != "x")) continue;
    std::string const table = capture.target.text(), name = sql::quote_pg_if_needed(k.name);
    bool const is_it = fact.object == fmt::format("constraint {} on table {}", k.name, table) ||
                       fact.object == fmt::format("constraint {} on table {}", name, table) ||
                       fact.object == fmt::format("constraint {} on table {}", name, capture.target.quoted()) ||
                       fact.object == fmt::format("index {}.{}", sql::quote_pg_if_needed(capture.target.schema), name);
    if (!is_it) continue;
    return std::any_of(after.begin(), after.end(), [&](warehouse::Fact const& f) {
      return f.object == "leaf" && f.aspect == "constraint" && f.value == k.definition;
    });
  }
  return false;
}

}  // namespace weir::swap
