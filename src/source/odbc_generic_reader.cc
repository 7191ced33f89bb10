#include "source/odbc_generic_reader.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <fmt/format.h>

#include "base/text.h"
#include "source/copy_encode.h"
#include "source/extra_columns.h"
#include "source/reader_parts.h"

namespace weir::source {
namespace {

using odbc::CType;

constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
constexpr std::int32_t kInfiniteDate = std::numeric_limits<std::int32_t>::max();

// Whole text as a double, also NaN and Infinity; nothing if it is none or out of range.
std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The shortest text that reads back as the same double.
std::string shortest(double value) {
  char buffer[32];
  auto const [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return error == std::errc() ? std::string(buffer, end) : std::string();
}

int fraction_digits(std::string_view number) {
  auto const point = number.find('.');
  if (point == std::string_view::npos) return 0;
  auto const end = number.find_last_not_of('0');
  return end == std::string_view::npos || end < point ? 0 : static_cast<int>(end - point);
}

bool hex_to_bytes(std::string_view hex, std::string& bytes) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  if (hex.size() % 2 != 0) return false;
  bytes.clear();
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    int const high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high << 4 | low);
  }
  return true;
}

class OdbcReader final : public RowReader {
 public:
  OdbcReader(odbc::Statement statement, ReadRequest const& request, OdbcDialect dialect)
      : statement_(std::move(statement)), request_(request), dialect_(dialect), random_(std::random_device{}()) {
    if (Key const* const key = request_.table.primary_key()) key_columns_ = key->columns;
  }

  Result<bool> next(Batch& batch) override;
  void cancel() override {
    cancelled_ = true;
    statement_.cancel();
  }
  ReadReport const& report() const override { return report_; }

 private:
  Status encode_row(RowBuilder& row);
  Status encode(RowBuilder& row, Column const& column, std::string_view value, CType type);
  Status encode_tagged(RowBuilder& row, Column const& column, std::string_view value);
  Status encode_ascii(RowBuilder& row, Column const& column, std::string_view text);
  Status encode_integer(RowBuilder& row, Column const& column, std::string_view text);
  Status encode_numeric(RowBuilder& row, Column const& column, std::string_view text);
  Status encode_moment(RowBuilder& row, Column const& column, std::string_view text);
  Status encode_text(RowBuilder& row, Column const& column, std::string_view text, CType type);
  Status count_cut_time(Column const& column, bool truncated);
  CType c_type(Column const& column) const;
  Error wrong_value(Column const& column, std::string_view text) const;
  Error value_error(Column const& column, std::string what, std::string next) const;
  std::string row_key() const;

  odbc::Statement statement_;
  ReadRequest const request_;
  OdbcDialect const dialect_;
  std::vector<std::string> key_columns_;
  std::map<std::string, std::string> key_values_;  // of the current row
  std::vector<ColumnLoss*> losses_of_row_;
  std::string buffer_, scratch_;
  std::mt19937_64 random_;
  std::atomic<bool> cancelled_ = false;
  bool ended_ = false;
  ReadReport report_;
};

CType OdbcReader::c_type(Column const& column) const {
  auto const decode = static_cast<OdbcDecode>(column.decode);
  if (dialect_ == OdbcDialect::Sqlite) return CType::Char;
  switch (decode) {
    case OdbcDecode::Text:
      return CType::Wide;
    case OdbcDecode::Bytes:
      return CType::Binary;
    // PostgreSQL's driver hands its server's exact text on; others may keep doubles, whose text has too few digits.
    case OdbcDecode::Float4:
      return dialect_ == OdbcDialect::Postgres ? CType::Char : CType::Float;
    case OdbcDecode::Float8:
      return dialect_ == OdbcDialect::Postgres ? CType::Char : CType::Double;
    default:
      return CType::Char;
  }
}

