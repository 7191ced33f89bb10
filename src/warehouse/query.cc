#include "warehouse/query.h"

#include <vector>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "sql/name.h"

namespace weir::warehouse {
namespace {

std::string file_of(std::string_view name) {
  return std::string(embedded_file("queries/" + std::string(name) + ".sql"));
}

std::string placeholder(std::string_view parameter) {
  return ":'" + std::string(parameter) + "'";
}

}  // namespace

std::string catalog_query(std::string_view name, CatalogParameters parameters) {
  std::string text = file_of(name);
  for (auto const& [parameter, value] : parameters)
    text = replace_all(std::move(text), placeholder(parameter), sql::literal_pg(value));
  return text;
}

Result<pg::Rows> catalog_rows(pg::Session& session, std::string_view name, CatalogParameters parameters,
                              std::string_view first) {
  std::string const prepared = fmt::format("weir_{}", name);
  std::string text = session.has_prepared(prepared) ? "" : file_of(name);
  std::vector<pg::Parameter> values;
  for (auto const& [parameter, value] : parameters) {
    values.emplace_back(value);
    text = replace_all(std::move(text), placeholder(parameter), "$" + std::to_string(values.size()));
  }
  return session.query_prepared(prepared, text, values, first);
}

}  // namespace weir::warehouse
