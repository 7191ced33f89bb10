// The module `re` (Python docs: "re") on PCRE2, whose syntax is Python's but for a few escapes that are translated.

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "jinja/attributes.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/modules.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

enum Flag : std::int64_t { kIgnoreCase = 2, kMultiLine = 8, kDotAll = 16, kUnicode = 32, kVerbose = 64, kAscii = 256 };

struct Code {
  explicit Code(pcre2_code* compiled) : code(compiled) {}
  ~Code() { pcre2_code_free(code); }
  Code(Code const&) = delete;
  pcre2_code* code;
};

// One match: byte offsets of the groups, [begin, end), npos where a group took no part.
using Offsets = std::vector<std::pair<std::size_t, std::size_t>>;
constexpr std::size_t kNone = PCRE2_UNSET;

class Pattern;

class Match final : public Object {
 public:
  Match(Ref<Pattern> pattern, Value subject, Offsets offsets)
      : pattern_(std::move(pattern)), subject_(std::move(subject)), offsets_(std::move(offsets)) {}
  std::string type_name() const override { return "re.Match"; }
  bool is_true() const override { return true; }
  std::string repr() const override;
  Made attribute(State& state, std::string_view name) override;
  Made call_method(State& state, std::string_view name, Arguments const& arguments) override;
  Made item(State&, Value const& key) override { return group(key); }

  Value part(std::size_t group, Value const& otherwise) const {
    auto const [begin, end] = offsets_[group];
    if (begin == kNone) return otherwise;
    return Value(subject_.string().substr(begin, end - begin));
  }
  Made group(Value const& key) const;
  Outcome<std::size_t> index_of(Value const& key) const;
  Offsets const& offsets() const { return offsets_; }

 private:
  std::int64_t character(std::size_t byte) const {
    if (byte == kNone) return -1;
    return static_cast<std::int64_t>(count_characters(subject_.string().substr(0, byte)));
  }

  Ref<Pattern> pattern_;
  Value subject_;
  Offsets offsets_;
};

class Pattern final : public Object {
 public:
  Pattern(Value source, std::int64_t flags, std::shared_ptr<Code const> code)
      : source_(std::move(source)), flags_(flags), code_(std::move(code)) {
    std::uint32_t count = 0;
    pcre2_pattern_info(code_->code, PCRE2_INFO_CAPTURECOUNT, &count);
    groups_ = count;
    read_names();
  }
  static Outcome<Ref<Pattern>> compile(Value const& source, Value const& flags);

  std::string type_name() const override { return "re.Pattern"; }
  std::string repr() const override { return "re.compile(" + jinja::repr(source_) + ")"; }
  bool equals(Value const& other) const override {
    auto const* pattern = other.as<Pattern>();
    return pattern != nullptr && pattern->flags_ == flags_ && jinja::equals(pattern->source_, source_);
  }
  Made attribute(State&, std::string_view name) override {
    if (name == "pattern") return source_;
    if (name == "flags") return flags_;
    if (name == "groups") return static_cast<std::int64_t>(groups_);
    if (name == "groupindex") {
      auto dict = make<Dict>();
      for (auto const& [group, index] : names_) dict->set(group, static_cast<std::int64_t>(index));
      return Value(dict);
    }
    for (auto const known : {"search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"}) {
      if (name != known) continue;
      Ref<Pattern> const self(this);
      return function(std::string(name), [self, name = std::string(name)](State& state, Arguments const& arguments) {
        return self->call_method(state, name, arguments);
      });
    }
    return Value::missing();
  }
  Made call_method(State& state, std::string_view name, Arguments const& arguments) override;

  std::size_t groups() const { return groups_; }
  std::vector<std::pair<std::string, std::size_t>> const& names() const { return names_; }

  enum class Anchor : std::uint8_t { No, Start, Both };
  // The first match at or behind byte `from`; nothing where there is none.
  Outcome<std::optional<Offsets>> find(State& state, std::string_view subject, std::size_t from, Anchor anchor,
                                       bool not_empty = false) const;

 private:
  void read_names();
  Made find_one(State& state, Value const& subject, Anchor anchor);
  Made find_all(State& state, Value const& subject);
  Made find_iterator(State& state, Value const& subject);
  Made substitute(State& state, Value const& by, Value const& subject, Value const& count, bool with_count);
  Made split(State& state, Value const& subject, Value const& most);
  Outcome<std::vector<Offsets>> all(State& state, std::string_view subject, std::int64_t most) const;

