#include "swap/guard.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "swap/guard_state.h"

namespace weir::swap {

using sql::quote_pg;

std::string_view drop_word(char kind) {
  return kind == 'v' ? "VIEW" : kind == 'm' ? "MATERIALIZED VIEW" : kind == 'f' ? "FOREIGN TABLE" : "TABLE";
}

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
