#include "jobs/runner.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/token.h"

namespace weir::jobs {
namespace {

std::string error_json(Error const& error) {
  return error.to_json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string steps_text(config::Job const& job) {
  std::string text;
  for (auto const& step : job.steps)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", step_kind_name(step.kind), step.text);
  return text;
}

// The error's message, from its JSON.
std::string message_of(std::string const& error) {
  auto const json = nlohmann::json::parse(error, nullptr, false);
  return json.is_object() ? json.value("message", "") : std::string();
}

}  // namespace

std::string new_worker() {
  return random_hex(8);
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// An attempt that is being carried out.
struct Runner::Running {
  Claim const& claim;
  Duration began;
  std::atomic<Duration::rep> last_sign;  // of life: a line of its log
  Duration held_at;                      // when it was asked for last that the lease begins anew
  std::stop_source stop = {};
  std::optional<FailureClass> why = {};  // the first reason to stop it
  std::optional<Error> error = {};

  void end(FailureClass reason, std::optional<Error> with = {}) {
    if (why) return;
    why = reason;
    error = std::move(with);
    stop.request_stop();
  }
  void lose(std::string cause) {
    end(FailureClass::WorkerLost, Error(ErrorKind::Unavailable, "the lease of this attempt could not be kept")
                                      .cause(std::move(cause))
                                      .state("what was not published is not published; the old data is still served")
                                      .next("nothing to do: the next attempt goes on"));
  }
};

// Writes what an attempt tells into its log, its events into the store.
class Runner::Keeper final : public Listener {
 public:
  Keeper(Runner& runner, Running& running, LogWriter* log, std::function<void(std::string_view)> const& told)
      : runner_(runner), running_(running), log_(log), told_(told) {}

  void line(std::string_view text) override {
    if (log_ != nullptr) log_->write(runner_.clock_.now(), text);
    if (told_) told_(text);
    running_.last_sign = runner_.clock_.monotonic().count();
  }
  void events(std::vector<NewEvent> events) override {
    for (auto& event : events) {
      event.job = running_.claim.job.id;
      event.attempt = running_.claim.attempt;
    }
    auto const added =
        runner_.until_answered<Status>(running_, [&] { return runner_.store_.add_events(events, &running_.claim); });
    if (!added.ok()) line(added.error().to_text());
  }

 private:
  Runner& runner_;
  Running& running_;
  LogWriter* log_;
  std::function<void(std::string_view)> const& told_;
};

Runner::Runner(Store& store, Work& work, Clock& clock, RunnerOptions options)
    : store_(store), work_(work), clock_(clock), options_(std::move(options)), luck_(std::random_device{}()) {
  keeper_ = std::jthread([this](std::stop_token end) { keep_leases(end); });
  watcher_ = std::jthread([this](std::stop_token end) { watch(end); });
}

Runner::~Runner() = default;

double Runner::luck() {
  MutexLock lock(mutex_);
  luck_ = luck_ * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(luck_ >> 11) / 9007199254740992.0;
}

// One thread for all that runs: renews the leases, hands cancels on.
void Runner::keep_leases(std::stop_token end) {
  Duration renewed = clock_.monotonic();
  while (clock_.sleep(options_.look, end)) ask_store(renewed);
}

void Runner::ask_store(Duration& renewed) {
  Duration const asked = clock_.monotonic();
  {
    MutexLock lock(mutex_);
    if (running_.empty()) {
      renewed = asked;
      return;
    }
  }
  bool const renews = asked - renewed >= options_.lease / 3;
  auto const answer = renews ? store_.renew(options_.worker, options_.lease) : store_.held_by(options_.worker);
  if (!answer.ok()) return;
  if (renews) renewed = asked;
  auto among = [](std::vector<std::int64_t> const& tokens, std::int64_t token) {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  };
  MutexLock lock(mutex_);
  for (auto& [token, one] : running_) {
    if (among(answer->to_cancel, token)) one->end(FailureClass::Cancelled);
    if (among(answer->held, token)) {
      if (renews) one->held_at = std::max(one->held_at, asked);
    } else if (one->began < asked) {
      one->lose("another worker took the job up");
    }
  }
}

// Another one, which waits for nobody: enforces what has a limit.
void Runner::watch(std::stop_token end) {
  while (clock_.sleep(options_.look, end)) {
    MutexLock lock(mutex_);
    Duration const now = clock_.monotonic();
    for (auto& [token, one] : running_) {
      check_limits(*one);
      if (now - one->held_at > trusted()) one->lose("the state could not be reached in time");
    }
  }
}

// Asks the store again while it is away, as long as the attempt may still be this worker's.
template <typename T>
T Runner::until_answered(Running& running, std::function<T()> const& ask) {
  for (;;) {
    auto answer = ask();
    if (answer.ok()) return answer;
    auto const kind = answer.error().kind();
    if (kind != ErrorKind::Busy && kind != ErrorKind::Unavailable) return answer;
    {
      MutexLock lock(mutex_);
      if (clock_.monotonic() - running.held_at > trusted()) return answer;
    }
    clock_.sleep(options_.look, {});
  }
}

void Runner::check_limits(Running& one) {
  auto const& rules = one.claim.job.definition;
  Duration const now = clock_.monotonic();
  auto stop = [&](Duration limit, std::string_view what, std::string_view key) {
    one.end(
        FailureClass::Transient,
        Error(ErrorKind::Unavailable, fmt::format("attempt {} {} {}", one.claim.attempt, what, format_duration(limit)))
            .state("it was stopped; what it had not published is not published")
            .next(fmt::format("look at its log for where it hung; timeouts.{} of the job in weir.yml sets the limit",
                              key)));
  };
  if (now - one.began > rules.attempt_timeout) stop(rules.attempt_timeout, "took longer than", "attempt");
  if (now - Duration(one.last_sign) > rules.silence_timeout) stop(rules.silence_timeout, "said nothing for", "silence");
}

Result<AfterAttempt> Runner::carry_out(Claim const& claim, FailureClass stopped_as, std::stop_token stop,
                                       std::function<void(std::string_view)> const& told) {
  auto log = LogWriter::create(options_.logs / log_name(claim.job.id, claim.attempt));
  Duration const now = clock_.monotonic();
  Running running{claim, now, now.count(), now};
  Keeper keeper(*this, running, log.ok() ? log->get() : nullptr, told);
  if (!log.ok() && told) told(log.error().to_text());
  keeper.line(fmt::format("job {} ({}), attempt {} of {}: {}", claim.job.id, claim.job.name, claim.attempt,
                          claim.job.definition.attempts + claim.job.uncounted, steps_text(claim.job.definition)));
  {
    MutexLock lock(mutex_);
    running_[claim.job.token] = &running;
  }
  AttemptEnd end;
  {
    std::stop_callback const on_stop(stop, [&] {
      MutexLock lock(mutex_);
      running.end(stopped_as);
    });
    end = work_.carry_out(claim.job, claim.attempt, keeper, running.stop.get_token());
  }
  {
    MutexLock lock(mutex_);
    // Work that was done when the stop came is done.
    if (running.why && end.failure != FailureClass::None) {
      end.failure = *running.why;
      if (running.error) end.error = error_json(*running.error);
    }
  }
  if (!log.ok() || (*log)->is_cut())
    keeper.events({{"weir.log.cut", log_name(claim.job.id, claim.attempt), {}, {}, "{}"}});
  auto after = until_answered<Result<AfterAttempt>>(running, [&] { return store_.finish(claim, end, luck()); });
  {
    MutexLock lock(mutex_);
    running_.erase(claim.job.token);
  }
  if (after.ok()) {
    std::string const what =
        end.failure == FailureClass::None
            ? fmt::format("attempt {} succeeded", claim.attempt)
            : fmt::format("attempt {} failed: {}; {}", claim.attempt,
                          end.error.empty() ? std::string(class_name(end.failure)) : message_of(end.error), after->why);
    keeper.line(what);
  } else {
    keeper.line(after.error().to_text());
  }
  return after;
}

Result<Job> Runner::see_through(std::int64_t id, std::string const& who, std::stop_token stop,
                                std::function<void(std::string_view)> const& told) {
  std::string said;
  auto say_once = [&](std::string text) {
    if (text == said) return;
    said = std::move(text);
    if (!said.empty() && told) told(said);
  };
  for (;;) {
    WEIR_TRY(auto const job, store_.job(id));
    if (is_final(job.state)) return job;
    if (stop.stop_requested()) {
      auto const cancelled = store_.cancel(id, who);
      if (!cancelled.ok() && cancelled.error().kind() != ErrorKind::Refused) return cancelled.error().clone();
      return store_.job(id);
    }
    WEIR_TRY(auto const now, store_.now());
    if (job.state == JobState::Running) {
      WEIR_TRY(auto const by, store_.worker(job.worker));
      if (by) say_once(fmt::format("another weir carries it out: pid {} on {}", by->pid, by->host));
      WEIR_TRY(auto const lost, store_.expire(luck()));  // it may be gone
      clock_.sleep(options_.look, stop);
      continue;
    }
    if (job.run_at > now) {
      clock_.sleep(std::min(job.run_at - now, options_.look), stop);
      continue;
    }
    WEIR_TRY(auto const claim, store_.claim(options_.worker, options_.lease, id));
    if (!claim) {
      WEIR_TRY(auto const waits, store_.job(id));
      say_once(waits.waiting.empty() ? "" : fmt::format("waits: {}", waits.waiting));
      clock_.sleep(options_.look, stop);
      continue;
    }
    said.clear();
    if (auto const after = carry_out(*claim, FailureClass::Cancelled, stop, told); !after.ok())
      return after.error().clone();
  }
}

// A job that is carried out beside others.
struct Runner::Beside {
  std::atomic<bool> has_ended = false;
  std::jthread thread;
};

Status Runner::begin_due(Scheduler& scheduler, std::list<Beside>& beside, std::stop_token stop) {
  WEIR_TRY(auto const made, scheduler.tick(store_));
  WEIR_TRY(auto const lost, store_.expire(luck()));
  WEIR_TRY(auto const waited, store_.expire_queue());
  beside.remove_if([](Beside const& one) { return one.has_ended.load(); });
  while (beside.size() < static_cast<std::size_t>(options_.slots) && !stop.stop_requested()) {
    WEIR_TRY(auto claim, store_.claim(options_.worker, options_.lease));
    if (!claim) break;
    auto& one = beside.emplace_back();
    one.thread = std::jthread([this, &one, stop, claim = std::move(*claim)] {
      // What came of it stands in its log and in the store.
      [[maybe_unused]] auto const after = carry_out(claim, FailureClass::Stopping, stop, {});
      MutexLock lock(mutex_);
      one.has_ended = true;
      ended_.notify_all();
    });
  }
  return {};
}

void Runner::await_end(std::list<Beside> const& beside, std::function<void(bool well)> const& pulse) {
  auto const goes_on = [](Beside const& one) { return !one.has_ended; };
  while (std::any_of(beside.begin(), beside.end(), goes_on)) {
    if (pulse) pulse(true);
    MutexLock lock(mutex_);
    if (std::any_of(beside.begin(), beside.end(), goes_on)) ended_.wait_for(mutex_, std::chrono::seconds(1));
  }
}

void Runner::serve(Scheduler& scheduler, std::stop_token stop, std::function<void(Error const&)> const& trouble,
                   std::function<Status()> const& each_round, std::function<void(bool well)> const& pulse) {
  std::list<Beside> beside;
  while (!stop.stop_requested()) {
    Duration wait = options_.look;
    if (auto const done = each_round ? each_round() : Status(); !done.ok()) trouble(done.error());
    auto const begun = begin_due(scheduler, beside, stop);
    if (!begun.ok()) {
      trouble(begun.error());
    } else if (auto const now = store_.now(); now.ok()) {
      if (auto const next = scheduler.next(); next && *next > *now) wait = std::min(wait, Duration(*next - *now));
    }
    if (pulse) pulse(begun.ok());
    clock_.sleep(wait, stop);
  }
  await_end(beside, pulse);
}

}  // namespace weir::jobs
