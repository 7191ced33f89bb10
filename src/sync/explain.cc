#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sync/plan_stream.h"
#include "sync/sync.h"

namespace weir::sync {
namespace {

using Json = nlohmann::ordered_json;

std::string rows_text(std::int64_t rows) {
  return rows < 0 ? "rows not known" : "about " + plural(static_cast<std::uint64_t>(rows), "row");
}

std::string window_text(StreamPlan const& plan) {
  if (plan.read == ReadKind::Full) return "everything (" + plan.why_read + ")";
  return fmt::format("changes: \"{}\" from {} to {}", plan.cursor, plan.cursor_low.value_or("the beginning"),
                     plan.cursor_is_rowversion ? "the oldest open transaction, fixed before the read"
                                               : "the greatest value, fixed before the read");
}

std::string chunks_text(StreamPlan const& plan) {
  if (plan.chunks.size() == 1) return "one read, one transaction";
  return fmt::format("{} along \"{}\", {}", plural(plan.chunks.size(), "chunk"), plan.chunks.front().column,
                     plan.resumable ? "each committed: a failure repeats one chunk" : "in one transaction");
}

std::string stream_text(StreamPlan const& plan) {
  std::string text = fmt::format("{} -> {}\n", plan.stream, plan.target.text());
  text += fmt::format("  mode: {}\n", mode_name(plan.mode));
  text += fmt::format("  reads: {}, {}\n", window_text(plan),
                      rows_text(plan.read == ReadKind::Full ? plan.table.estimated_rows : -1));
  text += fmt::format("  load: {}\n", chunks_text(plan));
  if (!plan.key.empty()) text += fmt::format("  key: {}\n", join(plan.key, ", "));
  for (auto const& warning : plan.warnings) text += fmt::format("  warning: {}\n", warning);
  return text + indent(swap::explain_text(plan.publish), 2) + "\n";
}

Json chunk_json(source::Chunk const& chunk) {
  return {{"number", chunk.number}, {"range", chunk.text()}, {"estimated_rows", chunk.estimated_rows}};
}

Json stream_json(StreamPlan const& plan) {
  Json columns = Json::array();
  for (std::size_t i = 0; i < plan.table.columns.size(); ++i) {
    auto const& column = plan.table.columns[i];
    columns.push_back({{"source", column.name},
                       {"source_type", column.source_type},
                       {"name", plan.target_columns[i]},
                       {"type", column.pg_type},
                       {"nullable", column.nullable},
                       {"loss", column.loss}});
  }
  for (auto const& extra : metadata_columns(plan.options.metadata, {}))
    columns.push_back({{"source", nullptr}, {"name", extra.name}, {"type", extra.pg_type}});
  Json chunks = Json::array();
  for (auto const& chunk : plan.chunks) chunks.push_back(chunk_json(chunk));
  return {{"stream", plan.stream},
          {"target", plan.target.text()},
          {"mode", mode_name(plan.mode)},
          {"reads", plan.read == ReadKind::Full ? "everything" : "window"},
          {"why", plan.why_read},
          {"cursor", plan.cursor},
          {"cursor_low", plan.cursor_low ? Json(*plan.cursor_low) : Json()},
          {"key", plan.key},
          {"estimated_rows", plan.table.estimated_rows},
          {"columns", columns},
          {"chunks", chunks},
          {"resumable", plan.resumable},
          {"publish", swap::explain_json(plan.publish)},
          {"warnings", plan.warnings}};
}

}  // namespace

std::string explain_text(SyncPlan const& plan) {
  std::string text = fmt::format("connection \"{}\": {} from {}\n", plan.connection,
                                 plural(plan.streams.size(), "stream"), plan.source);
  for (auto const& warning : plan.warnings) text += "warning: " + warning + "\n";
  for (auto const& stream : plan.streams) text += "\n" + stream_text(stream);
  for (auto const& refusal : plan.refusals)
    text += fmt::format("\n{}: cannot be loaded\n{}\n", refusal.stream, indent(refusal.error.to_text(), 2));
  return text;
}

nlohmann::ordered_json explain_json(SyncPlan const& plan) {
  Json streams = Json::array(), refusals = Json::array();
  for (auto const& stream : plan.streams) streams.push_back(stream_json(stream));
  for (auto const& refusal : plan.refusals)
    refusals.push_back({{"stream", refusal.stream}, {"error", refusal.error.to_json()}});
  return {{"connection", plan.connection},
          {"source", plan.source},
          {"full_refresh", plan.options.full_refresh},
          {"streams", streams},
          {"refusals", refusals},
          {"warnings", plan.warnings}};
}

}  // namespace weir::sync
