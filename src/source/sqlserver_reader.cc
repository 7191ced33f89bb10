#include "source/sqlserver_reader.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "source/code_pages.h"
#include "source/copy_encode.h"
#include "source/sqlserver_types.h"
#include "sql/name.h"

namespace weir::source {
namespace {

using odbc::CType;
using odbc::Indicator;

// FreeTDS's raw forms. Little-endian, as the driver's machine is.
struct RawNumeric { std::uint8_t precision; std::int8_t scale; std::uint8_t sign; std::uint8_t value[16]; };
struct RawDateTime { std::int32_t days; std::uint32_t ticks; };           // since 1900-01-01; 1/300 s
struct RawSmallDateTime { std::uint16_t days, minutes; };
struct RawTime { std::uint16_t hour, minute, second, pad; std::uint32_t nanosecond; };
struct RawOffset { odbc::TimestampValue local; std::int16_t hours, minutes; };
static_assert(sizeof(RawNumeric) == 19 && sizeof(RawTime) == 12 && sizeof(RawOffset) == 20);

constexpr std::int32_t kDays1900 = -36524;  // 1900-01-01 in days since 2000-01-01
constexpr std::size_t kMostField = 0x3fffffff;  // PostgreSQL's MaxAllocSize

// What is done with a cell's bytes.
enum class Action {
  Bit, TinyInt, SmallInt, Int, BigInt, Real, Float,
  Numeric, Money, SmallMoney, Date, Time, SmallDateTime, DateTime, Timestamp, Offset, Guid,
  Utf16, CodePage, Utf8, Bytes,
  DecimalText, TimeText, OffsetText, GuidText,  // the typed way
};

struct Form {
  Action action;
  CType type;
  std::size_t size;      // of the buffer; 0 for long values
  bool exact_size;       // the driver always gives so many bytes
};

template <typename T>
T load(char const* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Form raw_form(Column const& column) {
  std::size_t const length = is_long(column) ? 0 : static_cast<std::size_t>(std::max(column.max_length, 1));
  switch (static_cast<Decode>(column.decode)) {
    case Decode::Bit: return {Action::Bit, CType::Bit, 1, true};
    case Decode::TinyInt: return {Action::TinyInt, CType::UInt8, 1, true};
    case Decode::SmallInt: return {Action::SmallInt, CType::Int16, 2, true};
    case Decode::Int: return {Action::Int, CType::Int32, 4, true};
    case Decode::BigInt: return {Action::BigInt, CType::Int64, 8, true};
    case Decode::Real: return {Action::Real, CType::Float, 4, true};
    case Decode::Float: return {Action::Float, CType::Double, 8, true};
    case Decode::Decimal: return {Action::Numeric, CType::Binary, sizeof(RawNumeric), true};
    case Decode::Money: return {Action::Money, CType::Binary, 8, true};
    case Decode::SmallMoney: return {Action::SmallMoney, CType::Binary, 4, true};
    case Decode::Date: return {Action::Date, CType::Binary, sizeof(odbc::DateValue), true};
    case Decode::Time: return {Action::Time, CType::Binary, sizeof(RawTime), true};
    case Decode::SmallDateTime: return {Action::SmallDateTime, CType::Binary, sizeof(RawSmallDateTime), true};
    case Decode::DateTime: return {Action::DateTime, CType::Binary, sizeof(RawDateTime), true};
    case Decode::DateTime2: return {Action::Timestamp, CType::Binary, sizeof(odbc::TimestampValue), true};
    case Decode::DateTimeOffset: return {Action::Offset, CType::Binary, sizeof(RawOffset), true};
    case Decode::Guid: return {Action::Guid, CType::Binary, 16, true};
    case Decode::Utf16: return {Action::Utf16, CType::Binary, length, false};
    case Decode::CodePage: return {Action::CodePage, CType::Binary, length, false};
    case Decode::Utf8: return {Action::Utf8, CType::Binary, length, false};
    case Decode::Bytes:
    case Decode::Refused: break;
  }
  return {Action::Bytes, CType::Binary, length, false};
}

Form typed_form(Column const& column) {
  bool const is_wide = static_cast<Decode>(column.decode) == Decode::Utf16;
  auto const length = static_cast<std::size_t>(std::max(column.max_length, 1));
  std::size_t const text_bytes = is_long(column) ? 0 : (is_wide ? length : 2 * length) + 2;
  switch (static_cast<Decode>(column.decode)) {
    case Decode::Decimal:
    case Decode::Money:
    case Decode::SmallMoney: return {Action::DecimalText, CType::Char, 64, false};
    case Decode::Date: return {Action::Date, CType::Date, sizeof(odbc::DateValue), true};
    case Decode::SmallDateTime:
    case Decode::DateTime:
    case Decode::DateTime2: return {Action::Timestamp, CType::Timestamp, sizeof(odbc::TimestampValue), true};
    case Decode::Time: return {Action::TimeText, CType::Wide, 64, false};
    case Decode::DateTimeOffset: return {Action::OffsetText, CType::Wide, 96, false};
    case Decode::Guid: return {Action::GuidText, CType::Wide, 80, false};
    case Decode::Utf16:
    case Decode::CodePage:
    case Decode::Utf8: return {Action::Utf16, CType::Wide, text_bytes, false};
    default: return raw_form(column);
  }
}

Form form_of(Column const& column, Binding binding) { return binding == Binding::Raw ? raw_form(column) : typed_form(column); }

struct Cell {
  Column const* column = nullptr;
  Form form{};
  std::size_t result_column = 0;
  char* data = nullptr;                          // in the row buffer, or in `long_value`
  std::size_t length = 0;
  Indicator* indicator = nullptr;
  std::array<char16_t, 128> const* code_page = nullptr;
  bool trim = false;                             // blanks at the end
  bool is_long = false;
  std::string long_value;
  ColumnLoss* loss = nullptr;
};

// ASCII text that a driver gave as UTF-16, for short values.
class Narrow {
 public:
  Narrow(char const* utf16, std::size_t bytes) {
    for (std::size_t i = 0; i + 1 < bytes && size_ < sizeof text_; i += 2) {
      auto const unit = load<std::uint16_t>(utf16 + i);
      text_[size_++] = unit < 0x80 ? static_cast<char>(unit) : '?';
    }
  }
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[64];
  std::size_t size_ = 0;
};

std::size_t without_blanks(char const* data, std::size_t length, bool is_wide) {
  if (!is_wide) {
    while (length > 0 && data[length - 1] == ' ') --length;
  } else {
    while (length >= 2 && data[length - 2] == ' ' && data[length - 1] == '\0') length -= 2;
  }
  return length;
}

// A key value for people; nothing where its bytes would say nothing to them.
std::optional<std::string> key_text(Cell const& cell) {
  if (*cell.indicator == odbc::kNull) return "NULL";
  auto const length = static_cast<std::size_t>(std::max<Indicator>(*cell.indicator, 0));
  if (cell.is_long || length > cell.form.size) return std::nullopt;
  std::string_view const bytes(cell.data, length);
  switch (cell.form.action) {
    case Action::TinyInt: return std::to_string(static_cast<std::uint8_t>(bytes[0]));
    case Action::SmallInt: return std::to_string(load<std::int16_t>(cell.data));
    case Action::Int: return std::to_string(load<std::int32_t>(cell.data));
    case Action::BigInt: return std::to_string(load<std::int64_t>(cell.data));
    case Action::Utf16: return '"' + utf8_of_utf16(cell.data, length) + '"';
    case Action::TimeText:
    case Action::OffsetText:
    case Action::GuidText: return std::string(Narrow(cell.data, length).view());
    case Action::DecimalText: return std::string(bytes);
    case Action::CodePage:
    case Action::Utf8: {
      bool const is_ascii = std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c < 0x7f; });
      if (is_ascii) return '"' + std::string(bytes) + '"';
      break;
    }
    case Action::Guid: {
      std::string field;
      RowBuilder row(field);
      row.uuid_mixed_endian(cell.data);
      row.finish();
      std::string text;
      for (std::size_t i = 4; i < 20; ++i) {
        text += fmt::format("{:02x}", static_cast<std::uint8_t>(field[i]));
        if (i == 7 || i == 9 || i == 11 || i == 13) text += '-';
      }
      return text;
    }
    default: break;
  }
  std::string text = "0x";
  for (unsigned char const c : bytes.substr(0, 64)) text += fmt::format("{:02x}", c);
  return text;
}

class SqlServerReader final : public RowReader {
 public:
  SqlServerReader(odbc::Statement statement, ReadRequest const& request)
      : statement_(std::move(statement)), request_(request), random_(std::random_device{}()) {}

