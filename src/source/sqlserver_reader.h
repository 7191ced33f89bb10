#pragma once
// Rows of one SELECT from SQL Server as COPY BINARY rows. Values are bound into one row buffer and encoded from there
// straight into the batch; nothing is allocated per value. Columns without a bound (max types) come last in the select
// list and are read in pieces.
//
// A result counts as whole only when the driver has ended it without any error record and the server's own row count,
// which follows as a second result, equals the rows received: FreeTDS ends some cut results like whole ones.
//
// Two ways of binding. Raw (FreeTDS): the driver's internal forms (SQL_C_BINARY), which are exact and fast. Typed
// (others): C types where they are exact, text made by the server where drivers differ (time, datetimeoffset,
// uniqueidentifier).

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "odbc/session.h"
#include "source/source.h"
#include "source/sqlserver_sql.h"

namespace weir::source {

enum class Binding { Raw, Typed };

// The select list for these columns: which expression stands where, and whether it is bound.
struct SelectList {
  struct Item {
    std::size_t column = 0;  // index into the columns
    std::string expression;
    bool is_long = false;
  };
  std::vector<Item> items;  // in the order of the select list: long ones last
  std::vector<std::string> expressions() const;
};
SelectList select_list(std::vector<Column> const& columns, Binding binding);

// Executes the statement (whose select list is select_list()'s) and gives its reader. `session` outlives it.
// `request.table` names the columns; `request.chunk` and `request.window` are in the statement already.
Result<std::unique_ptr<RowReader>> read_rows(odbc::Session& session, ReadRequest const& request, SelectList const& list,
                                             Binding binding, SqlStatement const& statement);

}  // namespace weir::source