Result<bool> OdbcReader::next(Batch& batch) {
  begin_batch(batch, request_);
  RowBuilder row(batch.bytes);
  while (!ended_ && row.size() < request_.batch_bytes) {
    if (cancelled_) return Error(ErrorKind::Cancelled, fmt::format("stopped reading \"{}\"", request_.table.text()));
    auto fetched = statement_.fetch();
    if (!fetched.ok()) return read_error(std::move(fetched).error(), request_, report_.rows);
    if (!*fetched) {
      ended_ = true;
      break;
    }
    WEIR_DO(encode_row(row));
    ++report_.rows;
    ++batch.rows;
  }
  row.finish();
  report_.bytes += batch.bytes.size();
  return batch.rows != 0;
}

Status OdbcReader::encode_row(RowBuilder& row) {
  auto const& columns = request_.table.columns;
  key_values_.clear();
  losses_of_row_.clear();
  row.begin_row(columns.size() + request_.extra.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    CType const type = c_type(columns[i]);
    std::size_t const most =
        std::min<std::size_t>(request_.policies.max_value_bytes, kMostField) * (type == CType::Wide ? 2 : 1);
    auto value = statement_.get_value(i, type, buffer_, most);
    if (!value.ok()) {
      if (value.error().kind() != ErrorKind::Data) return std::move(value).error();
      return value_error(columns[i],
                         fmt::format("holds a value of more than {} bytes", request_.policies.max_value_bytes),
                         kLeaveColumnOut);
    }
    if (!*value) {
      row.null();
      continue;
    }
    WEIR_DO(encode(row, columns[i], **value, type));
  }
  for (ColumnLoss* const loss : losses_of_row_)
    if (loss->first_key.empty()) loss->first_key = row_key();
  for (auto const& extra : request_.extra) append_extra(row, extra, random_);
  return {};
}

Status OdbcReader::encode(RowBuilder& row, Column const& column, std::string_view value, CType type) {
  if (dialect_ == OdbcDialect::Sqlite) return encode_tagged(row, column, value);
  switch (type) {
    case CType::Float: {
      float number;
      if (value.size() != sizeof number) return wrong_value(column, value);
      std::memcpy(&number, value.data(), sizeof number);
      row.float4(number);
      return {};
    }
    case CType::Double: {
      double number;
      if (value.size() != sizeof number) return wrong_value(column, value);
      std::memcpy(&number, value.data(), sizeof number);
      row.float8(number);
      return {};
    }
    case CType::Binary:
      row.raw(value);
      return {};
    case CType::Wide:
      return encode_text(row, column, value, CType::Wide);
    default:
      return encode_ascii(row, column, value);
  }
}

// See tagged_expression().
Status OdbcReader::encode_tagged(RowBuilder& row, Column const& column, std::string_view value) {
  if (value.empty()) return wrong_value(column, "");
  char const tag = value[0];
  std::string_view const text = value.substr(1);
  auto const decode = static_cast<OdbcDecode>(column.decode);
  if (tag == 't' && decode == OdbcDecode::Text) return encode_text(row, column, text, CType::Char);
  if (decode == OdbcDecode::Bytes) {
    if (tag != 'b' || !hex_to_bytes(text, scratch_)) return wrong_value(column, text);
    row.raw(scratch_);
    return {};
  }
  if (tag == 'b')
    return value_error(column, "holds a blob, and its type says otherwise",
                       "leave the column out, or declare it as blob");
  if (tag == 'r' && decode != OdbcDecode::Float8) {
    auto const number = parse_double(text);
    return encode_ascii(row, column, number ? shortest(*number) : text);
  }
  return encode_ascii(row, column, text);
}

