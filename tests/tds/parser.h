#pragma once
// T-SQL text to statements: the part of the language that README.md lists. Whatever is outside it ends in error 102
// with the word where parsing stopped, never in silence. Pure.

#include <memory>
#include <string_view>
#include <vector>

#include "tds/ast.h"
#include "tds/sql_error.h"

namespace weir::tds {

Outcome parse_batch(std::string_view text, std::vector<std::unique_ptr<Statement>>& statements);

// "decimal(18,4)", "nvarchar(max)", "sysname". `default_length`: 1 in a declaration, 30 in a CAST.
Outcome parse_type(std::string_view text, SqlType& type);

// "Name nvarchar(100) NOT NULL", as in CREATE TABLE.
Outcome parse_column(std::string_view text, ColumnDefinition& column);

// "@p1 int, @p2 nvarchar(20) = N'x' OUTPUT" of sp_executesql.
struct ParameterDeclaration {
  std::string name;
  SqlType type;
  bool output = false;
};
Outcome parse_parameters(std::string_view text, std::vector<ParameterDeclaration>& parameters);

}  // namespace weir::tds