  Status prepare(SelectList const& list, Binding binding);
  Result<bool> next(Batch& batch) override;
  void cancel() override {
    cancelled_ = true;
    statement_.cancel();
  }
  ReadReport const& report() const override { return report_; }

 private:
  Status read_long_values();
  Status encode_row(RowBuilder& row);
  Status encode(RowBuilder& row, Cell& cell);
  Status encode_timestamp(RowBuilder& row, Cell& cell, odbc::TimestampValue const& value, int offset_minutes);
  Status encode_text(RowBuilder& row, Cell& cell);
  Status count_cut_time(Cell& cell);
  void encode_extra(RowBuilder& row, ExtraColumn const& extra);
  Status confirm_end();
  Error value_error(Cell const& cell, std::string what, std::string next);
  std::string row_key() const;
  ColumnLoss& loss_of(Cell& cell);

  odbc::Statement statement_;
  ReadRequest const request_;
  std::vector<Cell> cells_;                      // in the order of the table's columns
  std::vector<std::size_t> long_cells_;          // in the order of the select list
  std::vector<char> row_;
  std::vector<Indicator> indicators_;
  std::mt19937_64 random_;
  std::atomic<bool> cancelled_ = false;
  bool ended_ = false;
  ReadReport report_;
};

Status SqlServerReader::prepare(SelectList const& list, Binding binding) {
  auto const& columns = request_.table.columns;
  cells_.resize(columns.size());
  indicators_.assign(columns.size(), 0);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    Column const& column = columns[list.items[i].column];
    Cell& cell = cells_[list.items[i].column];
    cell.column = &column;
    cell.form = form_of(column, binding);
    cell.result_column = i;
    cell.indicator = &indicators_[list.items[i].column];
    cell.is_long = list.items[i].is_long;
    if (cell.is_long) long_cells_.push_back(list.items[i].column);
    if (cell.form.action == Action::CodePage) cell.code_page = single_byte_code_page(column.code_page);
    cell.trim = request_.policies.trim_char &&
                (column.source_type.starts_with("char(") || column.source_type.starts_with("nchar("));
    bytes += (cell.form.size + 15) & ~std::size_t{15};
  }
  row_.assign(bytes + 16, '\0');
  std::size_t offset = 0;
  for (auto const& item : list.items) {
    Cell& cell = cells_[item.column];
    if (cell.is_long) continue;
    cell.data = row_.data() + offset;
    offset += (cell.form.size + 15) & ~std::size_t{15};
    WEIR_DO(statement_.bind(cell.result_column, cell.form.type, cell.data, cell.form.size, cell.indicator));
  }
  return {};
}

