#include "warehouse/query.h"

#include "base/embedded.h"
#include "base/text.h"
#include "sql/name.h"

namespace weir::warehouse {

std::string catalog_query(std::string_view name,
                          std::initializer_list<std::pair<std::string_view, std::string_view>> parameters) {
  std::string text(embedded_file("queries/" + std::string(name) + ".sql"));
  for (auto const& [parameter, value] : parameters)
    text = replace_all(std::move(text), ":'" + std::string(parameter) + "'", sql::literal_pg(value));
  return text;
}

}  // namespace weir::warehouse
