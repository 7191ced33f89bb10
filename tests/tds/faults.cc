#include "tds/faults.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::tds {

void Faults::add(Fault fault) {
  MutexLock lock(mutex_);
  armed_.push_back({std::move(fault), 0});
}

void Faults::clear() {
  MutexLock lock(mutex_);
  armed_.clear();
}

std::optional<Fault> Faults::meet(FaultEvent event, std::string_view text, std::vector<std::string> const& tables) {
  MutexLock lock(mutex_);
  if (armed_.empty()) return std::nullopt;
  std::string const folded = to_lower(text);
  for (Armed& armed : armed_) {
    Fault const& fault = armed.fault;
    if (fault.event != event) continue;
    if (!fault.query.empty() && folded.find(to_lower(fault.query)) == std::string::npos) continue;
    bool const table = fault.table.empty() || std::any_of(tables.begin(), tables.end(), [&](std::string const& one) {
                         return equals_ignoring_case(one, fault.table);
                       });
    if (!table) continue;
    std::uint64_t const met = armed.met++;
    if (met < fault.skip || met - fault.skip >= fault.times) continue;
    return fault;
  }
  return std::nullopt;
}

std::vector<std::string> Faults::list() const {
  MutexLock lock(mutex_);
  std::vector<std::string> lines;
  for (Armed const& armed : armed_)
    lines.push_back(fmt::format("{} table={} query={} skip={} met={}",
                                armed.fault.event == FaultEvent::Login ? "login" : "query", armed.fault.table,
                                armed.fault.query, armed.fault.skip, armed.met));
  return lines;
}

}  // namespace weir::tds