Result<bool> SqlServerReader::next(Batch& batch) {
  if (batch.bytes.capacity() > 16 * request_.batch_bytes + 65536) std::string().swap(batch.bytes);  // after a huge value
  batch.bytes.clear();
  batch.rows = 0;
  if (ended_) return false;
  RowBuilder row(batch.bytes);
  while (row.size() < request_.batch_bytes) {
    if (cancelled_) return Error(ErrorKind::Cancelled, fmt::format("stopped reading \"{}\"", request_.table.text()));
    auto fetched = statement_.fetch();
    if (!fetched.ok())
      return std::move(fetched.error().object(request_.table.text())
                           .context(fmt::format("reading \"{}\", {}, after {} rows", request_.table.text(),
                                                request_.chunk.text(), report_.rows)));
    if (!*fetched) {
      WEIR_DO(confirm_end());
      ended_ = true;
      break;
    }
    WEIR_DO(read_long_values());
    WEIR_DO(encode_row(row));
    ++report_.rows;
    ++batch.rows;
  }
  row.finish();
  report_.bytes += batch.bytes.size();
  return batch.rows != 0;
}

Status SqlServerReader::read_long_values() {
  for (std::size_t const index : long_cells_) {
    Cell& cell = cells_[index];
    if (cell.long_value.size() > (std::size_t{1} << 20)) std::string().swap(cell.long_value);
    bool const is_wide = cell.form.action == Action::Utf16;
    std::size_t const most = std::min<std::size_t>(request_.policies.max_value_bytes, kMostField) * (is_wide ? 2 : 1);
    auto value = statement_.get_value(cell.result_column, cell.form.type, cell.long_value, most);
    if (!value.ok()) {
      if (value.error().kind() != ErrorKind::Data) return std::move(value).error();
      return value_error(cell, fmt::format("holds a value of more than {} bytes", most), "leave the column out, or raise max_value_bytes");
    }
    *cell.indicator = *value ? static_cast<Indicator>((*value)->size()) : odbc::kNull;
    if (*value) cell.data = const_cast<char*>((*value)->data());
  }
  return {};
}

