// Filters on text (Jinja2 docs: "List of Builtin Filters").

#include <algorithm>

#include <fmt/format.h>

#include "jinja/attributes.h"
#include "jinja/builtins.h"
#include "jinja/format.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/text_tools.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;
using Items = std::vector<Value>;

#define FILTER(name) Made name([[maybe_unused]] State& state, Arguments const& arguments)

bool is_given(Value const& value) {
  return !value.is_missing() && !value.is_none();
}

// A text as it is, anything else as str() has it.
Outcome<Value> soft_text(State& state, Value const& value) {
  if (value.is_string()) return value;
  JINJA_TRY(auto text, state.text(value));
  return Value(std::move(text));
}

Failure no_attribute(Value const& value, std::string_view name) {
  return Failure(FailureType::AttributeError, fmt::format("'{}' object has no attribute '{}'", type_name(value), name));
}

// The filter of the value that calls a method of its text.
Filter by_method(std::string filter, std::string method) {
  return [filter = std::move(filter), method = std::move(method)](State& state, Arguments const& arguments) -> Made {
    JINJA_TRY(auto const bound, arguments.bind("do_" + filter, {"s"}, 1));
    JINJA_TRY(auto const text, soft_text(state, bound[0]));
    return find_method(text, method)(state, text, {});
  };
}

FILTER(string) {
  JINJA_TRY(auto const bound, arguments.bind("soft_str", {"s"}, 1));
  return soft_text(state, bound[0]);
}

FILTER(trim) {
  JINJA_TRY(auto const bound, arguments.bind("do_trim", {"value", "chars"}, 1));
  JINJA_TRY(auto const text, soft_text(state, bound[0]));
  if (!is_given(bound[1])) return find_method(text, "strip")(state, text, {});
  return find_method(text, "strip")(state, text, {{&bound[1], 1}, {}});
}

FILTER(replace) {
  JINJA_TRY(auto const bound, arguments.bind("do_replace", {"s", "old", "new", "count"}, 3));
  JINJA_TRY(auto const text, state.text(bound[0]));
  JINJA_TRY(auto const from, state.text(bound[1]));
  JINJA_TRY(auto const to, state.text(bound[2]));
  std::int64_t most = -1;
  if (is_given(bound[3])) {
    JINJA_TRY(most, whole(bound[3], -1));
  }
  JINJA_TRY(auto out, replaced(state, text, from, to, most));
  return Value(std::move(out));
}

FILTER(title) {
  JINJA_TRY(auto const bound, arguments.bind("do_title", {"s"}, 1));
  JINJA_TRY(auto const text, state.text(bound[0]));
  std::string out;
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const begin = at;
    std::uint32_t const c = next_character(text, at);
    std::string_view const one = std::string_view(text).substr(begin, at - begin);
    bool const is_break = c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || is_space(c);
    out += is_break ? std::string(one) : begins ? to_upper(one) : to_lower(one);
    begins = is_break;
  }
  return Value(std::move(out));
}

FILTER(center) {
  JINJA_TRY(auto const bound, arguments.bind("do_center", {"value", "width"}, 1));
  JINJA_TRY(auto const text, soft_text(state, bound[0]));
  Value const width = bound[1].is_missing() ? Value(80) : bound[1];
  return find_method(text, "center")(state, text, {{&width, 1}, {}});
}

FILTER(format) {
  if (arguments.positional.empty()) return type_error("do_format() missing 1 required positional argument: 'value'");
  auto const rest = arguments.positional.subspan(1);
  if (!rest.empty() && !arguments.named.empty())
    return Failure(FailureType::FilterArgumentError, "can't handle positional and keyword arguments at the same time");
  JINJA_TRY(auto const text, soft_text(state, arguments.positional[0]));
  if (arguments.named.empty()) return format_percent(state, text, tuple_of({rest.begin(), rest.end()}));
  auto named = make<Dict>();
  for (auto const& argument : arguments.named) named->set(argument.name.string(), argument.value);
  return format_percent(state, text, Value(named));
}

