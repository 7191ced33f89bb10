// Built-in scalar functions and @@ variables.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/plan.h"
#include "tds/udt.h"

namespace weir::tds {
namespace {

using Args = std::vector<Value>;
using Call = Outcome (*)(Context&, Expr const&, Args&, Value&);
using TypeOf = SqlType (*)(Expr const&);

struct Function {
  char const* name;
  std::size_t least, most;
  TypeOf type;
  Call call;
};

// --- result types --------------------------------------------------------------------------------------------------

SqlType t_int(Expr const&) {
  return make_type(TypeId::Int);
}
SqlType t_bigint(Expr const&) {
  return make_type(TypeId::BigInt);
}
SqlType t_smallint(Expr const&) {
  return make_type(TypeId::SmallInt);
}
SqlType t_sysname(Expr const&) {
  return nvarchar(128);
}
SqlType t_nvarchar_max(Expr const&) {
  return nvarchar(-1);
}
SqlType t_variant(Expr const&) {
  return make_type(TypeId::Variant);
}
SqlType t_datetime(Expr const&) {
  return make_type(TypeId::DateTime);
}
SqlType t_datetime2(Expr const&) {
  return make_type(TypeId::DateTime2, 0, 0, 7);
}
SqlType t_datetimeoffset(Expr const&) {
  return make_type(TypeId::DateTimeOffset, 0, 0, 7);
}
SqlType t_binary8(Expr const&) {
  return make_type(TypeId::Binary, 8);
}
SqlType t_uuid(Expr const&) {
  return make_type(TypeId::UniqueIdentifier);
}
SqlType t_numeric38(Expr const&) {
  return make_type(TypeId::Numeric, 0, 38, 0);
}
SqlType t_first(Expr const& call) {
  return call.args[0]->type;
}
SqlType t_text(Expr const& call) {
  SqlType type = call.args[0]->type;
  return type.is_text()
             ? make_type(type.is_n_text() ? TypeId::NVarChar : TypeId::VarChar, type.length, 0, 0, type.collation)
             : nvarchar(4000);
}
SqlType t_common(Expr const& call) {
  SqlType type;
  bool first = true;
  for (auto const& arg : call.args) {
    if (arg->kind == ExprKind::Literal && arg->literal.null) continue;
    type = first ? arg->type : common_type(type, arg->type);
    first = false;
  }
  return type;
}
SqlType t_third(Expr const& call) {
  SqlType const type = call.args[2]->type;
  return type.is_text() || type.is_integer() ? make_type(TypeId::DateTime) : type;
}
SqlType t_hierarchy(Expr const&) {
  return make_type(TypeId::HierarchyId);
}
SqlType t_geography(Expr const&) {
  return make_type(TypeId::Geography);
}
SqlType t_geometry(Expr const&) {
  return make_type(TypeId::Geometry);
}

// --- helpers -------------------------------------------------------------------------------------------------------

Outcome number_arg(Value const& value, std::int64_t& out) {
  Value number;
  TDS_DO(convert(value, make_type(TypeId::BigInt), 0, number));
  out = number.integer;
  return {};
}

Outcome wide_arg(Value const& value, std::string& out) {
  Value text;
  TDS_DO(convert(value, nvarchar(-1), 0, text));
  out = utf16_of(text);
  return {};
}

Outcome put_text(Expr const& call, std::string utf16, Value& out) {
  Value wide = text_value("");
  wide.bytes = std::move(utf16);
  SqlType type = call.type;
  if (!type.is_max()) type.length = std::max(type.length, static_cast<int>(wide.bytes.size() / 2));
  return convert(wide, type, 0, out);
}

// The machine's clock as days and ticks. Local is UTC: the server has no time zone of its own.
void now(Value& out, TypeId type) {
  auto const since = std::chrono::system_clock::now().time_since_epoch();
  std::int64_t const ticks = std::chrono::duration_cast<std::chrono::nanoseconds>(since).count() / 100;
  Value moment;
  moment.type = TypeId::DateTime2;
  moment.null = false;
  moment.scale = 7;
  moment.days = static_cast<std::int32_t>(days_of(1970, 1, 1) + ticks / kTicksPerDay);
  moment.ticks = ticks % kTicksPerDay;
  (void)convert(moment, make_type(type, 0, 0, 7), 0, out).ok();
}

std::shared_ptr<TableDef const> table_named(Context& context, std::string const& text) {
  std::string plain;
  for (char const c : text)
    if (c != '[' && c != ']' && c != '"') plain.push_back(c);
  std::vector<std::string> const parts = split(plain, '.');
  if (parts.empty() || parts.size() > 3) return nullptr;
  std::string const schema = parts.size() > 1 && !parts[parts.size() - 2].empty() ? parts[parts.size() - 2] : "dbo";
  if (parts.size() == 3 && !equals_ignoring_case(parts[0], context.database.name)) return nullptr;
  return context.database.find(schema, parts.back());
}

Value number_or_null(bool known, std::int64_t number, TypeId type = TypeId::Int) {
  return known ? int_value(number, type) : null_value(type);
}

// --- the functions -------------------------------------------------------------------------------------------------

Outcome f_isnull(Context&, Expr const& call, Args& a, Value& out) {
  return convert(a[0].null ? a[1] : a[0], call.type, 0, out);
}

Outcome f_coalesce(Context&, Expr const& call, Args& a, Value& out) {
  for (Value const& value : a)
    if (!value.null) return convert(value, call.type, 0, out);
  return out = null_value(call.type.id), Outcome();
}

Outcome f_nullif(Context&, Expr const& call, Args& a, Value& out) {
  int order = 1;
  if (!a[0].null && !a[1].null) TDS_DO(compare(a[0], a[1], order));
  out = order == 0 ? null_value(call.type.id) : a[0];
  return {};
}

Outcome f_len(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null) return out = null_value(call.type.id), Outcome();
  if (make_type(a[0].type).is_binary())
    return out = int_value(static_cast<std::int64_t>(a[0].byte_length())), Outcome();
  std::string text;
  TDS_DO(wide_arg(a[0], text));
  std::size_t units = text.size() / 2;
  while (units > 0 && text[2 * units - 2] == ' ' && text[2 * units - 1] == 0) --units;
  out = int_value(static_cast<std::int64_t>(units), call.type.id);
  return {};
}

Outcome f_datalength(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null) return out = null_value(call.type.id), Outcome();
  SqlType const type = make_type(a[0].type);
  bool const bytes = type.is_text() || type.is_binary() || type.is_udt();
  out = int_value(bytes ? static_cast<std::int64_t>(a[0].byte_length()) : catalog_length(call.args[0]->type),
                  call.type.id);
  return {};
}

