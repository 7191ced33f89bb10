// Method merge: rows are changed in the table itself. Readers and their snapshots go on; writers wait.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "swap/leaf.h"
#include "swap/load.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

// A column that rows are written to: its name in the table now, and in the staging table; or its type, where it is
// emptied.
struct Written {
  std::string table, staging, empty;
  bool always_identity = false;

  std::string there(std::string_view prefix) const {
    return staging.empty() ? "NULL::" + empty : std::string(prefix) + quote_pg(staging);
  }
};

// A replaced row is the source's row, whatever the method: what the source does not have is NULL in it. An identity
// column that is not the source's goes on numbering.
std::vector<Written> written_columns(Plan const& plan) {
  std::vector<Written> columns;
  for (LoadColumn const& c : plan.column_plan->load) {
    auto const* const has = plan.capture->relation ? plan.capture->relation->find_column(c.table_name) : nullptr;
    bool const staged = c.fill == Fill::Copied || c.fill == Fill::Cast;
    bool const emptied = c.fill == Fill::Empty && plan.request.operation == Operation::Replace &&
                         (has == nullptr || has->identity.empty());
    if (!staged && !emptied) continue;
    columns.push_back({.table = c.table_name,
                       .staging = staged ? c.name : "",
                       .empty = c.type,
                       .always_identity = has != nullptr && has->identity == "a"});
  }
  return columns;
}

std::string list(std::vector<Written> const& columns) {
  std::string text;
  for (Written const& c : columns) text += (text.empty() ? "" : ", ") + quote_pg(c.table);
  return text;
}

std::string list_there(std::vector<Written> const& columns, std::string_view prefix) {
  std::string text;
  for (Written const& c : columns) text += (text.empty() ? "" : ", ") + c.there(prefix);
  return text;
}

std::string key_match(Plan const& plan, std::vector<Written> const& columns) {
  std::string text;
  for (std::string const& key : plan.request.key)
    for (Written const& c : columns)
      if (c.staging == key)
        text += fmt::format("{}t.{} = s.{}", text.empty() ? "" : " AND ", quote_pg(c.table), quote_pg(c.staging));
  return text;
}

// Images, not values, are compared (docs, 9.25.6 "Composite Type Comparison"): 1.0 and 1.00 differ, and types without
// an equality (json, xml, point) compare as well.
std::string update_statement(Plan const& plan, std::vector<Written> const& columns, std::string const& staging) {
  std::string set, here, there;
  for (Written const& c : columns) {
    if (c.always_identity) continue;
    std::string const table = quote_pg(c.table), other = c.there("s.");
    here += (here.empty() ? "t." : ", t.") + table;
    there += (there.empty() ? "" : ", ") + other;
    set += fmt::format("{}{} = {}", set.empty() ? "" : ", ", table, other);
  }
  std::string newer;
  if (plan.request.operation == Operation::Upsert && !plan.request.dedup_order.empty())
    newer = fmt::format(" AND (s.{0} >= t.{1}) IS NOT FALSE", quote_pg(plan.request.dedup_order),
                        quote_pg(plan.column_plan->find(plan.request.dedup_order)->table_name));
  return fmt::format(
      "UPDATE {} AS t SET {} FROM {} AS s WHERE {} AND ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record{}",
      plan.request.target.quoted(), set, staging, key_match(plan, columns), here, there, newer);
}

std::string insert_statement(Plan const& plan, std::vector<Written> const& columns, std::string const& staging,
                             bool missing_only) {
  bool const always = std::any_of(columns.begin(), columns.end(), [](Written const& c) { return c.always_identity; });
  return fmt::format("INSERT INTO {} ({}){} SELECT {} FROM {} AS s{}", plan.request.target.quoted(), list(columns),
                     always ? " OVERRIDING SYSTEM VALUE" : "", list_there(columns, "s."), staging,
                     missing_only ? fmt::format(" WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {})",
                                                plan.request.target.quoted(), key_match(plan, columns))
                                  : "");
}

// Of the staged rows of one key, the newest.
std::string newest(Plan const& plan, std::string const& staging) {
  std::string keys;
  for (std::string const& key : plan.request.key) keys += (keys.empty() ? "" : ", ") + quote_pg(key);
  std::string order = keys;
  if (!plan.request.dedup_order.empty()) order += ", " + quote_pg(plan.request.dedup_order) + " DESC NULLS LAST";
  return fmt::format("(SELECT DISTINCT ON ({}) * FROM {} ORDER BY {}, ctid DESC)", keys, staging, order);
}