Status OdbcReader::encode_ascii(RowBuilder& row, Column const& column, std::string_view text) {
  if (std::ranges::find(key_columns_, column.name) != key_columns_.end()) key_values_[column.name] = text;
  switch (static_cast<OdbcDecode>(column.decode)) {
    case OdbcDecode::Boolean: {
      bool const is_true = text == "1" || text == "t" || text == "true";
      if (!is_true && text != "0" && text != "f" && text != "false") return wrong_value(column, text);
      row.boolean(is_true);
      return {};
    }
    case OdbcDecode::Int2:
    case OdbcDecode::Int4:
    case OdbcDecode::Int8:
      return encode_integer(row, column, text);
    case OdbcDecode::Numeric:
      return encode_numeric(row, column, text);
    case OdbcDecode::Float4: {
      float number = 0;
      auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) return wrong_value(column, text);
      row.float4(number);
      return {};
    }
    case OdbcDecode::Float8: {
      auto const number = parse_double(text);
      if (!number) return wrong_value(column, text);
      row.float8(*number);
      return {};
    }
    case OdbcDecode::Date:
    case OdbcDecode::Timestamp:
    case OdbcDecode::TimestampTz:
      return encode_moment(row, column, text);
    case OdbcDecode::Time: {
      auto const time = parse_time_of_day(text);
      if (!time) return wrong_value(column, text);
      WEIR_DO(count_cut_time(column, time->truncated));
      row.time(time->us);
      return {};
    }
    case OdbcDecode::Uuid:
      if (!row.uuid_text(text)) return wrong_value(column, text);
      return {};
    case OdbcDecode::Text: {  // a number in a text column
      row.raw(text);
      return {};
    }
    case OdbcDecode::Bytes:
    case OdbcDecode::Refused:
      break;
  }
  return wrong_value(column, text);
}

Status OdbcReader::encode_integer(RowBuilder& row, Column const& column, std::string_view text) {
  auto const number = parse_int(text);
  auto const decode = static_cast<OdbcDecode>(column.decode);
  std::int64_t const most = decode == OdbcDecode::Int2   ? std::numeric_limits<std::int16_t>::max()
                            : decode == OdbcDecode::Int4 ? std::numeric_limits<std::int32_t>::max()
                                                         : std::numeric_limits<std::int64_t>::max();
  if (!number || *number > most || *number < -most - 1) return wrong_value(column, text);
  if (decode == OdbcDecode::Int2) row.int2(static_cast<std::int16_t>(*number));
  if (decode == OdbcDecode::Int4) row.int4(static_cast<std::int32_t>(*number));
  if (decode == OdbcDecode::Int8) row.int8(*number);
  return {};
}

Status OdbcReader::encode_numeric(RowBuilder& row, Column const& column, std::string_view text) {
  // PostgreSQL would round what does not fit the declared scale, without a word.
  if (column.pg_type != "numeric" && fraction_digits(text) > column.scale) return wrong_value(column, text);
  if (!row.numeric_text(text)) return wrong_value(column, text);
  return {};
}

Status OdbcReader::encode_moment(RowBuilder& row, Column const& column, std::string_view text) {
  auto const moment = parse_postgres_moment(text);
  auto const decode = static_cast<OdbcDecode>(column.decode);
  bool const is_infinite =
      moment && (moment->us == kInfinity || moment->us == std::numeric_limits<std::int64_t>::min());
  bool const fits = moment && (is_infinite || moment->has_offset == (decode == OdbcDecode::TimestampTz));
  if (!fits) return wrong_value(column, text);
  if (decode == OdbcDecode::Date) {
    if (moment->has_time) return wrong_value(column, text);
    row.date(moment->days);
    return {};
  }
  WEIR_DO(count_cut_time(column, moment->truncated));
  row.timestamp(moment->us);
  return {};
}

// UTF-16 for CType::Wide, else UTF-8.
Status OdbcReader::encode_text(RowBuilder& row, Column const& column, std::string_view text, CType type) {
  bool const is_wide = type == CType::Wide;
  std::string_view const blank = is_wide ? std::string_view(" \0", 2) : std::string_view(" ");
  bool const is_padded = starts_with_ignoring_case(column.source_type, "char") ||
                         starts_with_ignoring_case(column.source_type, "nchar") ||
                         starts_with_ignoring_case(column.source_type, "bpchar");
  if (request_.policies.trim_char && is_padded)
    while (text.ends_with(blank)) text.remove_suffix(blank.size());
  if (std::ranges::find(key_columns_, column.name) != key_columns_.end())
    key_values_[column.name] = '"' + (is_wide ? utf8_of_utf16(text.data(), text.size()) : std::string(text)) + '"';
  TextCounts const counts =
      is_wide ? row.utf16(text.data(), text.size(), request_.policies) : row.utf8(text, request_.policies);
  if (counts.failed)
    return value_error(column, "holds characters that PostgreSQL cannot hold",
                       "set `text: {nul: strip, surrogate: replace}` for the table");
  if (!counts.any()) return {};
  ColumnLoss& loss = report_.losses[column.name];
  loss.nul_characters += counts.nul_characters;
  loss.surrogates += counts.surrogates;
  loss.code_page_bytes += counts.code_page_bytes;
  losses_of_row_.push_back(&loss);
  return {};
}

