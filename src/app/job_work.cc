#include "app/job_work.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/clock_lead.h"
#include "base/json.h"
#include "base/text.h"
#include "base/words.h"
#include "incident/incidents.h"
#include "incident/notices.h"
#include "incident/promise.h"
#include "incident/run_report.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;
using jobs::AttemptEnd;
using jobs::FailureClass;

constexpr std::size_t kLongestLine = 1U << 20;
constexpr auto kPatience = std::chrono::seconds(20);  // from being asked to stop to being ended

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  void reset(int number = -1) {
    if (number_ >= 0) close(number_);
    number_ = number;
  }

 private:
  int number_;
};

// Bytes that come in pieces, as lines.
class LineSplitter {
 public:
  template <typename Take>
  void add(std::string_view bytes, Take take) {
    rest_ += bytes;
    std::size_t begin = 0;
    for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
      take(rest_.substr(begin, end - begin));
    rest_.erase(0, begin);
    if (rest_.size() > kLongestLine) finish(take);
  }
  template <typename Take>
  void finish(Take take) {
    if (!rest_.empty()) take(rest_);
    rest_.clear();
  }

 private:
  std::string rest_;
};

// What came of a step.
struct StepEnd {
  int status = 0;
  bool was_stopped = false;
  std::vector<Json> reports;
  std::optional<Error> error;  // it could not be started
};

Error no_start(std::string_view what, int code) {
  bool const is_short = is_shortage(code);
  Error error(is_short ? ErrorKind::Busy : ErrorKind::Internal,
              fmt::format("could not start a step: {}: {}", what, std::strerror(code)));
  error.state("nothing was changed");
  if (is_short) error.next("raise the limit (LimitNOFILE= and TasksMax= of the unit, ulimit), or lower --workers");
  return error;
}