// Without a usable key: rows are told apart by their whole text, and as many of each text stay as were staged.
Status merge_by_image(Publication& p, std::vector<Written> const& columns) {
  std::string const numbered =
      "SELECT ctid, ROW({0})::text AS image, row_number() OVER (PARTITION BY ROW({0})::text) AS n FROM {1}";
  std::string const here = fmt::format(fmt::runtime(numbered), list(columns), p.plan.request.target.quoted());
  std::string const there = fmt::format(fmt::runtime(numbered), list_there(columns, ""), p.relation.quoted());
  // tableoid: in a partitioned table a ctid alone does not name a row.
  std::string const here_with_table = replace_all(here, "SELECT ctid,", "SELECT tableoid, ctid,");
  WEIR_TRY(auto surplus,
           p.session.query(fmt::format(
               "DELETE FROM {} WHERE (tableoid, ctid) IN (SELECT t.tableoid, t.ctid FROM ({}) t WHERE NOT EXISTS "
               "(SELECT FROM ({}) s WHERE s.image = t.image AND s.n = t.n))",
               p.plan.request.target.quoted(), here_with_table, there)));
  p.report.deleted = surplus.affected();
  bool const always = std::any_of(columns.begin(), columns.end(), [](Written const& c) { return c.always_identity; });
  WEIR_TRY(
      auto missing,
      p.session.query(fmt::format(
          "INSERT INTO {} ({}){} SELECT {} FROM {} AS s WHERE s.ctid IN (SELECT a.ctid FROM ({}) a WHERE NOT EXISTS "
          "(SELECT FROM ({}) b WHERE b.image = a.image AND b.n = a.n))",
          p.plan.request.target.quoted(), list(columns), always ? " OVERRIDING SYSTEM VALUE" : "",
          list_there(columns, "s."), p.relation.quoted(), there, here)));
  p.report.inserted = missing.affected();
  return {};
}

// A key that is not unique in the table, or NULL in it, would leave rows behind.
Result<bool> key_is_usable(Publication& p, std::vector<Written> const& columns) {
  if (p.plan.request.key.empty()) return false;
  std::vector<std::string> names;
  for (std::string const& key : p.plan.request.key)
    for (Written const& c : columns)
      if (c.staging == key) names.push_back(c.table);
  for (auto const* relation : {p.plan.capture->leaf ? &*p.plan.capture->leaf : nullptr, &*p.plan.capture->relation}) {
    if (relation == nullptr) continue;
    for (auto const& index : relation->indexes) {
      std::vector<std::string> a = index.columns, b = names;
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
      if (index.primary && a == b) return true;
    }
  }
  std::string keys, nulls;
  for (std::string const& name : names) {
    keys += (keys.empty() ? "" : ", ") + quote_pg(name);
    nulls += (nulls.empty() ? "" : " OR ") + quote_pg(name) + " IS NULL";
  }
  std::string const target = p.plan.request.target.quoted();
  WEIR_TRY(auto rows,
           p.session.query(fmt::format(
               "SELECT EXISTS (SELECT FROM {0} GROUP BY {1} HAVING count(*) > 1) OR EXISTS (SELECT FROM {0} WHERE {2})",
               target, keys, nulls)));
  return !rows.boolean(0, 0);
}

Result<std::uint64_t> count(pg::Session& session, std::string const& relation) {
  WEIR_TRY(auto rows, session.query("SELECT count(*) FROM " + relation));
  return static_cast<std::uint64_t>(rows.integer(0, 0));
}

// What the rows lose by policy keep: after a merge there is no leaf of before to look it up in.
Status note_emptied(Publication& p, std::vector<Written> const& columns) {
  std::string counts;
  for (Written const& c : columns)
    if (c.staging.empty()) counts += fmt::format("{}count({})", counts.empty() ? "" : ", ", quote_pg(c.table));
  if (counts.empty()) return {};
  WEIR_TRY(auto rows, p.session.query(fmt::format("SELECT {} FROM {}", counts, p.plan.request.target.quoted())));
  std::size_t i = 0;
  for (Written const& c : columns) {
    if (!c.staging.empty()) continue;
    if (auto const values = static_cast<std::uint64_t>(rows.integer(0, i++)); values > 0)
      p.report.notes.push_back(fmt::format("column \"{}\": {} replaced by NULL, since the source has no such column",
                                           c.table, plural(values, "value")));
  }
  return {};
}