Status OdbcReader::count_cut_time(Column const& column, bool truncated) {
  if (!truncated) return {};
  if (request_.policies.fail_on_truncated_time)
    return value_error(column, "holds digits beyond microseconds, which PostgreSQL cannot hold", kCutTimes);
  ColumnLoss& loss = report_.losses[column.name];
  ++loss.truncated_times;
  losses_of_row_.push_back(&loss);
  return {};
}

Error OdbcReader::wrong_value(Column const& column, std::string_view text) const {
  return value_error(column, fmt::format("holds the value \"{}\", which is no {}", text.substr(0, 100), column.pg_type),
                     "correct the value at the source, or leave the column out");
}

Error OdbcReader::value_error(Column const& column, std::string what, std::string next) const {
  return bad_value(request_, column, row_key(), what, std::move(next));
}

std::string OdbcReader::row_key() const {
  std::vector<std::string> parts;
  for (auto const& [name, value] : key_values_) parts.push_back(fmt::format("{} = {}", name, value));
  return parts.empty() ? fmt::format("number {} of {}", report_.rows + 1, request_.chunk.text()) : join(parts, ", ");
}

}  // namespace

std::optional<PostgresMoment> parse_postgres_moment(std::string_view text) {
  constexpr int kCycleYears = 400, kCycleDays = 146'097;  // the Gregorian calendar's
  if (text == "infinity")
    return PostgresMoment{
        .us = kInfinity, .days = kInfiniteDate, .has_time = false, .has_offset = false, .truncated = false};
  if (text == "-infinity")
    return PostgresMoment{.us = std::numeric_limits<std::int64_t>::min(),
                          .days = std::numeric_limits<std::int32_t>::min(),
                          .has_time = false,
                          .has_offset = false,
                          .truncated = false};
  // The year is moved into the calendar's cycle after year 2000 for reading, and back afterwards.
  bool const is_bc = text.ends_with(" BC");
  if (is_bc) text.remove_suffix(3);
  auto const dash = text.find('-');
  if (dash == std::string_view::npos || dash < 4) return std::nullopt;
  auto const written = parse_int(text.substr(0, dash));
  if (!written || *written < 1 || *written > 5'874'897) return std::nullopt;
  auto const year = is_bc ? 1 - *written : *written;
  auto const in_cycle = ((year % kCycleYears) + kCycleYears) % kCycleYears;
  auto const cycles = (year - in_cycle) / kCycleYears - 5;
  auto const moment = parse_moment(fmt::format("{}{}", 2000 + in_cycle, text.substr(dash)));
  if (!moment) return std::nullopt;
  PostgresMoment result{.us = 0,
                        .days = static_cast<std::int32_t>(moment->days + cycles * kCycleDays),
                        .has_time = moment->us != 0,
                        .has_offset = moment->offset_minutes.has_value(),
                        .truncated = moment->truncated};
  constexpr std::int32_t kLastDay = 106'751'990;  // a date may lie beyond what microseconds can count, a timestamp not
  if (result.days > kLastDay) return text.find(':') == std::string_view::npos ? std::optional(result) : std::nullopt;
  result.us =
      result.days * kMicrosecondsPerDay + moment->us - std::int64_t{moment->offset_minutes.value_or(0)} * 60'000'000;
  return result;
}

std::unique_ptr<RowReader> odbc_reader(odbc::Statement statement, ReadRequest const& request, OdbcDialect dialect) {
  return std::make_unique<OdbcReader>(std::move(statement), request, dialect);
}

}  // namespace weir::source
