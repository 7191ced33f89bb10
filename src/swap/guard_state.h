#pragma once
// What a Guard keeps in mind between statements, and its work by kind of statement: guard_drop.cc, guard_alter.cc, and
// guard_heirs.cc for what follows a relation that went. For guard*.cc only; a Guard's session is one thread's.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sql/statement.h"
#include "swap/guard.h"
#include "swap/legacy.h"

namespace weir::swap {

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

// The word behind DROP and ALTER for a relation of this kind (pg_class.relkind).
std::string_view drop_word(char kind);

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

}  // namespace weir::swap
