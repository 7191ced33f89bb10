#pragma once
// Statement faults for tests: compiled to nothing unless WEIR_TEST_HOOKS is on (see base/test_hooks.h). A statement is
// anything that a Session sends: connecting, query(), execute(), the start of a COPY and its end.
//
// Environment: WEIR_FAIL_AT=N:error | N:error:SQLSTATE | N:disconnect | N:lost makes the N-th statement of the process
// fail that way. WEIR_FAIL_REPORT=path: at exit, writes how many statements the process sent.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::pg {

enum class FaultKind {
  None,
  Error,       // the server refuses the statement: it is not done, an open transaction is in the failed state
  Disconnect,  // the connection ends before the statement reaches the server
  Lost,        // the statement is done, and the connection ends before its answer arrives
};

struct Fault {
  FaultKind kind = FaultKind::None;
  std::string sqlstate = "XX000";  // for Error
};

#if defined(WEIR_TEST_HOOKS)

struct FaultPlan {
  std::uint64_t at = 1;  // the first, second ... statement from now on
  FaultKind kind = FaultKind::Error;
  std::string sqlstate = "XX000";
  std::string containing = {};  // counts only the statements whose text has this in it
};

// For as long as it lives, the plan is in force, once. One at a time; statements of all threads count.
class InstalledFault {
 public:
  explicit InstalledFault(FaultPlan plan);
  InstalledFault(InstalledFault const&) = delete;
  InstalledFault& operator=(InstalledFault const&) = delete;
  ~InstalledFault();
  bool fired() const;
};

// How many statements the process has sent.
std::uint64_t statements_sent();

// For Session only: counts the statement and says what is to happen to it.
Fault next_fault(std::string_view sql);

#else
inline Fault next_fault(std::string_view) {
  return {};
}
#endif

}  // namespace weir::pg
