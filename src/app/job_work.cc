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

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/text.h"
#include "base/words.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;
using jobs::AttemptEnd;
using jobs::FailureClass;

constexpr std::size_t kLongestLine = 1U << 20;
constexpr auto kPatience = std::chrono::seconds(20);  // from being asked to stop to being ended

std::string dump(Json const& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

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
class Lines {
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
  return Error(ErrorKind::Internal, fmt::format("could not start a step: {}: {}", what, std::strerror(code)))
      .state("nothing was changed");
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

StepEnd run_step(std::vector<std::string> const& command, std::filesystem::path const& folder, std::int64_t job,
                 jobs::Listener& listener, std::stop_token const& stop) {
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
  options.environment = {"WEIR_STEP_FD=3", fmt::format("WEIR_STEP_JOB={}", job), "NO_COLOR=1",
                         "WEIR_PROJECT_DIR=" + folder.string()};
  auto const child = start_child(command, options);
  if (!child.ok()) return end.error = child.error().clone(), std::move(end);
  out_there.reset();
  reports_there.reset();

  Lines text, report_lines;
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

std::string at(Json const& json, char const* key) {
  auto const found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json const& member(Json const& json, char const* key) {
  static Json const none = Json::array();
  auto const found = json.find(key);
  return found == json.end() || found->is_null() ? none : *found;
}

FailureClass class_of_error(Json const& error) {
  return error.is_object() ? jobs::class_of(at(error, "kind")) : FailureClass::Config;
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

// Failures of an attempt's units, of which one speaks for all.
class Failures {
 public:
  void add(FailureClass failure, Json error) {
    ++count_;
    if (count_ > 1 && weight(failure) >= weight(worst_)) return;
    worst_ = failure;
    error_ = std::move(error);
  }
  bool empty() const { return count_ == 0; }
  void tell(AttemptEnd& end, std::string_view unit) {
    end.failure = worst_;
    if (count_ > 1 && error_.is_object())
      error_["message"] = fmt::format("{} (and {} more)", at(error_, "message"), plural(count_ - 1, unit));
    if (error_.is_object()) end.error = dump(error_);
  }

 private:
  std::size_t count_ = 0;
  FailureClass worst_ = FailureClass::None;
  Json error_;
};

std::string_view event_of_outcome(std::string const& outcome) {
  if (outcome == "published") return "weir.table.published";
  if (outcome == "unchanged") return "weir.table.unchanged";
  return outcome == "held" ? "weir.table.held" : "weir.table.failed";
}

// ---- what each kind of step reports

void take_sync(Json const& report, jobs::Listener& listener, AttemptEnd& end, Failures& failures, Json& missing) {
  for (auto const& stream : member(report, "streams")) {
    std::string const outcome = at(stream, "outcome");
    Json const& error = member(stream, "error");
    if (outcome != "skipped") {
      jobs::NewEvent event;
      event.kind = event_of_outcome(outcome);
      event.object = at(stream, "target");
      event.data = dump(stream);
      listener.event(std::move(event));
    }
    if (outcome == "published") {
      end.published += 1;
      end.rows += stream.value("rows_read", std::int64_t{0});
    }
    if (outcome == "published" || outcome == "unchanged") continue;
    missing.push_back(at(stream, "stream"));
    if (outcome != "skipped") failures.add(class_of_error(error), error);
  }
}

void take_dbt(Json const& report, jobs::Listener& listener, AttemptEnd& end, Failures& failures) {
  for (auto const& node : member(report, "nodes")) {
    std::string const status = at(node, "status");
    bool const failed =
        status == "error" || status == "fail" || status == "runtime error" || status == "partial success";
    std::string const relation = at(node, "relation");
    if (status == "success" && !relation.empty()) end.published += 1;
    if (!failed && status != "skipped" && relation.empty()) continue;
    jobs::NewEvent event;
    event.kind = failed ? "weir.model.failed" : status == "skipped" ? "weir.model.skipped" : "weir.model.passed";
    event.object = at(node, "unique_id");
    event.data = dump(node);
    listener.event(std::move(event));
    if (!failed) continue;
    Json error = member(node, "error");
    if (!error.is_object())
      error = Json{{"kind", "sql"}, {"message", fmt::format("{}: {}", at(node, "unique_id"), at(node, "message"))}};
    if (at(error, "where").empty()) error["where"] = at(node, "unique_id");
    failures.add(class_of_error(error), std::move(error));
  }
}

// dbt's command again, for what failed or was skipped; "" where it cannot be taken up.
std::string kept_results(Json const& report, std::filesystem::path const& folder) {
  std::string const results = at(report, "run_results");
  std::error_code failed;
  if (results.empty() || !std::filesystem::exists(results, failed)) return {};
  std::filesystem::create_directories(folder, failed);
  std::filesystem::copy_file(results, folder / "run_results.json", std::filesystem::copy_options::overwrite_existing,
                             failed);
  return failed ? std::string() : folder.string();
}

std::vector<std::string> dbt_words(std::string const& text, std::string const& retry) {
  auto words = split_words(text);  // was checked when the file was read
  if (!words.ok()) return {text};
  if (retry.empty()) return std::move(*words);
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

// By its name, for whoever looks at processes; by the link where an upgrade has replaced the file: steps are of the
// version that runs.
std::string own_program() {
  constexpr char const* kLink = "/proc/self/exe";
  std::error_code failed;
  auto const path = std::filesystem::read_symlink(kLink, failed).string();
  return failed || path.ends_with(" (deleted)") ? kLink : path;
}

std::vector<std::string> command_of(config::JobStep const& step, Json const& resume) {
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
      add(dbt_words(step.text, at(resume, "retry")));
      break;
  }
  return command;
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

AttemptEnd JobWork::carry_out(jobs::Job const& job, int attempt, jobs::Listener& listener, std::stop_token stop) {
  AttemptEnd end;
  auto resume = Json::parse(job.resume, nullptr, false);
  if (!resume.is_object()) resume = Json::object();
  auto const& steps = job.definition.steps;
  auto const kept_folder = state_ / "artifacts" / fmt::format("job_{}_attempt_{}", job.id, attempt);
  for (std::size_t i = resume.value("step", std::size_t{0}); i < steps.size(); ++i) {
    auto const& step = steps[i];
    std::string const name = fmt::format("{} {}", step_kind_name(step.kind), step.text);
    listener.line(fmt::format("step {} of {}: {}", i + 1, steps.size(), name));
    auto const done = run_step(command_of(step, resume), project_, job.id, listener, stop);
    Json missing = Json::array();
    std::string kept;
    Failures failures;
    for (auto const& report : done.reports) {
      std::string const type = at(report, "type");
      if (type == "error") failures.add(class_of_error(member(report, "error")), member(report, "error"));
      if (type == "sync") take_sync(report, listener, end, failures, missing);
      if (type == "dbt") {
        take_dbt(report, listener, end, failures);
        kept = kept_results(report, kept_folder);
      }
    }
    if (!done.error && done.status == 0 && failures.empty()) {
      resume = Json::object();
      continue;
    }
    end.resume = dump(rest_of(i, resume, done.reports, std::move(missing), kept));
    if (done.error) failures.add(FailureClass::Bug, done.error->to_json());
    if (done.was_stopped) failures = Failures(), failures.add(FailureClass::Cancelled, cancelled_error());
    if (failures.empty())
      failures.add(class_of_status(done.status),
                   step_failed(name, done.status, fmt::format("{}.{}", job.id, attempt)).to_json());
    failures.tell(end, step.kind == config::JobStep::Kind::Sync ? "table" : "node");
    return end;
  }
  return end;
}

}  // namespace weir::app
