#include <cassert>

#include "base/text.h"
#include "pg/libpq.h"
#include "pg/session.h"

namespace weir::pg {

void Rows::Clear::operator()(pg_result* result) const noexcept {
  PQclear(result);
}

Rows::Rows(pg_result* result) : result_(result) {}

std::size_t Rows::size() const {
  return static_cast<std::size_t>(PQntuples(result_.get()));
}
std::size_t Rows::columns() const {
  return static_cast<std::size_t>(PQnfields(result_.get()));
}
std::string_view Rows::column_name(std::size_t column) const {
  return PQfname(result_.get(), static_cast<int>(column));
}
std::uint32_t Rows::column_type(std::size_t column) const {
  return PQftype(result_.get(), static_cast<int>(column));
}
int Rows::column_modifier(std::size_t column) const {
  return PQfmod(result_.get(), static_cast<int>(column));
}

bool Rows::is_null(std::size_t row, std::size_t column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::string_view Rows::text(std::size_t row, std::size_t column) const {
  assert(row < size() && column < columns());
  int const r = static_cast<int>(row);
  int const c = static_cast<int>(column);
  return {PQgetvalue(result_.get(), r, c), static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

std::string_view Rows::text(std::size_t row, std::string_view column) const {
  for (std::size_t i = 0; i < columns(); ++i)
    if (column_name(i) == column) return text(row, i);
  assert(false && "the statement has no column of that name");
  return {};
}

std::optional<std::string> Rows::optional_text(std::size_t row, std::size_t column) const {
  if (is_null(row, column)) return std::nullopt;
  return std::string(text(row, column));
}

std::int64_t Rows::integer(std::size_t row, std::size_t column) const {
  return parse_int(text(row, column)).value_or(0);
}
bool Rows::boolean(std::size_t row, std::size_t column) const {
  return text(row, column) == "t";
}

std::uint64_t Rows::affected() const {
  return static_cast<std::uint64_t>(parse_int(PQcmdTuples(result_.get())).value_or(0));
}

std::string_view Rows::command() const {
  return PQcmdStatus(result_.get());
}

// {a,"b \"c\"",NULL}: an element is quoted where it holds a comma, brace, quote, backslash, blank, or says NULL
// (docs, 8.15.6).
std::vector<std::string> Rows::array(std::size_t row, std::size_t column) const {
  std::string_view const all = text(row, column);
  std::vector<std::string> elements;
  if (all.size() <= 2) return elements;
  std::size_t at = 1;
  while (at < all.size()) {
    std::string element;
    bool quoted = all[at] == '"';
    if (quoted) ++at;
    for (; at < all.size(); ++at) {
      if (quoted && all[at] == '"') break;
      if (!quoted && (all[at] == ',' || all[at] == '}')) break;
      if (all[at] == '\\') ++at;
      element += all[at];
    }
    if (quoted) ++at;
    elements.push_back(!quoted && element == "NULL" ? std::string() : std::move(element));
    ++at;  // the comma or the closing brace
  }
  return elements;
}

}  // namespace weir::pg
