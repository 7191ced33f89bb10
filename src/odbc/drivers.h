#pragma once
// Which ODBC drivers this machine has: those that odbcinst.ini registers, and FreeTDS's library where it is not
// registered. Any thread.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::odbc {

struct InstalledDriver {
  std::string name;  // "FreeTDS", as a connection string says it
  std::map<std::string, std::string>
      attributes;  // Driver=libtdsodbc.so, Threading=..., as odbcinst.ini has them; keys in lower case
};

std::vector<InstalledDriver> installed_drivers();

// libtdsodbc.so in the folders where Debian and others put ODBC drivers; nothing if there is none.
std::optional<std::string> find_freetds_library();

// What to write as Driver= for SQL Server: `wanted` if it is a registered name or a file, the registered FreeTDS,
// FreeTDS's library by its path, or Microsoft's driver, in this order. Error: Config, with what is installed and what
// to install.
Result<std::string> choose_sqlserver_driver(std::string const& wanted);

// True for FreeTDS's driver, by its registered name or its library's path.
bool is_freetds_driver(std::string const& driver);

// The driver's `Threading` level in odbcinst.ini; 0 if it has none. From 3 on the driver manager lets one call at a
// time through, and a cancel from another thread would wait for what it is to cancel.
int threading_level(std::string const& driver_name);

}  // namespace weir::odbc
