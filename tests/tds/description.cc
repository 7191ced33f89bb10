#include "tds/description.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "tds/parser.h"
#include "tds/plan.h"
#include "tds/rows.h"
#include "yaml/node.h"

namespace weir::tds {
namespace {

using yaml::Node;

Error wrong(Node const& node, std::string message) {
  return yaml::error_at(node.mark, std::move(message));
}

Status check_keys(Node const& node, std::initializer_list<std::string_view> known) {
  if (node.kind != yaml::Kind::Mapping) return wrong(node, "a mapping is expected here");
  std::vector<std::string> names(known.begin(), known.end());
  for (yaml::Entry const& entry : node.entries) {
    bool found = false;
    for (std::string_view const name : known) found = found || entry.key->text == name;
    if (!found)
      return wrong(*entry.key, fmt::format("\"{}\" is not a key here", entry.key->text))
          .next(did_you_mean(entry.key->text, names));
  }
  return {};
}

std::string text_at(Node const& node, std::string_view key, std::string fallback = "") {
  Node const* found = node.find(key);
  return found != nullptr && found->is_scalar() ? found->text : fallback;
}

bool flag_at(Node const& node, std::string_view key, bool fallback) {
  Node const* found = node.find(key);
  return found != nullptr ? found->boolean() : fallback;
}

std::uint64_t number_at(Node const& node, std::string_view key, std::uint64_t fallback) {
  Node const* found = node.find(key);
  if (found == nullptr) return fallback;
  return static_cast<std::uint64_t>(found->integer().value_or(static_cast<std::int64_t>(fallback)));
}

Result<Value> value_of(Node const& node, SqlType const& type) {
  if (node.kind == yaml::Kind::Null) return null_value(type.id);
  Value value;
  Outcome outcome = parse_value(node.text, type, value);
  if (!outcome.ok())
    return wrong(node, fmt::format("\"{}\" is no {}", node.text, type_text(type))).cause(outcome.error().message);
  return value;
}

Result<std::vector<Value>> values_of(Node const& node, SqlType const& type) {
  std::vector<Value> values;
  for (auto const& item : node.items) {
    WEIR_TRY(Value value, value_of(*item, type));
    values.push_back(std::move(value));
  }
  if (values.empty()) return wrong(node, "a list of values is expected here");
  return values;
}

Result<std::int64_t> units_of(Node const& node, SqlType const& type) {
  WEIR_TRY(Value value, value_of(node, type));
  return type.is_decimal() ? static_cast<std::int64_t>(value.decimal) : value.integer;
}

Result<std::int64_t> ticks_at(Node const& node, std::string_view key, std::int64_t fallback) {
  Node const* found = node.find(key);
  if (found == nullptr) return fallback;
  auto const time = parse_duration(found->text);
  if (!time)
    return wrong(*found, fmt::format("\"{}\" is no duration", found->text)).next("write 500ms, 1s, 15min or 1d");
  return time->count() * 10;
}

std::uint64_t seed_of(std::uint64_t table_seed, std::size_t column) {
  return (table_seed + 1) * 0x9e3779b97f4a7c15ULL + column * 0xd1b54a32d192ed03ULL;
}

// What a column without `generate` gets in a generated table.
Result<GeneratorPtr> usual_generator(ColumnDef const& column, std::uint64_t seed, Node const& where) {
  SqlType const& type = column.type;
  if (type.id == TypeId::RowVersion) return sequence_generator(type, 2001, 1);
  if (column.identity) return sequence_generator(type, 1, 1);
  if (type.id == TypeId::UniqueIdentifier) return uuid_generator(seed);
  if (column.nullable) return cycle_generator({null_value(type.id)});
  return wrong(where, fmt::format("column \"{}\" has no generate", column.name));
}

Result<GeneratorPtr> read_generator(Node const& node, ColumnDef const& column, std::uint64_t seed) {
  SqlType const& type = column.type;
  WEIR_DO(check_keys(node, {"sequence", "step", "uniform", "walk", "jitter", "pattern", "choose", "cycle", "constant",
                            "uuid", "bytes", "edges", "null_every"}));
  GeneratorPtr made;
  if (Node const* start = node.find("sequence"); start != nullptr) {
    bool const bytes = type.is_binary();
    if (!bytes && !type.is_integer() && !type.is_decimal() && !type.is_money())
      return wrong(*start, fmt::format("{} cannot be a sequence", type_text(type)));
    SqlType const unit = bytes ? make_type(TypeId::BigInt) : type;
    WEIR_TRY(std::int64_t const first, units_of(*start, unit));
    std::int64_t step = 1;
    if (Node const* by = node.find("step"); by != nullptr) {
      WEIR_TRY(step, units_of(*by, unit));
    } else if (type.is_decimal() || type.is_money()) {
      for (int i = 0; i < catalog_scale(type); ++i) step *= 10;
    }
    made = sequence_generator(type, first, step);
  } else if (Node const* range = node.find("uniform"); range != nullptr) {
    if (range->items.size() != 2) return wrong(*range, "uniform wants [low, high]");
    if (type.is_float()) {
      made = uniform_float_generator(type, seed, range->items[0]->number().value_or(0),
                                     range->items[1]->number().value_or(1));
    } else {
      if (!type.is_number()) return wrong(*range, fmt::format("{} cannot be uniform", type_text(type)));
      if (type.id == TypeId::Bit) {
        made = uniform_generator(type, seed, 0, 2);
      } else {
        WEIR_TRY(std::int64_t const low, units_of(*range->items[0], type));
        WEIR_TRY(std::int64_t const high, units_of(*range->items[1], type));
        made = uniform_generator(type, seed, low, high);
      }
    }
  } else if (Node const* from = node.find("walk"); from != nullptr) {
    if (!type.is_time() || type.id == TypeId::Time) return wrong(*from, fmt::format("{} cannot walk", type_text(type)));
    WEIR_TRY(Value const begin, value_of(*from, make_type(TypeId::DateTime2, 0, 0, 7)));
    WEIR_TRY(std::int64_t const step, ticks_at(node, "step", 10'000'000));
    WEIR_TRY(std::int64_t const jitter, ticks_at(node, "jitter", 0));
    made = walk_generator(type, seed, begin, step, jitter);
  } else if (Node const* pattern = node.find("pattern"); pattern != nullptr) {
    if (!type.is_text()) return wrong(*pattern, fmt::format("{} has no pattern", type_text(type)));
    std::string problem;
    made = pattern_generator(type, seed, pattern->text, problem);
    if (!problem.empty()) return wrong(*pattern, problem);
  } else if (Node const* choices = node.find("choose"); choices != nullptr) {
    WEIR_TRY(auto values, values_of(*choices, type));
    made = choice_generator(seed, std::move(values));
  } else if (Node const* turns = node.find("cycle"); turns != nullptr) {
    WEIR_TRY(auto values, values_of(*turns, type));
    made = cycle_generator(std::move(values));
  } else if (Node const* constant = node.find("constant"); constant != nullptr) {
    WEIR_TRY(Value value, value_of(*constant, type));
    made = cycle_generator({std::move(value)});
  } else if (flag_at(node, "uuid", false)) {
    made = uuid_generator(seed);
  } else if (Node const* length = node.find("bytes"); length != nullptr) {
    auto low = parse_size(length->is_scalar() ? length->text : length->items[0]->text);
    auto high = length->is_scalar() ? low : parse_size(length->items.back()->text);
    if (!low || !high || !(type.is_text() || type.is_binary()))
      return wrong(*length, "bytes wants a size, or [low, high], and a text or binary column");
    made = bytes_generator(type, seed, *low, *high);
  } else if (flag_at(node, "edges", false)) {
    made = cycle_generator(edge_values(type));
  } else {
    WEIR_TRY(made, usual_generator(column, seed, node));
  }
  std::uint64_t const every = number_at(node, "null_every", 0);
  return every == 0 ? std::move(made) : null_every(std::move(made), every);
}

Result<ColumnDef> read_column(Node const& node, ColumnDef column) {
  std::string declaration;
  if (node.is_scalar()) {
    declaration = node.text;
  } else {
    WEIR_DO(check_keys(node, {"name", "type", "nullable", "identity", "computed", "masked", "sparse", "hidden",
                              "collation", "default", "generate"}));
    declaration = fmt::format("[{}] {}", replace_all(text_at(node, "name"), "]", "]]"), text_at(node, "type"));
  }
  ColumnDefinition parsed;
  Outcome outcome = parse_column(declaration, parsed);
  if (!outcome.ok())
    return wrong(node, fmt::format("cannot read the column \"{}\"", declaration)).cause(outcome.error().message);
  Collation const* fallback = column.type.collation;
  column.name = parsed.name;
  bool const own_collation =
      declaration.find(" collate ") != std::string::npos || declaration.find(" COLLATE ") != std::string::npos;
  column.type = parsed.type;
  column.sysname = to_lower(declaration).find("sysname") != std::string::npos;
  if (column.type.is_text() && !own_collation) column.type.collation = fallback;
  column.nullable = parsed.nullable;
  column.identity = parsed.identity;
  if (node.is_scalar()) {
    if (column.type.id == TypeId::RowVersion) column.nullable = false;
    return column;
  }
  column.nullable = flag_at(node, "nullable", parsed.nullable && column.type.id != TypeId::RowVersion);
  column.identity = flag_at(node, "identity", parsed.identity);
  if (column.identity) column.nullable = false;
  column.computed = flag_at(node, "computed", false);
  column.masked = flag_at(node, "masked", false);
  column.sparse = flag_at(node, "sparse", false);
  column.hidden = flag_at(node, "hidden", false);
  if (Node const* collation = node.find("collation"); collation != nullptr) {
    column.type.collation = find_collation(collation->text);
    if (column.type.collation == nullptr)
      return wrong(*collation, fmt::format("\"{}\" is no collation that this server has", collation->text));
  }
  if (Node const* value = node.find("default"); value != nullptr) {
    WEIR_TRY(column.default_value, value_of(*value, column.type));
  }
  return column;
}

Status read_index(Node const& node, TableDef& table, bool primary) {
  IndexDef index;
  index.primary_key = primary;
  index.unique = primary;
  index.clustered = primary;
  Node const* columns = &node;
  if (node.kind == yaml::Kind::Mapping) {
    WEIR_DO(check_keys(node, {"name", "columns", "unique", "clustered", "constraint", "disabled"}));
    columns = node.find("columns");
    index.name = text_at(node, "name");
    index.unique = flag_at(node, "unique", primary);
    index.clustered = flag_at(node, "clustered", primary);
    index.unique_constraint = flag_at(node, "constraint", false);
    index.disabled = flag_at(node, "disabled", false);
  }
  if (columns == nullptr || columns->items.empty()) return wrong(node, "an index wants a list of columns");
  for (auto const& item : columns->items) {
    std::vector<std::string> const words = split(item->text, ' ');
    if (table.column_index(words[0]) < 0)
      return wrong(*item, fmt::format("table \"{}\" has no column \"{}\"", table.text(), words[0]));
    index.columns.push_back({words[0], words.size() > 1 && equals_ignoring_case(words[1], "desc")});
  }
  if (index.name.empty())
    index.name = fmt::format("{}_{}{}", primary ? "PK" : "IX", table.name, primary ? "" : "_" + index.columns[0].name);
  table.indexes.push_back(std::move(index));
  return {};
}

// One table's rows: how each column gets its cells is in `generators` (null where the rows themselves say it).
class RowsReader {
 public:
  RowsReader(TableDef const& table, Database& database, std::string const& folder)
      : table_(table), database_(database), folder_(folder) {}

