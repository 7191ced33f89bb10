#pragma once
// Rows as templates see them: agate's Table (columns and rows by index and by name), and the rules by which a seed's
// CSV file becomes one. A table never changes once it is made; any thread may read it.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/object.h"
#include "pg/session.h"

namespace weir::build {

enum class CellType : std::uint8_t { Integer, Number, Date, DateTime, Boolean, Text };

struct TableData {
  std::vector<std::string> names;
  std::vector<CellType> types;
  std::vector<std::vector<jinja::Value>> rows;
};

// | name | ... | with dashes below, as agate prints a table.
std::string grid_text(TableData const& data, std::size_t max_rows = SIZE_MAX);

// The object that templates get.
jinja::Value make_table(TableData data);
jinja::Value empty_table();
// What is in it, or null where `value` is no table.
TableData const* table_of(jinja::Value const& value);

// A query's answer, with Python's types: numeric as Decimal, json and arrays as JSON text, dates and times as such.
TableData table_from(pg::Rows const& rows);

// A CSV file as Python's csv module reads it: quotes doubled, line ends within quotes, no other escape. An empty line
// is a row without fields. Error: Data, with the line.
struct CsvFile {
  std::vector<std::string> names;  // of the header; empty and doubled ones as agate renames them
  std::size_t rows = 0;
  std::vector<std::string_view> cells;  // row by row, one for each name: what a short row lacks is empty

  // What the cells look into.
  std::unique_ptr<std::string const> contents;
  std::deque<std::string> made;
};
Result<CsvFile> parse_csv(std::string contents, char delimiter, std::string_view file);

// A seed's columns: each has the first type that all its values have (number, date, time, ISO time, boolean, else
// text), or is text where `text_columns` names it. "" and "null" are NULL.
struct SeedColumn {
  std::string name;
  CellType type = CellType::Text;
  std::string sql_type;    // integer, float8, date, timestamp without time zone, boolean, text
  bool has_zones = false;  // times that say their zone
};
struct SeedRows {
  std::vector<SeedColumn> columns;
  // Row by row, one for each column: values as PostgreSQL reads them for its type ("$1,000" is 1000).
  std::vector<std::optional<std::string_view>> cells;

  // What the cells look into.
  CsvFile file;
  std::deque<std::string> made;

  std::size_t size() const { return file.rows; }
  std::span<std::optional<std::string_view> const> row(std::size_t index) const {
    return std::span(cells).subspan(index * columns.size(), columns.size());
  }
};
SeedRows infer_seed(CsvFile file, std::vector<std::string> const& text_columns);
TableData table_from(SeedRows const& seed);

}  // namespace weir::build