  Value source_;
  std::int64_t flags_;
  std::shared_ptr<Code const> code_;
  std::size_t groups_ = 0;
  std::vector<std::pair<std::string, std::size_t>> names_;
};

Failure wrong_subject(Value const& value) {
  return type_error(fmt::format("expected string or bytes-like object, got '{}'", type_name(value)));
}

// Python's \Z is the very end, which is \z elsewhere.
std::string translated(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\\' || i + 1 >= source.size()) {
      out += source[i];
      continue;
    }
    char const code = source[++i];
    out += '\\';
    out += code == 'Z' ? 'z' : code;
  }
  return out;
}

Outcome<Ref<Pattern>> Pattern::compile(Value const& source, Value const& flags) {
  if (source.is_object())
    if (auto* pattern = source.as<Pattern>()) return Ref<Pattern>(pattern);
  if (!source.is_string()) return type_error("first argument must be string or compiled pattern");
  JINJA_TRY(auto const given, whole(flags, 0));
  std::uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
  if ((given & kAscii) == 0) options |= PCRE2_UCP;
  if ((given & kIgnoreCase) != 0) options |= PCRE2_CASELESS;
  if ((given & kMultiLine) != 0) options |= PCRE2_MULTILINE;
  if ((given & kDotAll) != 0) options |= PCRE2_DOTALL;
  if ((given & kVerbose) != 0) options |= PCRE2_EXTENDED;
  std::string const text = translated(source.string());
  int code = 0;
  PCRE2_SIZE at = 0;
  auto* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options, &code, &at, nullptr);
  if (compiled == nullptr) {
    PCRE2_UCHAR message[200] = {};
    pcre2_get_error_message(code, message, sizeof message);
    return Failure(FailureType::RegexError,
                   fmt::format("{} at position {}", reinterpret_cast<char const*>(message),
                               count_characters(std::string_view(text).substr(0, std::min(at, text.size())))));
  }
  return make<Pattern>(source, given | kUnicode, std::make_shared<Code const>(compiled));
}

void Pattern::read_names() {
  std::uint32_t count = 0, size = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code_->code, PCRE2_INFO_NAMECOUNT, &count);
  pcre2_pattern_info(code_->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
  pcre2_pattern_info(code_->code, PCRE2_INFO_NAMETABLE, &table);
  for (std::uint32_t i = 0; i < count; ++i, table += size)
    names_.emplace_back(reinterpret_cast<char const*>(table + 2), static_cast<std::size_t>(table[0] << 8 | table[1]));
  std::sort(names_.begin(), names_.end(), [](auto const& a, auto const& b) { return a.second < b.second; });
}

Outcome<std::optional<Offsets>> Pattern::find(State& state, std::string_view subject, std::size_t from, Anchor anchor,
                                              bool not_empty) const {
  JINJA_DO(state.spend(1 + subject.size() / 64));
  std::uint32_t options = anchor == Anchor::No ? 0 : PCRE2_ANCHORED;
  if (anchor == Anchor::Both) options |= PCRE2_ENDANCHORED;
  if (not_empty) options |= PCRE2_NOTEMPTY_ATSTART;
  auto* data = pcre2_match_data_create_from_pattern(code_->code, nullptr);
  auto* limits = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(limits, 5'000'000);
  int const found = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), from,
                                options, data, limits);
  std::optional<Offsets> offsets;
  if (found > 0) {
    PCRE2_SIZE const* vector = pcre2_get_ovector_pointer(data);
    offsets.emplace();
    for (std::size_t i = 0; i <= groups_; ++i) offsets->emplace_back(vector[2 * i], vector[2 * i + 1]);
  }
  pcre2_match_context_free(limits);
  pcre2_match_data_free(data);
  if (found > 0 || found == PCRE2_ERROR_NOMATCH) return offsets;
  if (found == PCRE2_ERROR_MATCHLIMIT || found == PCRE2_ERROR_DEPTHLIMIT || found == PCRE2_ERROR_HEAPLIMIT)
    return Failure(FailureType::Limit, "the regular expression takes too many steps on this text");
  return value_error("the text is not UTF-8");
}

