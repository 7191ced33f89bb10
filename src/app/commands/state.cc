// weir state backup, restore, export, rebuild, prune: care of the history of jobs.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/wiring.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "jobs/log_file.h"
#include "jobs/sqlite.h"
#include "jobs/upkeep.h"
#include "swap/fence.h"
#include "sync/sync.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Error file_trouble(std::string_view doing, fs::path const& file, std::error_code failed) {
  return Error(ErrorKind::Config, fmt::format("could not {} \"{}\": {}", doing, file.string(), failed.message()))
      .object(file.string())
      .state("nothing was changed");
}

// A checked copy in the backups folder, by whoever has the state.
Result<fs::path> back_up(Context& context) {
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const made, state.post("/api/v1/state/backup", Json::object()));
  return fs::path(text_at(made, "file"));
}

// The greatest number of a job that has a log: numbers are not given twice, whatever the state says.
std::int64_t greatest_logged(fs::path const& logs) {
  std::int64_t greatest = 0;
  std::error_code failed;
  for (auto const& entry : fs::directory_iterator(logs, failed))
    greatest = std::max(greatest, jobs::job_of_log(entry.path().filename().string()));
  return greatest;
}

// The state that another one is to replace: nobody else has it as long as this lives.
class Present {
 public:
  // Error: Busy. A damaged one is taken as it is.
  static Result<Present> take(fs::path const& file) {
    Present present;
    present.file_ = file;
    std::error_code failed;
    present.exists_ = fs::exists(file, failed);
    if (!present.exists_) return present;
    auto open = jobs::open_sqlite(file, system_clock());
    if (!open.ok() && open.error().kind() == ErrorKind::Busy) return std::move(open).error();
    if (!open.ok()) return present;
    present.database_ = std::move(*open);
    if (auto const counters = jobs::read_counters(*present.database_); counters.ok()) present.counters_ = *counters;
    return present;
  }

  jobs::Counters const& counters() const { return counters_; }

  // Returns where it is now, "" where there was none. What its journal holds goes with it.
  Result<fs::path> move_aside() {
    if (!exists_) return fs::path();
    std::error_code failed;
    auto const kept =
        file_.parent_path() / fmt::format("state.db.before-restore-{}", compact_time(system_clock().now()));
    fs::rename(file_, kept, failed);
    if (failed) return file_trouble("move", file_, failed);
    database_.reset();
    fs::path const journal = file_.string() + "-wal";
    if (fs::exists(journal, failed)) fs::rename(journal, kept.string() + "-wal", failed);
    return kept;
  }

 private:
  fs::path file_;
  bool exists_ = false;
  std::unique_ptr<jobs::Database> database_;
  jobs::Counters counters_;
};

// The copy as a state of today, its numbers behind those given since.
Status make_ready(fs::path const& from, fs::path const& next, fs::path const& folder, jobs::Counters known) {
  known.job = std::max(known.job, greatest_logged(folder / "logs"));
  std::error_code failed;
  fs::create_directories(folder, failed);
  fs::remove(next, failed);
  fs::copy_file(from, next, failed);
  if (failed) return file_trouble("copy", from, failed);
  chmod(next.c_str(), 0600);
  auto open = jobs::open_sqlite(next, system_clock());
  Status taken = open.ok() ? jobs::take_over(std::move(*open), known, person()) : Status(open.error().clone());
  if (taken.ok()) return taken;
  fs::remove(next, failed);
  return Error(ErrorKind::Usage, fmt::format("\"{}\" cannot be the state", from.string()))
      .object(from.string())
      .cause(taken.error().message())
      .state("nothing was changed: the state is what it was")
      .next("weir state backup makes copies that can");
}

