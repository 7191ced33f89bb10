// str's methods (Python docs: "String Methods") and bytes' few.

#include <algorithm>

#include <fmt/format.h>

#include "jinja/attributes.h"
#include "jinja/format.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/markup.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/text_tools.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;
using Items = std::vector<Value>;

// A text that is Markup where the one it comes from is.
Value like(Value const& self, std::string text) {
  return make<String>(std::move(text), self.string_object().is_markup());
}

Outcome<std::string_view> text_argument(Value const& value, std::string_view function,
                                        std::string_view what = "argument 1") {
  if (value.is_string()) return value.string();
  return type_error(fmt::format("{}() {} must be str, not {}", function, what, type_name(value)));
}

Outcome<std::int64_t> int_argument(Value const& value, std::int64_t otherwise) {
  if (value.is_missing() || value.is_none()) return otherwise;
  if (!is_index(value))
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
  if (value.kind() == Kind::BigInt)
    return Failure(FailureType::OverflowError, "Python int too large to convert to C ssize_t");
  return value.integer();
}

Outcome<Done> no_arguments(Arguments const& arguments, std::string_view function) {
  if (arguments.empty()) return Done{};
  if (!arguments.named.empty()) return type_error(fmt::format("str.{}() takes no keyword arguments", function));
  return type_error(fmt::format("str.{}() takes no arguments ({} given)", function, arguments.positional.size()));
}

// A part of a text by character indexes as slices have them, and the character at which it begins.
struct Part {
  std::string_view text;
  std::size_t first;
  bool is_outside;  // the start lies behind the end: not even an empty text is found there
};
Outcome<Part> part_of(Value const& self, Value const& start, Value const& end) {
  JINJA_TRY(auto const range, slice_range(start.is_missing() ? Value() : start, end.is_missing() ? Value() : end,
                                          Value(), self.string_object().length()));
  std::string_view const text = self.string();
  auto const length = self.string_object().length();
  JINJA_TRY(auto const from, int_argument(start, 0));
  JINJA_TRY(auto const to, int_argument(end, static_cast<std::int64_t>(length)));
  auto const absolute = [&](std::int64_t at) {
    return at < 0 ? std::max<std::int64_t>(0, at + static_cast<std::int64_t>(length)) : at;
  };
  auto const first = static_cast<std::size_t>(range.start);
  bool const is_outside = absolute(from) > static_cast<std::int64_t>(length) || absolute(from) > absolute(to);
  if (self.string_object().is_ascii()) return Part{text.substr(first, range.count), first, is_outside};
  std::size_t const begin = byte_of_character(text, first);
  return Part{text.substr(begin, byte_of_character(text.substr(begin), range.count)), first, is_outside};
}

Made find_with(Value const& self, Arguments const& arguments, std::string_view function, bool backward, bool must) {
  JINJA_TRY(auto const bound, arguments.bind(function, {"sub", "start", "end"}, 1));
  if (!bound[0].is_string()) return type_error(fmt::format("must be str, not {}", type_name(bound[0])));
  JINJA_TRY(auto const part, part_of(self, bound[1], bound[2]));
  std::size_t const at = part.is_outside ? std::string_view::npos
                         : backward      ? part.text.rfind(bound[0].string())
                                         : part.text.find(bound[0].string());
  if (at != std::string_view::npos)
    return static_cast<std::int64_t>(part.first + count_characters(part.text.substr(0, at)));
  if (must) return value_error("substring not found");
  return -1;
}

std::size_t count_in(std::string_view text, std::string_view sub) {
  if (sub.empty()) return count_characters(text) + 1;
  std::size_t count = 0;
  for (std::size_t at = text.find(sub); at != std::string_view::npos; at = text.find(sub, at + sub.size())) ++count;
  return count;
}

