#include "app/demo_night.h"

#include <future>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock_lead.h"
#include "base/json.h"
#include "base/time_text.h"
#include "incident/outbox.h"
#include "jobs/upkeep.h"

namespace weir::app {
namespace {

constexpr Duration kDemoLook = std::chrono::milliseconds(50);  // how often the service looks for jobs
constexpr Duration kDemoPatience = std::chrono::minutes(2);    // for a job that is to come
constexpr Duration kMoment = std::chrono::milliseconds(10);

}  // namespace

Error demo_stopped() {
  return Error(ErrorKind::Cancelled, "the demo was stopped").state("its databases and files are removed");
}

// The service, on a thread of its own until this goes.
struct DemoNight::Serving {
  jobs::Scheduler scheduler;
  std::future<Status> ended;
  std::jthread thread;
};

DemoNight::DemoNight(Context& context, JobState state, jobs::Zone zone, Tell tell)
    : context_(context), state_(std::move(state)), zone_(zone), tell_(std::move(tell)) {}

DemoNight::~DemoNight() {
  serving_.reset();  // it works with the rest
}

Result<std::unique_ptr<DemoNight>> DemoNight::start(Context& context, std::string const& zone_name,
                                                    std::string const& local_time, Tell tell) {
  WEIR_TRY(auto const zone, jobs::Zone::named(zone_name));
  WEIR_TRY(auto state, JobState::take(context, true));
  std::unique_ptr<DemoNight> night(new DemoNight(context, std::move(state), zone, std::move(tell)));
  night->pass_until(local_time);
  WEIR_DO(night->begin());
  return night;
}

Status DemoNight::begin() {
  WEIR_TRY(auto scheduler, jobs::Scheduler::make(state_.config().get().jobs));
  serving_.reset(new Serving{std::move(scheduler), {}, {}});
  std::promise<void> begun;
  std::packaged_task<Status(std::stop_token)> serve([this, &begun](std::stop_token stop) {
    return serve_jobs(state_, serving_->scheduler, ServiceOptions{4, kDemoLook}, std::move(stop), [&] {
      begun.set_value();
      return Status();
    });
  });
  serving_->ended = serve.get_future();
  auto ready = begun.get_future();
  serving_->thread = std::jthread(std::move(serve));
  while (ready.wait_for(kMoment) != std::future_status::ready) {
    if (serving_->ended.wait_for(Duration::zero()) == std::future_status::ready) return serving_->ended.get();
  }
  return {};
}

Status DemoNight::go_on_at(std::int64_t job) {
  return state_.store()->transact(
      [&](jobs::Change& change) { return jobs::raise_counter(change.database, "job", job - 1); });
}

void DemoNight::pass_until(std::string const& local_time) {
  // The text's time, taken for UTC, is less than a day from the instant: near enough for the zone's offset in summer.
  Instant const as_utc = parse_utc(local_time).value_or(Instant());
  Instant const at = as_utc - zone_.period(as_utc).offset;
  set_clock_lead(clock_lead() + (at - system_clock().now()));
}

std::string DemoNight::local(Instant at) const {
  return utc_text(at + zone_.period(at).offset);
}

Status DemoNight::tell_news() {
  WEIR_TRY(auto const events, state_.store()->events(last_event_, {}, 1000));
  if (events.empty()) return {};
  last_event_ = events.back().seq;
  for (auto const& part : incident::story(events)) tell_(part);
  return {};
}

Status DemoNight::wait() {
  if (context_.interrupt().asked()) return demo_stopped();
  if (serving_->ended.valid() && serving_->ended.wait_for(kMoment) == std::future_status::ready) {
    WEIR_DO(serving_->ended.get());
    return demo_stopped();
  }
  return tell_news();
}

// What runs, and what is owed, takes its time. What waits for its next attempt does not.
Result<bool> DemoNight::is_quiet() {
  auto& store = *state_.store();
  bool owes_nothing = false;
  WEIR_DO(store.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(owes_nothing, incident::nothing_to_try(change));
    return {};
  }));
  WEIR_TRY(auto const running, store.jobs({"", jobs::JobState::Running, {}, 1}));
  if (!owes_nothing || !running.empty()) return false;
  WEIR_TRY(auto const due, store.next_due());
  if (!due) return true;
  if (Duration const ahead = *due - system_clock().now(); ahead > Duration::zero())
    set_clock_lead(clock_lead() + ahead);
  return false;
}

Status DemoNight::settle() {
  for (;;) {
    WEIR_TRY(bool const quiet, is_quiet());
    WEIR_DO(wait());
    if (quiet) return {};
  }
}

Result<std::int64_t> DemoNight::next_job(std::string const& name) {
  auto const deadline = system_clock().monotonic() + kDemoPatience;
  for (;;) {
    WEIR_TRY(auto const latest, state_.store()->jobs({name, {}, {}, 1}));
    if (!latest.empty() && latest[0].id > last_job_) {
      last_job_ = latest[0].id;
      WEIR_DO(settle());
      return latest[0].id;
    }
    if (system_clock().monotonic() > deadline)
      return Error(ErrorKind::Internal, fmt::format("no job \"{}\" was made at {}", name, local(system_clock().now())));
    WEIR_DO(wait());
  }
}

Result<std::int64_t> DemoNight::run(std::string const& name) {
  WEIR_TRY(auto const made, state_.post("/api/v1/jobs", nlohmann::ordered_json{{"name", name}}));
  last_job_ = number_at(made, "job") - 1;
  return next_job(name);
}

}  // namespace weir::app
