#include "build/table.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "jinja/decimal.h"
#include "jinja/times.h"

namespace weir::build {
namespace {

using jinja::Arguments;
using jinja::Failure;
using jinja::FailureType;
using jinja::Outcome;
using jinja::State;
using jinja::Value;

constexpr std::size_t kShownValues = 5;  // of a sequence's repr

// An ordered mapping that is a sequence of its values, as agate has it: rows, columns, and the lists of both.
class MappedSequence : public jinja::Object {
 public:
  virtual std::size_t size() const = 0;
  virtual Value value(std::size_t index) const = 0;
  virtual Value key(std::size_t index) const = 0;

  bool is_iterable() const override { return true; }
  bool is_sequence() const override { return true; }
  std::optional<std::size_t> length() const override { return size(); }

  Outcome<Value> item(State&, Value const& wanted) override {
    if (wanted.kind() == jinja::Kind::Int) {
      auto index = wanted.integer();
      if (index < 0) index += static_cast<std::int64_t>(size());
      if (index < 0 || index >= static_cast<std::int64_t>(size())) return Value::missing();
      return value(static_cast<std::size_t>(index));
    }
    for (std::size_t i = 0; i < size(); ++i)
      if (jinja::equals(key(i), wanted)) return value(i);
    return Value::missing();
  }

  Outcome<Value> attribute(State&, std::string_view name) override {
    jinja::Ref<MappedSequence> const self(this);
    auto give = [&](auto make) {
      return jinja::function(std::string(name),
                             [self, make](State&, Arguments const&) -> Outcome<Value> { return make(*self); });
    };
    if (name == "values") return give([](MappedSequence const& all) { return jinja::tuple_of(all.values()); });
    if (name == "keys")
      return give([](MappedSequence const& all) {
        std::vector<Value> keys;
        for (std::size_t i = 0; i < all.size(); ++i) keys.push_back(all.key(i));
        return jinja::tuple_of(std::move(keys));
      });
    if (name == "items")
      return give([](MappedSequence const& all) {
        std::vector<Value> pairs;
        for (std::size_t i = 0; i < all.size(); ++i) pairs.push_back(jinja::tuple_of({all.key(i), all.value(i)}));
        return jinja::list_of(std::move(pairs));
      });
    if (name == "dict")
      return give([](MappedSequence const& all) {
        std::vector<std::pair<std::string, Value>> entries;
        for (std::size_t i = 0; i < all.size(); ++i) entries.emplace_back(jinja::to_text(all.key(i)), all.value(i));
        return jinja::dict_of(std::move(entries));
      });
    if (name == "get")
      return jinja::function("get", [self](State& state, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("get", {"key", "default"}, 1));
        JINJA_TRY(Value found, self->item(state, bound[0]));
        return !found.is_missing() ? found : bound[1].is_missing() ? Value() : bound[1];
      });
    return Value::missing();
  }

  Outcome<std::unique_ptr<jinja::Cursor>> iterate(State&) override {
    return std::unique_ptr<jinja::Cursor>(std::make_unique<Walk>(jinja::Ref<MappedSequence>(this)));
  }

  std::string repr() const override {
    std::string out = fmt::format("<agate.{}: (", type_name());
    for (std::size_t i = 0; i < std::min(size(), kShownValues); ++i) {
      if (i > 0) out += ", ";
      jinja::append_repr(out, value(i));
    }
    if (size() > kShownValues) out += ", ...";
    return out + ")>";
  }

  bool equals(Value const& other) const override {
    auto const* sequence = other.as<MappedSequence>();
    if (sequence == nullptr || sequence->size() != size()) return false;
    for (std::size_t i = 0; i < size(); ++i)
      if (!jinja::equals(value(i), sequence->value(i))) return false;
    return true;
  }

 protected:
  std::vector<Value> values() const {
    std::vector<Value> all;
    for (std::size_t i = 0; i < size(); ++i) all.push_back(value(i));
    return all;
  }

 private:
  class Walk final : public jinja::Cursor {
   public:
    explicit Walk(jinja::Ref<MappedSequence> over) : over_(std::move(over)) {}
    Outcome<Value> next(State&) override { return at_ < over_->size() ? over_->value(at_++) : Value::missing(); }