Made begins_or_ends(Value const& self, Arguments const& arguments, std::string_view function, bool at_end) {
  JINJA_TRY(auto const bound, arguments.bind(function, {"prefix", "start", "end"}, 1));
  JINJA_TRY(auto const part, part_of(self, bound[1], bound[2]));
  auto const fits = [&](std::string_view fix) {
    return !part.is_outside && (at_end ? part.text.ends_with(fix) : part.text.starts_with(fix));
  };
  if (bound[0].is_string()) return fits(bound[0].string());
  if (!bound[0].is_tuple())
    return type_error(fmt::format("{} first arg must be str or a tuple of str, not {}", function, type_name(bound[0])));
  for (auto const& fix : bound[0].tuple().items) {
    if (!fix.is_string())
      return type_error(fmt::format("tuple for {} must only contain str, not {}", function, type_name(fix)));
    if (fits(fix.string())) return true;
  }
  return false;
}

enum class Side { Left, Both, Right };
Made strip_with(Value const& self, Arguments const& arguments, std::string_view function, Side side) {
  JINJA_TRY(auto const bound, arguments.bind(function, {"chars"}, 0));
  std::string_view text = self.string();
  if (bound[0].is_missing() || bound[0].is_none()) {
    if (side != Side::Right) text = lstrip(text);
    if (side != Side::Left) text = rstrip(text);
    return like(self, std::string(text));
  }
  if (!bound[0].is_string()) return type_error(fmt::format("{} arg must be None or str", function));
  auto const all = characters(text);
  auto const set = characters(bound[0].string());
  auto const is_in = [&](std::uint32_t c) { return std::find(set.begin(), set.end(), c) != set.end(); };
  std::size_t begin = 0, end = all.size();
  if (side != Side::Right)
    while (begin < end && is_in(all[begin])) ++begin;
  if (side != Side::Left)
    while (end > begin && is_in(all[end - 1])) --end;
  return like(self, from_characters({all.begin() + static_cast<std::ptrdiff_t>(begin),
                                     all.begin() + static_cast<std::ptrdiff_t>(end)}));
}

Items split_space(Value const& self, std::int64_t most) {
  Items out;
  std::string_view rest = lstrip(self.string());
  while (!rest.empty()) {
    if (most >= 0 && static_cast<std::int64_t>(out.size()) == most) {
      out.push_back(like(self, std::string(rstrip(rest))));
      break;
    }
    std::size_t at = 0;
    while (at < rest.size()) {
      std::size_t after = at;
      if (is_space(next_character(rest, after))) break;
      at = after;
    }
    out.push_back(like(self, std::string(rest.substr(0, at))));
    rest = lstrip(rest.substr(at));
  }
  return out;
}

Items split_space_backward(Value const& self, std::int64_t most) {
  Items all = split_space(self, -1);
  if (most < 0 || static_cast<std::int64_t>(all.size()) <= most + 0) return all;
  Items out;
  std::string_view rest = rstrip(self.string());
  while (!rest.empty() && static_cast<std::int64_t>(out.size()) < most) {
    std::string_view const last = all[all.size() - 1 - out.size()].string();
    rest = rstrip(rest.substr(0, rest.size() - last.size()));
    out.push_back(like(self, std::string(last)));
  }
  if (!rest.empty()) out.push_back(like(self, std::string(lstrip(rest))));
  std::reverse(out.begin(), out.end());
  return out;
}

Items split_at(Value const& self, std::string_view separator, std::int64_t most) {
  Items out;
  std::string_view rest = self.string();
  while (most < 0 || static_cast<std::int64_t>(out.size()) < most) {
    std::size_t const at = rest.find(separator);
    if (at == std::string_view::npos) break;
    out.push_back(like(self, std::string(rest.substr(0, at))));
    rest.remove_prefix(at + separator.size());
  }
  out.push_back(like(self, std::string(rest)));
  return out;
}

