#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time_text.h"
#include "sync/sync.h"

namespace weir::sync {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(Duration time) {
  return static_cast<double>(time.count()) / 1000;
}

Json number_or_null(std::int64_t number) {
  return number < 0 ? Json() : Json(number);
}
Json text_or_null(std::optional<std::string> const& text) {
  return text ? Json(*text) : Json();
}

// One thing that happened to a column's values: how often, how it was treated, and by which key of the configuration.
struct Loss {
  std::string_view name, one;
  std::string treated;
  std::string_view key, policy;
  std::uint64_t count = 0;
};

std::array<Loss, 5> losses_of(source::ColumnLoss const& loss, source::TypePolicies const& policies) {
  auto text = [](std::string_view name, std::string_view one, std::string_view where, std::string_view key,
                 source::BadText policy, std::uint64_t count) {
    bool const strips = policy == source::BadText::Strip;  // with `fail` none is ever counted
    return Loss{
        name, one, fmt::format("{}{}", where, strips ? "taken out" : "replaced"), key, strips ? "strip" : "replace",
        count};
  };
  return {text("nul_characters", "NUL character", "", "text.nul", policies.nul, loss.nul_characters),
          text("surrogates", "lone surrogate", "", "text.surrogate", policies.surrogate, loss.surrogates),
          text("code_page_bytes", "byte", "outside the code page ", "text.code_page", policies.code_page,
               loss.code_page_bytes),
          Loss{"truncated_times", "time value", "cut to microseconds", "time.truncated", "cut", loss.truncated_times},
          Loss{"dropped_offsets", "offset", "dropped, the instant kept", "time.keep_offset", "false",
               loss.dropped_offsets}};
}

Json loss_json(source::ColumnLoss const& loss, source::TypePolicies const& policies) {
  Json json = Json::object(), by = Json::object();
  for (Loss const& one : losses_of(loss, policies)) {
    json[std::string(one.name)] = one.count;
    if (one.count > 0) by[std::string(one.key)] = one.policy;
  }
  json["first_key"] = loss.first_key;
  json["policies"] = by;
  return json;
}

std::string rows_text(StreamReport const& stream) {
  std::string text = plural(stream.rows_read, "row");
  if (stream.outcome == Outcome::Unchanged) return text + " read, nothing changed";
  if (stream.inserted + stream.updated + stream.deleted > 0)
    text += fmt::format(" (+{} ~{} -{})", format_count(stream.inserted), format_count(stream.updated),
                        format_count(stream.deleted));
  if (stream.rows_before >= 0 && stream.rows_after >= 0)
    text += fmt::format(", table {} -> {}", format_count(static_cast<std::uint64_t>(stream.rows_before)),
                        format_count(static_cast<std::uint64_t>(stream.rows_after)));
  return text;
}

Duration total(StreamReport const& stream) {
  Duration sum{};
  for (auto const& [phase, time] : stream.times) sum += time;
  return sum;
}

std::string stream_text(StreamReport const& stream) {
  std::string text = fmt::format("{:<10} {}", outcome_name(stream.outcome), stream.stream);
  if (!stream.target.name.empty()) text += fmt::format(" -> {}", stream.target.text());
  bool const loaded = stream.outcome == Outcome::Published || stream.outcome == Outcome::Unchanged;
  if (loaded)
    text += fmt::format(": {}, {} in {}, {} kept", rows_text(stream), swap::method_name(stream.method),
                        format_duration(total(stream)),
                        plural(static_cast<std::uint64_t>(stream.dependents_verified), "dependent"));
  if (stream.attempts > 1) text += fmt::format(", {}", plural(static_cast<std::uint64_t>(stream.attempts), "attempt"));
  text += '\n';
  for (auto const& [column, loss] : stream.losses)
    if (loss.any())
      text += fmt::format("  loss: column \"{}\": {}{}\n", column, loss_text(loss, stream.policies),
                          loss.first_key.empty() ? "" : ", first in the row with key " + loss.first_key);
  for (auto const& note : stream.notes) text += "  note: " + note + "\n";
  if (stream.error) text += indent(stream.error->to_text(), 2) + "\n";
  return text;
}

Json stream_json(StreamReport const& stream) {
  Json dependents;
  if (stream.dependents) dependents = Json::array();
  for (auto const& one : stream.dependents.value_or(std::vector<swap::Dependent>()))
    dependents.push_back({{"kind", one.kind},
                          {"object", one.object},
                          {"owner", one.owner},
                          {"name", one.name.empty() ? "" : sql::QualifiedName{one.schema, one.name}.text()}});
  Json times = Json::object(), losses = Json::object();
  for (auto const& [phase, time] : stream.times) times[phase] = milliseconds(time);
  for (auto const& [column, loss] : stream.losses)
    if (loss.any()) losses[column] = loss_json(loss, stream.policies);
  return {{"stream", stream.stream},
          {"target", stream.target.name.empty() ? Json() : Json(stream.target.text())},
          {"outcome", outcome_name(stream.outcome)},
          {"mode", mode_name(stream.mode)},
          {"reads", stream.read == ReadKind::Full ? "everything" : "window"},
          {"method", swap::method_name(stream.method)},
          {"method_reason", stream.method_reason},
          {"rows_read", stream.rows_read},
          {"rows_staged", stream.rows_staged},
          {"rows_before", number_or_null(stream.rows_before)},
          {"rows_after", number_or_null(stream.rows_after)},
          {"rows_taken_up", stream.rows_taken_up},
          {"bytes", stream.bytes},
          {"inserted", stream.inserted},
          {"updated", stream.updated},
          {"deleted", stream.deleted},
          {"duplicates_removed", stream.duplicates_removed},
          {"cursor_low", text_or_null(stream.cursor_low)},
          {"cursor_high", text_or_null(stream.cursor_high)},
          {"null_cursors", stream.null_cursors},
          {"future_cursors", stream.future_cursors},
          {"losses", losses},
          {"times_ms", times},
          {"locked_ms", milliseconds(stream.locked)},
          {"dependents_verified", stream.dependents_verified},
          {"dependents", dependents},
          {"columns", swap::explain_json(stream.columns)},
          {"attempts", stream.attempts},
          {"notes", stream.notes},
          {"error", stream.error ? stream.error->to_json() : Json()}};
}

// The graver, the later.
constexpr std::array kByGravity = {ErrorKind::Refused, ErrorKind::Busy,   ErrorKind::Unavailable, ErrorKind::InDoubt,
                                   ErrorKind::Usage,   ErrorKind::Config, ErrorKind::Template,    ErrorKind::Denied,
                                   ErrorKind::Sql,     ErrorKind::Data,   ErrorKind::Cancelled,   ErrorKind::Internal};

std::ptrdiff_t gravity(ErrorKind kind) {
  return std::ranges::find(kByGravity, kind) - kByGravity.begin();
}

}  // namespace