   private:
    jinja::Ref<MappedSequence> over_;
    std::size_t at_ = 0;
  };
};

// The data of a table, which rows and columns keep alive.
class TableObject;

class RowObject final : public MappedSequence {
 public:
  RowObject(jinja::Ref<TableObject> table, std::size_t row) : table_(std::move(table)), row_(row) {}
  std::string type_name() const override { return "Row"; }
  std::size_t size() const override;
  Value value(std::size_t index) const override;
  Value key(std::size_t index) const override;

 private:
  jinja::Ref<TableObject> table_;
  std::size_t row_;
};

class ColumnOfTable final : public MappedSequence {
 public:
  ColumnOfTable(jinja::Ref<TableObject> table, std::size_t column) : table_(std::move(table)), column_(column) {}
  std::string type_name() const override { return "Column"; }
  std::size_t size() const override;
  Value value(std::size_t index) const override;
  Value key(std::size_t index) const override { return Value(static_cast<std::int64_t>(index)); }
  Outcome<Value> attribute(State& state, std::string_view name) override;

 private:
  jinja::Ref<TableObject> table_;
  std::size_t column_;
};

class RowsObject final : public MappedSequence {
 public:
  explicit RowsObject(jinja::Ref<TableObject> table) : table_(std::move(table)) {}
  std::string type_name() const override { return "MappedSequence"; }
  std::size_t size() const override;
  Value value(std::size_t index) const override { return Value(jinja::make<RowObject>(table_, index)); }
  Value key(std::size_t index) const override { return Value(static_cast<std::int64_t>(index)); }

 private:
  jinja::Ref<TableObject> table_;
};

class ColumnsObject final : public MappedSequence {
 public:
  explicit ColumnsObject(jinja::Ref<TableObject> table) : table_(std::move(table)) {}
  std::string type_name() const override { return "MappedSequence"; }
  std::size_t size() const override;
  Value value(std::size_t index) const override { return Value(jinja::make<ColumnOfTable>(table_, index)); }
  Value key(std::size_t index) const override;

 private:
  jinja::Ref<TableObject> table_;
};

std::string_view type_text(CellType type) {
  switch (type) {
    case CellType::Integer:
      return "Integer";
    case CellType::Number:
      return "Number";
    case CellType::Date:
      return "Date";
    case CellType::DateTime:
      return "DateTime";
    case CellType::Boolean:
      return "Boolean";
    case CellType::Text:
      return "Text";
  }
  return "";
}

Value type_value(CellType type) {
  return jinja::make_module(std::string(type_text(type)), {{"name", Value(type_text(type))}});
}

std::string csv_field(Value const& value) {
  if (value.is_none()) return "";
  std::string text = jinja::to_text(value);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return "\"" + replace_all(std::move(text), "\"", "\"\"") + "\"";
}

std::string to_csv(TableData const& data) {
  auto line = [](auto const& fields, auto text) {
    std::string out;
    for (std::size_t i = 0; i < fields.size(); ++i) out += (i == 0 ? "" : ",") + text(fields[i]);
    return out + "\n";
  };
  std::string out = line(data.names, [](std::string const& name) { return csv_field(Value(name)); });
  for (auto const& row : data.rows) out += line(row, csv_field);
  return out;
}

class TableObject final : public jinja::Object {
 public:
  explicit TableObject(TableData said) : data(std::move(said)) {}
  std::string type_name() const override { return "Table"; }
  bool is_iterable() const override { return true; }
  bool is_true() const override { return true; }
  std::optional<std::size_t> length() const override { return data.rows.size(); }
  Outcome<std::unique_ptr<jinja::Cursor>> iterate(State& state) override { return rows()->iterate(state); }
  std::string repr() const override { return grid_text(data, 20); }

