// DROP and TRUNCATE of relations and schemas, and statements that cannot be read.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/guard_state.h"

namespace weir::swap {

using sql::quote_pg;

Status Guard::State::report_taken(sql::Ddl const& ddl) {
  for (sql::WrittenName const& written : ddl.names) {
    WEIR_TRY(auto relation, find(written.text()));
    if (!relation) continue;
    WEIR_DO(with_settings([&]() -> Status {
      WEIR_TRY(auto legacy, read_legacy(session, relation->name));
      for (Dependent const& d : legacy->dependents)
        if (!legacy->own.contains(d.object)) report.taken.push_back(fmt::format("{} (owner {})", d.object, d.owner));
      return {};
    }));
  }
  return {};
}

Result<pg::Rows> Guard::State::drop(sql::Ddl const& ddl, std::string_view statement) {
  if (ddl.takes_dependents && options.policy == CascadePolicy::Allow) {
    WEIR_DO(report_taken(ddl));
    return run_plain(statement);
  }
  std::vector<Found> all;
  for (sql::WrittenName const& written : ddl.names) {
    WEIR_TRY(auto relation, find(written.text()));
    // What is missing or of another kind: the server says so.
    if (!relation && !ddl.if_exists) return run_plain(statement);
    if (relation &&
        (relation->temporary || drop_word(relation->kind) != drop_word(ddl.object == "view"                ? 'v'
                                                                       : ddl.object == "materialized view" ? 'm'
                                                                       : ddl.object == "foreign table"     ? 'f'
                                                                                                           : 'r')))
      return run_plain(statement);
    if (relation) all.push_back(std::move(*relation));
  }
  Status done = in_transaction([&]() -> Status {
    for (Found const& relation : all) {
      WEIR_DO(drop_one(relation, all));
    }
    return {};
  });
  if (!done.ok()) return std::move(done).error();
  return run_plain("SELECT WHERE false");
}

Status Guard::State::drop_one(Found const& relation, std::vector<Found> const& together) {
  return with_settings([&]() -> Status {
    WEIR_TRY(auto legacy, read_legacy(session, relation.name));
    if (!legacy) return {};
    bool const held = std::any_of(legacy->holders.begin(), legacy->holders.end(), [&](Holder const& h) {
      return std::none_of(together.begin(), together.end(), [&](Found const& other) { return other.oid == h.oid; });
    });
    if (held) return park(relation, std::move(legacy));
    auto const known =
        std::find_if(departed.begin(), departed.end(), [&](Departed const& d) { return d.oid == relation.oid; });
    std::string const sql = fmt::format("DROP {} {}", drop_word(relation.kind), relation.name.quoted());
    WEIR_DO(session.execute(sql));
    // Nobody depends on it; but what hung on it comes back with the next relation of the name.
    if (known != departed.end())
      known->drop_asked = true;
    else
      departed.push_back({.name = relation.name, .oid = relation.oid, .legacy = std::move(legacy), .drop_asked = true});
    return {};
  });
}

Status Guard::State::park(Found const& relation, std::shared_ptr<Legacy const> legacy) {
  std::string const word(drop_word(relation.kind));
  std::string const parked = fmt::format("parked_{}", relation.oid);
  WEIR_DO(session.execute(fmt::format("ALTER {0} {1} SET SCHEMA weir_data; ALTER {0} {2} RENAME TO {3}", word,
                                      relation.name.quoted(),
                                      sql::QualifiedName{"weir_data", relation.name.name}.quoted(), quote_pg(parked))));
  WEIR_TRY(auto generations, leave_name(relation));
  auto const known =
      std::find_if(departed.begin(), departed.end(), [&](Departed const& d) { return d.oid == relation.oid; });
  if (known != departed.end())
    known->drop_asked = true;
  else
    departed.push_back({.name = relation.name,
                        .oid = relation.oid,
                        .legacy = std::move(legacy),
                        .drop_asked = true,
                        .generations = std::move(generations)});
  return {};
}

// A shell under another name is no table that weir publishes: its leaf must never be taken for an older generation.
Result<std::vector<std::pair<std::string, std::string>>> Guard::State::leave_name(Found const& relation) {
  std::vector<std::pair<std::string, std::string>> states;
  if (relation.kind != 'p') return states;
  WEIR_TRY(
      auto rows,
      session.query("SELECT id, state FROM weir.generation WHERE target_schema = $1 AND target_name = $2 AND state "
                    "IN ('published', 'previous', 'old')",
                    {relation.name.schema, relation.name.name}));
  for (std::size_t i = 0; i < rows.size(); ++i) states.emplace_back(rows.text(i, 0), rows.text(i, 1));
  for (auto const& [id, state] : states) {
    WEIR_DO(session.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1", {id}));
  }
  return states;
}

Status Guard::State::come_back(Departed const& old, sql::QualifiedName const& now) {
  std::string const word(drop_word(old.legacy->relation.kind));
  WEIR_DO(session.execute(fmt::format("ALTER {0} {1} RENAME TO {2}; ALTER {0} {3} SET SCHEMA {4}", word, now.quoted(),
                                      quote_pg(old.name.name), sql::QualifiedName{now.schema, old.name.name}.quoted(),
                                      quote_pg(old.name.schema))));
  for (auto const& [id, state] : old.generations) {
    WEIR_DO(session.query("UPDATE weir.generation SET state = $2 WHERE id = $1", {id, state}));
  }
  return {};
}

Result<pg::Rows> Guard::State::drop_schema(sql::Ddl const& ddl, std::string_view statement) {
  for (sql::WrittenName const& written : ddl.names) {
    if (written.parts.size() != 1) continue;
    WEIR_TRY(auto inside,
             session.query(
                 "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                 "WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
                 {written.parts[0]}));
    for (std::size_t i = 0; i < inside.size(); ++i) {
      sql::QualifiedName const name{written.parts[0], std::string(inside.text(i, 0))};
      std::string outside;
      WEIR_DO(with_settings([&]() -> Status {
        WEIR_TRY(auto legacy, read_legacy(session, name));
        for (Holder const& h : legacy->holders) {
          bool const here =
              h.name.schema == written.parts[0] ||
              h.object.find(" on table " + sql::quote_pg_if_needed(written.parts[0]) + ".") != std::string::npos;
          if (!here) outside += fmt::format("{}{} (owner {})", outside.empty() ? "" : ", ", h.object, h.owner);
        }
        return {};
      }));
      if (!outside.empty() && options.policy != CascadePolicy::Allow)
        return refused(fmt::format("cannot drop schema \"{}\": others depend on {}", written.parts[0], in_quotes(name)),
                       outside);
      if (!outside.empty()) report.taken.push_back(outside);
      report.taken.push_back(name.text());
    }
  }
  return run_plain(statement);
}

Result<pg::Rows> Guard::State::truncate(sql::Ddl const& ddl, std::string_view statement) {
  if (!ddl.takes_dependents) return run_plain(statement);
  std::string others;
  for (sql::WrittenName const& written : ddl.names) {
    WEIR_TRY(
        auto rows,
        session.query(
            "SELECT DISTINCT conrelid::pg_catalog.regclass::text FROM pg_catalog.pg_constraint WHERE contype = 'f' AND "
            "confrelid = pg_catalog.to_regclass($1) AND conrelid <> confrelid",
            {written.text()}));
    for (std::size_t i = 0; i < rows.size(); ++i) others += (others.empty() ? "" : ", ") + std::string(rows.text(i, 0));
  }
  if (!others.empty() && options.policy != CascadePolicy::Allow)
    return refused("cannot empty the table: others would be emptied with it", others);
  if (!others.empty()) report.taken.push_back("rows of " + others);
  return run_plain(statement);
}

// What a DO block or a procedure drops is not in its text: views that are gone afterwards are noticed.
Result<pg::Rows> Guard::State::opaque(std::string_view statement) {
  static constexpr std::string_view kViews =
      "SELECT pg_catalog.string_agg(c.oid::text || ' ' || c.oid::pg_catalog.regclass::text, E'\\n' ORDER BY c.oid) "
      "FROM pg_catalog.pg_class c WHERE "
      "c.relkind IN ('v', 'm') AND c.oid >= 16384 AND c.relpersistence <> 't'";
  WEIR_TRY(auto before, session.query(kViews));
  std::vector<std::string> const views = split(before.text(0, 0), '\n');
  WEIR_TRY(auto rows, run_plain(statement));
  if (session.transaction_state() == pg::TransactionState::Failed) return rows;
  WEIR_TRY(auto after, session.query(kViews));
  std::set<std::string> left;
  for (std::string const& view : split(after.text(0, 0), '\n')) left.insert(view.substr(0, view.find(' ')));
  std::string gone;
  for (std::string const& view : views)
    if (!view.empty() && !left.contains(view.substr(0, view.find(' '))))
      gone += (gone.empty() ? "" : ", ") + view.substr(view.find(' ') + 1);
  if (gone.empty()) return rows;
  if (options.policy == CascadePolicy::Allow || session.transaction_state() != pg::TransactionState::InTransaction) {
    report.taken.push_back(gone);
    return rows;
  }
  return refused("a block of the project's own dropped views", gone);
}

}  // namespace weir::swap
