#pragma once
// What a model's config and contract say of columns, constraints and indexes, as SQL.

#include <string>
#include <utility>
#include <vector>

#include "build/run_context.h"
#include "swap/relation.h"

namespace weir::build {

// 'text' with its quotes doubled.
std::string quote_literal(std::string_view text);

// "id integer not null primary key", a column each; `columns` is model.columns. Foreign keys to ref() and source() name
// the relation.
Result<std::vector<std::string>> column_definitions(RunContext& context, project::Data const& columns);
// "constraint positive check (amount >= 0)", one each; `constraints` is model.constraints.
Result<std::vector<std::string>> table_constraints(RunContext& context, project::Data const& constraints);
// Both, as they stand between the parentheses of CREATE TABLE.
Result<std::vector<std::string>> columns_ddl(RunContext& context);

// The contract's columns, as a select list.
std::string columns_list(RunContext const& context);

// {columns, unique, type, name, where, include} of a model's `indexes`. Error: Template.
Result<swap::IndexDefinition> index_from(project::Data const& index);
Result<std::vector<swap::IndexDefinition>> indexes_of(RunContext const& context);

// Names and types of a query's columns; a type is called as dbt calls it (INTEGER, TEXT, DECIMAL ...): so coarse
// are contracts.
Result<std::vector<std::pair<std::string, std::string>>> columns_of_query(RunContext& context, std::string_view sql);
// integer, float8, text ...: the type that a seed's column gets.
std::string sql_type_of(TableData const& data, std::size_t column);

}  // namespace weir::build
