#pragma once
// The reply to one request: tokens in the right order, the last DONE without its "more" bit, and the fault that the
// request has met, if any. Belongs to the session's thread.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tds/encode.h"
#include "tds/faults.h"
#include "tds/transport.h"

namespace weir::tds {

// Numbers of SqlErrors that no client sees.
constexpr int kCancelled = 0;  // the client sent an attention
constexpr int kConnectionGone = -1;

class Reply {
 public:
  Reply(Transport& transport, int tds_version, std::atomic<bool> const& stopping)
      : transport_(transport), tds_version_(tds_version), stopping_(stopping) {}

  void set_fault(std::optional<Fault> fault) { fault_ = std::move(fault), rows_ = 0; }
  void set_procedure(bool inside) { in_procedure_ = inside; }

  Outcome metadata(std::vector<OutputColumn> const& columns, bool nbcrow, bool plp_unknown);
  Outcome row(Value const* const* cells);
  std::uint64_t rows() const { return rows_; }

  // What the statement says of its rows: the truth, unless a fault lies.
  std::uint64_t claimed(std::uint64_t rows) const;
  void done(std::uint16_t command, std::optional<std::uint64_t> count, bool in_transaction);
  void error(SqlError const& error, bool in_transaction);
  void info(int number, int severity, int state, std::string_view message, int line);
  std::string& out();  // for other tokens; settles the DONE before
  // Ends the message. `final_procedure`: with RETURNSTATUS and DONEPROC.
  Status finish(bool in_transaction);
  Status finish_attention();
  void procedure_result(std::int32_t status) { return_status_ = status; }
  void return_value(std::string_view name, SqlType const& type, Value const& value);

  // True if the client sent an attention or went away; polls the socket.
  bool interrupted();
  bool gone() const { return gone_; }
  Outcome interruption() const;
  int tds_version() const { return tds_version_; }

 private:
  Outcome fault_now(Value const* const* cells);
  Outcome stall();
  void settle(bool more);
  SqlType wire_type(SqlType const& type) const;

  Transport& transport_;
  int tds_version_;
  std::atomic<bool> const& stopping_;
  std::vector<WireColumn> columns_;
  bool nbcrow_ = false, downgraded_ = false;
  std::vector<Value> converted_;
  std::vector<Value const*> converted_cells_;
  std::optional<Fault> fault_;
  bool fault_done_ = false;
  std::uint64_t rows_ = 0;
  struct Done {
    std::uint16_t status = 0, command = 0;
    std::uint64_t count = 0;
  };
  std::optional<Done> pending_;
  bool suppress_done_ = false;
  bool in_procedure_ = false;
  std::optional<std::int32_t> return_status_;
  struct Returned {
    std::string name;
    SqlType type;
    Value value;
  };
  std::vector<Returned> returned_;
  bool gone_ = false, attention_ = false;
};

}  // namespace weir::tds