// One JSON object a line: to standard output, or a file that is not there yet.
class ExportedLines {
 public:
  static Result<ExportedLines> open(std::string const& path) {
    ExportedLines lines;
    if (path.empty()) return lines;
    lines.path_ = path;
    lines.file_.reset(std::fopen(path.c_str(), "wxe"));
    if (!lines.file_)
      return file_trouble("write", path, {errno, std::system_category()}).next("name a file that is not there yet");
    return lines;
  }
  Status add(Json const& json) {
    std::string const line = json_line(json) + "\n";
    if (!file_) return write_out(line), Status();
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size()) return {};
    return file_trouble("write", path_, {errno, std::system_category()});
  }
  Status close() {
    if (!file_ || std::fclose(file_.release()) == 0) return {};
    return file_trouble("write", path_, {errno, std::system_category()});
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  fs::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

// Oldest first.
Status export_jobs(JobState& state, ExportedLines& lines) {
  std::vector<std::int64_t> numbers;
  for (std::string before;;) {
    std::map<std::string, std::string> query{{"most", "1000"}};
    if (!before.empty()) query["before"] = before;
    WEIR_TRY(auto const page, state.get("/api/v1/jobs", std::move(query)));
    if (page["jobs"].empty()) break;
    for (auto const& job : page["jobs"]) numbers.push_back(number_at(job, "job"));
    before = std::to_string(numbers.back());
  }
  std::reverse(numbers.begin(), numbers.end());
  for (auto const number : numbers) {
    auto job = state.get(fmt::format("/api/v1/jobs/{}", number));
    if (!job.ok()) continue;  // pruned meanwhile
    Json line{{"type", "job"}};
    line.update(*job);
    WEIR_DO(lines.add(line));
  }
  return {};
}

Status export_events(JobState& state, ExportedLines& lines) {
  for (std::int64_t after = 0;;) {
    WEIR_TRY(auto const page, state.get("/api/v1/events", {{"after", std::to_string(after)}, {"most", "1000"}}));
    if (page["events"].empty()) return {};
    for (auto const& event : page["events"]) {
      Json line{{"type", "event"}};
      line.update(event);
      WEIR_DO(lines.add(line));
    }
    after = number_at(page["events"].back(), "seq");
  }
}

// The job that loads the connection, "" if none does.
std::string job_of(config::Config const& config, std::string const& connection) {
  for (auto const& [name, job] : config.jobs)
    for (auto const& step : job.steps)
      if (step.kind == config::JobStep::Kind::Sync && step.text == connection) return name;
  return {};
}

// What the warehouse of a connection knows of its tables, and of the jobs that worked there.
Status look_up(Context& context, config::Connection const& connection, Json& found) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const endpoints, wire(*config, connection));
  WEIR_TRY(auto const streams, sync::list(connection, *endpoints));
  std::string const of_job = job_of(*config, connection.name);
  std::int64_t job = number_at(found, "job");
  for (auto const& stream : streams) {
    job = std::max(job, stream.job);
    bool const is_good = stream.outcome == "published" || stream.outcome == "unchanged";
    auto const& read_at = is_good ? stream.finished_at : stream.published_at;
    if (stream.target.empty() || read_at.empty()) continue;
    found["tables"].push_back({{"connection", connection.name},
                               {"stream", stream.stream},
                               {"target", stream.target},
                               {"of_job", of_job},
                               {"read_at", read_at}});
  }
  found["job"] = job;
  if (job == 0) return {};  // weir never worked there
  WEIR_TRY(auto session, endpoints->take_warehouse());
  WEIR_TRY(auto const fences, swap::job_fences(*session));
  for (auto const& [scope, token] : fences) found["fences"].push_back({{"scope", scope}, {"token", token}});
  return {};
}

}  // namespace

