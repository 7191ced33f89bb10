#pragma once
// A query after binding: where its rows come from and what its columns are. Made by bind.cc, run by run.cc; belongs to
// the session that made it.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "tds/ast.h"
#include "tds/database.h"

namespace weir::tds {

// What a session keeps between statements, as far as expressions can see it.
struct SessionState {
  int spid = 51;
  std::string login = "sa", app, host, language = "us_english";
  std::map<std::string, Value> variables;  // by lower-case name with @
  std::map<std::string, SqlType> variable_types;
  std::int64_t row_count = 0;
  int last_error = 0;
  int transaction_count = 0;
  Isolation isolation = Isolation::ReadCommitted;
  std::int64_t identity = 0;
  bool has_identity = false;
  int text_size = 2147483647;
  int lock_timeout_ms = -1;
  std::uint64_t row_limit = 0;  // SET ROWCOUNT
  bool no_count = false;
  bool format_only = false;     // SET FMTONLY ON
  std::string identity_insert;  // table
};

// Everything that evaluating needs.
struct Context {
  Database& database;
  SessionState& session;
  Snapshot snapshot;
  std::function<bool()> const* interrupted = nullptr;  // asked now and then while rows are made
};

// The row under evaluation: one pointer a slot. `outer` is the row of the query around this one.
struct Frame {
  Value const* const* slots = nullptr;
  Frame const* outer = nullptr;
  std::vector<Value> const* aggregates = nullptr;
};

struct SourceColumn {
  std::string name;
  SqlType type;
  bool nullable = true;
  bool identity = false, computed = false, hidden = false, fixed = false;  // fixed: may travel as a type without NULL
};

// `column op value`, to narrow a scan; `value` is already of the column's kind.
struct Bound {
  std::size_t column = 0;
  enum class Op { Equal, Less, LessEqual, Greater, GreaterEqual } op = Op::Equal;
  Value value;
};

using Step = std::function<Outcome(bool& more)>;

// Something in a FROM clause.
class RowSource {
 public:
  virtual ~RowSource() = default;
  std::vector<SourceColumn> columns;
  // Points `cells` (one a column; those not needed may stay) at each row in turn and calls `step`.
  virtual Outcome scan(Context& context, Frame const* outer, Value const** cells, Step const& step) = 0;
  // Depends on the row before it in the FROM clause (APPLY).
  virtual bool correlated() const { return false; }
  // Which columns will be read; called once before the first scan.
  virtual void need(std::vector<bool> const& needed) { (void)needed; }
  // Gives a bound to the source; true if every row it then gives satisfies it.
  virtual bool narrow(Context& context, Bound const& bound) { return (void)context, (void)bound, false; }
  virtual void widen() {}  // forgets all bounds
  // If true, rows come in ascending order of this unique column from now on.
  virtual bool ordered_by(Context& context, std::size_t column) { return (void)context, (void)column, false; }
  // The base rows' values of this column grow with the row number, so that its least and greatest stand at the ends.
  virtual bool monotone(Context& context, std::size_t column) { return (void)context, (void)column, false; }
  // The rows that a scan would give, if that is known without one.
  virtual std::optional<std::uint64_t> known_count(Context& context) { return (void)context, std::nullopt; }
  // Only rows that can hold the least or greatest value of a monotone column, until widen().
  virtual void ends_only() {}
};

struct OutputColumn {
  std::string name;
  SqlType type;
  bool nullable = true;
  bool identity = false, computed = false, hidden = false, fixed = false;
};

struct SourceSlot {
  std::unique_ptr<RowSource> source;
  std::string alias, schema, table;
  std::size_t first = 0;
  JoinKind join = JoinKind::Cross;
  std::vector<Expr*> on;                      // conjuncts
  std::vector<Expr*> where;                   // conjuncts that can be decided once this source has its row
  std::vector<std::pair<Expr*, Expr*>> hash;  // left side (earlier sources) = right side (this one)
};

struct OrderKey {
  int output = -1;  // or an expression
  Expr* expr = nullptr;
  bool descending = false;
};

struct SelectPlan {
  SelectCore* core = nullptr;
  std::vector<SourceSlot> sources;
  std::size_t slots = 0;
  std::vector<bool> used;
  std::vector<Expr*> constant_where;  // conjuncts that need no source
  std::vector<Expr*> outputs;
  std::vector<ExprPtr> made;  // expressions that * stood for
  std::vector<std::string> assign_to;
  std::vector<Expr*> aggregates;
  bool grouped = false;
  bool ends_only = false;  // MIN/MAX: the rows at the ends of the first source will do
};

struct QueryPlan {
  std::vector<SelectPlan> selects;
  std::vector<OutputColumn> columns;
  std::vector<OrderKey> order;
  Query* query = nullptr;
  bool correlated = false;          // refers to a row around it
  std::vector<std::string> tables;  // every table read, "schema.name", views resolved
  // IN (SELECT ...) that is not correlated: its values, found once.
  std::shared_ptr<std::unordered_set<std::string>> members;
  bool members_have_null = false;
  std::shared_ptr<Value> once;  // a scalar subquery's value
};

using RowSink = std::function<Outcome(Value const* const* row, bool& more)>;

// bind.cc. The query's tree must outlive the plan.
struct Scope;
Outcome bind_query(Context& context, Query& query, Scope* outer, std::shared_ptr<QueryPlan>& plan);
// An expression without a FROM clause around it: SET @v = ..., EXEC arguments, IF.
Outcome bind_expression(Context& context, Expr& expr);
// The sources of UPDATE/DELETE: the target is source 0 of the plan.
Outcome bind_change(Context& context, Statement& statement, std::shared_ptr<TableDef const> const& table,
                    SelectPlan& plan, std::vector<Expr*> const& expressions, std::vector<std::string>& tables);
// run.cc
Outcome run_query(Context& context, QueryPlan& plan, Frame const* outer, RowSink const& sink);
Outcome run_sources(Context& context, SelectPlan& plan, Frame const* outer,
                    std::function<Outcome(Frame const&, bool& more)> const& row);
// evaluate.cc
Outcome evaluate(Context& context, Expr const& expr, Frame const& frame, Value& out);
// The value without a copy where it exists already; else it is put into `scratch`.
Outcome evaluate_ref(Context& context, Expr const& expr, Frame const& frame, Value& scratch, Value const*& out);
enum class Truth { False, True, Unknown };
Outcome evaluate_truth(Context& context, Expr const& expr, Frame const& frame, Truth& out);
Outcome arithmetic(std::string_view op, Value const& a, Value const& b, SqlType const& type, Value& out);
SqlType arithmetic_type(std::string_view op, SqlType const& a, SqlType const& b);

// sources.cc
Outcome open_table(Context& context, TableRef const& ref, std::string& schema, std::string& name,
                   std::unique_ptr<RowSource>& source, std::shared_ptr<TableDef const>& def);
std::unique_ptr<RowSource> table_source(Context& context, std::shared_ptr<TableDef const> def, bool dirty);
// In a scan of a table: the id of the row that `cells` point at now, and all of its slots as stored.
std::uint64_t current_row(RowSource const& source);
std::unique_ptr<RowSource> query_source(std::shared_ptr<QueryPlan> plan, std::shared_ptr<Query> query);
std::unique_ptr<RowSource> rows_source(std::vector<SourceColumn> columns, std::shared_ptr<std::vector<StoredRow>> rows);
std::unique_ptr<RowSource> values_source(std::vector<std::vector<ExprPtr>>& rows,
                                         std::vector<std::string> const& names);
// table_functions.cc. Args are bound already. Null if there is no such function.
Outcome open_table_function(Context& context, TableRef& ref, std::unique_ptr<RowSource>& source);

// functions.cc
int find_function(std::string_view name);
bool is_aggregate(std::string_view name);
Outcome function_type(Context& context, int function, Expr const& call, SqlType& type);
Outcome call_function(Context& context, int function, Expr const& call, std::vector<Value>& args, Value& out);

// catalog.cc: sys.* and INFORMATION_SCHEMA.*; null if there is no such view.
std::unique_ptr<RowSource> open_catalog_view(Context& context, std::string_view schema, std::string_view name);

}  // namespace weir::tds
