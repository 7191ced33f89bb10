#include "swap/guard.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "sql/statement.h"
#include "swap/legacy.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

struct Found {
  std::uint32_t oid = 0;
  sql::QualifiedName name;
  char kind = 'r';
  bool temporary = false;
};

// A relation whose name was given up while things hung on it.
struct Departed {
  sql::QualifiedName name;
  std::uint32_t oid = 0;
  std::shared_ptr<Legacy const> legacy;
  bool drop_asked = false;                                            // stays only for those who depend on it
  std::vector<std::pair<std::string, std::string>> generations = {};  // of a shell: id and state, while it had its name
};

// A column that was to be dropped and that others use: it goes when another one takes its name.
struct DepartedColumn {
  std::uint32_t relation = 0;
  std::string column;
};

std::string_view drop_word(char kind) {
  return kind == 'v' ? "VIEW" : kind == 'm' ? "MATERIALIZED VIEW" : kind == 'f' ? "FOREIGN TABLE" : "TABLE";
}

std::string names_of(std::vector<Holder> const& holders) {
  std::string text;
  for (Holder const& h : holders) text += fmt::format("{}{} (owner {})", text.empty() ? "" : ", ", h.object, h.owner);
  return text;
}

// "(a, b)" and "USING btree (a, b)" are the same index.
std::string plain_tail(std::string_view tail) {
  std::string text;
  for (sql::Word const& word : sql::words(tail)) text += word.is_name() ? word.value() + " " : std::string(word.text);
  if (!text.starts_with("using ")) text = "using btree " + text;
  return text;
}

}  // namespace

struct Guard::State {
  pg::Session& session;
  GuardOptions options;
  GuardReport report;
  std::vector<Departed> departed;
  std::vector<DepartedColumn> columns;
  std::vector<std::pair<std::uint32_t, std::vector<std::string>>> deferred;  // of a new relation, by OID

  // `work` in the open transaction, or in one of its own.
  template <typename Work>
  Status in_transaction(Work work) {
    if (session.transaction_state() == pg::TransactionState::InTransaction) return work();
    WEIR_TRY(auto transaction, pg::Transaction::begin(session));
    WEIR_DO(work());
    return std::move(transaction).commit();
  }
  template <typename Work>
  Status with_settings(Work work) {
    return in_transaction([&]() -> Status {
      WEIR_TRY(auto settings, CatalogSettings::enter(session));
      WEIR_DO(work());
      return settings.leave();
    });
  }

  Result<std::optional<Found>> find(std::string const& name);
  Result<std::optional<sql::QualifiedName>> name_now(std::uint32_t oid);
  Result<pg::Rows> run(std::string_view statement);
  Result<pg::Rows> run_plain(std::string_view statement) { return session.execute(statement); }

  Result<pg::Rows> drop(sql::Ddl const& ddl, std::string_view statement);
  Status drop_one(Found const& relation, std::vector<Found> const& together);
  Status park(Found const& relation, std::shared_ptr<Legacy const> legacy);
  Result<std::vector<std::pair<std::string, std::string>>> leave_name(Found const& relation);
  Status come_back(Departed const& old, sql::QualifiedName const& now);
  Result<pg::Rows> alter(sql::Ddl const& ddl, std::string_view statement);
  Result<pg::Rows> drop_columns(sql::Ddl const& ddl, std::string_view statement, Found const& table);
  Result<pg::Rows> rename_column(sql::Ddl const& ddl, std::string_view statement, Found const& table);
  Result<pg::Rows> create_index(sql::Ddl const& ddl, std::string_view statement, Found const& table);
  Result<pg::Rows> on_leaf(sql::Ddl const& ddl, std::string_view statement, Found const& shell, Error error);
  Result<pg::Rows> drop_schema(sql::Ddl const& ddl, std::string_view statement);
  Result<pg::Rows> truncate(sql::Ddl const& ddl, std::string_view statement);
  Result<pg::Rows> opaque(std::string_view statement);
  Status report_taken(sql::Ddl const& ddl);

  Status successions();
  Status succeed(Departed const& old, Found const& heir);
  Result<bool> refill(Departed const& old, Found const& heir);
  Status keep_columns(Legacy const& legacy, Found const& heir, std::vector<std::string>& names);
  Error refused(std::string what, std::string cause) const;
};

Error Guard::State::refused(std::string what, std::string cause) const {
  return Error(ErrorKind::Refused, std::move(what))
      .cause(std::move(cause))
      .state("nothing was changed once this transaction is rolled back")
      .next("drop or change what depends on it first, or let this project take it along");
}