  Result<std::shared_ptr<BaseRows const>> read(Node const& node) {
    std::uint64_t const seed = number_at(node, "seed", 1);
    Node const* columns = node.find("columns");
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      Node const* generate = columns->items[i]->find("generate");
      has_generator_.push_back(generate != nullptr);
      if (generate != nullptr) {
        WEIR_TRY(generators_.emplace_back(), read_generator(*generate, table_.columns[i], seed_of(seed, i)));
      } else {
        generators_.emplace_back();
      }
    }
    Node const* rows = node.find("rows");
    if (rows != nullptr && rows->text == "edges") return edges();
    if (Node const* count = node.find("count"); count != nullptr) return generated(node, *count, seed);
    auto inline_rows = std::make_shared<ListedRows>();
    if (rows != nullptr) {
      for (auto const& row : rows->items) {
        WEIR_DO(listed(*row, inline_rows->rows));
      }
    }
    if (Node const* file = node.find("csv"); file != nullptr) {
      WEIR_DO(csv(*file, inline_rows->rows));
    }
    return std::shared_ptr<BaseRows const>(inline_rows);
  }

 private:
  Result<std::shared_ptr<BaseRows const>> edges() {
    std::vector<std::vector<Value>> sets;
    std::size_t most = 0;
    for (ColumnDef const& column : table_.columns) {
      std::vector<Value> set = column.identity ? std::vector<Value>() : edge_values(column.type);
      if (!column.nullable && !set.empty()) set.pop_back();
      most = std::max(most, set.size());
      sets.push_back(std::move(set));
    }
    auto rows = std::make_shared<ListedRows>();
    for (std::size_t r = 0; r < most; ++r) {
      StoredRow& row = rows->rows.emplace_back();
      for (std::size_t i = 0; i < sets.size(); ++i) {
        Value number;
        if (sets[i].empty()) (void)parse_value(std::to_string(r + 1), table_.columns[i].type, number).ok();
        row.push_back(sets[i].empty() ? number : sets[i][r % sets[i].size()]);
      }
    }
    return std::shared_ptr<BaseRows const>(rows);
  }