// Reads what is there. False: the other end is closed.
template <typename Take>
bool take_bytes(int from, Take take) {
  std::array<char, 65536> buffer;
  ssize_t const got = read(from, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  return true;
}

StepEnd run_step(std::vector<std::string> const& command, std::filesystem::path const& folder,
                 std::vector<std::string> const& environment, jobs::Listener& listener, std::stop_token const& stop) {
  StepEnd end;
  int output[2], channel[2];
  if (pipe2(output, O_CLOEXEC) != 0) return end.error = no_start("pipe", errno), std::move(end);
  Descriptor out(output[0]), out_there(output[1]);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
    return end.error = no_start("socket", errno), std::move(end);
  Descriptor reports(channel[0]), reports_there(channel[1]);
  ChildOptions options;
  options.folder = folder;
  options.output_to = out_there.get();
  options.extra = reports_there.get();
  options.environment = environment;
  options.environment.insert(options.environment.end(),
                             {"WEIR_STEP_FD=3", "NO_COLOR=1", "WEIR_PROJECT_DIR=" + folder.string(),
                              fmt::format("WEIR_STEP_CLOCK={}", clock_lead().count())});
  auto const child = start_child(command, options);
  if (!child.ok()) return end.error = child.error().clone(), std::move(end);
  out_there.reset();
  reports_there.reset();

  LineSplitter text, report_lines;
  auto take_text = [&](std::string_view line) { listener.line(line); };
  auto take_report = [&](std::string const& line) {
    if (auto json = Json::parse(line, nullptr, false); json.is_object()) end.reports.push_back(std::move(json));
  };
  // Until the program has ended, not until its output has: what it left behind might hold that open.
  std::optional<int> status;
  std::optional<std::chrono::steady_clock::time_point> asked_at;
  while (!status) {
    std::array<pollfd, 2> waiting = {pollfd{out.get(), POLLIN, 0}, pollfd{reports.get(), POLLIN, 0}};
    poll(waiting.data(), waiting.size(), 50);
    if (waiting[0].revents != 0 && !take_bytes(out.get(), [&](std::string_view bytes) { text.add(bytes, take_text); }))
      out.reset();
    if (waiting[1].revents != 0 &&
        !take_bytes(reports.get(), [&](std::string_view bytes) { report_lines.add(bytes, take_report); }))
      reports.reset();
    if (stop.stop_requested() && !asked_at) {
      asked_at = std::chrono::steady_clock::now();
      kill(-*child, SIGTERM);
    }
    if (asked_at && std::chrono::steady_clock::now() - *asked_at > kPatience) kill(-*child, SIGKILL);
    if (waiting[0].revents == 0 && waiting[1].revents == 0) status = child_ended(*child);
  }
  end.was_stopped = asked_at.has_value();
  for (auto* from : {&out, &reports}) {
    if (from->get() < 0) continue;
    fcntl(from->get(), F_SETFL, O_NONBLOCK);
    bool more = true;
    while (more) {
      more = false;
      take_bytes(from->get(), [&](std::string_view bytes) {
        more = true;
        from == &out ? text.add(bytes, take_text) : report_lines.add(bytes, take_report);
      });
    }
  }
  text.finish(take_text);
  report_lines.finish(take_report);
  end.status = *status;
  return end;
}

Json const& member(Json const& json, char const* key) {
  static Json const none = Json::array();
  auto const found = json.find(key);
  return found == json.end() || found->is_null() ? none : *found;
}

FailureClass class_of_error(Json const& error) {
  if (!error.is_object()) return FailureClass::Config;
  return jobs::class_of(error_kind(text_at(error, "kind")).value_or(ErrorKind::Internal), text_at(error, "sqlstate"));
}

FailureClass class_of_status(int status) {
  if (status > 128) return FailureClass::WorkerLost;
  switch (status) {
    case 5:
      return FailureClass::Transient;
    case 6:
      return FailureClass::Held;
    default:
      return FailureClass::Config;
  }
}

// What decides whether there is another attempt comes first: one table that may come right is worth it.
int weight(FailureClass failure) {
  constexpr std::array kOrder = {FailureClass::Transient, FailureClass::WorkerLost, FailureClass::Data,
                                 FailureClass::Bug,       FailureClass::Config,     FailureClass::Held,
                                 FailureClass::Cancelled};
  return static_cast<int>(std::find(kOrder.begin(), kOrder.end(), failure) - kOrder.begin());
}

// Options of dbt that say which nodes.
constexpr std::array<std::string_view, 7> kSelecting = {"--select", "-s",        "--models",  "--model",
                                                        "-m",       "--exclude", "--selector"};

void add_reached(AttemptEnd& end, config::JobStep const& step) {
  end.reached.insert(end.reached.end(), step.endpoints.begin(), step.endpoints.end());
}

// The endpoint that did not answer; "" where that is not what went wrong. What a dbt run says of its profile's target
// is said of the warehouse.
std::string unreachable(Json const& error, config::JobStep const& step) {
  if (error_kind(text_at(error, "kind")) != ErrorKind::Unavailable) return {};
  auto name = text_at(error, "endpoint");
  bool const is_target = step.kind == config::JobStep::Kind::Dbt && !name.empty() && !step.endpoints.empty();
  return is_target ? step.endpoints.front() : name;
}

// Failures of an attempt's units, of which one speaks for all.
class Failures {
 public:
  explicit Failures(config::JobStep const& step) : step_(step) {}
  void add(FailureClass failure, Json error) {
    if (auto name = unreachable(error, step_); !name.empty()) unreachable_.insert(std::move(name));
    ++count_;
    if (count_ > 1 && weight(failure) >= weight(worst_)) return;
    worst_ = failure;
    error_ = std::move(error);
  }
  bool empty() const { return count_ == 0; }
  // Something was published: whatever went away was there.
  void forgive() { unreachable_.clear(); }
  void tell(AttemptEnd& end, std::string_view unit) {
    end.failure = worst_;
    if (count_ > 1 && error_.is_object())
      error_["message"] = fmt::format("{} (and {} more)", text_at(error_, "message"), plural(count_ - 1, unit));
    if (error_.is_object()) end.error = json_line(error_);
    bool const has_met = worst_ != FailureClass::WorkerLost && worst_ != FailureClass::Cancelled;
    if (unreachable_.empty() && has_met) add_reached(end, step_);
    end.unreachable.assign(unreachable_.begin(), unreachable_.end());
  }

 private:
  config::JobStep const& step_;
  std::set<std::string> unreachable_;
  std::size_t count_ = 0;
  FailureClass worst_ = FailureClass::None;
  Json error_;
};

// ---- what each kind of step reports

void take_sync(Json const& report, jobs::Listener& listener, AttemptEnd& end, Failures& failures, Json& missing) {
  for (auto const& stream : member(report, "streams")) {
    std::string const outcome = text_at(stream, "outcome");
    Json const& error = member(stream, "error");
    if (outcome == "published") {
      end.published += 1;
      end.rows += stream.value("rows_read", std::int64_t{0});
    }
    if (outcome == "published" || outcome == "unchanged") continue;
    missing.push_back(text_at(stream, "stream"));
    if (outcome != "skipped") failures.add(class_of_error(error), error);
  }
  listener.events(incident::events_of(report));
}

void take_dbt(Json const& report, jobs::Listener& listener, AttemptEnd& end, Failures& failures) {
  for (auto const& node : member(report, "nodes")) {
    if (text_at(node, "status") == "success" && !text_at(node, "relation").empty()) end.published += 1;
    if (!incident::is_failed_node(node)) continue;
    Json error = member(node, "error");
    if (!error.is_object())
      error = Json{{"kind", "sql"},
                   {"message", fmt::format("{}: {}", text_at(node, "unique_id"), text_at(node, "message"))}};
    if (text_at(error, "where").empty()) error["where"] = text_at(node, "unique_id");
    failures.add(class_of_error(error), std::move(error));
  }
  listener.events(incident::events_of(report));
}

// dbt's command again, for what failed or was skipped; "" where it cannot be taken up.
std::string kept_results(Json const& report, std::filesystem::path const& folder) {
  std::string const results = text_at(report, "run_results");
  std::error_code failed;
  if (results.empty() || !std::filesystem::exists(results, failed)) return {};
  std::filesystem::create_directories(folder, failed);
  std::filesystem::copy_file(results, folder / "run_results.json", std::filesystem::copy_options::overwrite_existing,
                             failed);
  return failed ? std::string() : folder.string();
}

// The same command for these nodes alone.
std::vector<std::string> narrowed(std::vector<std::string> const& words, std::vector<std::string> const& only) {
  std::vector<std::string> kept;
  bool skips = false;  // the values of an option that selects
  for (auto const& word : words) {
    if (word.starts_with('-')) {
      auto const name = std::string_view(word).substr(0, word.find('='));
      bool const selects = std::find(kSelecting.begin(), kSelecting.end(), name) != kSelecting.end();
      skips = selects && name.size() == word.size();
      if (selects) continue;
    } else if (skips) {
      continue;
    }
    kept.push_back(word);
  }
  kept.push_back("--select");
  kept.insert(kept.end(), only.begin(), only.end());
  return kept;
}

std::vector<std::string> texts_of(Json const& list) {
  std::vector<std::string> texts;
  for (auto const& one : list)
    if (one.is_string()) texts.push_back(one.get<std::string>());
  return texts;
}

std::vector<std::string> dbt_words(std::string const& text, Json const& resume,
                                   std::vector<std::string> const& without) {
  auto words = split_words(text);  // was checked when the file was read
  if (!words.ok()) return {text};
  // What it goes on from is a file of the machine that ran it: elsewhere the whole command runs again.
  std::string const retry = text_at(resume, "retry");
  std::error_code failed;
  if (retry.empty() || !std::filesystem::exists(retry, failed)) {
    if (auto const only = texts_of(member(resume, "only")); !only.empty()) return narrowed(*words, only);
    if (!without.empty()) {
      words->push_back("--exclude");
      words->insert(words->end(), without.begin(), without.end());
    }
    return std::move(*words);
  }
  // Where the project is stays; what was selected and how stands in the results.
  std::vector<std::string> again = {"retry", "--state", retry};
  for (std::size_t i = 0; i < words->size(); ++i)
    for (std::string_view const option :
         {"--project-dir", "--profiles-dir", "--profile", "--target-path", "--log-path"}) {
      auto const& word = (*words)[i];
      if (word.starts_with(std::string(option) + "=")) again.push_back(word);
      if (word == option && i + 1 < words->size()) again.insert(again.end(), {word, (*words)[i + 1]});
    }
  return again;
}

std::vector<std::string> command_of(config::JobStep const& step, Json const& resume,
                                    std::vector<std::string> const& without) {
  std::vector<std::string> command = {own_program()};
  auto add = [&](std::vector<std::string> const& words) { command.insert(command.end(), words.begin(), words.end()); };
  switch (step.kind) {
    case config::JobStep::Kind::Sync:
      add({"sync", step.text, "--attempts", "1"});
      for (auto const& stream : member(resume, "select"))
        if (stream.is_string()) add({"--select", stream.get<std::string>()});
      break;
    case config::JobStep::Kind::Verify:
      add({"sync", "verify", step.text});
      break;
    case config::JobStep::Kind::Dbt:
      add({"dbt"});
      add(dbt_words(step.text, resume, without));
      break;
  }
  return command;
}

// By which the step knows its job, and the warehouse this attempt from later ones: whoever has what the step uses.
std::vector<std::string> whose(jobs::Job const& job, config::JobStep const& step, std::string const& instance) {
  config::Job alone;
  alone.steps = {step};
  return {fmt::format("WEIR_STEP_JOB={}", job.id),
          fmt::format("WEIR_STEP_FENCE={} state {}: {}", job.token, instance, join(jobs::resources_of(alone), ", "))};
}

Json cancelled_error() {
  return Error(ErrorKind::Cancelled, "it was stopped")
      .state("what runs was rolled back; what was published before stays")
      .to_json();
}

// Where the next attempt goes on, after a step that failed.
Json rest_of(std::size_t step, Json const& resumed, std::vector<Json> const& reports, Json missing,
             std::string const& kept) {
  if (reports.empty() && !resumed.empty()) return resumed;  // it ended before it could say anything new
  Json rest{{"step", step}};
  if (resumed.contains("last")) rest["last"] = resumed["last"];
  if (!missing.empty()) rest["select"] = std::move(missing);
  if (!kept.empty()) rest["retry"] = kept;
  return rest;
}

Error step_failed(std::string const& step, int status, std::string const& log) {
  if (status > 128)
    return Error(ErrorKind::Unavailable, fmt::format("{} was ended by signal {}", step, status - 128))
        .state("what it had not published is not published; the old data is still served")
        .next(fmt::format("weir logs {}; the system's log may say why (out of memory?)", log));
  return Error(ErrorKind::Sql, fmt::format("{} ended with exit status {}", step, status))
      .next(fmt::format("weir logs {}", log));
}

}  // namespace

