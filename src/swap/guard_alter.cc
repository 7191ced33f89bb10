// ALTER TABLE, names that change, columns that go, and indexes.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/guard_state.h"

namespace weir::swap {

using sql::quote_pg;

namespace {

// "(a, b)" and "USING btree (a, b)" are the same index.
std::string plain_tail(std::string_view tail) {
  std::string text;
  for (sql::Word const& word : sql::words(tail)) text += word.is_name() ? word.value() + " " : std::string(word.text);
  if (!text.starts_with("using ")) text = "using btree " + text;
  return text;
}

}  // namespace

Result<pg::Rows> Guard::State::alter(sql::Ddl const& ddl, std::string_view statement) {
  WEIR_TRY(auto relation, find(ddl.names[0].text()));
  if (!relation || relation->temporary || relation->kind == 'S') return run_plain(statement);
  if (ddl.kind == sql::DdlKind::DropColumn) return drop_columns(ddl, statement, *relation);
  if (ddl.kind == sql::DdlKind::RenameColumn) return rename_column(ddl, statement, *relation);
  if (ddl.kind == sql::DdlKind::Rename || ddl.kind == sql::DdlKind::MoveSchema) {
    Status done = in_transaction([&]() -> Status {
      auto const known =
          std::find_if(departed.begin(), departed.end(), [&](Departed const& d) { return d.oid == relation->oid; });
      if (known == departed.end()) {
        WEIR_DO(with_settings([&]() -> Status {
          WEIR_TRY(auto legacy, read_legacy(session, relation->name));
          departed.push_back(
              {.name = relation->name, .oid = relation->oid, .legacy = std::move(legacy), .drop_asked = false});
          return {};
        }));
      }
      WEIR_TRY(auto const generations, leave_name(*relation));
      static_cast<void>(generations);
      WEIR_DO(run_plain(statement));
      return successions();
    });
    if (!done.ok()) return std::move(done).error();
    return run_plain("SELECT WHERE false");
  }
  // Anything else: where views stand in the way, they let go of the table meanwhile.
  std::optional<pg::Rows> rows;
  Status done = in_transaction([&]() -> Status {
    WEIR_DO(session.execute("SAVEPOINT weir_alter"));
    auto tried = run_plain(statement);
    if (tried.ok()) {
      rows.emplace(std::move(*tried));
      WEIR_DO(session.execute("RELEASE SAVEPOINT weir_alter"));
      return {};
    }
    if (tried.error().sqlstate() != "0A000" || session.is_broken()) return std::move(tried).error();
    WEIR_DO(session.execute("ROLLBACK TO SAVEPOINT weir_alter"));
    if (relation->kind == 'p') {
      WEIR_TRY(auto there, on_leaf(ddl, statement, *relation, tried.error().clone()));
      rows.emplace(std::move(there));
      return {};
    }
    std::shared_ptr<Legacy const> legacy;
    WEIR_DO(with_settings([&]() -> Status {
      WEIR_TRY(legacy, read_legacy(session, relation->name));
      if (legacy->holders.empty()) return std::move(tried).error();
      for (std::string const& why : legacy->obstacles())
        return refused(fmt::format("cannot alter {}", in_quotes(relation->name)), why);
      WEIR_DO(session.execute(let_go_text(*legacy)));
      return {};
    }));
    WEIR_TRY(auto again, run_plain(statement));
    rows.emplace(std::move(again));
    return with_settings([&]() -> Status {
      Hold hold{.moved = report.moved, .notes = report.notes};
      WEIR_DO(take_hold(session, *legacy, hold));
      return {};
    });
  });
  if (!done.ok()) return std::move(done).error();
  return std::move(*rows);
}

// Keys and unique indexes stand on the leaf of a shell.
Result<pg::Rows> Guard::State::on_leaf(sql::Ddl const& ddl, std::string_view statement, Found const& shell,
                                       Error error) {
  WEIR_TRY(auto leaf, session.query("SELECT n.nspname, c.relname FROM pg_catalog.pg_inherits h JOIN "
                                    "pg_catalog.pg_class c ON c.oid = h.inhrelid JOIN "
                                    "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE h.inhparent = $1",
                                    {std::to_string(shell.oid)}));
  if (leaf.size() != 1) return error;
  sql::QualifiedName const name{std::string(leaf.text(0, 0)), std::string(leaf.text(0, 1))};
  std::string text(statement.substr(0, ddl.name_at));
  text += name.quoted();
  text += statement.substr(ddl.rest_at);
  WEIR_DO(session.execute("SAVEPOINT weir_leaf"));
  auto done = run_plain(text);
  if (done.ok()) {
    WEIR_DO(session.execute("RELEASE SAVEPOINT weir_leaf"));
    report.notes.push_back(fmt::format("it stands on the leaf of {}: {}", in_quotes(shell.name), statement));
    return done;
  }
  if (session.is_broken()) return done;
  std::string const state = done.error().sqlstate();
  WEIR_DO(session.execute("ROLLBACK TO SAVEPOINT weir_leaf; RELEASE SAVEPOINT weir_leaf"));
  if (state != "42P16" && state != "42P07" && state != "42710") return done;
  report.notes.push_back(fmt::format("the leaf of {} has it already: {}", in_quotes(shell.name), statement));
  return run_plain("SELECT WHERE false");
}

Result<pg::Rows> Guard::State::drop_columns(sql::Ddl const& ddl, std::string_view statement, Found const& table) {
  if (ddl.takes_dependents && options.policy == CascadePolicy::Allow) {
    WEIR_DO(report_taken(ddl));
    return run_plain(statement);
  }
  std::string drops, used_by;
  Status done = with_settings([&]() -> Status {
    WEIR_TRY(auto legacy, read_legacy(session, table.name));
    for (std::string const& column : ddl.columns) {
      std::vector<Holder> users;
      for (Holder const& h : legacy->holders)
        if (std::find(h.uses.begin(), h.uses.end(), column) != h.uses.end()) users.push_back(h);
      if (users.empty()) {
        drops += fmt::format("{}DROP COLUMN IF EXISTS {}", drops.empty() ? "" : ", ", quote_pg(column));
        continue;
      }
      if (options.dropped == ColumnPolicy::Hold)
        return refused(fmt::format("cannot drop column \"{}\" of {}", column, in_quotes(table.name)), names_of(users));
      columns.push_back({.relation = table.oid, .column = column});
      report.kept.push_back(
          fmt::format("column \"{}\" of {} stays: it is used by {}", column, in_quotes(table.name), names_of(users)));
      warehouse::Column const* const has = legacy->relation.find_column(column);
      if (has != nullptr && has->not_null)
        drops += fmt::format("{}ALTER COLUMN {} DROP NOT NULL", drops.empty() ? "" : ", ", quote_pg(column));
    }
    return {};
  });
  if (!done.ok()) return std::move(done).error();
  bool const nothing_kept = std::none_of(columns.begin(), columns.end(), [&](DepartedColumn const& c) {
    return c.relation == table.oid && std::find(ddl.columns.begin(), ddl.columns.end(), c.column) != ddl.columns.end();
  });
  if (nothing_kept && !ddl.takes_dependents) return run_plain(statement);
  if (drops.empty()) return run_plain("SELECT WHERE false");
  return run_plain(fmt::format("ALTER TABLE {} {}", table.name.quoted(), drops));
}

Result<pg::Rows> Guard::State::rename_column(sql::Ddl const& ddl, std::string_view statement, Found const& table) {
  auto const old = std::find_if(columns.begin(), columns.end(), [&](DepartedColumn const& c) {
    return c.relation == table.oid && c.column == ddl.new_name;
  });
  if (old == columns.end()) return run_plain(statement);
  // The column that was to be dropped gives its name up now, and those who use it move to the new one.
  std::string const parked = sql::derive_identifier(old->column, "__weir_old");
  Status done = in_transaction([&]() -> Status {
    std::shared_ptr<Legacy const> legacy;
    WEIR_DO(with_settings([&]() -> Status {
      WEIR_TRY(legacy, read_legacy(session, table.name));
      for (std::string const& why : legacy->obstacles())
        return refused(fmt::format("cannot alter {}", in_quotes(table.name)), why);
      WEIR_DO(session.execute(let_go_text(*legacy) + fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}",
                                                                 table.name.quoted(), quote_pg(old->column),
                                                                 quote_pg(parked))));
      return {};
    }));
    WEIR_DO(run_plain(statement));
    return with_settings([&]() -> Status {
      Hold hold{.moved = report.moved, .notes = report.notes};
      WEIR_DO(take_hold(session, *legacy, hold));
      WEIR_DO(session.execute(fmt::format("ALTER TABLE {} DROP COLUMN {}", table.name.quoted(), quote_pg(parked))));
      Heir const heir{.name = table.name, .kind = table.kind, .leaf = {}, .columns = {ddl.new_name}};
      std::vector<std::string> later;
      WEIR_DO(inherit(session, *legacy, heir, ColumnPolicy::Keep, later, report.notes));
      return run_deferred(session, table.name, later, report.notes);
    });
  });
  if (!done.ok()) return std::move(done).error();
  columns.erase(old);
  return run_plain("SELECT WHERE false");
}

