#pragma once
// Ephemeral models have no relation: their SQL is put into the statement that refers to them, as a CTE before the
// statement's own. Pure.

#include <span>
#include <string>
#include <string_view>

namespace weir::build {

struct InjectedCte {
  std::string id;   // unique id of the ephemeral node
  std::string sql;  // " __dbt__cte__name as (\n...\n)"
};

// "__dbt__cte__" + identifier.
std::string cte_name(std::string_view identifier);

// `sql` with the CTEs in front: before its own WITH list (behind RECURSIVE), or in a WITH of their own. White space and
// comments stay where they are, as dbt leaves them.
std::string inject_ctes(std::string_view sql, std::span<InjectedCte const> ctes);

// Where the token behind white space and comments begins: comments count as tokens where `comments` is kept.
std::size_t skip_space(std::string_view sql, std::size_t at);
std::size_t skip_space_and_comments(std::string_view sql, std::size_t at);

// True if there is nothing but white space, comments and semicolons.
bool is_blank_sql(std::string_view sql);
// Without white space, comments and semicolons at the end: what can stand within other SQL.
std::string strip_semicolon(std::string_view sql);

}  // namespace weir::build