Status replace_rows(Publication& p, std::vector<Written> const& columns) {
  WEIR_DO(note_emptied(p, columns));
  std::string const target = p.plan.request.target.quoted(), staging = p.relation.quoted();
  WEIR_TRY(bool const keyed, key_is_usable(p, columns));
  if (keyed) {
    WEIR_TRY(auto deleted,
             p.session.query(fmt::format("DELETE FROM {} AS t WHERE NOT EXISTS (SELECT FROM {} AS s WHERE {})", target,
                                         staging, key_match(p.plan, columns))));
    WEIR_TRY(auto updated, p.session.query(update_statement(p.plan, columns, staging)));
    WEIR_TRY(auto inserted, p.session.query(insert_statement(p.plan, columns, staging, true)));
    p.report.deleted = deleted.affected();
    p.report.updated = updated.affected();
    p.report.inserted = inserted.affected();
  } else {
    WEIR_DO(merge_by_image(p, columns));
  }
  WEIR_TRY(p.report.rows_after, count(p.session, target));
  p.report.rows_before = p.report.rows_after + p.report.deleted - p.report.inserted;
  if (p.report.rows_after == p.rows) return {};
  return Error(ErrorKind::Data,
               fmt::format("cannot publish {}: {} rows were loaded and {} would be in the table",
                           in_quotes(p.plan.request.target), format_count(p.rows), format_count(p.report.rows_after)))
      .object(p.plan.request.target.text())
      .cause("a trigger or rule on the table changes what is written")
      .state("rolled back: the rows of before are still served")
      .next("look at the table's triggers, or use method shell");
}

Status add_rows(Publication& p, std::vector<Written> const& columns) {
  std::string const target = p.plan.request.target.quoted();
  std::string staging = p.relation.quoted();
  if (p.plan.request.operation == Operation::Append) {
    WEIR_TRY(auto inserted, p.session.query(insert_statement(p.plan, columns, staging, false)));
    p.report.inserted = inserted.affected();
  } else {
    if (p.plan.request.delete_missing) {
      std::string match;
      for (std::string const& key : p.plan.request.key)
        match += fmt::format("{}t.{} = k.{}", match.empty() ? "" : " AND ",
                             quote_pg(p.plan.column_plan->find(key)->table_name), quote_pg(key));
      WEIR_TRY(auto deleted,
               p.session.query(fmt::format("DELETE FROM {} AS t WHERE NOT EXISTS (SELECT FROM {} AS k WHERE {})",
                                           target, keys_name(p.relation).quoted(), match)));
      p.report.deleted = deleted.affected();
    }
    staging = newest(p.plan, staging);
    WEIR_TRY(auto updated, p.session.query(update_statement(p.plan, columns, staging)));
    WEIR_TRY(auto inserted, p.session.query(insert_statement(p.plan, columns, staging, true)));
    p.report.updated = updated.affected();
    p.report.inserted = inserted.affected();
  }
  std::int64_t const before = p.plan.capture->published ? p.plan.capture->published->rows : -1;
  if (before >= 0)
    p.report.rows_after = static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, before + static_cast<std::int64_t>(p.report.inserted) - static_cast<std::int64_t>(p.report.deleted)));
  else {
    WEIR_TRY(p.report.rows_after, count(p.session, target));
  }
  std::uint64_t const remaining = p.report.rows_after - std::min(p.report.inserted, p.report.rows_after);
  p.report.rows_before = remaining + p.report.deleted;
  return {};
}

}  // namespace