// A shell keeps its indexes: one that is asked for again on every build is there already.
Result<pg::Rows> Guard::State::create_index(sql::Ddl const& ddl, std::string_view statement, Found const& table) {
  std::optional<warehouse::Relation> now, leaf;
  WEIR_DO(with_settings([&]() -> Status {
    WEIR_TRY(now, warehouse::load_relation(session, table.name));
    if (table.kind != 'p') return {};
    WEIR_TRY(auto leaves, warehouse::load_leaves(session, table.name));
    if (leaves.size() != 1) return {};
    WEIR_TRY(leaf, warehouse::load_relation(session, leaves[0].name));
    return {};
  }));
  std::string const wanted = plain_tail(statement.substr(ddl.rest_at));
  for (auto const* relation : {now ? &*now : nullptr, leaf ? &*leaf : nullptr}) {
    if (relation == nullptr || table.kind != 'p') continue;
    for (warehouse::Index const& i : relation->indexes)
      if (i.unique == ddl.unique && plain_tail(i.tail) == wanted) {
        report.notes.push_back(fmt::format("{} has that index already (\"{}\")", in_quotes(table.name), i.name.name));
        return run_plain("SELECT WHERE false");
      }
  }
  if (table.kind != 'p') return run_plain(statement);
  // CONCURRENTLY is not possible on a partitioned table.
  std::string text(statement);
  std::size_t const end = ddl.name_at;
  sql::Ddl shifted = ddl;
  for (sql::Word const& word : sql::words(statement.substr(0, end)))
    if (word.is("concurrently")) {
      text.erase(word.at, word.text.size());
      shifted.name_at -= word.text.size();
      shifted.rest_at -= word.text.size();
      break;
    }
  if (!ddl.unique) return run_plain(text);
  std::optional<pg::Rows> rows;
  Status done = in_transaction([&]() -> Status {
    WEIR_TRY(auto there, on_leaf(shifted, text, table,
                                 Error(ErrorKind::Sql, "a unique index cannot stand on a shell without a leaf")));
    rows.emplace(std::move(there));
    return {};
  });
  if (!done.ok()) return std::move(done).error();
  return std::move(*rows);
}

}  // namespace weir::swap