// Matches that do not overlap; an empty one right behind one that is not counts, as since Python 3.7.
Outcome<std::vector<Offsets>> Pattern::all(State& state, std::string_view subject, std::int64_t most) const {
  std::vector<Offsets> out;
  std::size_t from = 0;
  bool not_empty = false;
  while (from <= subject.size() && (most <= 0 || static_cast<std::int64_t>(out.size()) < most)) {
    JINJA_TRY(auto found, find(state, subject, from, Anchor::No, not_empty));
    if (!found) break;
    from = (*found)[0].second;
    not_empty = (*found)[0].first == from;
    out.push_back(std::move(*found));
  }
  return out;
}

Made Pattern::find_one(State& state, Value const& subject, Anchor anchor) {
  if (!subject.is_string()) return wrong_subject(subject);
  JINJA_TRY(auto found, find(state, subject.string(), 0, anchor));
  if (!found) return Value();
  return Value(make<Match>(Ref<Pattern>(this), subject, std::move(*found)));
}

Made Pattern::find_all(State& state, Value const& subject) {
  if (!subject.is_string()) return wrong_subject(subject);
  JINJA_TRY(auto found, all(state, subject.string(), 0));
  std::vector<Value> out;
  for (auto& offsets : found) {
    Match const match(Ref<Pattern>(this), subject, std::move(offsets));
    if (groups_ <= 1) {
      out.push_back(match.part(groups_, Value("")));
      continue;
    }
    std::vector<Value> parts;
    for (std::size_t i = 1; i <= groups_; ++i) parts.push_back(match.part(i, Value("")));
    out.push_back(tuple_of(std::move(parts)));
  }
  return list_of(std::move(out));
}

Made Pattern::find_iterator(State& state, Value const& subject) {
  if (!subject.is_string()) return wrong_subject(subject);
  JINJA_TRY(auto found, all(state, subject.string(), 0));
  auto kept = std::make_shared<std::vector<Offsets>>(std::move(found));
  Ref<Pattern> const self(this);
  std::size_t at = 0;
  return iterator_of("callable_iterator", "callable_iterator object",
                     cursor_of([self, kept, subject, at](State&) mutable -> Made {
                       if (at >= kept->size()) return Value::missing();
                       return Value(make<Match>(self, subject, (*kept)[at++]));
                     }));
}

// A replacement's \1, \g<1>, \g<name> and \n.
Made expand(Value const& replacement, Match const& match) {
  std::string_view const text = replacement.string();
  std::string out;
  auto const put = [&](Value const& key) -> Outcome<Done> {
    JINJA_TRY(auto const part, match.group(key));
    if (part.is_string()) out += part.string();
    return Done{};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i >= text.size())
      return Failure(FailureType::RegexError, fmt::format("bad escape (end of pattern) at position {}", i - 1));
    char const c = text[i];
    if (c == 'g' && i + 1 < text.size() && text[i + 1] == '<') {
      std::size_t const end = text.find('>', i);
      if (end == std::string_view::npos) return Failure(FailureType::RegexError, "missing >, unterminated name");
      std::string_view const name = text.substr(i + 2, end - i - 2);
      bool const is_number =
          !name.empty() && name.size() < 6 && name.find_first_not_of("0123456789") == std::string_view::npos;
      std::int64_t number = 0;
      for (char digit : name) number = number * 10 + (digit - '0');
      auto done = put(is_number ? Value(number) : Value(name));
      if (!done.ok()) return std::move(done).error();
      i = end;
    } else if (c >= '1' && c <= '9') {
      std::int64_t number = c - '0';
      if (i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9') number = number * 10 + (text[++i] - '0');
      auto done = put(number);
      if (!done.ok())
        return Failure(FailureType::RegexError, fmt::format("invalid group reference {} at position {}", number, i));
    } else if (c == 'n' || c == 't' || c == 'r' || c == '\\') {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : '\\';
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      return Failure(FailureType::RegexError, fmt::format("bad escape \\{} at position {}", c, i - 1));
    } else {
      out += '\\';
      out += c;
    }
  }
  return Value(std::move(out));
}