  Result<std::shared_ptr<BaseRows const>> generated(Node const& node, Node const& count, std::uint64_t seed) {
    auto const number = count.integer();
    if (!number || *number < 0) return wrong(count, "count wants a number");
    for (std::size_t i = 0; i < generators_.size(); ++i) {
      if (generators_[i] != nullptr) continue;
      WEIR_TRY(generators_[i], usual_generator(table_.columns[i], seed_of(seed, i), *node.find("columns")->items[i]));
      if (table_.columns[i].type.id == TypeId::RowVersion)
        database_.start_rowversions_at(2000 + static_cast<std::uint64_t>(*number));
    }
    return std::shared_ptr<BaseRows const>(
        std::make_shared<GeneratedRows>(static_cast<std::uint64_t>(*number), std::move(generators_)));
  }

  // Fills what a listed row does not say: generators, rowversion, identity, default.
  void complete(StoredRow& row, std::vector<bool> const& given, std::size_t number) {
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      ColumnDef const& column = table_.columns[i];
      if (given[i]) continue;
      if (generators_[i] != nullptr) {
        generators_[i]->make(number, row[i]);
      } else if (column.type.id == TypeId::RowVersion) {
        std::uint64_t const version = database_.assign_rowversion(0);
        row[i] = binary_value(std::string(8, '\0'));
        row[i].type = TypeId::RowVersion;
        for (std::size_t k = 0; k < 8; ++k) row[i].bytes[k] = static_cast<char>(version >> (56 - 8 * k));
      } else if (column.identity) {
        (void)parse_value(std::to_string(number + 1), column.type, row[i]).ok();
      } else {
        row[i] = column.default_value ? *column.default_value : null_value(column.type.id);
      }
    }
  }