template <bool Upper>
Outcome f_case(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null) return out = null_value(call.type.id), Outcome();
  std::string text;
  TDS_DO(wide_arg(a[0], text));
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (text[i + 1] != 0) continue;
    char const c = text[i];
    if (Upper && c >= 'a' && c <= 'z') text[i] = static_cast<char>(c - 32);
    if (!Upper && c >= 'A' && c <= 'Z') text[i] = static_cast<char>(c + 32);
  }
  return put_text(call, std::move(text), out);
}

template <bool Left, bool Right>
Outcome f_trim(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null) return out = null_value(call.type.id), Outcome();
  std::string text;
  TDS_DO(wide_arg(a[0], text));
  auto blank = [&text](std::size_t i) { return text[i] == ' ' && text[i + 1] == 0; };
  std::size_t begin = 0, end = text.size();
  while (Left && begin < end && blank(begin)) begin += 2;
  while (Right && end > begin && blank(end - 2)) end -= 2;
  return put_text(call, text.substr(begin, end - begin), out);
}

Outcome f_substring(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null || a[1].null || a[2].null) return out = null_value(call.type.id), Outcome();
  std::int64_t start = 0, length = 0;
  TDS_DO(number_arg(a[1], start));
  TDS_DO(number_arg(a[2], length));
  if (length < 0) return sql_error(537, 16, "Invalid length parameter passed to the LEFT or SUBSTRING function.", 3);
  bool const binary = make_type(a[0].type).is_binary();
  std::string text = a[0].bytes;
  if (!binary) TDS_DO(wide_arg(a[0], text));
  std::int64_t const unit = binary ? 1 : 2;
  std::int64_t const size = static_cast<std::int64_t>(text.size()) / unit;
  std::int64_t const begin = std::clamp<std::int64_t>(start - 1, 0, size);
  std::int64_t const end = std::clamp<std::int64_t>(start - 1 + length, begin, size);
  text = text.substr(static_cast<std::size_t>(begin * unit), static_cast<std::size_t>((end - begin) * unit));
  if (!binary) return put_text(call, std::move(text), out);
  return out = binary_value(std::move(text)), Outcome();
}

template <bool Left>
Outcome f_side(Context& context, Expr const& call, Args& a, Value& out) {
  if (a[0].null || a[1].null) return out = null_value(call.type.id), Outcome();
  std::int64_t count = 0;
  TDS_DO(number_arg(a[1], count));
  if (count < 0) return sql_error(536, 16, "Invalid length parameter passed to the RIGHT function.", 4);
  std::string text;
  TDS_DO(wide_arg(a[0], text));
  std::int64_t const size = static_cast<std::int64_t>(text.size()) / 2;
  Args parts = {a[0], int_value(Left ? 1 : std::max<std::int64_t>(1, size - count + 1)), int_value(count)};
  return f_substring(context, call, parts, out);
}