  Outcome<Value> attribute(State&, std::string_view name) override {
    jinja::Ref<TableObject> const self(this);
    if (name == "rows") return Value(rows());
    if (name == "columns") return Value(jinja::make<ColumnsObject>(self));
    if (name == "column_names") return jinja::tuple_of({data.names.begin(), data.names.end()});
    if (name == "column_types") {
      std::vector<Value> types;
      for (auto const type : data.types) types.push_back(type_value(type));
      return jinja::tuple_of(std::move(types));
    }
    if (name == "print_table" || name == "print_csv" || name == "to_csv" || name == "print_json")
      return jinja::function(
          std::string(name), [self, name = std::string(name)](State&, Arguments const& arguments) -> Outcome<Value> {
            auto const* most = arguments.find("max_rows");
            auto const text =
                name == "print_table"
                    ? grid_text(self->data,
                                most != nullptr && most->is_int() ? static_cast<std::size_t>(most->integer()) : 20)
                    : to_csv(self->data);
            std::fwrite(text.data(), 1, text.size(), stdout);
            return Value();
          });
    if (name == "select" || name == "exclude" || name == "rename" || name == "limit" || name == "where")
      return jinja::function(std::string(name),
                             [self, name = std::string(name)](State& state, Arguments const& arguments) {
                               return name == "rename"  ? self->renamed(arguments)
                                      : name == "limit" ? self->limited(arguments)
                                      : name == "where" ? self->filtered(state, arguments)
                                                        : self->chosen(state, arguments, name == "select");
                             });
    return Value::missing();
  }

  TableData const data;

 private:
  jinja::Ref<RowsObject> rows() { return jinja::make<RowsObject>(jinja::Ref<TableObject>(this)); }

  Outcome<Value> renamed(Arguments const& arguments) const {
    JINJA_TRY(auto bound, arguments.bind("rename", {"column_names", "row_names"}, 1));
    TableData out = data;
    for (std::size_t i = 0; i < out.names.size(); ++i) {
      if (bound[0].is_dict()) {
        if (auto const* name = bound[0].dict().find(std::string_view(out.names[i])))
          out.names[i] = jinja::to_text(*name);
      } else if (bound[0].is_list() && i < bound[0].list().items.size()) {
        out.names[i] = jinja::to_text(bound[0].list().items[i]);
      } else if (bound[0].is_tuple() && i < bound[0].tuple().items.size()) {
        out.names[i] = jinja::to_text(bound[0].tuple().items[i]);
      }
    }
    return make_table(std::move(out));
  }

  Outcome<Value> limited(Arguments const& arguments) const {
    JINJA_TRY(auto bound, arguments.bind("limit", {"start_or_stop", "stop"}, 1));
    if (!bound[0].is_int()) return Failure(FailureType::TypeError, "limit() takes a number of rows");
    TableData out = data;
    out.rows.resize(std::min(out.rows.size(), static_cast<std::size_t>(std::max<std::int64_t>(bound[0].integer(), 0))));
    return make_table(std::move(out));
  }

  Outcome<Value> filtered(State& state, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("where", {"test"}, 1));
    TableData out{data.names, data.types, {}};
    for (std::size_t i = 0; i < data.rows.size(); ++i) {
      Value const row(jinja::make<RowObject>(jinja::Ref<TableObject>(this), i));
      JINJA_TRY(Value const yes, state.call(bound[0], {std::span(&row, 1), {}}));
      if (jinja::truth(yes)) out.rows.push_back(data.rows[i]);
    }
    return make_table(std::move(out));
  }

  Outcome<Value> chosen(State& state, Arguments const& arguments, bool keep) const {
    JINJA_TRY(auto bound, arguments.bind("select", {"key"}, 1));
    std::vector<std::string> wanted;
    if (bound[0].is_string()) {
      wanted.push_back(jinja::to_text(bound[0]));
    } else {
      JINJA_TRY(auto names, state.items(bound[0]));
      for (auto const& name : names) wanted.push_back(jinja::to_text(name));
    }
    TableData out;
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < data.names.size(); ++i)
      if ((std::find(wanted.begin(), wanted.end(), data.names[i]) != wanted.end()) == keep) columns.push_back(i);
    for (auto const i : columns) out.names.push_back(data.names[i]), out.types.push_back(data.types[i]);
    for (auto const& row : data.rows) {
      out.rows.emplace_back();
      for (auto const i : columns) out.rows.back().push_back(row[i]);
    }
    return make_table(std::move(out));
  }
};