  Status listed(Node const& node, std::vector<StoredRow>& rows) {
    StoredRow row(table_.columns.size());
    std::vector<bool> given(row.size());
    if (node.kind == yaml::Kind::Sequence) {
      if (node.items.size() > row.size())
        return wrong(node, fmt::format("the row has {} values, table \"{}\" {} columns", node.items.size(),
                                       table_.text(), row.size()));
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        WEIR_TRY(row[i], value_of(*node.items[i], table_.columns[i].type));
        given[i] = true;
      }
    } else {
      for (yaml::Entry const& entry : node.entries) {
        int const index = table_.column_index(entry.key->text);
        if (index < 0)
          return wrong(*entry.key, fmt::format("table \"{}\" has no column \"{}\"", table_.text(), entry.key->text));
        auto const at = static_cast<std::size_t>(index);
        WEIR_TRY(row[at], value_of(*entry.value, table_.columns[at].type));
        given[at] = true;
      }
    }
    complete(row, given, rows.size());
    rows.push_back(std::move(row));
    return {};
  }

  Status csv(Node const& node, std::vector<StoredRow>& rows) {
    std::string const path = folder_.empty() || node.text.front() == '/' ? node.text : folder_ + "/" + node.text;
    WEIR_TRY(std::string const text, read_file(path));
    CsvReader reader(text);
    std::vector<CsvField> fields;
    std::vector<std::size_t> columns;
    if (!reader.next(fields)) return wrong(node, fmt::format("\"{}\" is empty", node.text));
    for (CsvField const& field : fields) {
      int const index = table_.column_index(field.text);
      if (index < 0)
        return wrong(node, fmt::format("\"{}\" has a column \"{}\", table \"{}\" has not", node.text, field.text,
                                       table_.text()));
      columns.push_back(static_cast<std::size_t>(index));
    }
    while (reader.next(fields)) {
      bool const is_blank_line =
          fields.size() == 1 && columns.size() > 1 && fields[0].text.empty() && !fields[0].quoted;
      if (is_blank_line) continue;
      if (fields.size() != columns.size())
        return wrong(node, fmt::format("{}:{}: {} fields, {} expected", node.text, reader.line(), fields.size(),
                                       columns.size()));
      StoredRow row(table_.columns.size());
      std::vector<bool> given(row.size());
      for (std::size_t i = 0; i < fields.size(); ++i) {
        SqlType const& type = table_.columns[columns[i]].type;
        given[columns[i]] = true;
        row[columns[i]] = null_value(type.id);
        if (fields[i].text.empty() && !fields[i].quoted) continue;
        Outcome outcome = parse_value(fields[i].text, type, row[columns[i]]);
        if (!outcome.ok())
          return wrong(
              node, fmt::format("{}:{}: \"{}\" is no {}", node.text, reader.line(), fields[i].text, type_text(type)));
      }
      complete(row, given, rows.size());
      rows.push_back(std::move(row));
    }
    return {};
  }

  TableDef const& table_;
  Database& database_;
  std::string const& folder_;
  std::vector<GeneratorPtr> generators_;
  std::vector<bool> has_generator_;
};