Items split_at_backward(Value const& self, std::string_view separator, std::int64_t most) {
  Items out;
  std::string_view rest = self.string();
  while (most < 0 || static_cast<std::int64_t>(out.size()) < most) {
    std::size_t const at = rest.rfind(separator);
    if (at == std::string_view::npos) break;
    out.push_back(like(self, std::string(rest.substr(at + separator.size()))));
    rest = rest.substr(0, at);
  }
  out.push_back(like(self, std::string(rest)));
  std::reverse(out.begin(), out.end());
  return out;
}

Made split_with(State& state, Value const& self, Arguments const& arguments, std::string_view function, bool backward) {
  JINJA_TRY(auto const bound, arguments.bind(function, {"sep", "maxsplit"}, 0));
  JINJA_TRY(auto const most, int_argument(bound[1], -1));
  JINJA_DO(state.spend(self.string().size() / 16));
  if (bound[0].is_missing() || bound[0].is_none())
    return list_of(backward ? split_space_backward(self, most) : split_space(self, most));
  if (!bound[0].is_string()) return type_error(fmt::format("must be str or None, not {}", type_name(bound[0])));
  if (bound[0].string().empty()) return value_error("empty separator");
  return list_of(backward ? split_at_backward(self, bound[0].string(), most) : split_at(self, bound[0].string(), most));
}

Made partition_with(Value const& self, Arguments const& arguments, std::string_view function, bool backward) {
  JINJA_TRY(auto const bound, arguments.bind(function, {"sep"}, 1));
  if (!bound[0].is_string()) return type_error(fmt::format("must be str, not {}", type_name(bound[0])));
  std::string_view const separator = bound[0].string();
  if (separator.empty()) return value_error("empty separator");
  std::string_view const text = self.string();
  std::size_t const at = backward ? text.rfind(separator) : text.find(separator);
  if (at == std::string_view::npos) {
    Value const empty = like(self, "");
    return backward ? tuple_of({empty, empty, self}) : tuple_of({self, empty, empty});
  }
  return tuple_of({like(self, std::string(text.substr(0, at))), bound[0],
                   like(self, std::string(text.substr(at + separator.size())))});
}

Made pad(State& state, Value const& self, Arguments const& arguments, std::string_view function, Side text_side) {
  JINJA_TRY(auto const bound, arguments.bind(function, {"width", "fillchar"}, 1));
  JINJA_TRY(auto const width, int_argument(bound[0], 0));
  std::string fill = " ";
  if (!bound[1].is_missing()) {
    if (!bound[1].is_string())
      return type_error(fmt::format("The fill character must be a unicode character, not {}", type_name(bound[1])));
    if (bound[1].string_object().length() != 1)
      return type_error("The fill character must be exactly one character long");
    fill = bound[1].string();
  }
  auto const length = static_cast<std::int64_t>(self.string_object().length());
  if (width <= length) return self;
  JINJA_DO(state.renderer().allow_bytes(static_cast<std::uint64_t>(width)));
  std::int64_t const missing = width - length;
  std::int64_t left = text_side == Side::Left    ? 0
                      : text_side == Side::Right ? missing
                                                 : missing / 2 + (missing & width & 1);
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += self.string();
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return like(self, std::move(out));
}

// Every character is of a kind, and there is one.
template <typename Is>
Made all_are(Value const& self, Arguments const& arguments, std::string_view function, Is const& is) {
  JINJA_DO(no_arguments(arguments, function));
  std::string_view const text = self.string();
  if (text.empty()) return false;
  for (std::size_t at = 0; at < text.size();)
    if (!is(next_character(text, at))) return false;
  return true;
}

// Letters with a case are all upper (lower), and there is one.
Made has_case(Value const& self, Arguments const& arguments, std::string_view function, bool upper) {
  JINJA_DO(no_arguments(arguments, function));
  bool any = false;
  std::string_view const text = self.string();
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const c = next_character(text, at);
    if (upper ? is_lower(c) : is_upper(c)) return false;
    any |= upper ? is_upper(c) : is_lower(c);
  }
  return any;
}

std::string capitalized(std::string_view text) {
  if (text.empty()) return "";
  std::size_t at = 0;
  next_character(text, at);
  return to_title(text.substr(0, at)) + to_lower(text.substr(at));
}

