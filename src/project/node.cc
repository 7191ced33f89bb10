#include "project/node.h"

namespace weir::project {
namespace {

struct Names {
  NodeKind kind;
  std::string_view one, many;
};
constexpr Names kNames[] = {
    {NodeKind::Model, "model", "models"},
    {NodeKind::Seed, "seed", "seeds"},
    {NodeKind::Snapshot, "snapshot", "snapshots"},
    {NodeKind::Analysis, "analysis", "analyses"},
    {NodeKind::Test, "test", "data_tests"},
    {NodeKind::Operation, "operation", "operations"},
    {NodeKind::Function, "function", "functions"},
    {NodeKind::Source, "source", "sources"},
    {NodeKind::Exposure, "exposure", "exposures"},
    {NodeKind::Metric, "metric", "metrics"},
    {NodeKind::SemanticModel, "semantic_model", "semantic_models"},
    {NodeKind::SavedQuery, "saved_query", "saved_queries"},
    {NodeKind::UnitTest, "unit_test", "unit_tests"},
};

}  // namespace

std::string_view kind_name(NodeKind kind) {
  return kNames[static_cast<std::size_t>(kind)].one;
}
std::string_view plural_name(NodeKind kind) {
  return kNames[static_cast<std::size_t>(kind)].many;
}

std::optional<NodeKind> kind_from_name(std::string_view name) {
  for (auto const& row : kNames)
    if (row.one == name) return row.kind;
  return std::nullopt;
}

}  // namespace weir::project
