#include "jobs/schedule.h"

#include <algorithm>
#include <charconv>
#include <deque>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"

namespace weir::jobs {
namespace chrono = std::chrono;

namespace {

using LocalTime = chrono::local_time<Duration>;
using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;

constexpr Instant kEarliest = chrono::sys_days(chrono::year(1900) / 1 / 1);
constexpr Instant kLatest = chrono::sys_days(chrono::year(2200) / 1 / 1);
constexpr Duration kTick(1);

LocalTime local_of(Instant at, ZonePeriod const& period) {
  return LocalTime(at.time_since_epoch() + period.offset);
}

Instant instant_of(LocalTime local, ZonePeriod const& period) {
  return Instant(local.time_since_epoch() - period.offset);
}

std::string date_text(chrono::local_days day) {
  chrono::year_month_day const date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string clock_text(Duration of_day) {
  auto const minute = chrono::floor<minutes>(of_day).count();
  return fmt::format("{:02}:{:02}", minute / 60, minute % 60);
}

std::string clock_text(LocalTime time) {
  return clock_text(time - chrono::floor<chrono::days>(time));
}

std::string local_text(LocalMinute time) {
  return date_text(chrono::floor<chrono::days>(time)) + "T" + clock_text(time);
}

std::string weekday_text(chrono::local_days day) {
  static constexpr std::string_view kNames[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  return fmt::format("{} {}", kNames[chrono::weekday(day).c_encoding()], date_text(day));
}

std::string offset_text(seconds offset) {
  auto const minute = std::abs(chrono::floor<minutes>(offset).count());
  return fmt::format("{}{:02}:{:02}", offset < seconds(0) ? '-' : '+', minute / 60, minute % 60);
}

// As parse_duration reads it.
std::string period_text(Duration period) {
  struct Unit {
    Duration length;
    std::string_view name;
  };
  static constexpr Unit kUnits[] = {{hours(24), "d"}, {hours(1), "h"}, {minutes(1), "min"}, {seconds(1), "s"}};
  for (auto const& unit : kUnits)
    if (period % unit.length == Duration(0)) return fmt::format("{}{}", period / unit.length, unit.name);
  return fmt::format("{}us", period.count());
}

// ------------------------------------------------------------------------------------------------ local time to
// instants

// The first instant at which a clock on the wall shows `local` or, where a change of clocks skips it, something later.
struct Placed {
  Instant at;
  LocalTime shown;  // `local`, or the end of the gap
};

Placed place(LocalTime local, Zone const& zone) {
  constexpr hours kBeforeAllOffsets(16);  // they go to 15:14
  auto period = zone.period(Instant(local.time_since_epoch()) - kBeforeAllOffsets);
  for (;; period = zone.period(period.end)) {
    if (local < local_of(period.begin, period)) return {period.begin, local_of(period.begin, period)};
    if (local < local_of(period.end, period)) return {instant_of(local, period), local};
  }
}

constexpr hours kLongestFold(25);

// `at` in `period`: this local time was there before, by the clock of the period before.
bool is_second(Instant at, ZonePeriod const& period, Zone const& zone) {
  if (at - period.begin > kLongestFold) return false;
  auto const before = zone.period(period.begin - kTick);
  return local_of(at, period) < local_of(before.end, before);
}

bool comes_again(Instant at, ZonePeriod const& period, Zone const& zone) {
  if (period.end - at > kLongestFold) return false;
  auto const after = zone.period(period.end);
  return local_of(at, period) >= local_of(after.begin, after);
}

std::optional<Slot> in_time(Slot slot) {
  if (slot.at >= kLatest) return std::nullopt;
  return slot;
}

// Fixed times: the slots are the expression's minutes, each at its place.
std::optional<Slot> next_fixed(Cron const& cron, Zone const& zone, Instant after) {
  // A minute up to the one that the clock shows has had its first time.
  auto const shown = chrono::floor<minutes>(local_of(after, zone.period(after)));
  for (auto minute = cron.first(shown + minutes(1)); minute; minute = cron.first(*minute + minutes(1))) {
    auto const placed = place(*minute, zone);
    if (placed.at <= after) continue;  // it comes again, and ran the first time
    auto const landing = chrono::floor<minutes>(placed.shown);
    bool const is_own = landing == placed.shown && cron.matches(landing);
    return in_time({placed.at, local_text(is_own ? landing : *minute), 0});
  }
  return std::nullopt;
}

// By the real clock: the slots are the instants at which the clock shows one of the expression's minutes.
std::optional<Slot> next_by_clock(Cron const& cron, Zone const& zone, Instant after) {
  auto period = zone.period(after);
  auto from = chrono::floor<minutes>(local_of(after, period)) + minutes(1);
  while (period.begin < kLatest) {
    auto const minute = cron.first(from);
    if (!minute) return std::nullopt;
    auto const at = instant_of(*minute, period);
    if (at < period.end) return in_time({at, local_text(*minute), is_second(at, period, zone) ? 1 : 0});
    period = zone.period(period.end);
    from = chrono::ceil<minutes>(local_of(period.begin, period));
  }
  return std::nullopt;
}

std::optional<Slot> next_every(Duration period, Instant anchor, Instant after) {
  auto const at = after < anchor ? anchor : anchor + ((after - anchor) / period + 1) * period;
  auto const time = LocalTime(at.time_since_epoch());
  auto const second = (chrono::floor<seconds>(time) - chrono::floor<minutes>(time)).count();
  return in_time({at, fmt::format("{}:{:02}Z", local_text(chrono::floor<minutes>(time)), second), 0});
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------
// schedules

Result<Schedule> Schedule::cron(std::string_view expression, std::string_view zone) {
  WEIR_TRY(auto parsed, Cron::parse(expression));
  WEIR_TRY(auto named, Zone::named(zone));
  return Schedule(InZone{std::move(parsed), named});
}

Result<Schedule> Schedule::every(Duration period, Instant anchor) {
  if (period < seconds(1) || period > hours(24 * 3653) || period % seconds(1) != Duration(0))
    return Error(ErrorKind::Config, "cannot schedule something every " + period_text(period))
        .next("write whole seconds, from 1s to 3653d");
  if (anchor < kEarliest || anchor >= kLatest || anchor.time_since_epoch() % seconds(1) != Duration(0))
    return Error(ErrorKind::Config, "cannot count a schedule from such a time")
        .next("count it from a whole second in the years 1900 to 2199");
  return Schedule(Every{period, anchor});
}

Schedule Schedule::manual() {
  return Schedule(std::monostate());
}

Result<Schedule> Schedule::parse(std::string_view text, std::string_view zone, Instant anchor) {
  text = trim(text);
  if (equals_ignoring_case(text, "manual")) return manual();
  constexpr std::string_view kEvery = "@every";
  if (!starts_with_ignoring_case(text, kEvery)) return cron(text, zone);
  auto const period = parse_duration(text.substr(kEvery.size()));
  if (!period)
    return Error(ErrorKind::Config, fmt::format("cannot read schedule \"{}\": no duration behind @every", text))
        .next("write a number and a unit: 30min, 6h or 2d");
  return every(*period, anchor);
}

bool Schedule::is_manual() const {
  return std::holds_alternative<std::monostate>(form_);
}

std::string Schedule::to_text() const {
  if (auto const* every = std::get_if<Every>(&form_)) return "@every " + period_text(every->period);
  if (auto const* in_zone = std::get_if<InZone>(&form_)) return in_zone->cron.to_text() + " " + in_zone->zone.name();
  return "manual";
}

std::vector<std::string> Schedule::warnings() const {
  auto const* in_zone = std::get_if<InZone>(&form_);
  return in_zone == nullptr ? std::vector<std::string>() : in_zone->cron.warnings();
}

std::optional<Slot> Schedule::next(Instant after) const {
  if (after >= kLatest) return std::nullopt;
  after = std::max(after, kEarliest - kTick);
  if (auto const* every = std::get_if<Every>(&form_)) return next_every(every->period, every->anchor, after);
  auto const* in_zone = std::get_if<InZone>(&form_);
  if (in_zone == nullptr) return std::nullopt;
  auto const& [cron, zone] = *in_zone;
  return cron.follows_clock() ? next_by_clock(cron, zone, after) : next_fixed(cron, zone, after);
}

// --------------------------------------------------------------------------------------------------------- what is due

namespace {

// The latest slots in (handled, now], at most kMostListed. Looks back from `now`, twice as far each time, so that what
// lies years back is not gone through.
std::deque<Slot> latest_slots(Schedule const& schedule, Instant handled, Instant now) {
  std::deque<Slot> slots;
  for (Duration back = hours(2);; back *= 2) {
    bool const is_whole = now - handled <= back;
    slots.clear();
    for (auto slot = schedule.next(is_whole ? handled : now - back); slot && slot->at <= now;
         slot = schedule.next(slot->at)) {
      slots.push_back(std::move(*slot));
      if (slots.size() > kMostListed) slots.pop_front();
    }
    if (is_whole || slots.size() == kMostListed) return slots;
  }
}

std::string missed_by(Duration late) {
  return "missed by " + format_duration(late);
}

// What becomes of the slot that has `later` due slots behind it.
DueSlot judge(Slot slot, std::size_t later, Slot const& latest, Instant now, MisfirePolicy const& policy) {
  Duration const late = now - slot.at;
  DueSlot judged{std::move(slot), Outcome::Skipped, late, missed_by(late)};
  bool const in_time = late <= policy.grace;
  if (!in_time && policy.window && late > *policy.window) {
    judged.reason += ", more than the window of " + format_duration(*policy.window);
  } else if (policy.misfire == Misfire::All ? later < std::clamp<std::size_t>(policy.most, 1, kMostListed)
                                            : later == 0 && (in_time || policy.misfire == Misfire::Coalesce)) {
    judged.outcome = Outcome::Fire;
    judged.reason = in_time ? "" : "late by " + format_duration(late);
  } else if (policy.misfire != Misfire::Skip) {
    judged.outcome = Outcome::Coalesced;
    judged.reason += ", covered by the run of " + latest.local;
  }
  return judged;
}

}  // namespace

Due due(Schedule const& schedule, Instant handled, Instant now, MisfirePolicy const& policy) {
  Due due;
  handled = std::max(handled, kEarliest);
  now = std::min(now, kLatest);
  if (now <= handled) return due;
  auto slots = latest_slots(schedule, handled, now);
  if (slots.empty()) return due;
  auto first = schedule.next(handled);
  auto const latest = slots.back();
  if (first && *first != slots.front()) due.older = judge(*first, slots.size(), latest, now, policy);
  for (std::size_t i = 0; i < slots.size(); ++i)
    due.slots.push_back(judge(std::move(slots[i]), slots.size() - 1 - i, latest, now, policy));
  return due;
}

Duration jitter(std::string_view name, Duration within) {
  if (within <= Duration(0)) return Duration(0);
  auto const digest = sha256_hex(name);
  std::uint64_t hash = 0;
  std::from_chars(digest.data(), digest.data() + 16, hash, 16);
  return Duration(static_cast<Duration::rep>(hash % static_cast<std::uint64_t>(within.count())));
}

// ------------------------------------------------------------------------------------------------------ what is to
// come

// Goes from slot to slot of a cron schedule, and says what lies between.
class Outlook {
 public:
  static std::vector<Upcoming> of(Schedule const& schedule, Instant from, std::size_t count) {
    std::vector<Upcoming> out;
    auto const* in_zone = std::get_if<Schedule::InZone>(&schedule.form_);
    while (count-- > 0) {
      auto const slot = schedule.next(from);
      if (!slot) break;
      if (in_zone != nullptr) {
        Outlook outlook(*in_zone);
        outlook.add_between(from, slot->at, out);
        out.push_back({slot, outlook.shown(slot->at), outlook.note(*slot)});
      } else {
        out.push_back({slot, shown(slot->at, {kEarliest, kLatest, seconds(0)}), ""});
      }
      from = slot->at;
    }
    return out;
  }

 private:
  struct Gap {
    LocalTime begin, end;
  };

  explicit Outlook(Schedule::InZone const& in_zone) : cron_(in_zone.cron), zone_(in_zone.zone) {}

  static std::string shown(Instant at, ZonePeriod const& period) {
    auto const local = local_of(at, period);
    return fmt::format("{} {} {}", weekday_text(chrono::floor<chrono::days>(local)), clock_text(local),
                       offset_text(period.offset));
  }
  std::string shown(Instant at) const { return shown(at, zone_.period(at)); }

  // What the clock skips at `at`, where the period begins; empty where it skips nothing.
  Gap gap_before(ZonePeriod const& period) const {
    auto const before = zone_.period(period.begin - kTick);
    return {local_of(before.end, before), local_of(period.begin, period)};
  }

  std::optional<LocalMinute> skipped_in(Gap const& gap) const {
    if (gap.begin >= gap.end) return std::nullopt;
    auto const minute = cron_.first(chrono::ceil<minutes>(gap.begin));
    return minute && *minute < gap.end ? minute : std::nullopt;
  }

  std::string note(Slot const& slot) const {
    auto const period = zone_.period(slot.at);
    auto const clock = clock_text(local_of(slot.at, period));
    if (slot.fold == 1) return fmt::format("second of two: {} comes twice that day", clock);
    if (comes_again(slot.at, period, zone_)) {
      if (!cron_.follows_clock()) return fmt::format("{} comes twice that day: runs the first time", clock);
      return fmt::format("first of two: {} comes twice that day", clock);
    }
    if (slot.at != period.begin || cron_.follows_clock()) return "";
    auto const skipped = skipped_in(gap_before(period));
    if (!skipped) return "";
    return fmt::format("{} does not exist that day: runs at {}", clock_text(*skipped), clock);
  }

  void add_between(Instant from, Instant to, std::vector<Upcoming>& out) const {
    std::vector<std::pair<chrono::local_days, Upcoming>> found;
    add_months(from, to, found);
    if (cron_.follows_clock()) add_gaps(from, to, found);
    std::stable_sort(found.begin(), found.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
    for (auto& entry : found) out.push_back(std::move(entry.second));
  }

  // Months without a day that is named, whose ends lie between.
  void add_months(Instant from, Instant to, std::vector<std::pair<chrono::local_days, Upcoming>>& found) const {
    chrono::year_month_day const begin(chrono::floor<chrono::days>(local_of(from, zone_.period(from))));
    auto const end = chrono::floor<chrono::days>(local_of(to, zone_.period(to)));
    for (auto month = begin.year() / begin.month();; month += chrono::months(1)) {
      chrono::local_days const last(month / chrono::last);
      if (last >= end) return;
      for (unsigned const day : cron_.missing_days(month))
        found.emplace_back(last, Upcoming{std::nullopt, date_text(last).substr(0, 7),
                                          fmt::format("there is no day {} in that month: no run", day)});
    }
  }

  void add_gaps(Instant from, Instant to, std::vector<std::pair<chrono::local_days, Upcoming>>& found) const {
    for (auto period = zone_.period(from); period.end <= to;) {
      period = zone_.period(period.end);
      auto const gap = gap_before(period);
      auto const skipped = skipped_in(gap);
      if (!skipped) continue;
      auto const day = chrono::floor<chrono::days>(*skipped);
      found.emplace_back(day, Upcoming{std::nullopt, weekday_text(day),
                                       fmt::format("{} to {} does not exist that day: no run at {}",
                                                   clock_text(gap.begin), clock_text(gap.end), clock_text(*skipped))});
    }
  }

  Cron const& cron_;
  Zone const& zone_;
};

std::vector<Upcoming> upcoming(Schedule const& schedule, Instant from, std::size_t count) {
  return Outlook::of(schedule, from, count);
}

}  // namespace weir::jobs