Made Pattern::substitute(State& state, Value const& by, Value const& subject, Value const& count, bool with_count) {
  if (!subject.is_string()) return wrong_subject(subject);
  bool const is_function = by.is_object() && by.object().is_callable();
  if (!is_function && !by.is_string())
    return type_error(fmt::format("decoding to str: need a bytes-like object, {} found", jinja::type_name(by)));
  JINJA_TRY(auto const most, whole(count, 0));
  JINJA_TRY(auto found, all(state, subject.string(), most));
  std::string out;
  std::size_t from = 0;
  for (auto const& offsets : found) {
    auto const match = make<Match>(Ref<Pattern>(this), subject, offsets);
    out += subject.string().substr(from, offsets[0].first - from);
    from = offsets[0].second;
    Value const argument = match;
    JINJA_TRY(auto const text, is_function ? call_value(state, by, {{&argument, 1}, {}}) : expand(by, *match));
    if (!text.is_string()) return type_error(fmt::format("expected str instance, {} found", jinja::type_name(text)));
    out += text.string();
    JINJA_DO(state.renderer().allow_bytes(out.size()));
  }
  out += subject.string().substr(from);
  if (!with_count) return Value(std::move(out));
  return tuple_of({Value(std::move(out)), static_cast<std::int64_t>(found.size())});
}

Made Pattern::split(State& state, Value const& subject, Value const& most) {
  if (!subject.is_string()) return wrong_subject(subject);
  JINJA_TRY(auto const limit, whole(most, 0));
  JINJA_TRY(auto found, all(state, subject.string(), limit));
  std::vector<Value> out;
  std::size_t from = 0;
  for (auto& offsets : found) {
    auto const [begin, end] = offsets[0];
    out.emplace_back(subject.string().substr(from, begin - from));
    from = end;
    Match const match(Ref<Pattern>(this), subject, std::move(offsets));
    for (std::size_t i = 1; i <= groups_; ++i) out.push_back(match.part(i, Value()));
  }
  out.emplace_back(subject.string().substr(from));
  return list_of(std::move(out));
}

Made Pattern::call_method(State& state, std::string_view name, Arguments const& arguments) {
  if (name == "search" || name == "match" || name == "fullmatch" || name == "findall" || name == "finditer") {
    JINJA_TRY(auto const bound, arguments.bind(name, {"string"}, 1));
    if (name == "findall") return find_all(state, bound[0]);
    if (name == "finditer") return find_iterator(state, bound[0]);
    return find_one(state, bound[0], name == "search" ? Anchor::No : name == "match" ? Anchor::Start : Anchor::Both);
  }
  if (name == "sub" || name == "subn") {
    JINJA_TRY(auto const bound, arguments.bind(name, {"repl", "string", "count"}, 2));
    return substitute(state, bound[0], bound[1], bound[2], name == "subn");
  }
  if (name == "split") {
    JINJA_TRY(auto const bound, arguments.bind(name, {"string", "maxsplit"}, 1));
    return split(state, bound[0], bound[1]);
  }
  return Object::call_method(state, name, arguments);
}

// --------------------------------------------------------------------------------------------------------------
// matches

Outcome<std::size_t> Match::index_of(Value const& key) const {
  if (key.is_string()) {
    for (auto const& [name, index] : pattern_->names())
      if (name == key.string()) return index;
  } else if (is_index(key) && key.kind() != Kind::BigInt && key.integer() >= 0 &&
             key.integer() < static_cast<std::int64_t>(offsets_.size())) {
    return static_cast<std::size_t>(key.integer());
  }
  return Failure(FailureType::IndexError, "no such group");
}

Made Match::group(Value const& key) const {
  JINJA_TRY(auto const index, index_of(key));
  return part(index, Value());
}

std::string Match::repr() const {
  return fmt::format("<re.Match object; span=({}, {}), match={}>", character(offsets_[0].first),
                     character(offsets_[0].second), jinja::repr(part(0, Value())));
}

Made Match::attribute(State&, std::string_view name) {
  if (name == "string") return subject_;
  if (name == "re") return Value(pattern_);
  if (name == "pos") return 0;
  if (name == "endpos") return static_cast<std::int64_t>(subject_.string_object().length());
  for (auto const known : {"group", "groups", "groupdict", "start", "end", "span", "expand"}) {
    if (name != known) continue;
    Ref<Match> const self(this);
    return function(std::string(name), [self, name = std::string(name)](State& state, Arguments const& arguments) {
      return self->call_method(state, name, arguments);
    });
  }
  return Value::missing();
}