Status split_name(Node const& node, TableDef& table, Database& database) {
  std::string const name = text_at(node, "name");
  auto const dot = name.find('.');
  if (name.empty()) return wrong(node, "a table wants a name");
  table.schema = dot == std::string::npos ? "dbo" : name.substr(0, dot);
  table.name = dot == std::string::npos ? name : name.substr(dot + 1);
  bool known = equals_ignoring_case(table.schema, "dbo");
  for (std::string const& schema : database.schemas) known = known || equals_ignoring_case(schema, table.schema);
  if (!known) database.schemas.push_back(table.schema);
  return {};
}

Status read_table(Node const& node, std::string const& folder, Database& database) {
  WEIR_DO(check_keys(node, {"name", "columns", "primary_key", "indexes", "rows", "csv", "count", "seed", "nbcrow",
                            "plp_unknown", "row_level_security", "change_tracking", "statistics"}));
  TableDef table;
  WEIR_DO(split_name(node, table, database));
  Node const* columns = node.find("columns");
  if (columns == nullptr || columns->items.empty())
    return wrong(node, fmt::format("table \"{}\" has no columns", table.text()));
  for (auto const& item : columns->items) {
    ColumnDef blank;
    blank.type.collation = database.collation;
    WEIR_TRY(ColumnDef column, read_column(*item, blank));
    table.columns.push_back(std::move(column));
  }
  if (Node const* key = node.find("primary_key"); key != nullptr) {
    WEIR_DO(read_index(*key, table, true));
    for (IndexColumn const& one : table.indexes[0].columns)
      table.columns[static_cast<std::size_t>(table.column_index(one.name))].nullable = false;
  }
  if (Node const* indexes = node.find("indexes"); indexes != nullptr) {
    for (auto const& item : indexes->items) {
      WEIR_DO(read_index(*item, table, false));
    }
  }
  table.nbcrow = flag_at(node, "nbcrow", false);
  table.plp_unknown = flag_at(node, "plp_unknown", false);
  table.row_level_security = flag_at(node, "row_level_security", false);
  table.change_tracking = flag_at(node, "change_tracking", false);
  table.statistics = flag_at(node, "statistics", true);
  RowsReader reader(table, database, folder);
  WEIR_TRY(auto rows, reader.read(node));
  Outcome outcome = database.add_table(std::move(table), std::move(rows));
  return outcome.ok() ? Status() : Status(wrong(node, outcome.error().message));
}

