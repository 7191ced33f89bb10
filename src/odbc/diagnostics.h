#pragma once
// What a driver says after a call, and the Error it becomes. Pure, but for drain() in session.cc.

#include <string>
#include <vector>

#include "base/error.h"

namespace weir::odbc {

struct Diagnostic {
  std::string sqlstate;  // five characters
  int native = 0;        // the server's error number, or the driver's own (FreeTDS: 20000 and up)
  std::string message;   // without the "[vendor][driver]" prefixes
};

// The kind of failure, from the records of one call, most telling record first. `timed_out_kind` aside, SQLSTATE
// classes follow ODBC (Appendix A "SQLSTATE Codes") and native numbers are SQL Server's (sys.messages).
ErrorKind kind_of(std::vector<Diagnostic> const& records);

// One Error from all records of a failed call. `doing`: "connect", "execute a statement", ...
Error error_of(std::vector<Diagnostic> const& records, std::string_view doing);

// True if the records hold something that is no mere warning, whatever the return code said.
bool holds_failure(std::vector<Diagnostic> const& records);

}  // namespace weir::odbc
