#include "jobs/scheduler.h"

#include <fmt/format.h>

namespace weir::jobs {
namespace {

// Others may have recorded slots, or switched a schedule off: what the store says is read again so often.
constexpr Duration kLookAgain = std::chrono::seconds(10);

Misfire misfire_named(std::string const& name) {
  if (name == "skip") return Misfire::Skip;
  return name == "all" ? Misfire::All : Misfire::Coalesce;
}

bool is_earlier(std::optional<Instant> const& a, std::optional<Instant> const& b) {
  return a && (!b || *a < *b);
}

}  // namespace

Result<Schedule> schedule_of(config::Job const& job) {
  auto const& when = job.when;
  auto made = when.every.count() > 0 ? Schedule::every(when.every)
              : when.cron.empty()    ? Result<Schedule>(Schedule::manual())
                                     : Schedule::cron(when.cron, when.zone);
  if (!made.ok() && made.error().where().empty()) made.error().where(when.place.text());
  if (!made.ok()) made.error().context(fmt::format("reading when job \"{}\" runs", job.name));
  return made;
}

MisfirePolicy misfire_of(config::Job const& job) {
  MisfirePolicy policy;
  policy.misfire = misfire_named(job.when.missed);
  policy.window = job.when.window;
  return policy;
}

Result<Scheduler> Scheduler::make(std::map<std::string, config::Job> const& jobs) {
  Scheduler scheduler;
  for (auto const& [name, job] : jobs) {
    WEIR_TRY(auto schedule, schedule_of(job));
    if (schedule.is_manual()) continue;
    std::string fingerprint = schedule.to_text();
    scheduler.entries_.push_back(
        Entry{job, std::move(schedule), misfire_of(job), std::move(fingerprint), std::nullopt, std::nullopt, true});
  }
  return scheduler;
}

// What the store knows of each schedule; new ones, and those with another rule than it knows, begin now.
Status Scheduler::look_up(Store& store) {
  WEIR_TRY(auto const known, store.schedules());
  for (auto& entry : entries_) {
    auto found = known.find(entry.job.name);
    bool const is_met = found != known.end() && found->second.fingerprint == entry.fingerprint;
    ScheduleState state;
    if (is_met) {
      state = found->second;
    } else {
      WEIR_TRY(state, store.meet_schedule(entry.job.name, entry.fingerprint));
    }
    if (entry.handled_until == state.handled_until && entry.is_enabled == state.is_enabled) continue;
    entry.handled_until = state.handled_until;
    entry.is_enabled = state.is_enabled;
    find_next(entry);
  }
  return {};
}

void Scheduler::find_next(Entry& entry) {
  auto const slot = entry.is_enabled ? entry.schedule.next(*entry.handled_until) : std::nullopt;
  entry.next = slot ? std::optional(slot->at) : std::nullopt;
}

Result<std::vector<std::int64_t>> Scheduler::tick(Store& store) {
  WEIR_TRY(auto const now, store.now());
  if (!looked_up_at_ || now - *looked_up_at_ >= kLookAgain || now < *looked_up_at_) {
    WEIR_DO(look_up(store));
    looked_up_at_ = now;
  }
  std::vector<std::int64_t> made;
  for (auto& entry : entries_) {
    if (!entry.next || *entry.next > now) continue;
    auto due_now = due(entry.schedule, *entry.handled_until, now, entry.misfire);
    if (due_now.older) due_now.slots.insert(due_now.slots.begin(), *due_now.older);
    WEIR_TRY(auto jobs, store.record_slots(entry.job.name, due_now.slots, now, entry.job));
    made.insert(made.end(), jobs.begin(), jobs.end());
    entry.handled_until = now;
    find_next(entry);
  }
  return made;
}

std::optional<Instant> Scheduler::next() const {
  std::optional<Instant> first;
  for (auto const& entry : entries_)
    if (is_earlier(entry.next, first)) first = entry.next;
  return first;
}

}  // namespace weir::jobs