Result<int> run_state_backup(Context& context) {
  auto const& words = context.arguments().positionals;
  fs::path const wanted = words.empty() ? fs::path() : fs::path(words[0]);
  std::error_code failed;
  if (!wanted.empty() && fs::exists(wanted, failed))
    return Error(ErrorKind::Usage, fmt::format("\"{}\" exists already", wanted.string()))
        .object(wanted.string())
        .state("nothing was written");
  WEIR_TRY(auto made, back_up(context));
  if (!wanted.empty()) {
    fs::copy_file(made, wanted, failed);
    if (failed) return file_trouble("write", wanted, failed).state(fmt::format("the copy is in {}", made.string()));
    fs::remove(made, failed);
    made = wanted;
  }
  write_out(context.format() == Format::Json ? Json{{"file", made.string()}}.dump(2) + "\n" : made.string() + "\n");
  return 0;
}

Result<int> run_state_restore(Context& context) {
  fs::path const from = context.arguments().positionals[0];
  WEIR_TRY(auto const* config, context.config());
  if (!config->state_endpoint.empty())
    return Error(ErrorKind::Usage, "the state is in PostgreSQL, and is put back as all that is there")
        .state("nothing was changed")
        .next("stop every weir, then psql or pg_restore of a pg_dump; docs/workers.md says what else there is to do");
  auto const& folder = config->state_folder;
  fs::path const current = folder / "state.db", next = folder / "state.db.restoring";
  std::error_code failed;
  if (!fs::is_regular_file(from, failed))
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is no file", from.string())).next("weir state backup makes one");
  WEIR_TRY(auto present, Present::take(current));
  WEIR_DO(make_ready(from, next, folder, present.counters()));
  WEIR_TRY(auto const kept, present.move_aside());
  // Not over what somebody has made at this moment.
  if (link(next.c_str(), current.c_str()) != 0) return file_trouble("write", current, {errno, std::system_category()});
  fs::remove(next, failed);
  log_info("the state is that of {}{}", from.string(),
           kept.empty() ? std::string() : fmt::format("; what it was is in {}", kept.string()));
  return 0;
}

Result<int> run_state_export(Context& context) {
  auto const& words = context.arguments().positionals;
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto lines, ExportedLines::open(words.empty() ? std::string() : words[0]));
  WEIR_DO(export_jobs(state, lines));
  WEIR_DO(export_events(state, lines));
  WEIR_DO(lines.close());
  return 0;
}

Result<int> run_state_rebuild(Context& context) {
  if (!context.arguments().has("from-warehouse"))
    return Error(ErrorKind::Usage, "it is not said what the state is to be rebuilt from")
        .state("nothing was changed")
        .next("weir state rebuild --from-warehouse; with a copy, weir state restore FILE first");
  WEIR_TRY(auto const connections, context.connections());
  Json found{{"job", 0}, {"tables", Json::array()}, {"fences", Json::array()}};
  for (auto const* connection : connections) {
    WEIR_DO(look_up(context, *connection, found));
  }
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post("/api/v1/state/rebuild", found));
  if (context.format() == Format::Json) {
    write_json(done);
  } else {
    write_out(fmt::format("{} found; the next job is number {}\n",
                          plural(static_cast<std::uint64_t>(number_at(done, "tables")), "table"),
                          number_at(done, "next_job")));
  }
  return 0;
}

Result<int> run_state_prune(Context& context) {
  auto const text = context.arguments().value("older-than");
  auto const age = parse_duration(text.empty() ? "90d" : text);
  if (!age || age->count() <= 0)
    return Error(ErrorKind::Usage, fmt::format("\"--older-than\" is a duration, not \"{}\"", text))
        .next("--older-than 90d");
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post("/api/v1/state/prune", Json{{"older_than_s", age->count() / 1'000'000},
                                                                   {"dry_run", context.arguments().has("plan")}}));
  if (context.format() == Format::Json) {
    write_json(done);
    return 0;
  }
  write_out(fmt::format("{} {}, {}, {}\n", context.arguments().has("plan") ? "would remove" : "removed",
                        plural(static_cast<std::uint64_t>(number_at(done, "jobs")), "job"),
                        plural(static_cast<std::uint64_t>(number_at(done, "events")), "event"),
                        plural(static_cast<std::uint64_t>(number_at(done, "logs")), "log")));
  return 0;
}

}  // namespace weir::app
