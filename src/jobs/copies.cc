#include "jobs/copies.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/time_text.h"
#include "jobs/sqlite.h"

namespace weir::jobs {
namespace {

constexpr Duration kPeriod = std::chrono::hours(1);
constexpr std::size_t kNewest = 24, kDays = 14;
constexpr std::string_view kPrefix = "hourly-", kSuffix = ".db";
constexpr std::size_t kDateLength = 8;  // 20261127

std::vector<std::string> copies_in(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (auto const& entry : std::filesystem::directory_iterator(folder, failed)) {
    auto name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<Instant> time_of(std::string_view name) {
  return parse_utc(name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size()));
}

}  // namespace

std::string copy_name(Instant at) {
  return fmt::format("{}{}{}", kPrefix, compact_time(at), kSuffix);
}

std::vector<std::string> superfluous_copies(std::vector<std::string> names) {
  std::sort(names.rbegin(), names.rend());
  std::vector<std::string> superfluous;
  std::set<std::string> days;
  for (std::size_t i = 0; i < names.size(); ++i) {
    bool const is_newest_of_day = days.insert(names[i].substr(kPrefix.size(), kDateLength)).second;
    if (i >= kNewest && !(is_newest_of_day && days.size() <= kDays)) superfluous.push_back(names[i]);
  }
  return superfluous;
}

Status Copies::round() {
  WEIR_TRY(auto const now, store_.now());
  if (!last_)
    if (auto const names = copies_in(folder_); !names.empty()) last_ = time_of(names.back());
  if (last_ && now >= *last_ && now < *last_ + kPeriod) return {};
  last_ = now;
  std::int64_t until = 0;
  auto const file = folder_ / copy_name(now);
  WEIR_DO(store_.look([&](Database& database) -> Status {
    WEIR_TRY(auto const newest, database.query("SELECT coalesce(max(seq), 0) FROM event"));
    until = newest.number(0, 0);
    std::error_code failed;
    if (until == copied_until_ || std::filesystem::exists(file, failed)) return {};
    std::filesystem::create_directories(folder_, failed);
    return back_up_sqlite(database, file);
  }));
  copied_until_ = until;
  for (auto const& name : superfluous_copies(copies_in(folder_))) {
    std::error_code failed;
    std::filesystem::remove(folder_ / name, failed);
  }
  return {};
}

}  // namespace weir::jobs
