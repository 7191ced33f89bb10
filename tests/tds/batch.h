#pragma once
// Runs the statements of a batch in a session: variables, transactions, SELECT, changes, procedures. Knows the reply it
// writes into, not the connection. Belongs to the session's thread.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tds/parser.h"
#include "tds/plan.h"
#include "tds/reply.h"

namespace weir::tds {

struct Prepared {
  std::string text;
  std::vector<ParameterDeclaration> parameters;
};

struct Cursor {
  std::vector<OutputColumn> columns;
  std::vector<StoredRow> rows;
  std::size_t position = 0;  // rows before the next one
};

struct Argument {
  std::string name;  // @p or empty
  SqlType type;
  Value value;
  bool output = false;
};

class Batch {
 public:
  Batch(Database& database, SessionState& session) : database_(database), session_(session) {}

  // All statements of a text. Errors are in the reply; what comes back is only kCancelled or kConnectionGone.
  Outcome run_text(std::string_view text, Reply& reply);
  // A procedure by name (lower case): its result and output parameters are in the reply.
  Outcome run_procedure(std::string const& name, std::vector<Argument> arguments, Reply& reply);
  // T-SQL in this session without a client: nothing is sent, the first error comes back.
  Outcome run_quietly(std::string_view text);
  // One SELECT in this session, its rows in memory.
  Outcome read_all(std::string_view text, std::vector<OutputColumn>& columns, std::vector<StoredRow>& rows);

  Outcome begin_transaction(Reply* reply);
  Outcome commit(Reply* reply);
  Outcome rollback(Reply* reply);
  bool in_transaction() const { return session_.transaction_count > 0; }
  // A new connection's state: after login and sp_reset_connection.
  void reset();

 private:
  enum class Flow { Next, Return };
  Outcome run_statements(std::vector<std::unique_ptr<Statement>>& statements, Reply* reply, Flow& flow);
  Outcome run_one(Statement& statement, Reply* reply, Flow& flow);
  Outcome select(Statement& statement, Reply* reply);
  Outcome read_statement(Statement& statement, std::vector<OutputColumn>& columns, std::vector<StoredRow>& rows);
  Outcome declare(Statement& statement);
  Outcome set_variable(Assignment& assignment);
  Outcome set_option(Statement& statement);
  Outcome raise_error(Statement& statement, Reply* reply);
  Outcome throw_error(Statement& statement);
  Outcome execute(Statement& statement, Reply* reply);
  Outcome run_call(std::string const& name, std::vector<Argument>& arguments, Reply* reply);
  Outcome run_prepared(Prepared const& prepared, std::vector<Argument>& arguments, std::size_t first, Reply* reply);
  Outcome run_with_parameters(std::string_view text, std::vector<ParameterDeclaration> const& parameters,
                              std::vector<Argument>& arguments, std::size_t first, Reply* reply);
  Outcome cursor_call(std::string const& name, std::vector<Argument>& arguments, Reply* reply);
  Outcome fault_call(std::vector<Argument> const& arguments, Reply* reply);

  // change.cc
  Outcome insert(Statement& statement, Reply* reply);
  Outcome update_or_delete(Statement& statement, Reply* reply);
  Outcome truncate(Statement& statement);
  Outcome create_table(Statement& statement);
  Outcome drop_table(Statement& statement);
  Outcome alter_table(Statement& statement);
  Outcome alter_database(Statement& statement);
  Outcome target_of(Statement const& statement, std::shared_ptr<TableDef const>& def);
  Outcome store(TableDef const& def, std::vector<std::optional<Value>> const& given, RowPtr const& old,
                std::optional<std::uint64_t> id);

  Context context();
  Outcome meet_fault(Statement const& statement, Reply* reply);
  Outcome fix_snapshot(Context& context, std::vector<std::string> const& tables);
  void end_statement(bool good);
  Transaction& transaction();
  Outcome describe_error(Outcome outcome, Reply* reply, bool& abort);

  Database& database_;
  SessionState& session_;
  std::optional<Transaction> transaction_;  // explicit, or the running statement's own
  std::map<int, Prepared> prepared_;
  std::map<int, Cursor> cursors_;
  int next_handle_ = 1;
  std::string text_;  // of the running batch
  int nesting_ = 0;
  std::function<bool()> interrupted_;
};

// Names of the tables that a statement mentions, "schema.name", without binding it.
std::vector<std::string> tables_of(Statement const& statement);

// procedures.cc: a catalog procedure as T-SQL over the catalog views, with its parameters; nothing if there is none.
struct CatalogProcedure {
  char const* name;
  char const* parameters;
  char const* text;
};
CatalogProcedure const* find_catalog_procedure(std::string_view name);

}  // namespace weir::tds