// By its name, for whoever looks at processes; by the link where an upgrade has replaced the file: steps are of the
// version that runs.
std::string own_program() {
  constexpr char const* kLink = "/proc/self/exe";
  std::error_code failed;
  auto const path = std::filesystem::read_symlink(kLink, failed).string();
  return failed || path.ends_with(" (deleted)") ? kLink : path;
}

bool is_building(config::JobStep const& step) {
  if (step.kind != config::JobStep::Kind::Dbt) return false;
  auto const words = split_words(step.text);
  return words.ok() && std::any_of(words->begin(), words->end(), [](auto const& word) {
           return word == "build" || word == "run" || word == "snapshot";
         });
}

// The models that this job would build on old data, and what is known of that.
struct JobWork::OnStale {
  std::vector<incident::Relation> models;
  std::vector<std::string> tables;
  std::int64_t incident = 0;  // that explains it

  bool empty() const { return models.empty(); }
};

JobWork::OnStale JobWork::on_stale(jobs::Job const& job) {
  OnStale found;
  auto const asked = store_.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(found.models, incident::models_on_stale(change.database, job.name));
    WEIR_TRY(auto const stale, incident::stale_relations(change.database));
    for (auto const& one : stale) {
      if (one.kind != "table") continue;
      found.tables.push_back(one.name);
      WEIR_TRY(auto const open, incident::open_of(change.database, one.name, {}));
      if (!open.empty() && found.incident == 0) found.incident = open[0].id;
    }
    return {};
  });
  return asked.ok() ? std::move(found) : OnStale();  // the store's trouble shows where the attempt ends
}

