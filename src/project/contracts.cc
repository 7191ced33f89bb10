// Columns, constraints, and the contract that a model makes of them.
#include <algorithm>

#include <fmt/format.h>

#include "base/digest.h"
#include "project/loading.h"
#include "project/properties.h"

namespace weir::project {
namespace {

std::string constraints_repr(Data const& list, bool has_columns) {
  std::string out = "[";
  for (auto const& one : list.items()) {
    if (out.size() > 1) out += ", ";
    out += fmt::format(
        "{}(type=<ConstraintType.{}: '{}'>, name={}, expression={}, warn_unenforced={}, warn_unsupported={}, to={}, "
        "to_columns={}",
        has_columns ? "ModelLevelConstraint" : "ColumnLevelConstraint", one["type"].str(), one["type"].str(),
        one["name"].repr(), one["expression"].repr(), one["warn_unenforced"].repr(), one["warn_unsupported"].repr(),
        one["to"].repr(), one["to_columns"].repr());
    if (has_columns) out += fmt::format(", columns={}", one["columns"].repr());
    out += ")";
  }
  return out + "]";
}

}  // namespace

Data constraint_data(Data const& said, bool has_columns) {
  Data::Dict pairs{{"type", {}},
                   {"name", {}},
                   {"expression", {}},
                   {"warn_unenforced", true},
                   {"warn_unsupported", true},
                   {"to", {}},
                   {"to_columns", Data::List{}}};
  if (has_columns) pairs.emplace_back("columns", Data::List{});
  for (auto const& [key, value] : said.pairs())
    if (find(static_cast<Data::Dict const&>(pairs), key) != nullptr) set(pairs, key, value);
  return pairs;
}

Status check_constraints(Data const& list, std::string const& what, yaml::Mark const& mark) {
  static constexpr std::string_view kTypes[] = {"check", "not_null", "unique", "primary_key", "foreign_key", "custom"};
  for (auto const& one : list.items()) {
    std::string const type = one["type"].str();
    if (std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes)) continue;
    return yaml::error_at(mark, fmt::format("constraint type \"{}\" of {} does not exist",
                                            one["type"].is_none() ? "" : type, what))
        .next("it is check, not_null, unique, primary_key, foreign_key or custom");
  }
  return {};
}

void sum_contract(Node& node) {
  if (!node.contract.enforced || node.contract.checksum) return;
  std::vector<Column const*> sorted;
  for (auto const& column : node.columns) sorted.push_back(&column);
  std::sort(sorted.begin(), sorted.end(), [](auto const* a, auto const* b) { return a->name < b->name; });
  std::string state;
  for (auto const* column : sorted)
    state += fmt::format("|{}{}{}", column->name, column->data_type.value_or("None"),
                         constraints_repr(column->constraints, false));
  if (is_one_of(node.materialized(), {"table", "incremental"}))
    state += node.materialized() + constraints_repr(node.constraints, true);
  node.contract.checksum = sha256_hex(state);
}

Status take_foreign_keys(Node& node, yaml::Mark const& mark) {
  std::vector<Data> all;
  for (auto const& column : node.columns)
    for (auto const& one : column.constraints.items()) all.push_back(one);
  for (auto const& one : node.constraints.items()) all.push_back(one);
  for (auto const& one : all) {
    if (one["type"].str() != "foreign_key" || !one["to"].truth()) continue;
    WEIR_TRY(auto const reference, parse_reference(one["to"].str(), mark));
    if (reference.ref) {
      node.refs.push_back(*reference.ref);
    } else {
      node.sources.push_back(reference.source);
    }
  }
  return {};
}

std::vector<Column> columns_of(Data const& list) {
  std::vector<Column> columns;
  for (auto const& said : list.items()) {
    Column column;
    column.name = said["name"].str();
    column.description = said["description"].is_none() ? "" : said["description"].str();
    Data::Dict meta = said["meta"].pairs();
    update(meta, said["config"]["meta"].pairs());
    column.meta = Data(std::move(meta));
    if (!said["data_type"].is_none()) column.data_type = said["data_type"].str();
    Data::List constraints;
    for (auto const& one : said["constraints"].items()) constraints.push_back(constraint_data(one, false));
    column.constraints = Data(std::move(constraints));
    if (!said["quote"].is_none()) column.quote = said["quote"].truth();
    column.tags = said["tags"].texts();
    for (auto const& tag : said["config"]["tags"].texts())
      if (std::find(column.tags.begin(), column.tags.end(), tag) == column.tags.end()) column.tags.push_back(tag);
    column.granularity = said["granularity"];
    for (auto const& [key, value] : said.pairs())
      if (!is_one_of(key, {"name", "description", "meta", "data_type", "constraints", "docs", "config", "quote", "tags",
                           "tests", "data_tests", "granularity", "dimension", "entity"}))
        set(column.extra, key, value);
    auto const there =
        std::find_if(columns.begin(), columns.end(), [&](Column const& other) { return other.name == column.name; });
    if (there == columns.end()) {
      columns.push_back(std::move(column));
    } else {
      *there = std::move(column);
    }
  }
  return columns;
}

}  // namespace weir::project