std::size_t RowObject::size() const {
  return table_->data.names.size();
}
Value RowObject::value(std::size_t index) const {
  return table_->data.rows[row_][index];
}
Value RowObject::key(std::size_t index) const {
  return Value(table_->data.names[index]);
}
std::size_t RowsObject::size() const {
  return table_->data.rows.size();
}
std::size_t ColumnsObject::size() const {
  return table_->data.names.size();
}
Value ColumnsObject::key(std::size_t index) const {
  return Value(table_->data.names[index]);
}
std::size_t ColumnOfTable::size() const {
  return table_->data.rows.size();
}
Value ColumnOfTable::value(std::size_t index) const {
  return table_->data.rows[index][column_];
}

Outcome<Value> ColumnOfTable::attribute(State& state, std::string_view name) {
  if (name == "name") return Value(table_->data.names[column_]);
  if (name == "index") return Value(static_cast<std::int64_t>(column_));
  if (name == "data_type") return type_value(table_->data.types[column_]);
  jinja::Ref<ColumnOfTable> const self(this);
  if (name == "values_distinct")
    return jinja::function("values_distinct", [self](State&, Arguments const&) -> Outcome<Value> {
      auto distinct = jinja::make<jinja::Set>();
      for (auto& value : self->values()) {
        JINJA_DO(distinct->add(std::move(value)));
      }
      return jinja::tuple_of([&] {
        std::vector<Value> out;
        for (auto const& entry : distinct->items) out.push_back(entry.key);
        return out;
      }());
    });
  if (name == "values_without_nulls")
    return jinja::function("values_without_nulls", [self](State&, Arguments const&) -> Outcome<Value> {
      auto values = self->values();
      std::erase_if(values, [](Value const& value) { return value.is_none(); });
      return jinja::tuple_of(std::move(values));
    });
  return MappedSequence::attribute(state, name);
}

// ------------------------------------------------------------------------------------------- from PostgreSQL's text

// Type OIDs (pg_type.dat).
enum Oid : std::uint32_t {
  kBool = 16,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kOid = 26,
  kFloat4 = 700,
  kFloat8 = 701,
  kDate = 1082,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestampTz = 1184,
  kNumeric = 1700,
};

int digits(std::string_view text, std::size_t at, std::size_t count) {
  return at + count > text.size() ? 0 : static_cast<int>(parse_int(text.substr(at, count)).value_or(0));
}

// A distance from UTC that never changes, as psycopg2 gives it with a timestamptz.
class FixedZone final : public jinja::Zone {
 public:
  explicit FixedZone(std::int64_t offset_us) : offset_us_(offset_us) {}
  std::string type_name() const override { return "timezone"; }
  bool is_true() const override { return true; }
  std::int64_t offset_us(jinja::DateTime const&) const override { return offset_us_; }
  std::string zone_name(jinja::DateTime const&) const override {
    return offset_us_ == 0 ? "UTC" : "UTC" + jinja::offset_text(offset_us_, ":");
  }
  Outcome<Value> from_utc(jinja::DateTime const& utc) const override {
    return jinja::make_date_time(utc.local_microseconds() + offset_us_, Value(jinja::make<FixedZone>(offset_us_)));
  }
  std::string repr() const override { return offset_us_ == 0 ? "datetime.timezone.utc" : "datetime.timezone(...)"; }

 private:
  std::int64_t offset_us_;
};

