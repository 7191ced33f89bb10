#include "odbc/diagnostics.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

namespace weir::odbc {
namespace {

bool is_one_of(int number, std::initializer_list<int> numbers) {
  return std::ranges::find(numbers, number) != numbers.end();
}

// SQL Server's and FreeTDS's own numbers say more than the SQLSTATE that a driver puts on them (42000 for nearly all).
std::optional<ErrorKind> kind_of_native(int native) {
  if (is_one_of(native, {4060, 911, 4063, 2812})) return ErrorKind::Config;  // no such database
  if (is_one_of(native, {18456, 18452, 18486, 18487, 18488, 229, 230, 262, 297, 300, 916, 15247, 20014}))
    return ErrorKind::Denied;
  if (is_one_of(native, {1205, 1222, 3960, 3961, 3966, 1204, 8645, 701})) return ErrorKind::Busy;
  if (is_one_of(native,
                {20002, 20003, 20004, 20006, 20009, 20017, 20047, 10053, 10054, 10060, 601,   596, 233, 64,  6005, 3958,
                 40613, 40197, 40501, 49918, 49919, 49920, 10928, 10929, 40143, 17142, 17187, 983, 976, 945, 978}))
    return ErrorKind::Unavailable;
  if (is_one_of(native, {8134, 8115, 245, 241, 242, 8114, 9420, 20049})) return ErrorKind::Data;
  return std::nullopt;
}

ErrorKind kind_of_state(std::string_view state) {
  std::string_view const first = state.substr(0, 2);
  if (state == "HY008" || state == "57014") return ErrorKind::Cancelled;
  if (state == "HYT00" || state == "HYT01" || state == "S1T00" || first == "08") return ErrorKind::Unavailable;
  if (first == "28" || state == "42501") return ErrorKind::Denied;
  if (first == "22") return ErrorKind::Data;
  if (state == "40001" || state == "40P01" || state == "55P03") return ErrorKind::Busy;
  if (first == "IM" || state == "3D000") return ErrorKind::Config;
  if (first == "57" || first == "53") return ErrorKind::Unavailable;
  return ErrorKind::Sql;
}

bool is_warning(Diagnostic const& record) {
  return record.sqlstate.starts_with("01") || record.sqlstate.starts_with("00");
}

// A driver library that cannot be opened comes as 01000 with a text of the driver manager.
bool is_missing_driver(Diagnostic const& record) {
  return record.sqlstate.starts_with("IM") || record.message.find("Can't open lib") != std::string::npos;
}

// Which record explains the others: one whose number is known, else the first that is no warning.
Diagnostic const* telling(std::vector<Diagnostic> const& records) {
  auto const rank = [](Diagnostic const& record) {
    auto const native = kind_of_native(record.native);
    if (native == ErrorKind::Config || is_missing_driver(record)) return 0;
    if (native == ErrorKind::Denied) return 1;
    if (record.native >= 20000 && record.native < 20100)
      return native ? 3 : 5;  // the driver's own, less telling than the server's
    if (native) return 2;
    return is_warning(record) ? 6 : 4;
  };
  auto const best = std::ranges::min_element(records, {}, rank);
  return best == records.end() ? nullptr : &*best;
}

}  // namespace

bool holds_failure(std::vector<Diagnostic> const& records) {
  return std::ranges::any_of(records, [](Diagnostic const& record) { return !is_warning(record); });
}

ErrorKind kind_of(std::vector<Diagnostic> const& records) {
  Diagnostic const* const record = telling(records);
  if (!record) return ErrorKind::Unavailable;  // a failure without a word: the connection is not to be trusted
  if (is_missing_driver(*record)) return ErrorKind::Config;
  if (auto const native = kind_of_native(record->native)) return *native;
  return kind_of_state(record->sqlstate);
}

Error error_of(std::vector<Diagnostic> const& records, std::string_view doing) {
  Diagnostic const* const record = telling(records);
  if (!record) return Error(ErrorKind::Unavailable, fmt::format("could not {}: the driver gave no reason", doing));
  ErrorKind const kind = kind_of(records);
  bool const later = kind == ErrorKind::Unavailable || kind == ErrorKind::Busy || kind == ErrorKind::Cancelled;
  std::string const number = record->native != 0 ? fmt::format(" (error {})", record->native) : "";
  Error error(kind, fmt::format("{} {}: {}{}", later ? "could not" : "cannot", doing, record->message, number));
  error.sqlstate(record->sqlstate);
  std::string others;
  for (auto const& other : records) {
    if (&other == record || other.message == record->message) continue;
    if (!others.empty()) others += "; ";
    others += fmt::format("{} [{}{}]", other.message, other.sqlstate,
                          other.native != 0 ? fmt::format(", error {}", other.native) : "");
  }
  if (!others.empty()) error.cause(others);
  return error;
}

}  // namespace weir::odbc