// -------------------------------------------------------------------------------------------------------- the methods

#define METHOD(name) Made name([[maybe_unused]] State& state, Value const& self, Arguments const& arguments)

METHOD(capitalize) {
  JINJA_DO(no_arguments(arguments, "capitalize"));
  return like(self, capitalized(self.string()));
}
METHOD(casefold_) {
  JINJA_DO(no_arguments(arguments, "casefold"));
  return like(self, casefold(self.string()));
}
METHOD(center) {
  return pad(state, self, arguments, "center", Side::Both);
}
METHOD(ljust) {
  return pad(state, self, arguments, "ljust", Side::Left);
}
METHOD(rjust) {
  return pad(state, self, arguments, "rjust", Side::Right);
}
METHOD(count) {
  JINJA_TRY(auto const bound, arguments.bind("count", {"sub", "start", "end"}, 1));
  if (!bound[0].is_string()) return type_error(fmt::format("must be str, not {}", type_name(bound[0])));
  JINJA_TRY(auto const part, part_of(self, bound[1], bound[2]));
  return part.is_outside ? 0 : static_cast<std::int64_t>(count_in(part.text, bound[0].string()));
}
METHOD(encode) {
  JINJA_TRY(auto const bound, arguments.bind("encode", {"encoding", "errors"}, 0));
  std::string encoding = bound[0].is_string() ? to_lower(bound[0].string()) : "utf-8";
  std::string_view const text = self.string();
  if (encoding == "utf-8" || encoding == "utf8") return Value(Kind::Bytes, Ref<Shared>(new Bytes(std::string(text))));
  bool const latin = encoding == "latin-1" || encoding == "latin1" || encoding == "iso-8859-1";
  if (!latin && encoding != "ascii" && encoding != "us-ascii")
    return Failure(FailureType::LookupError, "unknown encoding: " + std::string(bound[0].string()));
  std::string out;
  std::size_t position = 0;
  for (std::size_t at = 0; at < text.size(); ++position) {
    std::uint32_t const c = next_character(text, at);
    if (c >= (latin ? 0x100U : 0x80U)) {
      if (bound[1].is_string() && bound[1].string() == "ignore") continue;
      if (bound[1].is_string() && bound[1].string() == "replace") {
        out += '?';
        continue;
      }
      std::string escape;
      append_escape(escape, c);
      return Failure(FailureType::UnicodeError,
                     fmt::format("'{}' codec can't encode character '{}' in position {}: ordinal not in range({})",
                                 latin ? "latin-1" : "ascii", escape, position, latin ? 256 : 128));
    }
    out += static_cast<char>(c);
  }
  return Value(Kind::Bytes, Ref<Shared>(new Bytes(std::move(out))));
}
METHOD(endswith) {
  return begins_or_ends(self, arguments, "endswith", true);
}
METHOD(startswith) {
  return begins_or_ends(self, arguments, "startswith", false);
}
METHOD(expandtabs) {
  JINJA_TRY(auto const bound, arguments.bind("expandtabs", {"tabsize"}, 0));
  JINJA_TRY(auto const size, int_argument(bound[0], 8));
  JINJA_DO(state.renderer().allow_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, size))));
  std::string out;
  std::int64_t column = 0;
  for (char c : self.string()) {
    if (c == '\t') {
      std::int64_t const spaces = size > 0 ? size - column % size : 0;
      out.append(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
    } else {
      out += c;
      if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++column;
      if (c == '\n' || c == '\r') column = 0;
    }
  }
  return like(self, std::move(out));
}
METHOD(find) {
  return find_with(self, arguments, "find", false, false);
}
METHOD(rfind) {
  return find_with(self, arguments, "rfind", true, false);
}
METHOD(index_) {
  return find_with(self, arguments, "index", false, true);
}
METHOD(rindex) {
  return find_with(self, arguments, "rindex", true, true);
}
METHOD(format) {
  JINJA_TRY(auto text, format_braces(state, self.string(), arguments));
  return like(self, std::move(text));
}
METHOD(format_map) {
  JINJA_TRY(auto const bound, arguments.bind("format_map", {"mapping"}, 1));
  std::vector<Named> named;
  if (bound[0].is_dict())
    for (auto const& entry : bound[0].dict())
      if (entry.key.is_string()) named.push_back({entry.key, entry.value});
  JINJA_TRY(auto text, format_braces(state, self.string(), {{}, named}));
  return like(self, std::move(text));
}
METHOD(isalnum) {
  return all_are(self, arguments, "isalnum", is_alnum);
}
METHOD(isalpha) {
  return all_are(self, arguments, "isalpha", is_alpha);
}
METHOD(isascii) {
  JINJA_DO(no_arguments(arguments, "isascii"));
  return is_ascii(self.string());
}
METHOD(isdigit) {
  return all_are(self, arguments, "isdigit", is_digit);
}
METHOD(isidentifier) {
  JINJA_DO(no_arguments(arguments, "isidentifier"));
  std::string_view const text = self.string();
  for (std::size_t at = 0; at < text.size();) {
    bool const first = at == 0;
    std::uint32_t const c = next_character(text, at);
    if (c != '_' && !(first ? is_alpha(c) : is_alnum(c))) return false;
  }
  return !text.empty();
}
METHOD(islower) {
  return has_case(self, arguments, "islower", false);
}
METHOD(isupper) {
  return has_case(self, arguments, "isupper", true);
}
METHOD(isprintable) {
  JINJA_DO(no_arguments(arguments, "isprintable"));
  std::string_view const text = self.string();
  for (std::size_t at = 0; at < text.size();)
    if (!is_printable(next_character(text, at))) return false;
  return true;
}
METHOD(isspace) {
  return all_are(self, arguments, "isspace", is_space);
}
METHOD(istitle) {
  JINJA_DO(no_arguments(arguments, "istitle"));
  bool any = false, inside = false;
  std::string_view const text = self.string();
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const c = next_character(text, at);
    if (is_upper(c)) {
      if (inside) return false;
      inside = any = true;
    } else if (is_lower(c)) {
      if (!inside) return false;
      any = true;
    } else {
      inside = false;
    }
  }
  return any;
}
METHOD(join) {
  JINJA_TRY(auto const bound, arguments.bind("join", {"iterable"}, 1));
  if (!is_iterable(bound[0])) return type_error("can only join an iterable");
  JINJA_TRY(auto const items, items_of(state, bound[0]));
  bool is_markup = self.string_object().is_markup();
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string() && !is_markup)
      return type_error(fmt::format("sequence item {}: expected str instance, {} found", i, type_name(items[i])));
    if (i > 0) out += self.string();
    out += is_markup ? escaped(items[i]) : std::string(items[i].string());
    JINJA_DO(state.renderer().allow_bytes(out.size()));
  }
  return like(self, std::move(out));
}
METHOD(lower) {
  JINJA_DO(no_arguments(arguments, "lower"));
  return like(self, to_lower(self.string()));
}
METHOD(upper) {
  JINJA_DO(no_arguments(arguments, "upper"));
  return like(self, to_upper(self.string()));
}
METHOD(lstrip_) {
  return strip_with(self, arguments, "lstrip", Side::Left);
}
METHOD(rstrip_) {
  return strip_with(self, arguments, "rstrip", Side::Right);
}
METHOD(strip_) {
  return strip_with(self, arguments, "strip", Side::Both);
}
METHOD(partition) {
  return partition_with(self, arguments, "partition", false);
}
METHOD(rpartition) {
  return partition_with(self, arguments, "rpartition", true);
}
METHOD(removeprefix) {
  JINJA_TRY(auto const bound, arguments.bind("removeprefix", {"prefix"}, 1));
  JINJA_TRY(auto const prefix, text_argument(bound[0], "removeprefix", "argument"));
  std::string_view text = self.string();
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return like(self, std::string(text));
}
METHOD(removesuffix) {
  JINJA_TRY(auto const bound, arguments.bind("removesuffix", {"suffix"}, 1));
  JINJA_TRY(auto const suffix, text_argument(bound[0], "removesuffix", "argument"));
  std::string_view text = self.string();
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return like(self, std::string(text));
}
METHOD(replace) {
  if (!arguments.named.empty()) return type_error("str.replace() takes no keyword arguments");
  JINJA_TRY(auto const bound, arguments.bind("replace", {"old", "new", "count"}, 2));
  JINJA_TRY(auto const from, text_argument(bound[0], "replace", "argument 1"));
  JINJA_TRY(auto const to, text_argument(bound[1], "replace", "argument 2"));
  JINJA_TRY(auto const most, int_argument(bound[2], -1));
  JINJA_TRY(auto text, replaced(state, self.string(), from, to, most));
  return like(self, std::move(text));
}
METHOD(split) {
  return split_with(state, self, arguments, "split", false);
}
METHOD(rsplit) {
  return split_with(state, self, arguments, "rsplit", true);
}
METHOD(splitlines) {
  JINJA_TRY(auto const bound, arguments.bind("splitlines", {"keepends"}, 0));
  bool const keep = !bound[0].is_missing() && truth(bound[0]);
  Items out;
  for (auto const& line : split_lines(self.string()))
    out.push_back(like(self, std::string(keep ? line.with_end : line.text)));
  return list_of(std::move(out));
}
METHOD(swapcase) {
  JINJA_DO(no_arguments(arguments, "swapcase"));
  std::string out;
  std::string_view const text = self.string();
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const begin = at;
    std::uint32_t const c = next_character(text, at);
    std::string_view const one = text.substr(begin, at - begin);
    out += is_upper(c) ? to_lower(one) : is_lower(c) ? to_upper(one) : std::string(one);
  }
  return like(self, std::move(out));
}
METHOD(title) {
  JINJA_DO(no_arguments(arguments, "title"));
  return like(self, to_title(self.string()));
}
METHOD(translate) {
  JINJA_TRY(auto const bound, arguments.bind("translate", {"table"}, 1));
  if (!bound[0].is_dict()) return type_error(fmt::format("'{}' object is not subscriptable", type_name(bound[0])));
  std::string out;
  std::string_view const text = self.string();
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const c = next_character(text, at);
    Value const* found = bound[0].dict().find(Value(static_cast<std::int64_t>(c)));
    if (found == nullptr)
      append_character(out, c);
    else if (found->is_string())
      out += found->string();
    else if (found->kind() == Kind::Int)
      append_character(out, static_cast<std::uint32_t>(found->integer()));
    else if (!found->is_none())
      return type_error("character mapping must return integer, None or str");
  }
  return like(self, std::move(out));
}
METHOD(zfill) {
  JINJA_TRY(auto const bound, arguments.bind("zfill", {"width"}, 1));
  JINJA_TRY(auto const width, int_argument(bound[0], 0));
  std::string_view text = self.string();
  auto const length = static_cast<std::int64_t>(self.string_object().length());
  if (width <= length) return self;
  JINJA_DO(state.renderer().allow_bytes(static_cast<std::uint64_t>(width)));
  std::string out;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    out += text[0];
    text.remove_prefix(1);
  }
  out.append(static_cast<std::size_t>(width - length), '0');
  return like(self, out.append(text));
}