// 2024-01-31 10:11:12.345678+02: years of four digits only; others stay text.
Value time_value(std::string_view text) {
  if (text.size() < 10 || text[4] != '-') return Value(text);
  jinja::Clock clock;
  Value zone;
  if (text.size() > 10) {
    clock.hour = digits(text, 11, 2);
    clock.minute = digits(text, 14, 2);
    clock.second = digits(text, 17, 2);
    std::size_t at = 19;
    if (at < text.size() && text[at] == '.') {
      int scale = 100'000;
      for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
        clock.microsecond += (text[at] - '0') * scale;
    }
    if (at < text.size()) {
      if (text[at] != '+' && text[at] != '-') return Value(text);  // BC
      std::int64_t offset = digits(text, at + 1, 2) * 3600LL;
      if (at + 3 < text.size()) offset += digits(text, at + 4, 2) * 60LL;
      zone = Value(jinja::make<FixedZone>((text[at] == '-' ? -offset : offset) * 1'000'000));
    }
    return Value(jinja::Kind::DateTime, jinja::make<jinja::DateTime>(digits(text, 0, 4), digits(text, 5, 2),
                                                                     digits(text, 8, 2), clock, std::move(zone)));
  }
  return jinja::make_date(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
}

Value pg_value(std::uint32_t type, std::string_view text) {
  switch (type) {
    case kBool:
      return Value(text == "t");
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid:
      return Value(parse_int(text).value_or(0));
    case kFloat4:
    case kFloat8:
      return Value(std::strtod(std::string(text).c_str(), nullptr));
    case kNumeric:
      return jinja::parse_decimal(text).value_or(Value(text));
    case kDate:
    case kTimestamp:
    case kTimestampTz:
      return time_value(text);
    default:
      return Value(text);
  }
}

CellType cell_type(std::uint32_t type) {
  switch (type) {
    case kBool:
      return CellType::Boolean;
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid:
      return CellType::Integer;
    case kFloat4:
    case kFloat8:
    case kNumeric:
      return CellType::Number;
    case kDate:
      return CellType::Date;
    case kTimestamp:
    case kTimestampTz:
      return CellType::DateTime;
    default:
      return CellType::Text;
  }
}

Value seed_value(CellType type, std::string const& text) {
  switch (type) {
    case CellType::Integer:
    case CellType::Number:
      return jinja::parse_decimal(text).value_or(Value(text));
    case CellType::Date:
    case CellType::DateTime:
      return time_value(text);
    case CellType::Boolean:
      return Value(text == "t");
    case CellType::Text:
      break;
  }
  return Value(text);
}

}  // namespace

std::string grid_text(TableData const& data, std::size_t max_rows) {
  std::vector<std::size_t> widths;
  for (auto const& name : data.names) widths.push_back(name.size());
  auto const shown = std::min(max_rows, data.rows.size());
  for (std::size_t r = 0; r < shown; ++r)
    for (std::size_t c = 0; c < widths.size(); ++c)
      widths[c] = std::max(widths[c], jinja::to_text(data.rows[r][c]).size());
  std::string out = "|";
  for (std::size_t c = 0; c < widths.size(); ++c) out += fmt::format(" {:<{}} |", data.names[c], widths[c]);
  out += "\n|";
  for (auto const width : widths) out += fmt::format(" {:-<{}} |", "", width);
  for (std::size_t r = 0; r < shown; ++r) {
    out += "\n|";
    for (std::size_t c = 0; c < widths.size(); ++c) {
      auto const text = data.rows[r][c].is_none() ? std::string() : jinja::to_text(data.rows[r][c]);
      out += data.types[c] == CellType::Number || data.types[c] == CellType::Integer
                 ? fmt::format(" {:>{}} |", text, widths[c])
                 : fmt::format(" {:<{}} |", text, widths[c]);
    }
  }
  return out + "\n";
}

Value make_table(TableData data) {
  return Value(jinja::make<TableObject>(std::move(data)));
}
Value empty_table() {
  return make_table({});
}

TableData const* table_of(Value const& value) {
  auto const* table = value.as<TableObject>();
  return table == nullptr ? nullptr : &table->data;
}

TableData table_from(pg::Rows const& rows) {
  TableData out;
  std::set<std::string> taken;
  for (std::size_t c = 0; c < rows.columns(); ++c) {
    std::string name(rows.column_name(c));
    for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}_{}", rows.column_name(c), n);
    out.names.push_back(std::move(name));
    out.types.push_back(cell_type(rows.column_type(c)));
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::vector<Value> row;
    for (std::size_t c = 0; c < rows.columns(); ++c)
      row.push_back(rows.is_null(r, c) ? Value() : pg_value(rows.column_type(c), rows.text(r, c)));
    out.rows.push_back(std::move(row));
  }
  return out;
}

TableData table_from(SeedRows const& seed) {
  TableData out;
  for (auto const& column : seed.columns) out.names.push_back(column.name), out.types.push_back(column.type);
  for (std::size_t r = 0; r < seed.size(); ++r) {
    auto const row = seed.row(r);
    std::vector<Value> values;
    for (std::size_t c = 0; c < row.size(); ++c)
      values.push_back(row[c] ? seed_value(seed.columns[c].type, std::string(*row[c])) : Value());
    out.rows.push_back(std::move(values));
  }
  return out;
}

}  // namespace weir::build
