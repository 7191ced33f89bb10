#pragma once
// A value as YAML and config() give it: nothing, bool, number, text, date, list, or mapping with text keys in the order
// they were written. Immutable and cheap to copy (lists and mappings are shared); any thread may read it. Rules of
// str(), repr() and truth are Python's, since dbt's names and hashes are made of them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir::project {

class Data {
 public:
  enum class Kind : std::uint8_t { None, Bool, Int, Float, String, Date, List, Dict };
  using List = std::vector<Data>;
  using Pair = std::pair<std::string, Data>;
  using Dict = std::vector<Pair>;  // keys are unique

  Data() = default;
  Data(bool value) : kind_(Kind::Bool), scalar_(std::int64_t{value}) {}
  Data(int value) : kind_(Kind::Int), scalar_(std::int64_t{value}) {}
  Data(std::int64_t value) : kind_(Kind::Int), scalar_(value) {}
  Data(double value) : kind_(Kind::Float), scalar_(value) {}
  Data(std::string value) : kind_(Kind::String), scalar_(std::move(value)) {}
  Data(std::string_view value) : Data(std::string(value)) {}
  Data(char const* value) : Data(std::string(value)) {}
  Data(List items);
  Data(Dict pairs);
  // A date or a time, in ISO form: 2026-11-24, 2026-11-24T03:00:00.
  static Data date(std::string iso);
  static Data strings(std::vector<std::string> const& texts);

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::None; }
  bool is_string() const { return kind_ == Kind::String; }
  bool is_list() const { return kind_ == Kind::List; }
  bool is_dict() const { return kind_ == Kind::Dict; }
  bool is_bool() const { return kind_ == Kind::Bool; }

  // Python's truth: nothing, false, 0, "", [] and {} are false.
  bool truth() const;
  bool boolean() const { return kind_ == Kind::Bool && std::get<std::int64_t>(scalar_) != 0; }
  std::int64_t integer() const {
    return kind_ == Kind::Int || kind_ == Kind::Bool ? std::get<std::int64_t>(scalar_) : 0;
  }
  double number() const;
  std::string const& text() const;  // of a String or Date; "" for all others
  List const& items() const;        // of a List; empty for all others
  Dict const& pairs() const;        // of a Dict; empty for all others

  // The value under `key` of a mapping, or None / null.
  Data const& operator[](std::string_view key) const;
  Data const* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  std::string str() const;                 // Python's str()
  std::string repr() const;                // Python's repr()
  std::vector<std::string> texts() const;  // a list's items as str(); text alone is one; nothing is none
  bool operator==(Data const& other) const;

 private:
  Kind kind_ = Kind::None;
  std::variant<std::int64_t, double, std::string, std::shared_ptr<List const>, std::shared_ptr<Dict const>> scalar_;
};

// Changes to a mapping that is being made.
Data const* find(Data::Dict const& pairs, std::string_view key);
Data* find(Data::Dict& pairs, std::string_view key);
void set(Data::Dict& pairs, std::string_view key, Data value);  // in place, or at the end
bool erase(Data::Dict& pairs, std::string_view key);
void update(Data::Dict& pairs, Data::Dict const& with);

// JSON as Python's json.dumps writes it, non-ASCII characters kept: {"a": [1, null]}. `sort_keys` as its option of that
// name.
enum class KeyOrder { AsIs, Sorted };
void append_json(std::string& out, Data const& data, KeyOrder order = KeyOrder::AsIs);
void append_json_text(std::string& out, std::string_view text);
// Python's repr() of a text and of a float.
std::string text_repr(std::string_view text);
std::string float_repr(double value);

}  // namespace weir::project