FILTER(indent) {
  JINJA_TRY(auto const bound, arguments.bind("do_indent", {"s", "width", "first", "blank"}, 1));
  std::string indention = "    ";
  if (bound[1].is_string()) {
    indention = bound[1].string();
  } else if (!bound[1].is_missing()) {
    if (!is_index(bound[1]))
      return type_error(fmt::format("can't multiply sequence by non-int of type '{}'", type_name(bound[1])));
    JINJA_TRY(auto const width, whole(bound[1], 4));
    JINJA_DO(state.renderer().allow_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, width))));
    indention = std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, width)), ' ');
  }
  if (bound[0].is_list()) return no_attribute(bound[0], "splitlines");
  JINJA_TRY(auto const whole_text, binary(state, Operator::Add, bound[0], Value("\n")));
  if (!whole_text.is_string()) return type_error(fmt::format("can only concatenate {} to str", type_name(bound[0])));
  bool const blank = is_set(bound[3]);
  std::string out = is_set(bound[2]) ? indention : "";
  bool is_first = true;
  for (auto const& line : split_lines(whole_text.string())) {
    if (!std::exchange(is_first, false)) {
      out += '\n';
      if (blank || !line.text.empty()) out += indention;
    }
    out += line.text;
    JINJA_DO(state.renderer().allow_bytes(out.size()));
  }
  return Value(make<String>(std::move(out), bound[0].is_string() && bound[0].string_object().is_markup()));
}

FILTER(truncate) {
  JINJA_TRY(auto const bound, arguments.bind("do_truncate", {"s", "length", "killwords", "end", "leeway"}, 1));
  JINJA_TRY(auto const length, whole(bound[1], 255));
  Value const end = bound[3].is_missing() ? Value("...") : bound[3];
  auto const end_length = length_of(end);
  if (!end_length) return type_error(fmt::format("object of type '{}' has no len()", type_name(end)));
  auto const end_size = static_cast<std::int64_t>(*end_length);
  JINJA_TRY(auto const leeway, whole(is_given(bound[4]) ? bound[4] : Value::missing(), 5));
  if (length < end_size)
    return Failure(FailureType::AssertionError, fmt::format("expected length >= {}, got {}", end_size, length));
  if (leeway < 0) return Failure(FailureType::AssertionError, fmt::format("expected leeway >= 0, got {}", leeway));
  auto const size = length_of(bound[0]);
  if (!size) return type_error(fmt::format("object of type '{}' has no len()", type_name(bound[0])));
  if (static_cast<std::int64_t>(*size) <= length + leeway) return bound[0];
  JINJA_TRY(auto const cut, slice(bound[0], Value(), Value(length - end_size), Value()));
  if (is_set(bound[2])) return binary(state, Operator::Add, cut, end);
  Items const by = {Value(" "), Value(1)};
  JINJA_TRY(auto const words, state.call_method(cut, "rsplit", {by, {}}));
  return binary(state, Operator::Add, words.list().items[0], end);
}

FILTER(wordcount) {
  JINJA_TRY(auto const bound, arguments.bind("do_wordcount", {"s"}, 1));
  JINJA_TRY(auto const text, state.text(bound[0]));
  std::int64_t count = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const c = next_character(text, at);
    bool const is_word = c == '_' || is_alnum(c);
    count += is_word && !inside ? 1 : 0;
    inside = is_word;
  }
  return count;
}

// One paragraph into lines of at most `width` characters, as Python's textwrap does it: words, hyphenated parts and
// white space are chunks; a chunk that is too long is broken if that is allowed.
struct WrapOptions {
  std::size_t width;
  bool break_long_words, break_on_hyphens;
};

using Chunk = std::vector<std::uint32_t>;

bool is_blank(Chunk const& chunk) {
  for (auto c : chunk)
    if (c != ' ' && !(c >= 9 && c <= 13)) return false;
  return true;
}
bool is_wrap_space(std::uint32_t c) {
  return c == ' ' || (c >= 9 && c <= 13);
}
bool is_letter(std::uint32_t c) {
  return c == '_' || is_alnum(c);
}

