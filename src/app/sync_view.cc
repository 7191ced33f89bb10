#include "app/sync_view.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::app {
namespace {

std::string rows_estimate(std::int64_t rows) {
  return rows < 0 ? "? rows" : "~" + plural(static_cast<std::uint64_t>(rows), "row");
}

std::string what_happens(sync::StreamPlan const& stream) {
  auto const& publish = stream.publish;
  std::string text = publish.creates_table ? "new table" : publish.adopts_table ? "becomes a shell, once" : "refresh";
  if (stream.read == sync::ReadKind::Window) text = "changes only";
  return text;
}

void add_details(std::string& out, sync::StreamPlan const& stream, Terminal const& terminal) {
  auto const& publish = stream.publish;
  auto const theirs = warehouse::built_by_others(publish.dependents);
  if (!theirs.empty()) {
    std::vector<std::string> names;
    for (auto const& dependent : theirs)
      if (names.size() < 4)
        names.push_back(dependent.object + (dependent.owner.empty() ? "" : " (" + dependent.owner + ")"));
    if (theirs.size() > names.size()) names.push_back(fmt::format("and {} more", theirs.size() - names.size()));
    out += fmt::format("      {} {}: {}\n", terminal.paint(Colour::Green, "keeps"), dependents_by_kind(theirs),
                       join(names, ", "));
  }
  for (auto const& column : publish.columns)
    out += fmt::format("      column {}: {}{}\n", column.column, column.action,
                       column.detail.empty() ? "" : ", " + column.detail);
  for (auto const& warning : publish.warnings)
    out += fmt::format("      {} {}\n", terminal.paint(Colour::Yellow, "note"), warning);
  for (auto const& warning : stream.warnings)
    out += fmt::format("      {} {}\n", terminal.paint(Colour::Yellow, "note"), warning);
}

bool loaded(sync::StreamReport const& stream) {
  return stream.outcome == sync::Outcome::Published || stream.outcome == sync::Outcome::Unchanged;
}

std::string mark(sync::Outcome outcome, Terminal const& terminal) {
  switch (outcome) {
    case sync::Outcome::Published:
      return terminal.paint(Colour::Green, "ok  ");
    case sync::Outcome::Unchanged:
      return terminal.paint(Colour::Green, "same");
    case sync::Outcome::Held:
      return terminal.paint(Colour::Yellow, "held");
    case sync::Outcome::Failed:
      return terminal.paint(Colour::Red, "fail");
    case sync::Outcome::Skipped:
      return terminal.paint(Colour::Dim, "skip");
  }
  return "    ";
}

// What is in the table now; a release reads nothing.
std::string rows_of(sync::StreamReport const& stream) {
  bool const took = stream.rows_read > 0 || stream.rows_after < 0;
  return plural(took ? stream.rows_read : static_cast<std::uint64_t>(stream.rows_after), "row");
}

std::string changes(sync::StreamReport const& stream) {
  if (stream.inserted + stream.updated + stream.deleted == 0) return {};
  return fmt::format("+{} ~{} -{}", format_count(stream.inserted), format_count(stream.updated),
                     format_count(stream.deleted));
}

}  // namespace

std::string dependents_by_kind(std::vector<swap::Dependent> const& dependents) {
  std::map<std::string, std::uint64_t> counts;
  for (auto const& dependent : dependents) ++counts[dependent.kind];
  std::vector<std::string> parts;
  for (auto const& [kind, count] : counts) parts.push_back(plural(count, kind));
  return join(parts, ", ");
}