Status read_view(Node const& node, Database& database) {
  WEIR_DO(check_keys(node, {"name", "query"}));
  TableDef view;
  WEIR_DO(split_name(node, view, database));
  view.view_query = text_at(node, "query");
  std::vector<std::unique_ptr<Statement>> statements;
  Outcome outcome = parse_batch(view.view_query, statements);
  std::shared_ptr<QueryPlan> plan;
  SessionState session;
  Context context{database, session, {}, nullptr};
  if (outcome.ok() && (statements.size() != 1 || statements[0]->query == nullptr))
    return wrong(node, fmt::format("view \"{}\" wants one SELECT", view.text()));
  if (outcome.ok()) outcome = bind_query(context, *statements[0]->query, nullptr, plan);
  if (!outcome.ok())
    return wrong(node, fmt::format("cannot read the query of view \"{}\"", view.text())).cause(outcome.error().message);
  for (OutputColumn const& column : plan->columns) {
    ColumnDef& one = view.columns.emplace_back();
    one.name = column.name;
    one.type = column.type;
    one.nullable = column.nullable;
  }
  outcome = database.add_table(std::move(view), nullptr);
  return outcome.ok() ? Status() : Status(wrong(node, outcome.error().message));
}

Result<Fault> read_fault(Node const& node) {
  WEIR_DO(check_keys(node, {"event", "table", "query", "skip", "times", "execute", "after_rows", "close", "error",
                            "stall", "drip", "info", "no_done", "row_count", "ignore_attention", "refuse_login"}));
  Fault fault;
  if (text_at(node, "event") == "login" || node.find("refuse_login") != nullptr) fault.event = FaultEvent::Login;
  fault.table = text_at(node, "table");
  fault.query = text_at(node, "query");
  fault.skip = number_at(node, "skip", 0);
  fault.times = number_at(node, "times", UINT64_MAX);
  fault.execute = text_at(node, "execute");
  fault.after_rows = number_at(node, "after_rows", 0);
  std::string const close = text_at(node, "close");
  if (close == "between_rows")
    fault.close = CloseAt::BetweenRows;
  else if (close == "inside_row")
    fault.close = CloseAt::InsideRow;
  else if (close == "inside_packet")
    fault.close = CloseAt::InsidePacket;
  else if (!close.empty())
    return wrong(*node.find("close"), "close is between_rows, inside_row or inside_packet");
  if (Node const* error = node.find("error"); error != nullptr) {
    SqlError& made = fault.error.emplace();
    bool const plain = error->is_scalar();
    made.number = static_cast<int>(plain ? error->integer().value_or(50000)
                                         : static_cast<std::int64_t>(number_at(*error, "number", 50000)));
    made.severity = static_cast<int>(plain ? (made.number == 1205                          ? 13
                                              : made.number == 229 || made.number == 18456 ? 14
                                              : made.number == 596                         ? 21
                                                                                           : 16)
                                           : static_cast<std::int64_t>(number_at(*error, "severity", 16)));
    made.state = plain ? 1 : static_cast<int>(number_at(*error, "state", 1));
    made.message = plain ? "" : text_at(*error, "message");
    if (made.message.empty() && made.number == 1205)
      made.message =
          "Transaction (Process ID 51) was deadlocked on lock resources with another process and has been chosen as "
          "the deadlock victim. Rerun the transaction.";
    if (made.message.empty() && made.number == 596)
      made.message = "Cannot continue the execution because the session is in the kill state.";
    if (made.message.empty() && made.number == 601)
      made.message = "Could not continue scan with NOLOCK due to data movement.";
    if (made.message.empty() && made.number == 229)
      made.message = fmt::format("The SELECT permission was denied on the object '{}'.", fault.table);
    if (made.message.empty()) made.message = fmt::format("Error {}, as the test asked for.", made.number);
  }
  if (Node const* stall = node.find("stall"); stall != nullptr) {
    auto const time = parse_duration(stall->text);
    if (!time && stall->text != "forever") return wrong(*stall, "stall is a duration, or forever");
    fault.stall_ms = time ? static_cast<std::uint64_t>(time->count() / 1000) : UINT64_MAX;
  }
  if (Node const* drip = node.find("drip"); drip != nullptr) {
    fault.drip_bytes = drip->is_scalar() ? 1 : number_at(*drip, "bytes", 1);
    fault.drip_ms = drip->is_scalar() ? 1 : number_at(*drip, "ms", 1);
  }
  fault.info_messages = number_at(node, "info", 0);
  fault.no_done = flag_at(node, "no_done", false);
  if (node.find("row_count") != nullptr) fault.row_count = number_at(node, "row_count", 0);
  fault.ignore_attention = flag_at(node, "ignore_attention", false);
  fault.refuse_login = flag_at(node, "refuse_login", false) || fault.event == FaultEvent::Login;
  return fault;
}