Status SqlServerReader::encode_row(RowBuilder& row) {
  row.begin_row(cells_.size() + request_.extra.size());
  for (Cell& cell : cells_) {
    Indicator const length = *cell.indicator;
    if (length == odbc::kNull) {
      row.null();
      continue;
    }
    cell.length = static_cast<std::size_t>(length);
    bool const fits = cell.is_long || (cell.form.exact_size ? cell.length == cell.form.size : cell.length <= cell.form.size);
    if (length < 0 || !fits)
      return value_error(cell, fmt::format("gives values of {} bytes where {} has at most {}", length, cell.column->source_type,
                                           cell.form.size),
                         "the column has changed, or the driver does not fit: run again");
    WEIR_DO(encode(row, cell));
  }
  for (auto const& extra : request_.extra) encode_extra(row, extra);
  return {};
}

Status SqlServerReader::encode(RowBuilder& row, Cell& cell) {
  char const* const data = cell.data;
  switch (cell.form.action) {
    case Action::Bit: row.boolean(data[0] != 0); break;
    case Action::TinyInt: row.int2(static_cast<std::uint8_t>(data[0])); break;
    case Action::SmallInt: row.int2(load<std::int16_t>(data)); break;
    case Action::Int: row.int4(load<std::int32_t>(data)); break;
    case Action::BigInt: row.int8(load<std::int64_t>(data)); break;
    case Action::Real: row.float4(load<float>(data)); break;
    case Action::Float: row.float8(load<double>(data)); break;
    case Action::Numeric: {
      auto const value = load<RawNumeric>(data);
      row.numeric(value.sign == 0, load<uint128>(reinterpret_cast<char const*>(value.value)), value.scale);
      break;
    }
    case Action::Money: {
      auto const units = static_cast<std::int64_t>(
          static_cast<std::uint64_t>(load<std::uint32_t>(data)) << 32 | load<std::uint32_t>(data + 4));
      row.numeric(units < 0, units < 0 ? 0 - static_cast<std::uint64_t>(units) : static_cast<std::uint64_t>(units), 4);
      break;
    }
    case Action::SmallMoney: {
      std::int64_t const units = load<std::int32_t>(data);
      row.numeric(units < 0, static_cast<std::uint64_t>(units < 0 ? -units : units), 4);
      break;
    }
    case Action::Date: {
      auto const value = load<odbc::DateValue>(data);
      row.date(days_since_2000(value.year, value.month, value.day));
      break;
    }
    case Action::Time: {
      auto const value = load<RawTime>(data);
      if (value.nanosecond % 1000 != 0) {
        WEIR_DO(count_cut_time(cell));
      }
      row.time(((value.hour * 60LL + value.minute) * 60 + value.second) * 1'000'000 + value.nanosecond / 1000);
      break;
    }
    case Action::SmallDateTime: {
      auto const value = load<RawSmallDateTime>(data);
      row.timestamp((kDays1900 + std::int64_t{value.days}) * kMicrosecondsPerDay + value.minutes * 60'000'000LL);
      break;
    }
    case Action::DateTime: {
      // The server shows .000, .003 and .007: milliseconds are the ticks times 10/3, rounded.
      auto const value = load<RawDateTime>(data);
      std::int64_t const milliseconds = (std::int64_t{value.ticks} * 10 + 1) / 3;
      row.timestamp((kDays1900 + std::int64_t{value.days}) * kMicrosecondsPerDay + milliseconds * 1000);
      break;
    }
    case Action::Timestamp: return encode_timestamp(row, cell, load<odbc::TimestampValue>(data), 0);
    case Action::Offset: {
      auto const value = load<RawOffset>(data);
      return encode_timestamp(row, cell, value.local, value.hours * 60 + value.minutes);
    }
    case Action::Guid: row.uuid_mixed_endian(data); break;
    case Action::Utf16:
    case Action::CodePage:
    case Action::Utf8: return encode_text(row, cell);
    case Action::Bytes: row.raw({data, cell.length}); break;
    case Action::DecimalText: {
      std::string_view const text(data, cell.length);
      if (!row.numeric_text(text)) return value_error(cell, fmt::format("holds \"{}\", which is no number", text), "report it: the driver's text is new");
      break;
    }
    case Action::GuidText: {
      Narrow const text(data, cell.length);
      if (!row.uuid_text(text.view())) return value_error(cell, "holds what is no uniqueidentifier", "report it: the driver's text is new");
      break;
    }
    case Action::TimeText: {
      auto const time = parse_time_of_day(Narrow(data, cell.length).view());
      if (!time) return value_error(cell, "holds what is no time of day", "report it: the driver's text is new");
      if (time->truncated) {
        WEIR_DO(count_cut_time(cell));
      }
      row.time(time->us);
      break;
    }
    case Action::OffsetText: {
      auto const moment = parse_moment(Narrow(data, cell.length).view());
      if (!moment) return value_error(cell, "holds what is no datetimeoffset", "report it: the driver's text is new");
      if (moment->truncated) {
        WEIR_DO(count_cut_time(cell));
      }
      if (moment->offset_minutes.value_or(0) != 0) ++loss_of(cell).dropped_offsets;
      row.timestamp(moment->utc());
      break;
    }
  }
  return {};
}