std::string plan_view(sync::SyncPlan const& plan, Terminal const& terminal) {
  std::string out =
      fmt::format("{} {}: {} from {}\n\n", terminal.paint(Colour::Bold, "Plan of connection"),
                  terminal.paint(Colour::Bold, plan.connection), plural(plan.streams.size(), "table"), plan.source);
  std::size_t name = 0, method = 0, rows = 0;
  for (auto const& stream : plan.streams) {
    name = std::max(name, characters(stream.target.text()));
    method = std::max(method, swap::method_name(stream.publish.method).size());
    rows = std::max(rows, rows_estimate(stream.table.estimated_rows).size());
  }
  for (auto const& stream : plan.streams) {
    out += fmt::format("  {}  {}  {}  {}\n", pad(stream.target.text(), name),
                       pad(swap::method_name(stream.publish.method), method),
                       pad(rows_estimate(stream.table.estimated_rows), rows), what_happens(stream));
    add_details(out, stream, terminal);
  }
  for (auto const& refusal : plan.refusals)
    out += fmt::format("  {} {}\n{}\n", terminal.paint(Colour::Red, "cannot load"), refusal.stream,
                       indent(refusal.error.to_text(), 6));
  for (auto const& warning : plan.warnings)
    out += fmt::format("  {} {}\n", terminal.paint(Colour::Yellow, "note"), warning);
  out += "\n";
  if (plan.refusals.empty()) out += "Nothing will be dropped. ";
  out += fmt::format("Carry it out: weir sync {}    Every step: weir sync {} --plan -v\n", plan.connection,
                     plan.connection);
  return out;
}

std::string report_view(sync::SyncReport const& report, Terminal const& terminal) {
  std::string out;
  std::size_t name = 0, rows = 0, method = 0, delta = 0;
  for (auto const& stream : report.streams) {
    name = std::max(name, characters(stream.target.name.empty() ? stream.stream : stream.target.text()));
    if (!loaded(stream)) continue;
    rows = std::max(rows, rows_of(stream).size());
    method = std::max(method, swap::method_name(stream.method).size());
    delta = std::max(delta, changes(stream).size());
  }
  for (auto const& stream : report.streams) {
    out +=
        fmt::format("{}  {}", mark(stream.outcome, terminal),
                    pad(stream.target.name.empty() ? stream.stream : stream.target.text(), loaded(stream) ? name : 0));
    if (loaded(stream)) {
      out += fmt::format("  {}  {}", pad(rows_of(stream), rows), pad(swap::method_name(stream.method), method));
      if (delta > 0) out += "  " + pad(changes(stream), delta);
      if (stream.locked.count() > 0) out += fmt::format("  readers held {}", format_duration(stream.locked));
      if (stream.dependents_verified > 0)
        out += fmt::format("  {} kept", plural(static_cast<std::uint64_t>(stream.dependents_verified), "dependent"));
      if (stream.attempts > 1)
        out += fmt::format("  {}", plural(static_cast<std::uint64_t>(stream.attempts), "attempt"));
    }
    while (out.ends_with(' ')) out.pop_back();
    out += "\n";
    for (auto const& [column, loss] : stream.losses)
      if (loss.any()) out += fmt::format("      column {}: {}\n", column, sync::loss_text(loss, stream.policies));
    for (auto const& note : stream.notes)
      if (!note.ends_with(" verified")) out += "      note: " + note + "\n";  // the line above counts them
    if (stream.error) out += indent(stream.error->to_text(), 6) + "\n";
  }
  for (auto const& warning : report.warnings)
    out += fmt::format("{} {}\n", terminal.paint(Colour::Yellow, "note"), warning);
  std::vector<std::string> counts;
  for (auto const outcome : {sync::Outcome::Published, sync::Outcome::Unchanged, sync::Outcome::Held,
                             sync::Outcome::Failed, sync::Outcome::Skipped})
    if (auto const n = report.count(outcome); n > 0)
      counts.push_back(fmt::format("{} {}", n, sync::outcome_name(outcome)));
  out += fmt::format("job {}, connection {}: {} in {}\n", report.job, report.connection,
                     counts.empty() ? "nothing to do" : join(counts, ", "),
                     format_duration(report.finished - report.started));
  return out;
}

}  // namespace weir::app
