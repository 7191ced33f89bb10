#include "jobs/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/text.h"

namespace weir::jobs {
namespace {

// Of the names, those that people mean by "Berlin", "New York" or "europe/berlin"; else the one that is spelled nearly
// so.
std::string suggestion(std::string_view typed, std::vector<std::string> const& names) {
  std::string const place = replace_all(std::string(typed), " ", "_");
  std::vector<std::string> meant;
  for (auto const& name : names)
    if (equals_ignoring_case(name, place) || equals_ignoring_case(name.substr(name.rfind('/') + 1), place))
      meant.push_back(name);
  if (meant.empty()) meant = nearest(place, names, 1);
  if (meant.empty()) return "write the zone as the tz database names it, such as Europe/Berlin or UTC";
  for (auto& name : meant) name = '"' + name + '"';
  return "did you mean " + join(meant, " or ") + "?";
}

constexpr std::string_view kDatabase = "/usr/share/zoneinfo/";
constexpr std::string_view kMachineZone = "localtime";  // whatever this machine is set to

// The last line of a TZif file: the rule for what is behind its list.
std::string last_line(std::string const& name) {
  std::ifstream file(std::string(kDatabase) + name, std::ios::binary);
  std::string const bytes{std::istreambuf_iterator<char>(file), {}};
  if (!bytes.ends_with('\n')) return "";
  auto const begin = bytes.rfind('\n', bytes.size() - 2);
  return begin == std::string::npos ? "" : bytes.substr(begin + 1, bytes.size() - begin - 2);
}

Error unknown_zone(std::string_view name) {
  std::vector<std::string> names;
  for (auto const& zone : date::get_tzdb().zones)
    if (zone.name() != kMachineZone) names.push_back(zone.name());
  return Error(ErrorKind::Config, fmt::format("there is no time zone \"{}\"", name))
      .object(std::string(name))
      .next(suggestion(name, names));
}

}  // namespace

Result<Zone> Zone::named(std::string_view name) {
  try {
    auto const& zones = date::get_tzdb().zones;  // in the order of their names
    auto const zone = std::lower_bound(zones.begin(), zones.end(), name,
                                       [](auto const& a, std::string_view b) { return a.name() < b; });
    if (zone == zones.end() || zone->name() != name || name == kMachineZone) return unknown_zone(name);
    static_cast<void>(zone->get_info(date::sys_seconds()));  // reads its file
    return Zone(&*zone);
  } catch (std::exception const& failure) {
    return Error(ErrorKind::Config, fmt::format("could not read time zone \"{}\"", name))
        .cause(failure.what())
        .next("install the time zones (Debian: tzdata)");
  }
}

Zone::Zone(date::time_zone const* zone) : zone_(zone), rule_(ZoneRule::parse(last_line(zone->name()))) {}

std::string const& Zone::name() const {
  return zone_->name();
}

ZonePeriod Zone::period(Instant at) const {
  auto const info = zone_->get_info(std::chrono::floor<std::chrono::seconds>(at));
  ZonePeriod const listed{info.begin, info.end, info.offset};
  constexpr Instant kNever = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);
  if (!rule_ || listed.end < kNever) return listed;
  auto ruled = rule_->period(at);
  ruled.begin = std::max(ruled.begin, listed.begin);
  return ruled;
}

std::string tzdata_version() {
  std::ifstream file(std::string(kDatabase) + "tzdata.zi");
  std::string line;
  constexpr std::string_view kBegin = "# version ";
  if (!std::getline(file, line) || !line.starts_with(kBegin)) return "unknown";
  return line.substr(kBegin.size());
}

}  // namespace weir::jobs
