// weir run and weir retry: a job of weir.yml, now, with its attempts, until it has ended; here, or by the weir serve
// that has the state.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/job_view.h"
#include "app/job_work.h"
#include "app/outbox_sender.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

// By what the last attempt failed of, as the command that failed would have ended.
int exit_status(Json const& job) {
  if (job.value("state", "") == "succeeded") return 0;
  auto const& attempts = job["attempt_list"];
  if (attempts.empty() || !attempts.back()["failure"].is_string()) return 1;
  auto const failure = attempts.back()["failure"].get<std::string>();
  if (failure == class_name(jobs::FailureClass::Transient) || failure == class_name(jobs::FailureClass::WorkerLost))
    return 5;
  return failure == class_name(jobs::FailureClass::Held) ? 6 : 1;
}

void tell(std::string_view line) {
  if (logs(LogLevel::Info)) write_err(std::string(line) + "\n");
}

Status run_here(Context& context, JobState& state, std::int64_t id) {
  WEIR_TRY(auto const* config, context.config());
  JobWork work(config->root, state.folder(), *state.store());
  OutboxSender sender(*state.store(), state.config());
  jobs::Runner runner(*state.store(), work, system_clock(), state.runner_options());
  WEIR_TRY(auto const job, runner.see_through(id, person(), context.interrupt().token(), tell));
  sender.flush(std::chrono::seconds(10), context.interrupt().token());
  return {};
}

// The lines that an attempt's log has grown by, without the time that each begins with.
Status tell_more(JobState& state, std::int64_t id, int attempt, std::uint64_t& from) {
  auto const page =
      state.get(fmt::format("/api/v1/jobs/{}/attempts/{}/log", id, attempt), {{"from", std::to_string(from)}});
  if (!page.ok()) return {};  // it is not there yet
  constexpr std::size_t kStamp = std::string_view("2026-11-27 03:00:04.120 ").size();
  auto const text = page->value("text", "");
  for (auto const& line : split(text, '\n'))
    if (line.size() >= kStamp) tell(line.substr(kStamp));
  from = page->value("next", from);
  return {};
}

// Another program runs it: its logs as they grow, until it has ended. A stop cancels it there.
Status follow(Context& context, JobState& state, std::int64_t id) {
  bool cancelled = false;
  int attempt = 1;
  std::uint64_t from = 0;
  for (;;) {
    WEIR_TRY(auto const job, state.get(fmt::format("/api/v1/jobs/{}", id)));
    int const attempts = job.value("attempts", 0);
    while (attempt <= attempts) {
      WEIR_DO(tell_more(state, id, attempt, from));
      if (attempt == attempts) break;
      ++attempt, from = 0;
    }
    auto const now = jobs::job_state(job.value("state", ""));
    if (now && is_final(*now)) return {};
    if (context.interrupt().asked() && !cancelled) {
      cancelled = true;
      auto const asked = state.post(fmt::format("/api/v1/jobs/{}/cancel", id), Json::object());
      if (!asked.ok() && asked.error().kind() != ErrorKind::Refused) return asked.error().clone();
    }
    system_clock().sleep(std::chrono::milliseconds(300), cancelled ? std::stop_token() : context.interrupt().token());
  }
}

Result<int> see_through(Context& context, JobState& state, std::int64_t id) {
  if (state.store() != nullptr) {
    WEIR_DO(run_here(context, state, id));
  } else {
    WEIR_DO(follow(context, state, id));
  }
  WEIR_TRY(auto const job, state.get(fmt::format("/api/v1/jobs/{}", id)));
  if (context.format() == Format::Text) {
    write_out(job_line(job, context.terminal()));
    if (job.value("state", "") == "failed")
      log_info("weir job show {} says why, weir logs {} is the log, weir retry {} runs it again", id, id, id);
  } else {
    write_out(job.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  return exit_status(job);
}

// The state, to carry a job out: a weir serve that has it does so; a weir run that has it does not.
Result<JobState> open_to_run(Context& context) {
  auto state = JobState::take(context, false);
  if (state.ok() || state.error().kind() != ErrorKind::Busy) return state;
  auto there = JobState::open(context);
  return there.ok() && there->is_served() ? std::move(there) : std::move(state);
}

}  // namespace

Result<int> run_run(Context& context) {
  WEIR_TRY(auto const* definition, find_job(context, context.arguments().positionals[0]));
  WEIR_TRY(auto state, open_to_run(context));
  WEIR_TRY(auto const made, state.post("/api/v1/jobs", Json{{"name", definition->name}}));
  auto const id = made.value("job", std::int64_t{0});
  if (!made.value("is_new", true))
    log_info("job {} of \"{}\" has not ended yet: going on with it now", id, definition->name);
  return see_through(context, state, id);
}

Result<int> run_retry(Context& context) {
  WEIR_TRY(auto const reference, parse_job_reference(context.arguments().positionals[0]));
  WEIR_TRY(auto state, open_to_run(context));
  WEIR_TRY(auto const made, state.post(fmt::format("/api/v1/jobs/{}/retry", reference.job),
                                       Json{{"from_failure", context.arguments().has("from-failure")}}));
  auto const id = made.value("job", std::int64_t{0});
  if (!made.value("is_new", true)) log_info("job {} has not ended yet: its next attempt begins now", id);
  return see_through(context, state, id);
}

}  // namespace weir::app