Status SqlServerReader::encode_timestamp(RowBuilder& row, Cell& cell, odbc::TimestampValue const& value, int offset_minutes) {
  if (value.nanosecond % 1000 != 0) {
    WEIR_DO(count_cut_time(cell));
  }
  if (offset_minutes != 0) ++loss_of(cell).dropped_offsets;
  std::int64_t const seconds = (value.hour * 60LL + value.minute - offset_minutes) * 60 + value.second;
  row.timestamp(days_since_2000(value.year, value.month, value.day) * kMicrosecondsPerDay + seconds * 1'000'000 +
                value.nanosecond / 1000);
  return {};
}

Status SqlServerReader::encode_text(RowBuilder& row, Cell& cell) {
  bool const is_wide = cell.form.action == Action::Utf16;
  std::size_t const length = cell.trim ? without_blanks(cell.data, cell.length, is_wide) : cell.length;
  std::size_t const before = row.size();
  std::string_view const bytes(cell.data, length);
  TextCounts const counts = is_wide                                  ? row.utf16(cell.data, length, request_.policies)
                            : cell.form.action == Action::CodePage ? row.code_page(bytes, *cell.code_page, request_.policies)
                                                                   : row.utf8(bytes, request_.policies);
  if (counts.failed) {
    bool const is_nul = counts.nul_characters != 0 && request_.policies.nul == BadText::Fail;
    bool const is_surrogate = !is_nul && counts.surrogates != 0;
    char const* const what = is_nul ? "holds U+0000, which PostgreSQL's text cannot hold"
                             : is_surrogate ? "holds a lone surrogate, which is no character"
                                            : "holds a byte that its code page does not define";
    return value_error(cell, what, fmt::format("correct the row, or set `{}: replace` or `strip` for the stream",
                                               is_nul ? "nul" : is_surrogate ? "surrogate" : "code_page"));
  }
  if (counts.any()) {
    ColumnLoss& loss = loss_of(cell);
    loss.nul_characters += counts.nul_characters;
    loss.surrogates += counts.surrogates;
    loss.code_page_bytes += counts.code_page_bytes;
  }
  std::size_t const most = std::min<std::size_t>(request_.policies.max_value_bytes, kMostField);
  if (row.size() - before - 4 > most)
    return value_error(cell, fmt::format("holds a value of more than {} bytes", most), "leave the column out, or raise max_value_bytes");
  return {};
}

Status SqlServerReader::count_cut_time(Cell& cell) {
  if (request_.policies.fail_on_truncated_time)
    return value_error(cell, "holds 100 ns digits, which PostgreSQL cannot hold", "set fail_on_truncated_time: false to cut them");
  ++loss_of(cell).truncated_times;
  return {};
}

void SqlServerReader::encode_extra(RowBuilder& row, ExtraColumn const& extra) {
  if (extra.kind == ExtraColumn::Kind::Constant) {
    row.raw(extra.constant_binary);
    return;
  }
  std::uint64_t bits[2] = {random_(), random_()};
  auto* const bytes = reinterpret_cast<unsigned char*>(bits);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // version 4, variant 1 (RFC 4122, 4.4)
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  row.uuid(bytes);
}