Outcome f_replace(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null || a[1].null || a[2].null) return out = null_value(call.type.id), Outcome();
  return put_text(call, to_utf16(replace_all(to_text(a[0]), to_text(a[1]), to_text(a[2]))), out);
}

Outcome f_quotename(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null) return out = null_value(call.type.id), Outcome();
  return put_text(call, to_utf16("[" + replace_all(to_text(a[0]), "]", "]]") + "]"), out);
}

Outcome f_charindex(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null || a[1].null) return out = null_value(call.type.id), Outcome();
  std::string what, text;
  TDS_DO(wide_arg(a[0], what));
  TDS_DO(wide_arg(a[1], text));
  Collation const& collation = a[1].collation != nullptr ? *a[1].collation : *default_collation();
  what = fold(what, collation);
  text = fold(text, collation);
  std::int64_t found = 0;
  for (std::size_t i = 0; !what.empty() && i + what.size() <= text.size() && found == 0; i += 2)
    if (text.compare(i, what.size(), what) == 0) found = static_cast<std::int64_t>(i / 2 + 1);
  out = int_value(found);
  return {};
}

Outcome f_concat(Context&, Expr const& call, Args& a, Value& out) {
  std::string text;
  for (Value const& value : a) {
    std::string one;
    if (!value.null) TDS_DO(wide_arg(value, one));
    text += one;
  }
  return put_text(call, std::move(text), out);
}

Outcome f_replicate(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null || a[1].null) return out = null_value(call.type.id), Outcome();
  std::string text, all;
  std::int64_t count = 0;
  TDS_DO(wide_arg(a[0], text));
  TDS_DO(number_arg(a[1], count));
  if (count < 0) return out = null_value(call.type.id), Outcome();
  if (static_cast<double>(text.size()) * static_cast<double>(count) > 2e9)
    return sql_error(1105, 17, "The text would be longer than this server holds.");
  for (std::int64_t i = 0; i < count; ++i) all += text;
  return put_text(call, std::move(all), out);
}

Outcome f_char(Context&, Expr const& call, Args& a, Value& out) {
  if (a[0].null) return out = null_value(call.type.id), Outcome();
  std::int64_t code = 0;
  TDS_DO(number_arg(a[0], code));
  if (code < 0 || code > 65535) return out = null_value(call.type.id), Outcome();
  out = text_value("");
  out.bytes = {static_cast<char>(code & 255), static_cast<char>(code >> 8)};
  return {};
}

Outcome f_abs(Context&, Expr const&, Args& a, Value& out) {
  out = a[0];
  if (out.null) return {};
  SqlType const type = make_type(out.type);
  if (type.is_float())
    out.real = std::abs(out.real);
  else if (type.is_decimal())
    out.decimal = out.decimal < 0 ? -out.decimal : out.decimal;
  else if (out.integer < 0)
    out.integer = -out.integer;
  return {};
}

