#pragma once
// PostgreSQL text split into statements and words, as the server's lexer does it (docs, 4.1 "Lexical Structure"):
// strings of every kind, dollar quotes, nested comments, quoted names. It knows no grammar beyond the heads of a few
// statements. Pure; any thread.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::sql {

enum class WordKind { Word, QuotedName, String, Number, Symbol, Parameter };

struct Word {
  WordKind kind = WordKind::Word;
  std::string_view text;  // as it stands in the statement
  std::size_t at = 0;     // offset in the statement

  // Word: lower case. QuotedName: what is between the quotes. Else the text.
  std::string value() const;
  bool is(std::string_view keyword) const;  // an unquoted word, case ignored
  bool is_name() const { return kind == WordKind::Word || kind == WordKind::QuotedName; }
};

// Comments and white space are left out. The views live as long as `text`.
std::vector<Word> words(std::string_view text);

// The statements of a text, without the semicolons and without empty ones (comments alone are empty). A semicolon
// inside of BEGIN ATOMIC ... END or of parentheses (CREATE RULE) ends nothing.
std::vector<std::string_view> split_statements(std::string_view text);

// A name as it was written: one to three parts, folded and unquoted.
struct WrittenName {
  std::vector<std::string> parts;
  std::string text() const;  // quoted where needed
  auto operator<=>(WrittenName const&) const = default;
};

// Every name of two or three parts that stands in a text: relations, and whatever else is written like them.
std::set<WrittenName> dotted_names(std::string_view text);

enum class DdlKind {
  None,  // anything that drops, renames and creates no relation
  Drop,  // DROP TABLE | VIEW | MATERIALIZED VIEW | FOREIGN TABLE
  DropSchema,
  Rename,      // ALTER TABLE | VIEW | MATERIALIZED VIEW ... RENAME TO
  MoveSchema,  // ALTER ... SET SCHEMA
  DropColumn,  // ALTER TABLE ... with one or more DROP COLUMN
  RenameColumn,
  AlterTable,  // any other ALTER TABLE | VIEW ...
  CreateIndex,
  Create,  // CREATE TABLE | VIEW | MATERIALIZED VIEW
  Truncate,
  Opaque,       // DO, CALL: what it does is not in its text
  Transaction,  // BEGIN, COMMIT, ROLLBACK, SAVEPOINT ...
};

// What a statement does to relations, as far as its head says.
struct Ddl {
  DdlKind kind = DdlKind::None;
  std::string object;                                // "table", "view", "materialized view", ...
  std::vector<WrittenName> names;                    // the relations (Drop: all of them), or the schemas
  bool if_exists = false, takes_dependents = false,  // CASCADE
      temporary = false, unique = false;
  std::string new_name;              // Rename, RenameColumn; MoveSchema: the schema
  std::vector<std::string> columns;  // DropColumn, RenameColumn
  std::size_t name_at = 0;           // offset of the (last) relation's name
  std::size_t rest_at = 0;           // offset behind the name of the (last) relation
};
Ddl read_ddl(std::string_view statement);

}  // namespace weir::sql
