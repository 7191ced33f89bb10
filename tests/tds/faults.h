#pragma once
// Faults by script: what goes wrong, when, and how often. Armed by the description, by EXEC weir_fault, or by a control
// file. Thread-safe.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "tds/sql_error.h"

namespace weir::tds {

enum class FaultEvent { Login, Query };
enum class CloseAt { No, BetweenRows, InsideRow, InsidePacket };

struct Fault {
  // When.
  FaultEvent event = FaultEvent::Query;
  std::string table;                 // dbo.User: the statement reads or changes it; empty: any
  std::string query;                 // a part of the statement's text, ASCII case ignored; empty: any
  std::uint64_t skip = 0;            // the first `skip` matches go well
  std::uint64_t times = UINT64_MAX;  // then so many go wrong
  // What: each that is set, in this order.
  std::string execute;           // T-SQL run first, on the side: ALTER TABLE ...
  std::uint64_t after_rows = 0;  // what follows happens when so many rows were sent
  CloseAt close = CloseAt::No;
  std::optional<SqlError> error;
  std::uint64_t stall_ms = 0;  // UINT64_MAX: until the connection goes
  std::uint64_t drip_bytes = 0, drip_ms = 0;
  std::uint64_t info_messages = 0;
  bool no_done = false;
  std::optional<std::uint64_t> row_count;  // in DONE and @@ROWCOUNT, whatever was sent
  bool ignore_attention = false;
  bool refuse_login = false;  // with `error`, or 18456
};

class Faults {
 public:
  void add(Fault fault) WEIR_EXCLUDES(mutex_);
  void clear() WEIR_EXCLUDES(mutex_);
  // The first armed fault that this event meets; counts it.
  std::optional<Fault> meet(FaultEvent event, std::string_view text, std::vector<std::string> const& tables)
      WEIR_EXCLUDES(mutex_);
  // One a line: what is armed and how often it was met.
  std::vector<std::string> list() const WEIR_EXCLUDES(mutex_);

 private:
  struct Armed {
    Fault fault;
    std::uint64_t met = 0;
  };
  mutable Mutex mutex_;
  std::deque<Armed> armed_ WEIR_GUARDED_BY(mutex_);
};

}  // namespace weir::tds