// The first result has ended: the server's count must follow and agree.
Status SqlServerReader::confirm_end() {
  auto const incomplete = [&](std::string reason) {
    return Error(ErrorKind::Unavailable, fmt::format("could not read \"{}\" to its end: {}", request_.table.text(), reason))
        .object(request_.table.text())
        .state("nothing of this read is used")
        .next("run again; if it stays, look at the server's log and the network between");
  };
  WEIR_TRY(bool const more, statement_.more_results());
  if (!more) return incomplete(fmt::format("{} rows came, without the server's count after them", report_.rows));
  WEIR_TRY(bool const row, statement_.fetch());
  if (!row) return incomplete(fmt::format("{} rows came, without the server's count after them", report_.rows));
  WEIR_TRY(auto const text, statement_.get_text(0));
  std::string const rows = text.value_or("");
  if (rows != std::to_string(report_.rows))
    return incomplete(fmt::format("{} rows came, the server says that it sent {}", report_.rows, rows));
  for (bool again = true; again;) {
    WEIR_TRY(again, statement_.fetch());
  }
  WEIR_TRY(bool const third, statement_.more_results());
  if (third) return incomplete("a third result followed");
  return {};
}

ColumnLoss& SqlServerReader::loss_of(Cell& cell) {
  if (cell.loss) return *cell.loss;
  cell.loss = &report_.losses[cell.column->name];
  if (cell.loss->first_key.empty()) cell.loss->first_key = row_key();
  return *cell.loss;
}

// The row by its primary key or, where that is not read, by its place.
std::string SqlServerReader::row_key() const {
  std::string text;
  Key const* const key = request_.table.primary_key();
  for (std::size_t i = 0; key && i < key->columns.size(); ++i) {
    auto const cell = std::ranges::find_if(cells_, [&](Cell const& c) { return c.column->name == key->columns[i]; });
    auto const value = cell == cells_.end() ? std::nullopt : key_text(*cell);
    if (!value) return fmt::format("number {} of {}", report_.rows + 1, request_.chunk.text());
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", key->columns[i], *value);
  }
  return text.empty() ? fmt::format("number {} of {}", report_.rows + 1, request_.chunk.text()) : text;
}

Error SqlServerReader::value_error(Cell const& cell, std::string what, std::string next) {
  return Error(ErrorKind::Data, fmt::format("cannot load column \"{}\" of \"{}\": it {}", cell.column->name, request_.table.text(), what))
      .object(request_.table.text())
      .where("the row with " + row_key())
      .state("nothing of this table is published")
      .next(std::move(next));
}

}  // namespace

std::vector<std::string> SelectList::expressions() const {
  std::vector<std::string> all;
  for (auto const& item : items) all.push_back(item.expression);
  return all;
}

SelectList select_list(std::vector<Column> const& columns, Binding binding) {
  SelectList list;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Column const& column = columns[i];
    auto const decode = static_cast<Decode>(column.decode);
    std::string expression = column.select_expression;
    if (binding == Binding::Typed) {
      if (decode == Decode::Time) expression = fmt::format("CONVERT(nvarchar(30), {}, 121)", expression);
      if (decode == Decode::DateTimeOffset) expression = fmt::format("CONVERT(nvarchar(40), {}, 121)", expression);
      if (decode == Decode::Guid) expression = fmt::format("CONVERT(nvarchar(36), {})", expression);
    }
    list.items.push_back({i, fmt::format("{} AS {}", expression, sql::quote_mssql(column.name)), is_long(column)});
  }
  std::ranges::stable_partition(list.items, [](auto const& item) { return !item.is_long; });
  return list;
}

Result<std::unique_ptr<RowReader>> read_rows(odbc::Session& session, ReadRequest const& request, SelectList const& list,
                                             Binding binding, SqlStatement const& statement) {
  WEIR_TRY(odbc::Statement running, session.statement());
  Status const started = running.execute(statement.text, statement.parameters);
  if (!started.ok())
    return std::move(started.error().clone().object(request.table.text()).context(fmt::format("reading \"{}\"", request.table.text())));
  auto reader = std::make_unique<SqlServerReader>(std::move(running), request);
  WEIR_DO(reader->prepare(list, binding));
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace weir::source