Made Match::call_method(State& state, std::string_view name, Arguments const& arguments) {
  if (name == "group") {
    if (arguments.positional.empty()) return part(0, Value());
    if (arguments.positional.size() == 1) return group(arguments.positional[0]);
    std::vector<Value> parts;
    for (auto const& key : arguments.positional) {
      JINJA_TRY(auto part, group(key));
      parts.push_back(std::move(part));
    }
    return tuple_of(std::move(parts));
  }
  if (name == "groups" || name == "groupdict") {
    JINJA_TRY(auto const bound, arguments.bind(name, {"default"}, 0));
    Value const otherwise = bound[0].is_missing() ? Value() : bound[0];
    if (name == "groupdict") {
      auto dict = make<Dict>();
      for (auto const& [group_name, index] : pattern_->names()) dict->set(group_name, part(index, otherwise));
      return Value(dict);
    }
    std::vector<Value> parts;
    for (std::size_t i = 1; i < offsets_.size(); ++i) parts.push_back(part(i, otherwise));
    return tuple_of(std::move(parts));
  }
  if (name == "start" || name == "end" || name == "span") {
    JINJA_TRY(auto const bound, arguments.bind(name, {"group"}, 0));
    JINJA_TRY(auto const index, index_of(bound[0].is_missing() ? Value(0) : bound[0]));
    if (name == "start") return character(offsets_[index].first);
    if (name == "end") return character(offsets_[index].second);
    return tuple_of({character(offsets_[index].first), character(offsets_[index].second)});
  }
  if (name == "expand") {
    JINJA_TRY(auto const bound, arguments.bind(name, {"template"}, 1));
    if (!bound[0].is_string()) return wrong_subject(bound[0]);
    return jinja::expand(bound[0], *this);
  }
  return Object::call_method(state, name, arguments);
}

// ----------------------------------------------------------------------------------------------------------- functions

// A function of the module: compiles its first argument, takes `flags`, and calls the pattern's method with the rest.
Value through_pattern(std::string name, std::size_t flags_at) {
  return function(name, [name, flags_at](State& state, Arguments const& arguments) -> Made {
    if (arguments.positional.empty())
      return type_error(fmt::format("{}() missing 1 required positional argument: 'pattern'", name));
    auto rest = arguments.positional.subspan(1);
    Value flags = Value::missing();
    if (arguments.positional.size() > flags_at) {
      flags = arguments.positional[flags_at];
      rest = rest.first(flags_at - 1);
    }
    std::vector<Named> named;
    for (auto const& argument : arguments.named) {
      if (argument.name.string() == "flags")
        flags = argument.value;
      else
        named.push_back(argument);
    }
    JINJA_TRY(auto const pattern, Pattern::compile(arguments.positional[0], flags));
    return pattern->call_method(state, name, {rest, named});
  });
}

Made escape_pattern(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("escape", {"pattern"}, 1));
  if (!bound[0].is_string()) return wrong_subject(bound[0]);
  std::string out;
  for (char c : bound[0].string()) {
    if (std::string_view("()[]{}?*+-|^$\\.&~# \t\n\r\v\f").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return Value(std::move(out));
}

Made compile(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("compile", {"pattern", "flags"}, 1));
  JINJA_TRY(auto const pattern, Pattern::compile(bound[0], bound[1]));
  return Value(pattern);
}

}  // namespace

Value re_module() {
  return make_module("re", {{"search", through_pattern("search", 2)},
                            {"match", through_pattern("match", 2)},
                            {"fullmatch", through_pattern("fullmatch", 2)},
                            {"findall", through_pattern("findall", 2)},
                            {"finditer", through_pattern("finditer", 2)},
                            {"sub", through_pattern("sub", 4)},
                            {"subn", through_pattern("subn", 4)},
                            {"split", through_pattern("split", 3)},
                            {"compile", function("compile", compile)},
                            {"escape", function("escape", escape_pattern)},
                            {"I", std::int64_t{kIgnoreCase}},
                            {"IGNORECASE", std::int64_t{kIgnoreCase}},
                            {"M", std::int64_t{kMultiLine}},
                            {"MULTILINE", std::int64_t{kMultiLine}},
                            {"S", std::int64_t{kDotAll}},
                            {"DOTALL", std::int64_t{kDotAll}},
                            {"X", std::int64_t{kVerbose}},
                            {"VERBOSE", std::int64_t{kVerbose}},
                            {"A", std::int64_t{kAscii}},
                            {"ASCII", std::int64_t{kAscii}},
                            {"U", std::int64_t{kUnicode}},
                            {"UNICODE", std::int64_t{kUnicode}}});
}

}  // namespace weir::jinja