Result<std::optional<Found>> Guard::State::find(std::string const& name) {
  WEIR_TRY(auto rows,
           session.query(
               "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence = 't' FROM pg_catalog.pg_class c JOIN "
               "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)",
               {name}));
  if (rows.size() == 0) return std::optional<Found>();
  return std::optional<Found>(Found{.oid = static_cast<std::uint32_t>(rows.integer(0, 0)),
                                    .name = {std::string(rows.text(0, 1)), std::string(rows.text(0, 2))},
                                    .kind = rows.text(0, 3)[0],
                                    .temporary = rows.boolean(0, 4)});
}

Result<std::optional<sql::QualifiedName>> Guard::State::name_now(std::uint32_t oid) {
  WEIR_TRY(
      auto rows,
      session.query("SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
                    "c.relnamespace WHERE c.oid = $1",
                    {std::to_string(oid)}));
  if (rows.size() == 0) return std::optional<sql::QualifiedName>();
  return std::optional<sql::QualifiedName>(
      sql::QualifiedName{std::string(rows.text(0, 0)), std::string(rows.text(0, 1))});
}

// DROP
// ---------------------------------------------------------------------------------------------------------------------

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

// ALTER
// --------------------------------------------------------------------------------------------------------------------

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

// A new relation has taken a name that was given up
// ----------------------------------------------------------------------------

