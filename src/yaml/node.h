#pragma once
// YAML as an immutable tree. parse() reads one document; every Node knows where it stands, so that whoever finds a
// mistake later can show the line. Aliases share nodes, so a document is never bigger in memory than it is on disk; the
// budgets bound what a reader that walks it would see. Values; any thread may read them.
//
// Plain scalars resolve as in PyYAML's SafeLoader (YAML 1.1 types: yaml.org/type): `yes` is a bool, `0o7` is text,
// `1_000` and `1:30` are ints, `2026-11-24` is a timestamp.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::yaml {

// A file's text, shared by all its nodes.
struct Source {
  std::string name;  // as people write it: weir.yml
  std::string text;
};

// A place in a file. Lines and columns count from 1; a column is a character, not a byte. `width` characters are meant.
struct Mark {
  std::shared_ptr<Source const> source;
  int line = 0, column = 0, width = 1;

  std::string text() const;  // weir.yml:12:5
  // The line with its number and a caret line under it; "" where there is no such line.
  //   12 |   tabels: [dbo.*]
  //      |   ^^^^^^
  std::string excerpt() const;
};

enum class Kind : std::uint8_t { Null, Bool, Int, Float, Timestamp, String, Sequence, Mapping };
std::string_view kind_name(Kind kind);  // "a list", "a number", ... for messages

struct Node;
using NodePtr = std::shared_ptr<Node const>;

struct Entry {
  NodePtr key, value;
  bool merged = false;  // it came in by a merge key (<<)
};

struct Node {
  Kind kind = Kind::Null;
  bool is_plain = true;        // a scalar without quotes
  std::string text;            // a scalar as written, escapes and folds done
  std::vector<NodePtr> items;  // of a sequence
  std::vector<Entry> entries;  // of a mapping, merge keys resolved; keys are scalars and unique
  Mark mark;

  bool is_scalar() const { return kind < Kind::Sequence; }
  // The value under `key`, or null.
  Node const* find(std::string_view key) const;
  bool boolean() const;                         // false for everything but a true Bool
  std::optional<std::int64_t> integer() const;  // an Int that fits
  std::optional<double> number() const;         // an Int or a Float
};

struct Options {
  bool allow_duplicate_keys = false;  // the last one wins, as PyYAML does
  bool quote_lines = true;            // errors show the line; false for a file that may hold secrets
  std::size_t max_bytes = 16U << 20;
  std::size_t max_values = 1'000'000;  // counted as if every alias were written out
  int max_depth = 100;
};

// Error: Config, with place and excerpt. An empty document is a Null node.
Result<NodePtr> parse(std::string name, std::string text, Options const& options = {});

// The kind a plain scalar has.
Kind resolve_plain(std::string_view text);

// An Error of kind Config at this place.
Error error_at(Mark const& mark, std::string message);

}  // namespace weir::yaml