std::string loss_text(source::ColumnLoss const& loss, source::TypePolicies const& policies) {
  std::vector<std::string> parts;
  for (Loss const& one : losses_of(loss, policies))
    if (one.count > 0)
      parts.push_back(fmt::format("{} {} ({}: {})", plural(one.count, one.one), one.treated, one.key, one.policy));
  return join(parts, ", ");
}

std::size_t SyncReport::count(Outcome outcome) const {
  return static_cast<std::size_t>(std::ranges::count(streams, outcome, &StreamReport::outcome));
}

std::optional<ErrorKind> SyncReport::failure() const {
  std::optional<ErrorKind> worst;
  for (auto const& stream : streams)
    if (stream.error && (!worst || gravity(stream.error->kind()) > gravity(*worst))) worst = stream.error->kind();
  return worst;
}

std::string report_text(SyncReport const& report) {
  std::string text;
  for (auto const& stream : report.streams) text += stream_text(stream);
  for (auto const& warning : report.warnings) text += "warning: " + warning + "\n";
  std::vector<std::string> counts;
  for (Outcome const outcome :
       {Outcome::Published, Outcome::Unchanged, Outcome::Held, Outcome::Failed, Outcome::Skipped})
    if (auto const n = report.count(outcome); n > 0) counts.push_back(fmt::format("{} {}", n, outcome_name(outcome)));
  return text + fmt::format("job {}, connection \"{}\": {} in {}\n", report.job, report.connection,
                            counts.empty() ? "nothing to do" : join(counts, ", "),
                            format_duration(report.finished - report.started));
}

nlohmann::ordered_json report_json(SyncReport const& report) {
  Json streams = Json::array(), counts = Json::object();
  for (auto const& stream : report.streams) streams.push_back(stream_json(stream));
  for (Outcome const outcome :
       {Outcome::Published, Outcome::Unchanged, Outcome::Held, Outcome::Failed, Outcome::Skipped})
    counts[std::string(outcome_name(outcome))] = report.count(outcome);
  return {{"connection", report.connection},
          {"job", report.job},
          {"started", iso_text(report.started)},
          {"finished", iso_text(report.finished)},
          {"duration_ms", milliseconds(report.finished - report.started)},
          {"counts", counts},
          {"streams", streams},
          {"warnings", report.warnings}};
}

}  // namespace weir::sync
