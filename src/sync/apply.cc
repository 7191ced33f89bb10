#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "swap/fence.h"
#include "swap/swap.h"
#include "sync/planning.h"
#include "sync/retry.h"
#include "sync/stream_run.h"
#include "sync/sync.h"

namespace weir::sync {
namespace {

// A stream that waits for a worker.
struct Ticket {
  StreamRun* run = nullptr;
  RetryBudget budget;
  Duration not_before{};  // by the monotonic clock
};

// Streams that nobody works on. A worker takes the one that is due first, and waits itself where none is due yet: only
// workers put tickets back, each one its own, so that nobody need wait for another.
class Tickets {
 public:
  void put(Ticket ticket) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    tickets_.push_back(std::move(ticket));
  }
  std::optional<Ticket> take() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (tickets_.empty()) return std::nullopt;
    auto const first = std::ranges::min_element(tickets_, {}, &Ticket::not_before);
    Ticket ticket = *first;
    tickets_.erase(first);
    return ticket;
  }

 private:
  Mutex mutex_;
  std::vector<Ticket> tickets_ WEIR_GUARDED_BY(mutex_);
};

double random_share() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

Error stopped(std::string const& stream) {
  return Error(ErrorKind::Cancelled, fmt::format("\"{}\" was not finished: somebody asked to stop", stream))
      .object(stream)
      .state("the table in the warehouse is as it was")
      .next("run again: what is finished is not read again");
}

// After a failed attempt: waits its turn again, or is over.
void decide_next(RunContext& context, Tickets& tickets, Ticket ticket) {
  StreamRun& run = *ticket.run;
  if (context.options.stop.stop_requested()) {
    auto cause = run.report().error ? run.report().error->message() : std::string();
    return run.skip(stopped(run.plan().stream).cause(std::move(cause)));
  }
  ErrorKind const kind = run.report().error->kind();
  auto const wait = run.may_try_again() ? ticket.budget.after(kind, run.moved(), random_share()) : std::nullopt;
  if (!wait) return run.say(Phase::Done, "");
  run.say(Phase::Waiting, fmt::format("next attempt in {}: {}", format_duration(*wait), run.report().error->message()));
  ticket.not_before = context.clock.monotonic() + *wait;
  tickets.put(std::move(ticket));
}

void work(RunContext& context, Tickets& tickets) {
  Worker worker;
  while (std::optional<Ticket> ticket = tickets.take()) {
    Duration const wait = ticket->not_before - context.clock.monotonic();
    bool const in_time = !context.options.stop.stop_requested() &&
                         (wait <= Duration::zero() || context.clock.sleep(wait, context.options.stop));
    if (!in_time)
      ticket->run->skip(stopped(ticket->run->plan().stream));
    else if (ticket->run->attempt(worker))
      ticket->run->say(Phase::Done, "");
    else
      decide_next(context, tickets, std::move(*ticket));
  }
  worker.give_back(context.endpoints);
}

void work_side_by_side(RunContext& context, Tickets& tickets, std::size_t workers) {
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < workers; ++i) others.emplace_back([&] { work(context, tickets); });
  work(context, tickets);
}

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}", random());
}

void collect_garbage(RunContext& context, SyncReport& report) {
  if (context.options.stop.stop_requested()) return;
  auto session = context.endpoints.take_warehouse();
  if (!session.ok()) return report.warnings.push_back("old generations were not dropped: " + session.error().message());
  auto dropped = swap::collect_garbage(**session);
  if (!dropped.ok())
    report.warnings.push_back("old generations were not dropped: " + dropped.error().message());
  else
    for (auto const& line : *dropped) log_step("{}", line);
  context.endpoints.give_back(std::move(*session));
}

// Before the workers start: two of them making the same schema would get into each other's way.
Status create_schemas(SyncPlan const& plan, pg::Session& session) {
  std::set<std::string> schemas;
  for (StreamPlan const& stream : plan.streams)
    if (stream.publish.creates_table) schemas.insert(stream.target.schema);
  for (std::string const& schema : schemas) {
    WEIR_TRY(auto there, session.query("SELECT FROM pg_namespace WHERE nspname = $1", {schema}));
    if (there.size() > 0) continue;
    auto made = session.query("CREATE SCHEMA IF NOT EXISTS " + sql::quote_pg(schema));
    // 23505: another program made it between the look and the entry, and it is there now.
    if (!made.ok() && made.error().sqlstate() != "23505" && concerns_all(made.error().kind()))
      return std::move(made).error();
    // Where the role may not, each stream says so for itself.
  }
  return {};
}

StreamReport refused(Refusal const& refusal, std::string const& connection) {
  StreamReport report;
  report.stream = refusal.stream;
  report.scope = connection + "/" + refusal.stream;
  report.target = refusal.target;
  report.outcome = Outcome::Failed;
  report.error = refusal.error.clone();
  report.dependents = refusal.dependents;
  return report;
}

}  // namespace

Result<SyncReport> run(SyncPlan const& plan, config::Connection const& connection, Endpoints& endpoints,
                       RunOptions const& options) {
  Clock& clock = options.clock != nullptr ? *options.clock : system_clock();
  SyncReport report;
  report.connection = plan.connection;
  report.started = clock.now();
  report.warnings = plan.warnings;
  WEIR_TRY(auto session, endpoints.take_warehouse());
  WEIR_DO(swap::prepare_warehouse(*session));
  WEIR_DO(swap::raise_job_fence(*session));
  WEIR_DO(create_schemas(plan, *session));
  report.job = options.job;
  if (report.job == 0) {
    WEIR_TRY(report.job, next_job(*session));
  }
  endpoints.give_back(std::move(session));

  // Of a step, by what later attempts know its sessions.
  std::string const fenced = swap::job_fence_name();
  std::string const instance = fenced.empty() ? random_name() : fenced;
  RunContext context{connection, endpoints, options, &plan, clock, instance, report.job};
  std::vector<std::unique_ptr<StreamRun>> runs;
  Tickets tickets;
  for (StreamPlan const& stream : plan.streams) {
    runs.push_back(std::make_unique<StreamRun>(context, stream));
    tickets.put({runs.back().get(), RetryBudget(connection.attempts, connection.retry_first), Duration::zero()});
  }
  auto const most = static_cast<std::size_t>(std::max(1, connection.workers));
  work_side_by_side(context, tickets, std::min(most, std::max<std::size_t>(1, runs.size())));
  collect_garbage(context, report);

  for (auto& run : runs) {
    report.streams.push_back(std::move(run->report()));
    report.streams.back().dependents = dependents_of(run->plan());
  }
  for (auto const& refusal : plan.refusals) report.streams.push_back(refused(refusal, plan.connection));
  report.finished = clock.now();
  return report;
}

}  // namespace weir::sync
