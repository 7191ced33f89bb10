#include "jobs/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
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

Error unknown_zone(std::string_view name, std::vector<std::string> const& names) {
  return Error(ErrorKind::Config, fmt::format("there is no time zone \"{}\"", name))
      .object(std::string(name))
      .next(suggestion(name, names));
}

}  // namespace

Result<Zone> Zone::named(std::string_view name) {
  try {
    std::vector<std::string> names;
    for (auto const& zone : date::get_tzdb().zones) {
      if (zone.name() == "localtime") continue;  // whatever this machine is set to
      names.push_back(zone.name());
      if (zone.name() != name) continue;
      static_cast<void>(zone.get_info(date::sys_seconds()));  // reads its file
      return Zone(&zone);
    }
    return unknown_zone(name, names);
  } catch (std::exception const& failure) {
    return Error(ErrorKind::Config, fmt::format("could not read time zone \"{}\"", name))
        .cause(failure.what())
        .next("install the time zones (Debian: tzdata)");
  }
}

std::string const& Zone::name() const {
  return zone_->name();
}

ZonePeriod Zone::period(Instant at) const {
  auto const info = zone_->get_info(std::chrono::floor<std::chrono::seconds>(at));
  return {info.begin, info.end, info.offset};
}

std::string tzdata_version() {
  std::ifstream file("/usr/share/zoneinfo/tzdata.zi");
  std::string line;
  constexpr std::string_view kBegin = "# version ";
  if (!std::getline(file, line) || !line.starts_with(kBegin)) return "unknown";
  return line.substr(kBegin.size());
}

}  // namespace weir::jobs