// What the job's rule says about stale tables: an error where it waits for them; what is to be left out.
std::optional<Json> JobWork::heed(OnStale const& stale, jobs::Job const& job, config::JobStep const& step,
                                  jobs::Listener& listener, std::vector<std::string>& without) {
  std::string const tables =
      fmt::format("{} {} stale: {}", plural(stale.tables.size(), "table"), stale.tables.size() == 1 ? "is" : "are",
                  incident::names_text(stale.tables, 5));
  std::string const models = plural(stale.models.size(), "model");
  auto const& rule = job.definition.stale_sources;
  if (rule == "hold") {
    Json error =
        Error(ErrorKind::Refused, fmt::format("dbt {} is held: {}", step.text, tables))
            .cause(fmt::format("{} would be built on old data", models))
            .state("nothing was built; what is served is what was built last")
            .next(fmt::format("once the tables are fresh, weir retry {}; stale_sources: of the job in weir.yml is "
                              "what holds it",
                              job.id))
            .to_json();
    if (stale.incident > 0) error["incident"] = stale.incident;
    listener.line(text_at(error, "message"));
    return error;
  }
  if (rule == "skip") {
    listener.line(fmt::format("{}; left out: {}", tables, models));
    std::vector<jobs::NewEvent> events;
    for (auto const& model : stale.models) {
      without.push_back(model.source);
      jobs::NewEvent event;
      event.kind = "weir.model.skipped";
      event.object = model.made_by;
      event.data = json_line(Json{{"relation", model.name},
                                  {"materialized", model.kind == "view" ? "view" : ""},
                                  {"selector", model.source},
                                  {"message", "left out: it would be built on old data"}});
      events.push_back(std::move(event));
    }
    listener.events(std::move(events));
  } else {
    listener.line(
        fmt::format("{}; {} built on old data", tables, models + (stale.models.size() == 1 ? " is" : " are")));
  }
  return std::nullopt;
}

