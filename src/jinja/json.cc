#include "jinja/json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/sorting.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

class Writer {
 public:
  Writer(State& state, JsonOptions const& options) : state_(state), options_(options) {}

  Outcome<Done> write(Value const& value, std::size_t level) {
    StackGuard const guard;
    if (guard.is_low() || level > 900) return value.is_list() || value.is_dict() ? circular() : too_deep();
    JINJA_DO(state_.spend(1));
    JINJA_DO(state_.renderer().allow_bytes(out.size()));
    switch (value.kind()) {
      case Kind::None:
        out += "null";
        return Done{};
      case Kind::Bool:
        out += value.boolean() ? "true" : "false";
        return Done{};
      case Kind::Int:
      case Kind::BigInt:
        append_repr(out, value);
        return Done{};
      case Kind::Float:
        return number(value.number());
      case Kind::String:
        text(value.string());
        return Done{};
      case Kind::List:
      case Kind::Tuple:
        return list(value.is_list() ? value.list().items : value.tuple().items, level);
      case Kind::Dict:
        return dict(value.dict(), level);
      default:
        return type_error(fmt::format("Object of type {} is not JSON serializable", short_name(value)));
    }
  }
  std::string out;

 private:
  static Failure circular() { return value_error("Circular reference detected"); }
  static std::string short_name(Value const& value) {
    std::string const name = type_name(value);
    return name.substr(name.rfind('.') + 1);
  }

  Outcome<Done> number(double number) {
    if (std::isnan(number))
      out += "NaN";
    else if (std::isinf(number))
      out += number > 0 ? "Infinity" : "-Infinity";
    else
      out += float_repr(number);
    return Done{};
  }

  void text(std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
      std::uint32_t const c = next_character(text, at);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += static_cast<char>(c);
      } else if (c >= 0x20 && c < 0x7F) {
        out += static_cast<char>(c);
      } else if (c == '\n') {
        out += "\\n";
      } else if (c == '\r') {
        out += "\\r";
      } else if (c == '\t') {
        out += "\\t";
      } else if (c == '\f') {
        out += "\\f";
      } else if (c == '\b') {
        out += "\\b";
      } else if (c < 0x10000) {
        out += c == 0x7F ? std::string("\x7F") : fmt::format("\\u{:04x}", c);
      } else {
        out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + ((c - 0x10000) & 0x3FF));
      }
    }
    out += '"';
  }

  void new_line(std::size_t level) {
    if (!options_.indent) return;
    out += '\n';
    for (std::size_t i = 0; i < level; ++i) out += *options_.indent;
  }

  Outcome<Done> list(std::vector<Value> const& items, std::size_t level) {
    if (items.empty()) return out += "[]", Done{};
    out += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += options_.indent ? "," : ", ";
      new_line(level + 1);
      JINJA_DO(write(items[i], level + 1));
    }
    new_line(level);
    out += ']';
    return Done{};
  }

  Outcome<std::string> key_text(Value const& key) {
    switch (key.kind()) {
      case Kind::String:
        return std::string(key.string());
      case Kind::None:
        return std::string("null");
      case Kind::Bool:
        return std::string(key.boolean() ? "true" : "false");
      case Kind::Int:
      case Kind::BigInt:
      case Kind::Float:
        return repr(key);
      default:
        return type_error(fmt::format("keys must be str, int, float, bool or None, not {}", short_name(key)));
    }
  }

  Outcome<Done> dict(Dict const& dict, std::size_t level) {
    if (dict.size() == 0) return out += "{}", Done{};
    std::vector<Value> keys;
    for (auto const& entry : dict) keys.push_back(entry.key);
    if (options_.sort_keys) {
      JINJA_TRY(keys, sorted(
                          state_, std::move(keys), [](Value const& key) -> Outcome<Value> { return key; }, false));
    }
    out += '{';
    bool is_first = true;
    for (auto const& key : keys) {
      if (!std::exchange(is_first, false)) out += options_.indent ? "," : ", ";
      new_line(level + 1);
      JINJA_TRY(auto const shown, key_text(key));
      text(shown);
      out += ": ";
      JINJA_DO(write(*dict.find(key), level + 1));
    }
    new_line(level);
    out += '}';
    return Done{};
  }

  State& state_;
  JsonOptions const& options_;
};

// Builds values from nlohmann's events, since its own numbers lose what Python's keep.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Value()); }
  bool boolean(bool truth) override { return put(truth); }
  bool number_integer(number_integer_t number) override { return put(static_cast<std::int64_t>(number)); }
  bool number_unsigned(number_unsigned_t number) override { return put(Value(static_cast<std::uint64_t>(number))); }
  bool number_float(number_float_t number, string_t const& written) override {
    if (written.find_first_of(".eE") == string_t::npos)
      if (auto const whole = parse_integer(written)) return put(*whole);
    return put(number);
  }
  bool string(string_t& text) override { return put(Value(text)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Value(make<Dict>())); }
  bool key(string_t& key) override { return keys_.back() = key, true; }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(list_of({})); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t at, std::string const&, nlohmann::detail::exception const&) override {
    error_at = at;
    return false;
  }
  Value root;
  std::optional<std::size_t> error_at;

 private:
  bool put(Value value) {
    if (open_.empty()) {
      root = std::move(value);
    } else if (open_.back().is_list()) {
      open_.back().list().items.push_back(std::move(value));
    } else {
      open_.back().dict().set(keys_.back(), std::move(value));
    }
    return true;
  }
  bool open(Value value) {
    if (open_.size() > 900) return false;
    put(value);
    open_.push_back(std::move(value));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }
  std::vector<Value> open_;
  std::vector<std::string> keys_;
};

}  // namespace

Outcome<std::string> to_json(State& state, Value const& value, JsonOptions const& options) {
  Writer writer(state, options);
  JINJA_DO(writer.write(value, 0));
  return std::move(writer.out);
}

Outcome<Value> from_json(std::string_view text) {
  Reader reader;
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) return std::move(reader.root);
  return value_error(fmt::format("not JSON, at character {}", reader.error_at.value_or(0)));
}

}  // namespace weir::jinja
