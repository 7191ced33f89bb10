// Microbatch models: the time from `begin` (or the last `lookback` batches) up to now, cut at hours, days, months or
// years; one build of the model a batch, in order. What one batch loses, the others keep.
#include <chrono>

#include <fmt/format.h>

#include "base/text.h"
#include "build/compile.h"
#include "build/materialize.h"
#include "build/node_run.h"

namespace weir::build {
namespace {

using project::Data;
using Seconds = std::chrono::sys_seconds;

enum class Size { Hour, Day, Month, Year };

std::optional<Size> size_from(std::string_view name) {
  if (name == "hour") return Size::Hour;
  if (name == "day") return Size::Day;
  if (name == "month") return Size::Month;
  if (name == "year") return Size::Year;
  return std::nullopt;
}

struct Civil {
  int year;
  unsigned month, day;
  int hour;
};

Civil civil(Seconds time) {
  auto const day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day const date(day);
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
          static_cast<int>(std::chrono::duration_cast<std::chrono::hours>(time - day).count())};
}

Seconds at(int year, unsigned month, unsigned day, int hour = 0) {
  return Seconds(std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))) +
         std::chrono::hours(hour);
}

Seconds truncate(Seconds time, Size size) {
  auto const c = civil(time);
  switch (size) {
    case Size::Hour:
      return at(c.year, c.month, c.day, c.hour);
    case Size::Day:
      return at(c.year, c.month, c.day);
    case Size::Month:
      return at(c.year, c.month, 1);
    case Size::Year:
      return at(c.year, 1, 1);
  }
  return time;
}

Seconds advance(Seconds time, Size size, int count) {
  auto const c = civil(time);
  switch (size) {
    case Size::Hour:
      return time + std::chrono::hours(count);
    case Size::Day:
      return time + std::chrono::days(count);
    case Size::Month: {
      int const months = c.year * 12 + static_cast<int>(c.month) - 1 + count;
      return at(months / 12, static_cast<unsigned>(months % 12) + 1, c.day, c.hour);
    }
    case Size::Year:
      return at(c.year + count, c.month, c.day, c.hour);
  }
  return time;
}

// 2024-01-01, 2024-01-01 12:00[:00], 2024-01-01T12:00:00; UTC.
std::optional<Seconds> time_from(std::string_view text) {
  auto const part = [text](std::size_t from, std::size_t count) {
    return from + count <= text.size() ? parse_int(text.substr(from, count)) : std::nullopt;
  };
  auto const year = part(0, 4), month = part(5, 2), day = part(8, 2);
  if (!year || !month || !day) return std::nullopt;
  std::chrono::year_month_day const date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return Seconds(std::chrono::sys_days(date)) + std::chrono::hours(part(11, 2).value_or(0)) +
         std::chrono::minutes(part(14, 2).value_or(0)) + std::chrono::seconds(part(17, 2).value_or(0));
}

std::string text_of(Seconds time) {
  auto const c = civil(time);
  auto const rest = time - std::chrono::floor<std::chrono::days>(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}+00:00", c.year, c.month, c.day, rest.count() / 3600,
                     rest.count() / 60 % 60, rest.count() % 60);
}

std::string label_of(Seconds time, Size size) {
  auto const c = civil(time);
  switch (size) {
    case Size::Hour:
      return fmt::format("{:04}-{:02}-{:02}T{:02}", c.year, c.month, c.day, c.hour);
    case Size::Day:
      return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
    case Size::Month:
      return fmt::format("{:04}-{:02}", c.year, c.month);
    case Size::Year:
      return fmt::format("{:04}", c.year);
  }
  return "";
}

Batch batch_of(Seconds time, Size size, std::string start, std::string end) {
  std::string const label = label_of(time, size);
  return {replace_all(label, "-", ""), std::move(start), std::move(end), label};
}

Error bad_setting(project::Node const& node, std::string_view key, std::string_view next) {
  return Error(ErrorKind::Template, fmt::format("microbatch model \"{}\" has no usable \"{}\"", node.name, key))
      .where(node.original_file_path)
      .state("nothing of it was built")
      .next(std::string(next));
}

