#include "odbc/drivers.h"

#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "base/text.h"
#include "odbc/wide_text.h"

namespace weir::odbc {
namespace {

struct EnvironmentHandle {
  SQLHENV handle = SQL_NULL_HENV;
  EnvironmentHandle() {
    if (SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &handle)))
      SQLSetEnvAttr(handle, SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
  }
  ~EnvironmentHandle() {
    if (handle != SQL_NULL_HENV) SQLFreeHandle(SQL_HANDLE_ENV, handle);
  }
  EnvironmentHandle(EnvironmentHandle const&) = delete;
  EnvironmentHandle& operator=(EnvironmentHandle const&) = delete;
};

InstalledDriver const* find(std::vector<InstalledDriver> const& drivers, auto matches) {
  auto const found = std::ranges::find_if(drivers, matches);
  return found == drivers.end() ? nullptr : &*found;
}

bool is_freetds(InstalledDriver const& driver) {
  auto const library = driver.attributes.find("driver");
  return library != driver.attributes.end() && library->second.find("tdsodbc") != std::string::npos;
}

bool is_microsoft(InstalledDriver const& driver) {
  return driver.name.starts_with("ODBC Driver ") && driver.name.ends_with(" for SQL Server");
}

}  // namespace

std::vector<InstalledDriver> installed_drivers() {
  std::vector<InstalledDriver> drivers;
  EnvironmentHandle const environment;
  if (environment.handle == SQL_NULL_HENV) return drivers;
  std::array<char16_t, 256> name{};
  std::array<char16_t, 4096> attributes{};
  SQLUSMALLINT direction = SQL_FETCH_FIRST;
  while (true) {
    SQLSMALLINT name_length = 0, attributes_length = 0;
    SQLRETURN const code =
        SQLDriversW(environment.handle, direction, reinterpret_cast<SQLWCHAR*>(name.data()),
                    static_cast<SQLSMALLINT>(name.size()), &name_length, reinterpret_cast<SQLWCHAR*>(attributes.data()),
                    static_cast<SQLSMALLINT>(attributes.size()), &attributes_length);
    if (!SQL_SUCCEEDED(code)) break;
    direction = SQL_FETCH_NEXT;
    InstalledDriver& driver = drivers.emplace_back();
    driver.name = to_utf8(std::u16string_view(name.data()));
    // KEY=value pairs, each with a zero at its end, and one more zero after the last.
    for (std::size_t at = 0; at < attributes.size() && attributes[at] != u'\0';) {
      std::u16string_view const pair(attributes.data() + at);
      std::string const text = to_utf8(pair);
      auto const equals = text.find('=');
      if (equals != std::string::npos) driver.attributes[to_lower(text.substr(0, equals))] = text.substr(equals + 1);
      at += pair.size() + 1;
    }
    attributes.fill(u'\0');
  }
  return drivers;
}

std::optional<std::string> find_freetds_library() {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders = {"/usr/lib/odbc", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib"};
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator("/usr/lib", ignored)) {
    if (entry.path().filename().string().find("-linux-gnu") == std::string::npos) continue;
    folders.push_back(entry.path() / "odbc");
    folders.push_back(entry.path());
  }
  for (auto const& folder : folders) {
    fs::path const library = folder / "libtdsodbc.so";
    if (fs::exists(library, ignored)) return library.string();
  }
  return std::nullopt;
}

Result<std::string> choose_sqlserver_driver(std::string const& wanted) {
  auto const drivers = installed_drivers();
  auto const list = [&] {
    std::vector<std::string> names;
    for (auto const& driver : drivers) names.push_back('"' + driver.name + '"');
    return names.empty() ? std::string("no ODBC driver is registered") : "registered drivers: " + join(names, ", ");
  };
  if (!wanted.empty()) {
    if (wanted.find('/') != std::string::npos) {
      std::error_code ignored;
      if (std::filesystem::exists(wanted, ignored)) return wanted;
      return Error(ErrorKind::Config, fmt::format("the ODBC driver \"{}\" does not exist", wanted))
          .cause(list())
          .next("correct the endpoint's `driver`, or leave it out to use FreeTDS");
    }
    if (auto const* const driver = find(drivers, [&](auto const& d) { return equals_ignoring_case(d.name, wanted); }))
      return driver->name;
    if (equals_ignoring_case(wanted, "freetds"))
      if (auto library = find_freetds_library()) return *library;
    return Error(ErrorKind::Config, fmt::format("no ODBC driver \"{}\" is installed", wanted))
        .cause(list())
        .next("install it (FreeTDS: apt install tdsodbc), or correct the endpoint's `driver`");
  }
  if (auto const* const driver = find(drivers, is_freetds)) return driver->name;
  if (auto library = find_freetds_library()) return *library;
  if (auto const* const driver = find(drivers, is_microsoft)) return driver->name;
  return Error(ErrorKind::Config, "no ODBC driver for SQL Server is installed")
      .cause(list())
      .next("install FreeTDS's (apt install tdsodbc) or Microsoft's (msodbcsql18)");
}

bool is_freetds_driver(std::string const& driver) {
  if (driver.find('/') != std::string::npos) return driver.find("tdsodbc") != std::string::npos;
  auto const drivers = installed_drivers();
  auto const* const found = find(drivers, [&](auto const& d) { return equals_ignoring_case(d.name, driver); });
  return found && is_freetds(*found);
}

int threading_level(std::string const& driver_name) {
  for (auto const& driver : installed_drivers()) {
    if (!equals_ignoring_case(driver.name, driver_name)) continue;
    auto const level = driver.attributes.find("threading");
    return level == driver.attributes.end() ? 0 : static_cast<int>(parse_int(level->second).value_or(0));
  }
  return 0;
}

}  // namespace weir::odbc