Status merge_rows(Publication& p) {
  std::string const target = p.plan.request.target.quoted();
  WEIR_DO(p.session.execute(fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", target)));
  WEIR_DO(take_facts(p));
  std::vector<Written> const columns = written_columns(p.plan);
  if (p.plan.request.operation == Operation::Replace) {
    WEIR_DO(replace_rows(p, columns));
  } else {
    WEIR_DO(add_rows(p, columns));
  }
  if (p.plan.capture->leaf) {
    // The leaf was made to be frozen; it is written to now, and needs autovacuum again.
    if (p.plan.capture->leaf->options.find("autovacuum_enabled=false") != std::string::npos) {
      WEIR_DO(p.session.execute(
          fmt::format("ALTER TABLE {} RESET (autovacuum_enabled)", p.plan.capture->leaf->name.quoted())));
    }
    p.report.generation = p.plan.capture->leaf->name.text();
  }
  return columns_after(p);
}

std::string altering(sql::QualifiedName const& target, std::vector<std::string> const& ddl) {
  std::string statements;
  for (std::string const& one : ddl)
    statements += fmt::format("{}ALTER TABLE {} {}", statements.empty() ? "" : "; ", target.quoted(), one);
  return statements;
}

Status columns_after(Publication& p) {
  std::string const target = p.plan.request.target.quoted();
  std::string statements = altering(p.plan.request.target, p.plan.column_plan->after);
  if (statements.empty()) return {};
  for (LoadColumn const& c : p.plan.column_plan->load) {
    bool const given_up = std::ranges::find(p.relaxed, c.name) != p.relaxed.end();
    if (c.not_null && c.table_name != c.name && !given_up)
      statements += fmt::format("; ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", target, quote_pg(c.name));
  }
  for (std::string const& statement : p.plan.column_plan->restore) statements += "; " + statement;
  if (!p.plan.column_plan->rewritten.empty()) return swap_with_rewrite(p, target, statements);
  return with_exclusive_lock(p, target, statements);
}

Status columns_before(Publication& p) {
  std::vector<std::string> ddl = p.plan.column_plan->before;
  if (!uses_leaf(p.plan) && !p.plan.creates_table)
    for (LoadColumn const& c : p.plan.column_plan->load)
      if (c.table_name == c.name && std::ranges::find(p.relaxed, c.name) != p.relaxed.end())
        ddl.push_back(fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_pg(c.name)));
  if (!uses_leaf(p.plan)) note_relaxed(p);
  if (ddl.empty()) return {};
  WEIR_TRY(auto transaction, pg::Transaction::begin(p.session));
  WEIR_DO(p.session.execute("SET LOCAL lock_timeout = '3s'"));
  WEIR_DO(with_exclusive_lock(p, p.plan.request.target.quoted(), altering(p.plan.request.target, ddl)));
  for (std::string const& column : p.plan.column_plan->unfinished) {
    WEIR_DO(
        p.session.query("INSERT INTO weir.unfinished (target_schema, target_name, column_name) VALUES ($1, $2, $3) "
                        "ON CONFLICT DO NOTHING",
                        {p.plan.request.target.schema, p.plan.request.target.name, column}));
  }
  WEIR_DO(std::move(transaction).commit());
  crash_point("kW0");
  return {};
}

Status create_table_in_place(Publication& p) {
  if (!p.plan.capture->schema_exists) {
    WEIR_DO(p.session.execute(fmt::format("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(p.plan.request.target.schema))));
  }
  std::string columns, names;
  for (LoadColumn const& c : p.plan.column_plan->load) {
    columns +=
        fmt::format("{}{} {}{}", columns.empty() ? "" : ", ", quote_pg(c.name), c.type, c.not_null ? " NOT NULL" : "");
    names += (names.empty() ? "" : ", ") + quote_pg(c.name);
  }
  std::string keys;
  for (std::string const& key : p.plan.request.key) keys += (keys.empty() ? "" : ", ") + quote_pg(key);
  std::string const target = p.plan.request.target.quoted();
  WEIR_DO(p.session.execute(fmt::format("CREATE TABLE {} ({})", target, columns)));
  WEIR_TRY(auto inserted, p.session.query(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2}", target, names,
                                                      p.plan.request.operation == Operation::Upsert
                                                          ? newest(p.plan, p.relation.quoted()) + " s"
                                                          : p.relation.quoted())));
  p.report.inserted = p.report.rows_after = inserted.affected();
  if (keys.empty()) return {};
  WEIR_DO(p.session.execute(fmt::format("ALTER TABLE {} ADD PRIMARY KEY ({})", target, keys)));
  return {};
}

}  // namespace weir::swap