Result<std::vector<Batch>> batches_of(RunState const& run, project::Node const& node, bool is_incremental) {
  auto const& config = node.config;
  for (auto const& [unique_id, only] : run.options.only_batches) {
    if (unique_id != node.unique_id) continue;
    std::vector<Batch> out;
    auto const size = size_from(config["batch_size"].str()).value_or(Size::Day);
    for (auto const& [start, end] : only)
      if (auto const time = time_from(start)) out.push_back(batch_of(*time, size, start, end));
    return out;
  }
  auto const size = size_from(config["batch_size"].str());
  if (!size) return bad_setting(node, "batch_size", "set batch_size to hour, day, month or year");
  auto const now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto end = advance(truncate(now, *size), *size, 1);
  if (run.options.event_time_end) {
    auto const said = time_from(*run.options.event_time_end);
    if (!said) return bad_setting(node, "event-time-end", "write it like 2024-01-31 or 2024-01-31T12:00:00");
    end = truncate(*said, *size) == *said ? *said : advance(truncate(*said, *size), *size, 1);
  }
  Seconds begin;
  if (run.options.event_time_start) {
    auto const said = time_from(*run.options.event_time_start);
    if (!said) return bad_setting(node, "event-time-start", "write it like 2024-01-31 or 2024-01-31T12:00:00");
    begin = truncate(*said, *size);
  } else if (is_incremental) {
    auto const lookback = config["lookback"].is_none() ? 1 : static_cast<int>(config["lookback"].integer());
    begin = advance(advance(end, *size, -1), *size, -lookback);
  } else {
    auto const said = time_from(config["begin"].str());
    if (!said) return bad_setting(node, "begin", "set begin to the time of the first event: 2024-01-31");
    begin = truncate(*said, *size);
  }
  std::vector<Batch> out;
  for (auto start = begin; start < end; start = advance(start, *size, 1))
    out.push_back(batch_of(start, *size, text_of(start), text_of(advance(start, *size, 1))));
  return out;
}

}  // namespace

bool is_microbatch(project::Node const& node) {
  return node.materialized() == "incremental" && node.config["incremental_strategy"].str() == "microbatch";
}

void carry_out_batches(RunState& run, Worker& worker, project::Node const& node, NodeResult& result) {
  auto const target = run.relation(node);
  auto existing = run.cache.find(worker, target.schema.value_or(""), target.identifier.value_or(""));
  bool const is_incremental = existing.ok() && existing->has_value() && !run.options.full_refresh;
  auto batches =
      existing.ok() ? batches_of(run, node, is_incremental) : Result<std::vector<Batch>>(existing.error().clone());
  if (!batches.ok()) {
    result.status = NodeStatus::Error;
    result.message = error_message(node, batches.error(), "");
    result.error = std::move(batches).error();
    return;
  }
  BatchResult outcome;
  std::optional<std::string> first_failure;
  for (std::size_t i = 0; i < batches->size(); ++i) {
    auto const& batch = (*batches)[i];
    RunContext context(run, worker, node);
    context.batch = batch;
    // The first batch makes the table anew where all of it is asked for; the others add to it.
    if (i > 0) project::set(context.config(), "full_refresh", Data(false));
    auto done = compile(context);
    auto made = done.ok() ? materialize(context) : Result<Materialized>(std::move(done).error());
    auto const ended = worker.rollback();
    static_cast<void>(ended);
    if (made.ok()) {
      outcome.successful.emplace_back(batch.start, batch.end);
      result.adapter_response = made->response.data();
      result.is_compiled = true;
      result.compiled_code = context.sql();
    } else {
      outcome.failed.emplace_back(batch.start, batch.end);
      if (!first_failure) first_failure = error_message(node, made.error(), "");
      run.log.note(Level::Error, fmt::format("batch {} of {}: {}", batch.id, node.name, made.error().message()));
      if (i == 0 && !is_incremental) {  // without the first one there is no table to add to
        for (std::size_t rest = 1; rest < batches->size(); ++rest)
          outcome.failed.emplace_back((*batches)[rest].start, (*batches)[rest].end);
        break;
      }
    }
  }
  auto const all = outcome.successful.size() + outcome.failed.size();
  result.failures = 0;
  if (outcome.failed.empty()) {
    result.status = NodeStatus::Success;
    result.message = "SUCCESS";
  } else if (outcome.successful.empty()) {
    result.status = NodeStatus::Error;
    result.message = first_failure.value_or("ERROR");
  } else {
    result.status = NodeStatus::PartialSuccess;
    result.message = fmt::format("PARTIAL SUCCESS ({}/{})", outcome.successful.size(), all);
  }
  result.batches = std::move(outcome);
}

}  // namespace weir::build