void JobWork::see_around(Json const& report, std::int64_t job, int attempt, jobs::Listener& listener) {
  auto const seen =
      store_.transact([&](jobs::Change& change) { return incident::see_around(change, report, job, attempt); });
  if (!seen.ok()) listener.line(seen.error().to_text());
}

AttemptEnd JobWork::carry_out(jobs::Job const& job, int attempt, jobs::Listener& listener, std::stop_token stop) {
  AttemptEnd end;
  auto resume = Json::parse(job.resume, nullptr, false);
  if (!resume.is_object()) resume = Json::object();
  auto const& steps = job.definition.steps;
  auto const instance = store_.instance();
  if (!instance.ok()) {
    end.failure = FailureClass::Transient;
    end.error = json_line(instance.error().to_json());
    return end;
  }
  auto const kept_folder = state_ / "artifacts" / fmt::format("job_{}_attempt_{}", job.id, attempt);
  for (std::size_t i = resume.value("step", std::size_t{0}); i < steps.size(); ++i) {
    auto const& step = steps[i];
    std::string const name = fmt::format("{} {}", step_kind_name(step.kind), step.text);
    listener.line(fmt::format("step {} of {}: {}", i + 1, steps.size(), name));
    std::vector<std::string> without;
    if (is_building(step) && resume.find("retry") == resume.end() && resume.find("only") == resume.end()) {
      auto const stale = on_stale(job);
      if (auto error = stale.empty() ? std::nullopt : heed(stale, job, step, listener, without)) {
        end.failure = FailureClass::Held;
        end.error = json_line(*error);
        end.resume = json_line(Json{{"step", i}});
        return end;
      }
    }
    auto const done =
        run_step(command_of(step, resume, without), project_, whose(job, step, *instance), listener, stop);
    Json missing = Json::array();
    std::string kept;
    Failures failures(step);
    auto const published = end.published;
    for (auto const& report : done.reports) {
      std::string const type = text_at(report, "type");
      if (type == "error") failures.add(class_of_error(member(report, "error")), member(report, "error"));
      if (type == "sync") {
        see_around(report, job.id, attempt, listener);
        take_sync(report, listener, end, failures, missing);
      }
      if (type == "dbt") {
        take_dbt(report, listener, end, failures);
        kept = kept_results(report, kept_folder);
      }
    }
    if (!done.error && done.status == 0 && failures.empty()) {
      add_reached(end, step);
      if (resume.contains("last")) break;
      resume = Json::object();
      continue;
    }
    end.resume = json_line(rest_of(i, resume, done.reports, std::move(missing), kept));
    if (done.error) {
      auto const error = done.error->to_json();
      failures.add(class_of_error(error), error);
    }
    if (end.published > published) failures.forgive();
    if (done.was_stopped) {
      end.failure = FailureClass::Cancelled;
      end.error = json_line(cancelled_error());
      return end;
    }
    if (failures.empty())
      failures.add(class_of_status(done.status),
                   step_failed(name, done.status, fmt::format("{}.{}", job.id, attempt)).to_json());
    failures.tell(end, step.kind == config::JobStep::Kind::Sync ? "table" : "node");
    return end;
  }
  return end;
}

}  // namespace weir::app
