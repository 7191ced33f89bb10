#pragma once
// The tree of a T-SQL batch. Parsing makes it; binding (bind.h) fills the members under "bound"; a tree is parsed anew
// for every execution, so that it belongs to one thread and is bound once.

#include <memory>
#include <string>
#include <vector>

#include "tds/value.h"

namespace weir::tds {

struct Query;
struct QueryPlan;

enum class ExprKind {
  Literal,
  Column,
  Variable,
  Negate,
  BitNot,
  Arithmetic,
  Compare,
  And,
  Or,
  Not,
  IsNull,
  In,
  InQuery,
  Between,
  Like,
  Exists,
  Case,
  Cast,
  Function,
  Method,
  Subquery,
  Default,
};

struct Expr {
  ExprKind kind = ExprKind::Literal;
  std::string name;                         // column, variable (lower case), function (lower case), method, operator
  std::vector<std::string> qualifier;       // of a column
  std::vector<std::unique_ptr<Expr>> args;  // Case: [operand], when, then, ..., [else]
  std::unique_ptr<Query> query;
  Value literal;
  int line = 1;
  bool negated = false;  // NOT IN, IS NOT NULL, ...
  bool try_convert = false;
  bool star = false;      // COUNT(*)
  bool distinct = false;  // COUNT(DISTINCT x)
  bool has_operand = false, has_else = false;
  bool typed = false;  // Cast: `type` is the target

  SqlType type;                        // Cast: target; every kind once bound
  Collation const* collate = nullptr;  // expr COLLATE name
  bool nullable = true;                // bound
  int depth = 0, slot = -1;            // bound column: which frame, which slot
  int aggregate = -1;                  // bound: index among the query's aggregates
  int function = -1;                   // bound: index of the built-in function
  std::shared_ptr<QueryPlan> plan;     // bound subquery
};
using ExprPtr = std::unique_ptr<Expr>;

enum class JoinKind { Cross, Inner, Left, CrossApply, OuterApply };

struct TableRef {
  enum class Kind { Named, Derived, Function, Values } kind = Kind::Named;
  std::vector<std::string> name;
  std::string alias;
  std::vector<std::string> column_aliases;
  std::unique_ptr<Query> query;
  std::vector<ExprPtr> args;               // of a function
  std::vector<std::vector<ExprPtr>> rows;  // VALUES
  bool read_uncommitted = false;           // WITH (NOLOCK)
  JoinKind join = JoinKind::Cross;
  ExprPtr on;
  int line = 1;
};

struct SelectItem {
  ExprPtr expr;
  std::string alias;
  bool star = false;
  std::vector<std::string> star_qualifier;
  std::string assign_to;  // SELECT @v = expr
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
};

struct SelectCore {
  bool distinct = false;
  ExprPtr top;
  std::vector<SelectItem> items;
  std::vector<TableRef> from;
  ExprPtr where;
  std::vector<ExprPtr> group_by;
  ExprPtr having;
};

struct Query {
  std::vector<std::unique_ptr<SelectCore>> cores;  // UNION ALL of these
  bool union_distinct = false;                     // UNION
  std::vector<OrderItem> order_by;
  ExprPtr offset, fetch;
};

struct ColumnDefinition {
  std::string name;
  SqlType type;
  bool nullable = true;
  bool identity = false;
  bool primary_key = false;
  ExprPtr default_value;
};

enum class StatementKind {
  Select,
  Insert,
  Update,
  Delete,
  Truncate,
  Declare,
  SetVariable,
  SetOption,
  Begin,
  Commit,
  Rollback,
  Use,
  Print,
  RaiseError,
  Throw,
  Execute,
  If,
  Block,
  CreateTable,
  DropTable,
  AlterAdd,
  AlterDrop,
  AlterColumn,
  AlterDatabase,
  Return,
  WaitFor,
  Nothing,
};

struct Assignment {
  std::string target;  // column or variable
  ExprPtr value;
};

struct ExecuteArgument {
  std::string name;  // @p, or empty
  ExprPtr value;
  bool output = false;
};

struct Statement {
  StatementKind kind = StatementKind::Nothing;
  int line = 1;
  std::unique_ptr<Query> query;  // SELECT; INSERT ... SELECT
  TableRef target;
  std::vector<std::string> columns;        // INSERT list; ALTER TABLE DROP COLUMN
  std::vector<std::vector<ExprPtr>> rows;  // INSERT ... VALUES
  std::vector<Assignment> assignments;     // UPDATE SET, SET @v, DECLARE @v t = e
  std::vector<SqlType> types;              // DECLARE
  std::vector<TableRef> from;              // UPDATE/DELETE ... FROM
  ExprPtr where;
  ExprPtr top;
  std::vector<ColumnDefinition> definitions;  // CREATE TABLE, ALTER TABLE ADD/ALTER COLUMN
  std::string name, value;                    // SET option value; USE; transaction; EXEC procedure
  std::vector<ExprPtr> args;                  // PRINT, RAISERROR, THROW, IF
  std::vector<ExecuteArgument> arguments;     // EXEC
  std::vector<std::unique_ptr<Statement>> body, otherwise;
  bool returns_output = false;
};

}  // namespace weir::tds