METHOD(decode) {
  JINJA_TRY(auto const bound, arguments.bind("decode", {"encoding", "errors"}, 0));
  std::string const encoding = bound[0].is_string() ? to_lower(bound[0].string()) : "utf-8";
  auto const& data = static_cast<Bytes&>(self.shared()).data;
  std::string out;
  if (encoding == "latin-1" || encoding == "latin1" || encoding == "iso-8859-1") {
    for (char c : data) append_character(out, static_cast<unsigned char>(c));
    return Value(std::move(out));
  }
  for (std::size_t at = 0; at < data.size();) {
    std::size_t const begin = at;
    std::uint32_t const c = next_character(data, at);
    if (c == 0xFFFD && at - begin == 1)
      return Failure(FailureType::UnicodeError,
                     fmt::format("'utf-8' codec can't decode byte {:#04x} in position {}: invalid start byte",
                                 static_cast<unsigned char>(data[begin]), begin));
    append_character(out, c);
  }
  return Value(std::move(out));
}
METHOD(hex) {
  JINJA_DO(no_arguments(arguments, "hex"));
  std::string out;
  for (char c : static_cast<Bytes&>(self.shared()).data) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return Value(std::move(out));
}
#undef METHOD

}  // namespace

Outcome<std::string> replaced(State& state, std::string_view text, std::string_view from, std::string_view to,
                              std::int64_t most) {
  std::string out;
  std::int64_t done = 0;
  if (from.empty()) {
    for (std::size_t at = 0; most < 0 || done < most;) {
      out += to;
      ++done;
      if (at >= text.size()) return out;
      std::size_t const begin = at;
      next_character(text, at);
      out += text.substr(begin, at - begin);
      JINJA_DO(state.renderer().allow_bytes(out.size()));
      if (most >= 0 && done == most) return out.append(text.substr(at));
    }
    return out.append(text);
  }
  std::size_t begin = 0;
  while (most < 0 || done < most) {
    std::size_t const at = text.find(from, begin);
    if (at == std::string_view::npos) break;
    out.append(text.substr(begin, at - begin)).append(to);
    begin = at + from.size();
    ++done;
    JINJA_DO(state.renderer().allow_bytes(out.size()));
  }
  return out.append(text.substr(begin));
}