// Whole rows between two moments, in units of the date part.
struct DatePart {
  std::string_view name;
  std::int64_t ticks;  // 0: months
  int months;
};
constexpr std::array<DatePart, 22> kParts = {{
    {"year", 0, 12},
    {"yy", 0, 12},
    {"yyyy", 0, 12},
    {"quarter", 0, 3},
    {"qq", 0, 3},
    {"month", 0, 1},
    {"mm", 0, 1},
    {"day", kTicksPerDay, 0},
    {"dd", kTicksPerDay, 0},
    {"d", kTicksPerDay, 0},
    {"week", 7 * kTicksPerDay, 0},
    {"wk", 7 * kTicksPerDay, 0},
    {"hour", 36'000'000'000, 0},
    {"hh", 36'000'000'000, 0},
    {"minute", 600'000'000, 0},
    {"mi", 600'000'000, 0},
    {"n", 600'000'000, 0},
    {"second", 10'000'000, 0},
    {"ss", 10'000'000, 0},
    {"s", 10'000'000, 0},
    {"millisecond", 10'000, 0},
    {"ms", 10'000, 0},
}};

Outcome part_named(Value const& value, DatePart& out) {
  std::string const name = to_text(value);
  for (DatePart const& part : kParts)
    if (part.name == name) return out = part, Outcome();
  if (name == "microsecond" || name == "mcs") return out = {"mcs", 10, 0}, Outcome();
  if (name == "nanosecond" || name == "ns") return out = {"ns", 0, 0}, Outcome();
  return sql_error(155, 15, fmt::format("'{}' is not a recognized dateadd option.", name));
}

Outcome f_dateadd(Context&, Expr const& call, Args& a, Value& out) {
  if (a[1].null || a[2].null) return out = null_value(call.type.id), Outcome();
  DatePart part{};
  std::int64_t count = 0;
  TDS_DO(part_named(a[0], part));
  TDS_DO(number_arg(a[1], count));
  Value moment;
  TDS_DO(convert(
      a[2], make_type(call.type.id == TypeId::DateTimeOffset ? TypeId::DateTimeOffset : TypeId::DateTime2, 0, 0, 7), 0,
      moment));
  if (part.months != 0) {
    int year = 0, month = 0, day = 0;
    civil_of(moment.days, year, month, day);
    std::int64_t const months = (year * 12 + month - 1) + count * part.months;
    if (months < 12 || months >= 120000)
      return sql_error(517, 16,
                       fmt::format("Adding a value to a '{}' column caused an overflow.", type_name(call.type.id)));
    int const y = static_cast<int>(months / 12), m = static_cast<int>(months % 12) + 1;
    int const last = (m == 12 ? days_of(y + 1, 1, 1) : days_of(y, m + 1, 1)) - days_of(y, m, 1);
    moment.days = days_of(y, m, std::min(day, last));
  } else {
    int128 const step = part.name == "ns" ? count / 100 : static_cast<int128>(count) * part.ticks;
    int128 const at = static_cast<int128>(moment.days) * kTicksPerDay + moment.ticks + step;
    if (at < 0 || at >= static_cast<int128>(kMaxDays + 1) * kTicksPerDay)
      return sql_error(517, 16,
                       fmt::format("Adding a value to a '{}' column caused an overflow.", type_name(call.type.id)));
    moment.days = static_cast<std::int32_t>(at / kTicksPerDay);
    moment.ticks = static_cast<std::int64_t>(at % kTicksPerDay);
  }
  return convert(moment, call.type, 0, out);
}

Outcome f_datediff(Context&, Expr const& call, Args& a, Value& out) {
  if (a[1].null || a[2].null) return out = null_value(call.type.id), Outcome();
  DatePart part{};
  TDS_DO(part_named(a[0], part));
  Value from, to;
  SqlType const type = make_type(TypeId::DateTime2, 0, 0, 7);
  TDS_DO(convert(a[1], type, 0, from));
  TDS_DO(convert(a[2], type, 0, to));
  auto borders = [&part](Value const& v) -> int128 {
    if (part.months != 0) {
      int year = 0, month = 0, day = 0;
      civil_of(v.days, year, month, day);
      return (year * 12 + month - 1) / part.months;
    }
    int128 const ticks = static_cast<int128>(v.days) * kTicksPerDay + v.ticks;
    return part.ticks == 0 ? ticks * 100
                           : (ticks + (part.name == "week" || part.name == "wk" ? kTicksPerDay : 0)) / part.ticks;
  };
  int128 const difference = borders(to) - borders(from);
  if (call.type.id == TypeId::Int && (difference > INT32_MAX || difference < INT32_MIN))
    return sql_error(535, 16,
                     "The datediff function resulted in an overflow. The number of dateparts separating two date/time "
                     "instances is too large. Try to use datediff with a less precise datepart.");
  out = int_value(static_cast<std::int64_t>(difference), call.type.id);
  return {};
}

Outcome f_datepart(Context&, Expr const& call, Args& a, Value& out) {
  if (a[1].null) return out = null_value(call.type.id), Outcome();
  std::string const part = to_lower(to_text(a[0]));
  if (part == "tzoffset" || part == "tz") {
    Value moment;
    TDS_DO(convert(a[1], make_type(TypeId::DateTimeOffset, 0, 0, 7), 0, moment));
    return out = int_value(moment.offset_min, call.type.id), Outcome();
  }
  Value moment;
  TDS_DO(convert(a[1], make_type(TypeId::DateTime2, 0, 0, 7), 0, moment));
  int year = 0, month = 0, day = 0;
  civil_of(moment.days, year, month, day);
  std::int64_t const seconds = moment.ticks / 10'000'000;
  std::int64_t number = 0;
  if (part == "year")
    number = year;
  else if (part == "month")
    number = month;
  else if (part == "day")
    number = day;
  else if (part == "hour")
    number = seconds / 3600;
  else if (part == "minute")
    number = seconds / 60 % 60;
  else if (part == "second")
    number = seconds % 60;
  else
    return sql_error(155, 15, fmt::format("'{}' is not a recognized datepart option of this server.", part));
  return out = int_value(number, call.type.id), Outcome();
}

template <TypeId Type>
Outcome f_now(Context&, Expr const&, Args&, Value& out) {
  return now(out, Type), Outcome();
}

Outcome f_newid(Context&, Expr const&, Args&, Value& out) {
  static thread_local std::mt19937_64 random(std::random_device{}());
  out = null_value(TypeId::UniqueIdentifier);
  out.null = false;
  for (int i = 0; i < 16; ++i) out.bytes.push_back(static_cast<char>(random()));
  return {};
}

Outcome f_db_name(Context& c, Expr const&, Args& a, Value& out) {
  if (!a.empty() && !a[0].null && a[0].integer == 1) return out = text_value("master"), Outcome();
  bool const own = a.empty() || (!a[0].null && a[0].integer == 5);
  out = own ? text_value(c.database.name) : null_value(TypeId::NVarChar);
  return {};
}
Outcome f_db_id(Context& c, Expr const&, Args& a, Value& out) {
  bool const own = a.empty() || equals_ignoring_case(to_text(a[0]), c.database.name);
  bool const master = !own && equals_ignoring_case(to_text(a[0]), "master");
  out = number_or_null(own || master, own ? 5 : 1, TypeId::SmallInt);
  return {};
}
Outcome f_object_id(Context& c, Expr const&, Args& a, Value& out) {
  auto const table = a[0].null ? nullptr : table_named(c, to_text(a[0]));
  out = number_or_null(table != nullptr, table != nullptr ? table->object_id : 0);
  return {};
}
Outcome f_object_name(Context& c, Expr const&, Args& a, Value& out) {
  auto const table = a[0].null ? nullptr : c.database.find(static_cast<int>(a[0].integer));
  out = table != nullptr ? text_value(table->name) : null_value(TypeId::NVarChar);
  return {};
}
Outcome f_object_schema_name(Context& c, Expr const&, Args& a, Value& out) {
  auto const table = a[0].null ? nullptr : c.database.find(static_cast<int>(a[0].integer));
  out = table != nullptr ? text_value(table->schema) : null_value(TypeId::NVarChar);
  return {};
}
Outcome f_schema_id(Context& c, Expr const&, Args& a, Value& out) {
  std::string const name = a.empty() ? "dbo" : to_text(a[0]);
  int id = equals_ignoring_case(name, "dbo")                  ? 1
           : equals_ignoring_case(name, "INFORMATION_SCHEMA") ? 3
           : equals_ignoring_case(name, "sys")                ? 4
                                                              : 0;
  for (std::size_t i = 0; i < c.database.schemas.size(); ++i)
    if (equals_ignoring_case(name, c.database.schemas[i])) id = static_cast<int>(i) + 5;
  out = number_or_null(id != 0, id);
  return {};
}
Outcome f_schema_name(Context& c, Expr const&, Args& a, Value& out) {
  std::int64_t const id = a.empty() || a[0].null ? 1 : a[0].integer;
  out = null_value(TypeId::NVarChar);
  if (id == 1) out = text_value("dbo");
  if (id == 3) out = text_value("INFORMATION_SCHEMA");
  if (id == 4) out = text_value("sys");
  if (id >= 5 && id < 5 + static_cast<std::int64_t>(c.database.schemas.size()))
    out = text_value(c.database.schemas[static_cast<std::size_t>(id - 5)]);
  return {};
}
Outcome f_col_name(Context& c, Expr const&, Args& a, Value& out) {
  auto const table = a[0].null || a[1].null ? nullptr : c.database.find(static_cast<int>(a[0].integer));
  out = null_value(TypeId::NVarChar);
  if (table == nullptr) return {};
  for (ColumnDef const& column : table->columns)
    if (column.column_id == a[1].integer) out = text_value(column.name);
  return {};
}

// The properties of a column that tools ask for; NULL for what is not there, as on the server.
Outcome f_columnproperty(Context& c, Expr const&, Args& a, Value& out) {
  out = null_value(TypeId::Int);
  if (a[0].null || a[1].null || a[2].null) return {};
  auto const table = c.database.find(static_cast<int>(a[0].integer));
  if (table == nullptr) return {};
  std::string const property = to_lower(to_text(a[2]));
  for (ColumnDef const& column : table->columns) {
    if (!equals_ignoring_case(column.name, to_text(a[1]))) continue;
    if (property == "isidentity")
      out = int_value(column.identity);
    else if (property == "iscomputed")
      out = int_value(column.computed);
    else if (property == "ishidden")
      out = int_value(column.hidden);
    else if (property == "issparse")
      out = int_value(column.sparse);
    else if (property == "allowsnull")
      out = int_value(column.nullable);
    else if (property == "columnid")
      out = int_value(column.column_id);
  }
  return {};
}

Outcome f_serverproperty(Context& c, Expr const&, Args& a, Value& out) {
  std::string const name = to_lower(to_text(a[0]));
  std::string const version = c.database.options().version;
  if (name == "productversion")
    out = text_value(version);
  else if (name == "productlevel")
    out = text_value("RTM");
  else if (name == "productmajorversion")
    out = text_value(split(version, '.')[0]);
  else if (name == "edition")
    out = text_value("Developer Edition (64-bit)");
  else if (name == "engineedition")
    out = int_value(3);
  else if (name == "servername" || name == "machinename")
    out = text_value("WEIR-TDS");
  else if (name == "instancename")
    out = null_value(TypeId::NVarChar);
  else if (name == "collation")
    out = text_value(c.database.collation->name);
  else if (name == "isclustered" || name == "ishadrenabled" || name == "issingleuser")
    out = int_value(0);
  else if (name == "isintegratedsecurityonly")
    out = int_value(0);
  else
    out = null_value(TypeId::Variant);
  return {};
}

Outcome f_databasepropertyex(Context& c, Expr const&, Args& a, Value& out) {
  std::string const name = to_lower(to_text(a[1]));
  out = null_value(TypeId::Variant);
  if (!equals_ignoring_case(to_text(a[0]), c.database.name)) return {};
  if (name == "collation")
    out = text_value(c.database.collation->name);
  else if (name == "status")
    out = text_value("ONLINE");
  else if (name == "updateability")
    out = text_value("READ_WRITE");
  else if (name == "recovery")
    out = text_value("FULL");
  else if (name == "version")
    out = int_value(904);
  return {};
}

Outcome f_has_perms(Context& c, Expr const&, Args& a, Value& out) {
  std::string const permission = to_lower(to_text(a[2]));
  User const* user = nullptr;
  for (User const& one : c.database.users)
    if (equals_ignoring_case(one.name, c.session.login)) user = &one;
  bool yes = true;
  if (permission == "unmask") yes = user == nullptr || user->unmask;
  if (permission == "view database state") yes = c.database.options().view_database_state;
  if (!a[0].null && equals_ignoring_case(to_text(a[1]), "object")) {
    auto const table = table_named(c, to_text(a[0]));
    if (table == nullptr) return out = null_value(), Outcome();
    if (user != nullptr)
      for (std::string const& denied : user->denied)
        if (equals_ignoring_case(denied, table->text())) yes = false;
  }
  out = int_value(yes ? 1 : 0);
  return {};
}

Outcome f_collationproperty(Context&, Expr const&, Args& a, Value& out) {
  out = null_value(TypeId::Variant);
  if (a[0].null) return {};
  Collation const* collation = find_collation(to_text(a[0]));
  std::string const name = to_lower(to_text(a[1]));
  if (collation == nullptr) return {};
  if (name == "codepage")
    out = int_value(collation->code_page);
  else if (name == "lcid")
    out = int_value(static_cast<std::int64_t>(collation->lcid));
  else if (name == "version")
    out = int_value(collation->version);
  else if (name == "comparisonstyle")
    out = int_value(collation->binary ? 0
                                      : 196608 + (collation->ignore_case ? 1 : 0) + (collation->ignore_accent ? 2 : 0));
  return {};
}

Value rowversion_value(std::uint64_t number) {
  Value value = binary_value(std::string(8, '\0'));
  value.type = TypeId::Binary;
  for (std::size_t i = 0; i < 8; ++i) value.bytes[i] = static_cast<char>(number >> (56 - 8 * i));
  return value;
}
Outcome f_min_active(Context& c, Expr const&, Args&, Value& out) {
  return out = rowversion_value(c.database.min_active_rowversion()), Outcome();
}
Outcome f_dbts(Context& c, Expr const&, Args&, Value& out) {
  return out = rowversion_value(c.database.last_rowversion()), Outcome();
}

Outcome f_ct_current(Context& c, Expr const&, Args&, Value& out) {
  bool const on = c.database.options().change_tracking;
  std::uint64_t const at = c.snapshot.sequence != 0 ? c.snapshot.sequence : c.database.change_version();
  return out = number_or_null(on, static_cast<std::int64_t>(at), TypeId::BigInt), Outcome();
}
Outcome f_ct_min(Context& c, Expr const&, Args& a, Value& out) {
  auto const table = a[0].null ? nullptr : c.database.find(static_cast<int>(a[0].integer));
  bool const on = table != nullptr && table->change_tracking;
  out = number_or_null(on, on ? static_cast<std::int64_t>(c.database.min_valid_change_version(table->object_id)) : 0,
                       TypeId::BigInt);
  return {};
}

Outcome f_variant_property(Context&, Expr const&, Args& a, Value& out) {
  out = null_value(TypeId::Variant);
  if (a[0].null) return {};
  SqlType const type = type_of(a[0]);
  std::string const name = to_lower(to_text(a[1]));
  if (name == "basetype")
    out = text_value(type_name(type.id));
  else if (name == "precision")
    out = int_value(catalog_precision(type));
  else if (name == "scale")
    out = int_value(catalog_scale(type));
  else if (name == "maxlength")
    out = int_value(catalog_length(type));
  else if (name == "collation" && type.is_text())
    out = text_value(type.collation->name);
  return {};
}

Outcome f_login(Context& c, Expr const&, Args&, Value& out) {
  return out = text_value(c.session.login), Outcome();
}
Outcome f_user(Context&, Expr const&, Args&, Value& out) {
  return out = text_value("dbo"), Outcome();
}
Outcome f_app(Context& c, Expr const&, Args&, Value& out) {
  return out = text_value(c.session.app), Outcome();
}
Outcome f_host(Context& c, Expr const&, Args&, Value& out) {
  return out = text_value(c.session.host), Outcome();
}
Outcome f_one(Context&, Expr const&, Args&, Value& out) {
  return out = int_value(1), Outcome();
}
Outcome f_version(Context& c, Expr const&, Args&, Value& out) {
  out = text_value(fmt::format("Microsoft SQL Server 2019 (RTM) - {} (X64) \n\tweir-tds, a TDS server for tests",
                               c.database.options().version));
  return {};
}
Outcome f_rowcount(Context& c, Expr const& call, Args&, Value& out) {
  return out = int_value(c.session.row_count, call.type.id), Outcome();
}
Outcome f_spid(Context& c, Expr const&, Args&, Value& out) {
  return out = int_value(c.session.spid, TypeId::SmallInt), Outcome();
}
Outcome f_error(Context& c, Expr const&, Args&, Value& out) {
  return out = int_value(c.session.last_error), Outcome();
}
Outcome f_trancount(Context& c, Expr const&, Args&, Value& out) {
  return out = int_value(c.session.transaction_count), Outcome();
}
Outcome f_xact_state(Context& c, Expr const&, Args&, Value& out) {
  return out = int_value(c.session.transaction_count > 0 ? 1 : 0, TypeId::SmallInt), Outcome();
}
Outcome f_identity(Context& c, Expr const&, Args&, Value& out) {
  out = c.session.has_identity ? decimal_value(c.session.identity, 0) : null_value(TypeId::Numeric);
  return {};
}
Outcome f_servername(Context&, Expr const&, Args&, Value& out) {
  return out = text_value("WEIR-TDS"), Outcome();
}
Outcome f_language(Context& c, Expr const&, Args&, Value& out) {
  return out = text_value(c.session.language), Outcome();
}
Outcome f_options(Context&, Expr const&, Args&, Value& out) {
  return out = int_value(5496), Outcome();
}
Outcome f_max_precision(Context&, Expr const&, Args&, Value& out) {
  return out = int_value(38, TypeId::SmallInt), Outcome();
}
Outcome f_textsize(Context& c, Expr const&, Args&, Value& out) {
  return out = int_value(c.session.text_size), Outcome();
}
Outcome f_lock_timeout(Context& c, Expr const&, Args&, Value& out) {
  return out = int_value(c.session.lock_timeout_ms), Outcome();
}

template <TypeId Type>
Outcome f_udt_parse(Context&, Expr const&, Args& a, Value& out) {
  if (a[0].null) return out = null_value(Type), Outcome();
  std::string text = to_text(a[0]);
  if (a.size() > 1) text = fmt::format("SRID={};{}", to_text(a[1]), text);
  return udt_parse(text, Type, out);
}

constexpr std::size_t kMany = 64;
constexpr Function kFunctions[] = {
    {"isnull", 2, 2, t_first, f_isnull},
    {"coalesce", 1, kMany, t_common, f_coalesce},
    {"nullif", 2, 2, t_first, f_nullif},
    {"len", 1, 1, t_int, f_len},
    {"datalength", 1, 1, t_int, f_datalength},
    {"upper", 1, 1, t_text, f_case<true>},
    {"lower", 1, 1, t_text, f_case<false>},
    {"ltrim", 1, 1, t_text, f_trim<true, false>},
    {"rtrim", 1, 1, t_text, f_trim<false, true>},
    {"trim", 1, 1, t_text, f_trim<true, true>},
    {"substring", 3, 3, t_first, f_substring},
    {"left", 2, 2, t_text, f_side<true>},
    {"right", 2, 2, t_text, f_side<false>},
    {"replace", 3, 3, t_text, f_replace},
    {"quotename", 1, 1, t_text, f_quotename},
    {"charindex", 2, 2, t_int, f_charindex},
    {"concat", 1, kMany, t_nvarchar_max, f_concat},
    {"replicate", 2, 2, t_text, f_replicate},
    {"char", 1, 1, t_sysname, f_char},
    {"nchar", 1, 1, t_sysname, f_char},
    {"abs", 1, 1, t_first, f_abs},
    {"dateadd", 3, 3, t_third, f_dateadd},
    {"datepart", 2, 2, t_int, f_datepart},
    {"datediff", 3, 3, t_int, f_datediff},
    {"datediff_big", 3, 3, t_bigint, f_datediff},
    {"getdate", 0, 0, t_datetime, f_now<TypeId::DateTime>},
    {"getutcdate", 0, 0, t_datetime, f_now<TypeId::DateTime>},
    {"current_timestamp", 0, 0, t_datetime, f_now<TypeId::DateTime>},
    {"sysdatetime", 0, 0, t_datetime2, f_now<TypeId::DateTime2>},
    {"sysutcdatetime", 0, 0, t_datetime2, f_now<TypeId::DateTime2>},
    {"sysdatetimeoffset", 0, 0, t_datetimeoffset, f_now<TypeId::DateTimeOffset>},
    {"newid", 0, 0, t_uuid, f_newid},
    {"db_name", 0, 1, t_sysname, f_db_name},
    {"db_id", 0, 1, t_smallint, f_db_id},
    {"object_id", 1, 2, t_int, f_object_id},
    {"object_name", 1, 2, t_sysname, f_object_name},
    {"object_schema_name", 1, 2, t_sysname, f_object_schema_name},
    {"schema_id", 0, 1, t_int, f_schema_id},
    {"schema_name", 0, 1, t_sysname, f_schema_name},
    {"col_name", 2, 2, t_sysname, f_col_name},
    {"columnproperty", 3, 3, t_int, f_columnproperty},
    {"serverproperty", 1, 1, t_variant, f_serverproperty},
    {"databasepropertyex", 2, 2, t_variant, f_databasepropertyex},
    {"has_perms_by_name", 3, 5, t_int, f_has_perms},
    {"has_dbaccess", 1, 1, t_int, f_one},
    {"is_srvrolemember", 1, 2, t_int, f_one},
    {"is_member", 1, 1, t_int, f_one},
    {"is_rolemember", 1, 2, t_int, f_one},
    {"collationproperty", 2, 2, t_variant, f_collationproperty},
    {"min_active_rowversion", 0, 0, t_binary8, f_min_active},
    {"@@dbts", 0, 0, t_binary8, f_dbts},
    {"change_tracking_current_version", 0, 0, t_bigint, f_ct_current},
    {"change_tracking_min_valid_version", 1, 1, t_bigint, f_ct_min},
    {"sql_variant_property", 2, 2, t_variant, f_variant_property},
    {"suser_sname", 0, 1, t_sysname, f_login},
    {"suser_name", 0, 1, t_sysname, f_login},
    {"original_login", 0, 0, t_sysname, f_login},
    {"system_user", 0, 0, t_sysname, f_login},
    {"user_name", 0, 1, t_sysname, f_user},
    {"current_user", 0, 0, t_sysname, f_user},
    {"session_user", 0, 0, t_sysname, f_user},
    {"user", 0, 0, t_sysname, f_user},
    {"app_name", 0, 0, t_sysname, f_app},
    {"host_name", 0, 0, t_sysname, f_host},
    {"xact_state", 0, 0, t_smallint, f_xact_state},
    {"scope_identity", 0, 0, t_numeric38, f_identity},
    {"@@identity", 0, 0, t_numeric38, f_identity},
    {"@@version", 0, 0, t_sysname, f_version},
    {"@@rowcount", 0, 0, t_int, f_rowcount},
    {"rowcount_big", 0, 0, t_bigint, f_rowcount},
    {"@@spid", 0, 0, t_smallint, f_spid},
    {"@@error", 0, 0, t_int, f_error},
    {"@@trancount", 0, 0, t_int, f_trancount},
    {"@@servername", 0, 0, t_sysname, f_servername},
    {"@@language", 0, 0, t_sysname, f_language},
    {"@@options", 0, 0, t_int, f_options},
    {"@@max_precision", 0, 0, t_smallint, f_max_precision},
    {"@@textsize", 0, 0, t_int, f_textsize},
    {"@@lock_timeout", 0, 0, t_int, f_lock_timeout},
    {"hierarchyid::parse", 1, 1, t_hierarchy, f_udt_parse<TypeId::HierarchyId>},
    {"geography::parse", 1, 1, t_geography, f_udt_parse<TypeId::Geography>},
    {"geography::stgeomfromtext", 2, 2, t_geography, f_udt_parse<TypeId::Geography>},
    {"geometry::parse", 1, 1, t_geometry, f_udt_parse<TypeId::Geometry>},
    {"geometry::stgeomfromtext", 2, 2, t_geometry, f_udt_parse<TypeId::Geometry>},
};

}  // namespace

int find_function(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kFunctions); ++i)
    if (name == kFunctions[i].name) return static_cast<int>(i);
  return -1;
}

bool is_aggregate(std::string_view name) {
  for (std::string_view const one : {"count", "count_big", "min", "max", "sum", "avg"})
    if (name == one) return true;
  return false;
}

Outcome function_type(Context&, int function, Expr const& call, SqlType& type) {
  Function const& one = kFunctions[function];
  if (call.args.size() < one.least || call.args.size() > one.most)
    return sql_error(174, 15, fmt::format("The {} function requires {} argument(s).", one.name, one.least));
  type = one.type(call);
  return {};
}

Outcome call_function(Context& context, int function, Expr const& call, std::vector<Value>& args, Value& out) {
  return kFunctions[function].call(context, call, args, out);
}

}  // namespace weir::tds
