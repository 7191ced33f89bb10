#include "source/sqlserver_reader.h"

#include <algorithm>
#include <atomic>
#include <random>

#include <fmt/format.h>

#include "source/code_pages.h"
#include "source/copy_encode.h"
#include "source/extra_columns.h"
#include "source/reader_parts.h"
#include "source/sqlserver_cells.h"
#include "source/sqlserver_types.h"
#include "sql/name.h"

namespace weir::source {
namespace {

using odbc::Indicator;

constexpr std::int32_t kDays1900 = -36524;  // 1900-01-01 in days since 2000-01-01

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
  void count_dropped_offset(Cell& cell, int minutes);
  Status confirm_end();
  Error value_error(Cell const& cell, std::string what, std::string next);
  std::string row_key() const;
  ColumnLoss& loss_of(Cell& cell);

  odbc::Statement statement_;
  ReadRequest const request_;
  std::vector<Cell> cells_;              // in the order of the table's columns
  std::vector<std::size_t> long_cells_;  // in the order of the select list
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
    WEIR_TRY(odbc::ColumnInfo const info, statement_.describe(i));
    if (!is_of_form(info, column, cell.form))
      return Error(ErrorKind::Unavailable,
                   fmt::format(
                       "could not read \"{}\": its column \"{}\" is no longer {}, the server now sends ODBC type {} "
                       "with scale {}",
                       request_.table.text(), column.name, column.source_type, info.sql_type, info.scale))
          .object(request_.table.text() + "." + column.name)
          .state("nothing of this table was read")
          .next("run again: the next run discovers the table anew");
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
  begin_batch(batch, request_);
  if (ended_) return false;
  RowBuilder row(batch.bytes);
  while (row.size() < request_.batch_bytes) {
    if (cancelled_) return Error(ErrorKind::Cancelled, fmt::format("stopped reading \"{}\"", request_.table.text()));
    auto fetched = statement_.fetch();
    if (!fetched.ok()) return read_error(std::move(fetched).error(), request_, report_.rows);
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
      return value_error(cell, fmt::format("holds a value of more than {} bytes", most), kLeaveColumnOut);
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
    bool const fits =
        cell.is_long || (cell.form.exact_size ? cell.length == cell.form.size : cell.length <= cell.form.size);
    if (length < 0 || !fits)
      return value_error(cell,
                         fmt::format("gives values of {} bytes where {} has at most {}", length,
                                     cell.column->source_type, cell.form.size),
                         "the column has changed, or the driver does not fit: run again");
    WEIR_DO(encode(row, cell));
  }
  for (auto const& extra : request_.extra) append_extra(row, extra, random_);
  return {};
}

Status SqlServerReader::encode(RowBuilder& row, Cell& cell) {
  char const* const data = cell.data;
  switch (cell.form.action) {
    case Action::Bit:
      row.boolean(data[0] != 0);
      break;
    case Action::TinyInt:
      row.int2(static_cast<std::uint8_t>(data[0]));
      break;
    case Action::SmallInt:
      row.int2(load<std::int16_t>(data));
      break;
    case Action::Int:
      row.int4(load<std::int32_t>(data));
      break;
    case Action::BigInt:
      row.int8(load<std::int64_t>(data));
      break;
    case Action::Real:
      row.float4(load<float>(data));
      break;
    case Action::Float:
      row.float8(load<double>(data));
      break;
    case Action::Numeric: {
      auto const value = load<RawNumeric>(data);
      row.numeric(value.sign == 0, load<uint128>(reinterpret_cast<char const*>(value.value)), value.scale);
      break;
    }
    case Action::Money: {
      auto const units = static_cast<std::int64_t>(static_cast<std::uint64_t>(load<std::uint32_t>(data)) << 32 |
                                                   load<std::uint32_t>(data + 4));
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
    case Action::Timestamp:
      return encode_timestamp(row, cell, load<odbc::TimestampValue>(data), 0);
    case Action::Offset: {
      auto const value = load<RawOffset>(data);
      return encode_timestamp(row, cell, value.local, value.hours * 60 + value.minutes);
    }
    case Action::Guid:
      row.uuid_mixed_endian(data);
      break;
    case Action::Utf16:
    case Action::CodePage:
    case Action::Utf8:
      return encode_text(row, cell);
    case Action::Bytes:
      row.raw({data, cell.length});
      break;
    case Action::DecimalText: {
      std::string_view const text(data, cell.length);
      if (!row.numeric_text(text))
        return value_error(cell, fmt::format("holds \"{}\", which is no number", text),
                           "report it: the driver's text is new");
      break;
    }
    case Action::GuidText: {
      Narrow const text(data, cell.length);
      if (!row.uuid_text(text.view()))
        return value_error(cell, "holds what is no uniqueidentifier", "report it: the driver's text is new");
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
      count_dropped_offset(cell, moment->offset_minutes.value_or(0));
      row.timestamp(moment->utc());
      break;
    }
  }
  return {};
}

Status SqlServerReader::encode_timestamp(RowBuilder& row, Cell& cell, odbc::TimestampValue const& value,
                                         int offset_minutes) {
  if (value.nanosecond % 1000 != 0) {
    WEIR_DO(count_cut_time(cell));
  }
  count_dropped_offset(cell, offset_minutes);
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
  TextCounts const counts = is_wide ? row.utf16(cell.data, length, request_.policies)
                            : cell.form.action == Action::CodePage
                                ? row.code_page(bytes, *cell.code_page, request_.policies)
                                : row.utf8(bytes, request_.policies);
  if (counts.failed) {
    bool const is_nul = counts.nul_characters != 0 && request_.policies.nul == BadText::Fail;
    bool const is_surrogate = !is_nul && counts.surrogates != 0;
    char const* const what = is_nul         ? "holds U+0000, which PostgreSQL's text cannot hold"
                             : is_surrogate ? "holds a lone surrogate, which is no character"
                                            : "holds a byte that its code page does not define";
    return value_error(
        cell, what,
        fmt::format("correct the row, or set `text: {{{}: replace}}` for the table", is_nul         ? "nul"
                                                                                     : is_surrogate ? "surrogate"
                                                                                                    : "code_page"));
  }
  if (counts.any()) {
    ColumnLoss& loss = loss_of(cell);
    loss.nul_characters += counts.nul_characters;
    loss.surrogates += counts.surrogates;
    loss.code_page_bytes += counts.code_page_bytes;
  }
  std::size_t const most = std::min<std::size_t>(request_.policies.max_value_bytes, kMostField);
  if (row.size() - before - 4 > most)
    return value_error(cell, fmt::format("holds a value of more than {} bytes", most), kLeaveColumnOut);
  return {};
}

Status SqlServerReader::count_cut_time(Cell& cell) {
  if (request_.policies.fail_on_truncated_time)
    return value_error(cell, "holds 100 ns digits, which PostgreSQL cannot hold", kCutTimes);
  ++loss_of(cell).truncated_times;
  return {};
}

void SqlServerReader::count_dropped_offset(Cell& cell, int minutes) {
  if (minutes != 0 && !request_.policies.keep_offset) ++loss_of(cell).dropped_offsets;
}

// The first result has ended: the server's count must follow and agree.
Status SqlServerReader::confirm_end() {
  auto const incomplete = [&](std::string reason) {
    return Error(ErrorKind::Unavailable,
                 fmt::format("could not read \"{}\" to its end: {}", request_.table.text(), reason))
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
  return bad_value(request_, *cell.column, row_key(), what, std::move(next));
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
  std::stable_partition(list.items.begin(), list.items.end(), [](auto const& item) { return !item.is_long; });
  return list;
}

Result<std::unique_ptr<RowReader>> read_rows(odbc::Session& session, ReadRequest const& request, SelectList const& list,
                                             Binding binding, SqlStatement const& statement) {
  WEIR_TRY(odbc::Statement running, session.statement());
  Status const started = running.execute(statement.text, statement.parameters);
  if (!started.ok()) {
    Error error = started.error().clone();
    error.object(request.table.text()).state("nothing of this table was read");
    if (error.kind() == ErrorKind::Denied)
      error.next(fmt::format("GRANT SELECT ON {} to the endpoint's login", quoted_table(request.table)));
    return std::move(error).context(fmt::format("reading \"{}\"", request.table.text()));
  }
  auto reader = std::make_unique<SqlServerReader>(std::move(running), request);
  WEIR_DO(reader->prepare(list, binding));
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace weir::source