Status read_users(Node const& node, Database& database) {
  for (auto const& item : node.items) {
    WEIR_DO(check_keys(*item, {"name", "password", "unmask", "denied"}));
    User user;
    user.name = text_at(*item, "name");
    user.password = Secret(text_at(*item, "password"));
    user.unmask = flag_at(*item, "unmask", true);
    if (Node const* denied = item->find("denied"); denied != nullptr)
      for (auto const& table : denied->items) user.denied.push_back(table->text);
    database.users.push_back(std::move(user));
  }
  return {};
}

Status read_options(Node const& node, Database& database) {
  WEIR_DO(check_keys(node, {"snapshot_isolation", "read_committed_snapshot", "change_tracking", "view_database_state",
                            "compatibility_level", "version"}));
  DatabaseOptions options;
  options.snapshot_isolation = flag_at(node, "snapshot_isolation", true);
  options.read_committed_snapshot = flag_at(node, "read_committed_snapshot", false);
  options.change_tracking = flag_at(node, "change_tracking", false);
  options.view_database_state = flag_at(node, "view_database_state", true);
  options.compatibility_level = static_cast<int>(number_at(node, "compatibility_level", 150));
  options.version = text_at(node, "version", options.version);
  database.set_options(std::move(options));
  return {};
}

}  // namespace

Result<Fault> parse_fault_text(std::string const& name, std::string text) {
  WEIR_TRY(auto const node, yaml::parse(name, std::move(text)));
  return read_fault(*node);
}

Status load_description_text(std::string const& name, std::string text, std::string const& folder, Database& database) {
  WEIR_TRY(auto const root, yaml::parse(name, std::move(text)));
  WEIR_DO(check_keys(*root, {"database", "collation", "options", "users", "schemas", "tables", "views", "faults"}));
  database.name = text_at(*root, "database", "Core");
  database.folder = folder;
  if (Node const* collation = root->find("collation"); collation != nullptr) {
    database.collation = find_collation(collation->text);
    if (database.collation == nullptr)
      return wrong(*collation, fmt::format("\"{}\" is no collation that this server has", collation->text));
  }
  if (Node const* options = root->find("options"); options != nullptr) {
    WEIR_DO(read_options(*options, database));
  }
  if (Node const* users = root->find("users"); users != nullptr) {
    WEIR_DO(read_users(*users, database));
  }
  if (Node const* schemas = root->find("schemas"); schemas != nullptr)
    for (auto const& item : schemas->items) database.schemas.push_back(item->text);
  if (Node const* tables = root->find("tables"); tables != nullptr) {
    for (auto const& item : tables->items) {
      WEIR_DO(read_table(*item, folder, database));
    }
  }
  Transaction loading;  // transaction 0 gave the listed rows their rowversions: they are committed now
  database.commit(loading);
  if (Node const* views = root->find("views"); views != nullptr) {
    for (auto const& item : views->items) {
      WEIR_DO(read_view(*item, database));
    }
  }
  if (Node const* faults = root->find("faults"); faults != nullptr)
    for (auto const& item : faults->items) {
      WEIR_TRY(Fault fault, read_fault(*item));
      database.faults.add(std::move(fault));
    }
  return {};
}

Status load_description(std::string const& path, Database& database) {
  WEIR_TRY(std::string text, read_file(path));
  auto const slash = path.rfind('/');
  return load_description_text(path, std::move(text), slash == std::string::npos ? "." : path.substr(0, slash),
                               database);
}

}  // namespace weir::tds