std::vector<Line> split_lines(std::string_view text) {
  std::vector<Line> out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const mark = at;
    std::uint32_t const c = next_character(text, at);
    bool const ends = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (!ends) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    out.push_back({text.substr(begin, mark - begin), text.substr(begin, at - begin)});
    begin = at;
  }
  if (begin < text.size()) out.push_back({text.substr(begin), text.substr(begin)});
  return out;
}

std::string capitalize_text(std::string_view text) {
  return capitalized(text);
}

std::span<MethodEntry const> text_methods() {
  static MethodEntry const entries[] = {
      {"capitalize", capitalize},
      {"casefold", casefold_},
      {"center", center},
      {"count", count},
      {"encode", encode},
      {"endswith", endswith},
      {"expandtabs", expandtabs},
      {"find", find},
      {"format", format},
      {"format_map", format_map},
      {"index", index_},
      {"isalnum", isalnum},
      {"isalpha", isalpha},
      {"isascii", isascii},
      {"isdecimal", isdigit},
      {"isdigit", isdigit},
      {"isidentifier", isidentifier},
      {"islower", islower},
      {"isnumeric", isdigit},
      {"isprintable", isprintable},
      {"isspace", isspace},
      {"istitle", istitle},
      {"isupper", isupper},
      {"join", join},
      {"ljust", ljust},
      {"lower", lower},
      {"lstrip", lstrip_},
      {"partition", partition},
      {"removeprefix", removeprefix},
      {"removesuffix", removesuffix},
      {"replace", replace},
      {"rfind", rfind},
      {"rindex", rindex},
      {"rjust", rjust},
      {"rpartition", rpartition},
      {"rsplit", rsplit},
      {"rstrip", rstrip_},
      {"split", split},
      {"splitlines", splitlines},
      {"startswith", startswith},
      {"strip", strip_},
      {"swapcase", swapcase},
      {"title", title},
      {"translate", translate},
      {"upper", upper},
      {"zfill", zfill},
  };
  return entries;
}

std::span<MethodEntry const> bytes_methods() {
  static MethodEntry const entries[] = {{"decode", decode}, {"hex", hex}};
  return entries;
}

}  // namespace weir::jinja
