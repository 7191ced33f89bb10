// A cron expression, a zone and a number of minutes since 1970, a line each: a schedule whose text reads back as the
// same one and whose slots come one behind the other, or one Config error.

#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "jobs/schedule.h"

namespace {

using weir::Instant, weir::jobs::Schedule;

void check_slots(Schedule const& schedule, Instant from) {
  auto at = from;
  for (int i = 0; i < 20; ++i) {
    auto const slot = schedule.next(at);
    if (!slot) break;
    FUZZ_CHECK(slot->at > at);
    FUZZ_CHECK(slot->fold == 0 || slot->fold == 1);
    FUZZ_CHECK(schedule.next(slot->at - weir::Duration(1)) == slot);
    at = slot->at;
  }
  FUZZ_CHECK(weir::jobs::upcoming(schedule, from, 3).size() < 10'000);
  auto const due = weir::jobs::due(schedule, from, at, {});
  FUZZ_CHECK(due.slots.size() <= weir::jobs::kMostListed && (at == from || due.slots.back().slot.at == at));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  auto lines = weir::split({reinterpret_cast<char const*>(data), size}, '\n');
  lines.resize(3);
  auto const minutes = weir::parse_int(lines[2]).value_or(0) % (400LL * 366 * 24 * 60);
  auto const cron = weir::jobs::Cron::parse(lines[0]);
  if (cron.ok()) {
    auto const again = weir::jobs::Cron::parse(cron->to_text());
    FUZZ_CHECK(again.ok() && *again == *cron && again->to_text() == cron->to_text());
    FUZZ_CHECK(again->warnings() == cron->warnings());
  } else {
    FUZZ_CHECK(cron.error().kind() == weir::ErrorKind::Config && !cron.error().next().empty());
  }
  auto const schedule = Schedule::parse(lines[0], lines[1]);
  if (schedule.ok())
    check_slots(*schedule, Instant(std::chrono::minutes(minutes)));
  else
    FUZZ_CHECK(schedule.error().kind() == weir::ErrorKind::Config && !schedule.error().next().empty());
  return 0;
}