Status Guard::State::successions() {
  for (std::size_t i = 0; i < departed.size();) {
    Departed const old = departed[i];
    WEIR_TRY(auto now, name_now(old.oid));
    if (now && *now == old.name) {  // it has its name again, or a rollback gave it back
      departed.erase(departed.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    WEIR_TRY(auto heir, find(old.name.quoted()));
    if (!heir) {
      ++i;
      continue;
    }
    WEIR_DO(in_transaction([&] { return succeed(old, *heir); }));
    departed.erase(departed.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

Status Guard::State::keep_columns(Legacy const& legacy, Found const& heir, std::vector<std::string>& names) {
  std::string ddl;
  for (std::string const& column : legacy.used_columns()) {
    if (std::find(names.begin(), names.end(), column) != names.end()) continue;
    warehouse::Column const* const was = legacy.relation.find_column(column);
    if (was == nullptr) continue;
    std::vector<Holder> users;
    for (Holder const& h : legacy.holders)
      if (std::find(h.uses.begin(), h.uses.end(), column) != h.uses.end()) users.push_back(h);
    if (options.dropped == ColumnPolicy::Hold || (heir.kind != 'r' && heir.kind != 'p'))
      return refused(fmt::format("cannot replace {}: the new one has no column \"{}\"", in_quotes(legacy.name), column),
                     names_of(users));
    ddl += fmt::format("{}ADD COLUMN {} {}", ddl.empty() ? "" : ", ", quote_pg(column), was->type);
    names.push_back(column);
    report.notes.push_back(fmt::format("column \"{}\" stays in {}, holding NULL: it is used by {}", column,
                                       in_quotes(legacy.name), names_of(users)));
  }
  if (ddl.empty()) return {};
  WEIR_DO(session.execute(fmt::format("ALTER TABLE {} {}", heir.name.quoted(), ddl)));
  return {};
}

// Where others' objects cannot be pointed at the new table: the old one comes back and takes the new one's rows. False
// where the two are not alike, and where the old one is not to go.
Result<bool> Guard::State::refill(Departed const& old, Found const& heir) {
  warehouse::Relation const& before = old.legacy->relation;
  WEIR_TRY(auto const now, name_now(old.oid));
  bool const tables = heir.kind == 'r' && (before.kind == 'r' || before.kind == 'p');
  if (!now || !old.drop_asked || !tables || before.force_row_security) return false;
  WEIR_TRY(auto const after, warehouse::load_relation(session, heir.name));
  if (!after->indexes.empty() || !after->constraints.empty() || after->columns.size() != before.columns.size())
    return false;
  std::string names;
  for (warehouse::Column const& c : after->columns) {
    warehouse::Column const* const was = before.find_column(c.name);
    if (was == nullptr || was->type != c.type || was->generated || !was->identity.empty()) return false;
    names += (names.empty() ? "" : ", ") + quote_pg(c.name);
  }
  WEIR_DO(session.execute(fmt::format("DELETE FROM {0}; INSERT INTO {0} ({1}) SELECT {1} FROM {2}; DROP TABLE {2}",
                                      now->quoted(), names, heir.name.quoted())));
  WEIR_DO(come_back(old, *now));
  report.notes.push_back(fmt::format("{} took the new rows in place: it is used by {}", in_quotes(old.name),
                                     names_of(old.legacy->holders)));
  return true;
}

Status Guard::State::succeed(Departed const& old, Found const& heir) {
  return with_settings([&]() -> Status {
    Legacy const& legacy = *old.legacy;
    if (auto const obstacles = legacy.obstacles(); !obstacles.empty()) {
      WEIR_TRY(bool const refilled, refill(old, heir));
      if (refilled) return {};
      return refused(fmt::format("cannot replace {}", in_quotes(legacy.name)), obstacles[0]);
    }
    WEIR_TRY(auto relation, warehouse::load_relation(session, heir.name));
    std::vector<std::string> names;
    for (warehouse::Column const& c : relation->columns) names.push_back(c.name);
    WEIR_DO(keep_columns(legacy, heir, names));
    Heir to{.name = heir.name, .kind = heir.kind, .leaf = {}, .columns = names};
    if (heir.kind == 'p') {
      WEIR_TRY(auto leaves, warehouse::load_leaves(session, heir.name));
      if (leaves.size() == 1) to.leaf = leaves[0].name;
    }
    std::string const stubs = let_go_text(legacy);
    if (!stubs.empty()) {
      WEIR_DO(session.execute(stubs));
    }
    Hold hold{.moved = report.moved, .notes = report.notes};
    WEIR_DO(take_hold(session, legacy, hold));
    // The names of its indexes are wanted for the new ones.
    WEIR_TRY(auto now, name_now(old.oid));
    if (now) {
      int number = 0;
      WEIR_TRY(auto before, warehouse::load_relation(session, *now));
      for (warehouse::Index const& i : before->indexes) {
        WEIR_DO(session.execute(fmt::format("ALTER INDEX {} RENAME TO {}", i.name.quoted(),
                                            quote_pg(fmt::format("parked_{}_{}", old.oid, ++number)))));
      }
    }
    std::vector<std::string> later;
    WEIR_DO(inherit(session, legacy, to, ColumnPolicy::Keep, later, report.notes));
    WEIR_TRY(int const facts, verify_succession(session, legacy, to, hold));
    static_cast<void>(facts);
    if (!later.empty()) deferred.emplace_back(heir.oid, std::move(later));
    if (!old.drop_asked || !now) return {};
    WEIR_DO(session.execute(fmt::format("DROP {} {}", drop_word(legacy.relation.kind), now->quoted())));
    return {};
  });
}

Result<pg::Rows> Guard::State::run(std::string_view statement) {
  sql::Ddl const ddl = sql::read_ddl(statement);
  switch (ddl.kind) {
    case sql::DdlKind::Drop:
      return drop(ddl, statement);
    case sql::DdlKind::DropSchema:
      return drop_schema(ddl, statement);
    case sql::DdlKind::Truncate:
      return truncate(ddl, statement);
    case sql::DdlKind::Rename:
    case sql::DdlKind::MoveSchema:
    case sql::DdlKind::DropColumn:
    case sql::DdlKind::RenameColumn:
    case sql::DdlKind::AlterTable:
      return alter(ddl, statement);
    case sql::DdlKind::CreateIndex: {
      WEIR_TRY(auto table, find(ddl.names[0].text()));
      if (table && !table->temporary) return create_index(ddl, statement, *table);
      return run_plain(statement);
    }
    case sql::DdlKind::Opaque:
      return opaque(statement);
    case sql::DdlKind::Create:
    case sql::DdlKind::Transaction:
    case sql::DdlKind::None:
      break;
  }
  return run_plain(statement);
}

Guard::Guard(pg::Session& session, GuardOptions options)
    : state_(new State{
          .session = session, .options = options, .report = {}, .departed = {}, .columns = {}, .deferred = {}}) {}
Guard::Guard(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<pg::Rows> Guard::execute(std::string_view text) {
  State& s = *state_;
  std::vector<std::string_view> const statements = sql::split_statements(text);
  bool const guarded =
      !s.departed.empty() || std::any_of(statements.begin(), statements.end(), [](std::string_view one) {
        sql::DdlKind const kind = sql::read_ddl(one).kind;
        return kind != sql::DdlKind::None && kind != sql::DdlKind::Transaction && kind != sql::DdlKind::Create;
      });
  if (!guarded) return s.session.execute(text);
  bool const ends_itself = std::any_of(statements.begin(), statements.end(), [](std::string_view one) {
    return sql::read_ddl(one).kind == sql::DdlKind::Transaction;
  });
  // Several statements in one text are one transaction, as the server takes them.
  bool const own = statements.size() > 1 && !ends_itself && s.session.transaction_state() == pg::TransactionState::Idle;
  std::optional<pg::Transaction> transaction;
  if (own) {
    WEIR_TRY(auto begun, pg::Transaction::begin(s.session));
    transaction.emplace(std::move(begun));
  }
  std::optional<pg::Rows> last;
  for (std::string_view const statement : statements) {
    WEIR_TRY(auto rows, s.run(statement));
    last.emplace(std::move(rows));
    sql::DdlKind const kind = sql::read_ddl(statement).kind;
    bool const may_create = kind != sql::DdlKind::Drop && kind != sql::DdlKind::Transaction;
    if (may_create && !s.departed.empty()) {
      WEIR_DO(s.successions());
    }
  }
  if (transaction) {
    WEIR_DO(std::move(*transaction).commit());
  }
  if (!last) return s.session.execute(text);
  return std::move(*last);
}

Status Guard::drop(sql::QualifiedName const& relation) {
  State& s = *state_;
  WEIR_TRY(auto found, s.find(relation.quoted()));
  if (!found) return {};
  if (found->temporary) {
    WEIR_DO(s.session.execute(fmt::format("DROP {} {}", drop_word(found->kind), relation.quoted())));
    return {};
  }
  return s.in_transaction([&] { return s.drop_one(*found, {}); });
}

Status Guard::rename(sql::QualifiedName const& from, sql::QualifiedName const& to) {
  State& s = *state_;
  WEIR_TRY(auto found, s.find(from.quoted()));
  if (!found) return {};
  std::string const word(drop_word(found->kind));
  if (from.schema != to.schema) {
    WEIR_DO(execute(fmt::format("ALTER {} {} SET SCHEMA {}", word, from.quoted(), quote_pg(to.schema))));
  }
  if (from.name != to.name) {
    WEIR_DO(execute(fmt::format("ALTER {} {} RENAME TO {}", word, sql::QualifiedName{to.schema, from.name}.quoted(),
                                quote_pg(to.name))));
  }
  return {};
}

Status Guard::truncate(sql::QualifiedName const& relation) {
  WEIR_DO(execute("TRUNCATE TABLE " + relation.quoted()));
  return {};
}

Status Guard::drop_schema(std::string const& schema) {
  sql::Ddl ddl;
  ddl.kind = sql::DdlKind::DropSchema;
  ddl.names.push_back({{schema}});
  // The relations in it go one by one, those that others hold on to last: the schema must be empty then.
  WEIR_DO(state_->drop_schema(ddl, "SELECT WHERE false"));
  return state_->in_transaction([&]() -> Status {
    WEIR_TRY(auto inside,
             state_->session.query(
                 "SELECT c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
                 "c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT "
                 "c.relispartition ORDER BY c.oid DESC",
                 {schema}));
    std::vector<std::pair<std::string, char>> left;
    for (std::size_t i = 0; i < inside.size(); ++i) left.emplace_back(inside.text(i, 0), inside.text(i, 1)[0]);
    while (!left.empty()) {
      std::size_t const count = left.size();
      std::optional<Error> last;
      std::erase_if(left, [&](auto const& one) {
        auto done =
            state_->session.execute(fmt::format("SAVEPOINT weir_schema; DROP {} {}; RELEASE SAVEPOINT weir_schema",
                                                drop_word(one.second), sql::QualifiedName{schema, one.first}.quoted()));
        if (done.ok()) return true;
        last.emplace(std::move(done).error());
        static_cast<void>(state_->session.execute("ROLLBACK TO SAVEPOINT weir_schema").ok());
        return false;
      });
      if (left.size() == count) return std::move(*last);
    }
    WEIR_DO(state_->session.execute(fmt::format("DROP SCHEMA IF EXISTS {}", quote_pg(schema))));
    return {};
  });
}

Status Guard::finish() {
  State& s = *state_;
  if (!s.departed.empty()) {
    WEIR_DO(s.successions());
  }
  for (Departed const& old : s.departed) {
    if (!old.drop_asked) continue;  // renamed away: as asked
    WEIR_TRY(auto now, s.name_now(old.oid));
    if (!now) continue;  // dropped, since nobody depended on it
    WEIR_DO(s.in_transaction([&] { return s.come_back(old, *now); }));
    s.report.kept.push_back(
        fmt::format("{} was not dropped: it is used by {}", in_quotes(old.name), names_of(old.legacy->holders)));
  }
  s.departed.clear();
  for (auto const& [oid, statements] : s.deferred) {
    WEIR_TRY(auto now, s.name_now(oid));
    if (!now) continue;
    sql::QualifiedName const name = *now;
    WEIR_DO(s.with_settings(
        [&, &list = statements]() -> Status { return run_deferred(s.session, name, list, s.report.notes); }));
  }
  s.deferred.clear();
  s.columns.clear();
  return {};
}

GuardReport Guard::take_report() {
  return std::exchange(state_->report, {});
}

}  // namespace weir::swap