std::vector<Chunk> chunks_of(Chunk const& text, bool break_on_hyphens) {
  std::vector<Chunk> out;
  std::size_t at = 0;
  auto const letter_at = [&](std::size_t i) { return i < text.size() && is_letter(text[i]) && !is_digit(text[i]); };
  while (at < text.size()) {
    std::size_t end = at;
    if (is_wrap_space(text[at])) {
      while (end < text.size() && is_wrap_space(text[end])) ++end;
    } else {
      while (end < text.size() && !is_wrap_space(text[end])) {
        ++end;
        if (!break_on_hyphens || end >= text.size()) continue;
        // Behind a hyphen between two letters and two letters a word may be broken.
        if (text[end - 1] == '-' && end >= 3 + at && letter_at(end - 2) && letter_at(end - 3) && letter_at(end) &&
            letter_at(end + 1))
          break;
        if (text[end - 1] == '-' && end - 1 > at && letter_at(end - 2) && letter_at(end) &&
            (letter_at(end + 1) || (end + 1 < text.size() && text[end + 1] == '-' && letter_at(end + 2))) &&
            end >= 3 + at && (letter_at(end - 3) || text[end - 3] == '-'))
          break;
      }
    }
    out.emplace_back(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
  }
  return out;
}

std::vector<std::string> wrap(std::string_view text, WrapOptions const& options) {
  auto chunks = chunks_of(characters(text), options.break_on_hyphens);
  std::reverse(chunks.begin(), chunks.end());
  std::vector<std::string> lines;
  while (!chunks.empty()) {
    std::vector<Chunk> line;
    std::size_t length = 0;
    if (!lines.empty() && is_blank(chunks.back())) chunks.pop_back();
    while (!chunks.empty() && length + chunks.back().size() <= options.width) {
      length += chunks.back().size();
      line.push_back(std::move(chunks.back()));
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > options.width) {
      std::size_t const room = options.width < 1 ? 1 : options.width - length;
      if (options.break_long_words) {
        Chunk& chunk = chunks.back();
        std::size_t end = room;
        if (options.break_on_hyphens && chunk.size() > room) {
          for (std::size_t i = room; i > 0; --i) {
            if (chunk[i - 1] != '-') continue;
            bool any = false;
            for (std::size_t j = 0; j + 1 < i; ++j) any |= chunk[j] != '-';
            if (any && i - 1 > 0) end = i;
            break;
          }
        }
        line.emplace_back(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(end));
        chunk.erase(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(end));
        if (end == 0 && line.back().empty()) line.pop_back();
      } else if (line.empty()) {
        line.push_back(std::move(chunks.back()));
        chunks.pop_back();
      }
    }
    if (!line.empty() && is_blank(line.back())) line.pop_back();
    if (line.empty()) continue;
    std::string written;
    for (auto const& chunk : line) written += from_characters(chunk);
    lines.push_back(std::move(written));
  }
  return lines;
}

FILTER(wordwrap) {
  JINJA_TRY(auto const bound,
            arguments.bind("do_wordwrap", {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"}, 1));
  JINJA_TRY(auto const width, whole(bound[1], 79));
  if (width <= 0) return value_error(fmt::format("invalid width {} (must be > 0)", width));
  WrapOptions const options{static_cast<std::size_t>(width), bound[2].is_missing() || truth(bound[2]),
                            bound[4].is_missing() || truth(bound[4])};
  if (bound[0].kind() == Kind::Undefined) return undefined_info(bound[0]).failure();
  if (!bound[0].is_string()) return no_attribute(bound[0], "splitlines");
  Value const text = bound[0];
  JINJA_TRY(auto const separator, state.text(is_given(bound[3]) ? bound[3] : Value("\n")));
  std::string out;
  bool is_first = true;
  for (auto const& line : split_lines(text.string())) {
    JINJA_DO(state.spend(line.text.size() / 8));
    if (!std::exchange(is_first, false)) out += separator;
    auto const lines = wrap(line.text, options);
    for (std::size_t i = 0; i < lines.size(); ++i) out.append(i > 0 ? separator : "").append(lines[i]);
  }
  return Value(std::move(out));
}

FILTER(default_) {
  JINJA_TRY(auto const bound, arguments.bind("do_default", {"value", "default_value", "boolean"}, 1));
  Value const otherwise = bound[1].is_missing() ? Value("") : bound[1];
  if (bound[0].is_undefined() || (is_set(bound[2]) && !truth(bound[0]))) return otherwise;
  return bound[0];
}

FILTER(attr) {
  JINJA_TRY(auto const bound, arguments.bind("do_attr", {"obj", "name"}, 2));
  JINJA_TRY(auto const text, state.text(bound[1]));
  Value const name(text);
  if (bound[0].is_dict() && find_method(bound[0], text) == nullptr && !text.starts_with("__"))
    return undefined_attribute(state, bound[0], name);
  if (bound[0].is_object()) {
    JINJA_TRY(auto const found, bound[0].object().attribute(state, text));
    if (found.is_missing()) return undefined_attribute(state, bound[0], name);
  }
  return get_attribute(state, bound[0], name);
}
#undef FILTER

}  // namespace

void add_text_filters(Filters& filters) {
  for (auto const* name : {"upper", "lower", "capitalize"}) filters[name] = by_method(name, name);
  filters.merge(Filters{
      {"string", string},
      {"trim", trim},
      {"replace", replace},
      {"title", title},
      {"center", center},
      {"format", format},
      {"indent", indent},
      {"truncate", truncate},
      {"wordcount", wordcount},
      {"wordwrap", wordwrap},
      {"default", default_},
      {"d", default_},
      {"attr", attr},
  });
}

}  // namespace weir::jinja
