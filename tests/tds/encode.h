#pragma once
// Tokens of the tabular result stream (MS-TDS 2.2.7) and of type information (2.2.5.4), appended to a string. The
// encoding side knows nothing of sockets; the decoding side reads RPC parameters. Pure.

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tds/plan.h"
#include "tds/value.h"

namespace weir::tds {

template <typename T>
inline void put(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof raw);
}
void put_b_varchar(std::string& out, std::string_view utf8);   // length byte in characters, UTF-16
void put_us_varchar(std::string& out, std::string_view utf8);  // two length bytes

// How a column travels. `fixed`: as a type that knows no NULL.
struct WireColumn {
  std::string name;
  SqlType type;
  bool nullable = true, identity = false, computed = false, fixed = false, plp_unknown = false;
};

void put_type_info(std::string& out, WireColumn const& column, int tds_version);
void put_column_metadata(std::string& out, std::vector<WireColumn> const& columns, int tds_version);
// The value as the type's data, length first. `value` is of the column's type, or NULL.
void put_cell(std::string& out, WireColumn const& column, Value const& value, int tds_version);
void put_row(std::string& out, std::vector<WireColumn> const& columns, Value const* const* cells, int tds_version);
void put_nbc_row(std::string& out, std::vector<WireColumn> const& columns, Value const* const* cells, int tds_version);

enum DoneStatus : std::uint16_t {
  kDoneMore = 1,
  kDoneError = 2,
  kDoneInTransaction = 4,
  kDoneCount = 0x10,
  kDoneAttention = 0x20
};
enum class DoneToken : std::uint8_t { Done = 0xfd, DoneProc = 0xfe, DoneInProc = 0xff };
void put_done(std::string& out, DoneToken token, std::uint16_t status, std::uint16_t command, std::uint64_t rows,
              int tds_version);
void put_error(std::string& out, SqlError const& error, std::string_view procedure, int tds_version);
void put_info(std::string& out, int number, int severity, int state, std::string_view message, int line,
              int tds_version);
void put_env_change(std::string& out, std::uint8_t type, std::string_view now, std::string_view before);
void put_env_change_bytes(std::string& out, std::uint8_t type, std::string_view now, std::string_view before);
void put_login_ack(std::string& out, std::uint32_t tds_version, std::string_view version);
void put_return_status(std::string& out, std::int32_t status);
void put_return_value(std::string& out, std::uint16_t ordinal, std::string_view name, SqlType const& type,
                      Value const& value, int tds_version);

// Reads typed values as clients send them.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}
  bool failed() const { return failed_; }
  bool at_end() const { return at_ >= bytes_.size(); }
  std::size_t left() const { return bytes_.size() - at_; }
  void skip(std::size_t count) { (void)take(count); }
  std::uint8_t peek() const { return at_ < bytes_.size() ? static_cast<std::uint8_t>(bytes_[at_]) : 0; }
  std::string_view take(std::size_t count);
  template <typename T>
  T number() {
    T value{};
    std::string_view const raw = take(sizeof value);
    if (raw.size() == sizeof value) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::string b_varchar();
  std::string us_varchar();
  bool type_info(SqlType& type);
  bool cell(SqlType const& type, Value& out);

 private:
  bool plp(std::string& out, bool& null);
  bool plain_cell(SqlType const& type, std::string_view raw, Value& out);
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace weir::tds
