#include "jinja/lexer.h"

#include <fmt/format.h>

#include "base/text.h"
#include "jinja/kinds.h"
#include "jinja/unicode.h"

namespace weir::jinja {

std::string_view describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::Text:
      return "template data / text";
    case TokenKind::OutputBegin:
      return "begin of print statement";
    case TokenKind::OutputEnd:
      return "end of print statement";
    case TokenKind::BlockBegin:
      return "begin of statement block";
    case TokenKind::BlockEnd:
      return "end of statement block";
    case TokenKind::Name:
      return "name";
    case TokenKind::String:
      return "string";
    case TokenKind::Integer:
      return "integer";
    case TokenKind::Float:
      return "float";
    case TokenKind::End:
      return "end of template";
    case TokenKind::Add:
      return "+";
    case TokenKind::Assign:
      return "=";
    case TokenKind::Colon:
      return ":";
    case TokenKind::Comma:
      return ",";
    case TokenKind::Divide:
      return "/";
    case TokenKind::Dot:
      return ".";
    case TokenKind::Equal:
      return "==";
    case TokenKind::FloorDivide:
      return "//";
    case TokenKind::Greater:
      return ">";
    case TokenKind::GreaterEqual:
      return ">=";
    case TokenKind::LeftBrace:
      return "{";
    case TokenKind::LeftBracket:
      return "[";
    case TokenKind::LeftParen:
      return "(";
    case TokenKind::Less:
      return "<";
    case TokenKind::LessEqual:
      return "<=";
    case TokenKind::Modulo:
      return "%";
    case TokenKind::Multiply:
      return "*";
    case TokenKind::NotEqual:
      return "!=";
    case TokenKind::Pipe:
      return "|";
    case TokenKind::Power:
      return "**";
    case TokenKind::RightBrace:
      return "}";
    case TokenKind::RightBracket:
      return "]";
    case TokenKind::RightParen:
      return ")";
    case TokenKind::Semicolon:
      return ";";
    case TokenKind::Subtract:
      return "-";
    case TokenKind::Tilde:
      return "~";
  }
  return "";
}

namespace {

bool is_hex_char(char c) {
  return weir::is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Bytes of white space at the beginning, Python's \s.
std::size_t leading_space(std::string_view text) {
  return text.size() - lstrip(text).size();
}

// `text` begins with `word`, behind white space; moves behind it.
bool take_word(std::string_view text, std::size_t& at, std::string_view word) {
  at += leading_space(text.substr(at));
  if (text.substr(at, word.size()) != word) return false;
  at += word.size();
  return true;
}

}  // namespace

Lexer::Lexer(std::string_view source, std::size_t begin, std::size_t end, EnvironmentOptions const& options)
    : source_(source.substr(0, end)),
      at_(begin),
      begin_(begin),
      trim_blocks_(options.trim_blocks),
      lstrip_blocks_(options.lstrip_blocks) {}

Token Lexer::token(TokenKind kind, std::size_t begin) const {
  return {kind, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_), source_.substr(begin, at_ - begin)};
}

Token Lexer::fail(std::string message, std::size_t at) {
  failure_ = LexerFailure{FailureType::TemplateSyntaxError, std::move(message), at};
  at_ = source_.size();
  return token(TokenKind::End, at_);
}

Token Lexer::next() {
  if (failure_) return token(TokenKind::End, source_.size());
  if (waiting_) {
    Token const token = *waiting_;
    waiting_.reset();
    return token;
  }
  return inside_ == TokenKind::End ? text_or_begin() : in_tag();
}

void Lexer::skip_space() {
  at_ += leading_space(source_.substr(at_));
}

void Lexer::skip_line_end() {
  if (trim_blocks_ && starts("\n")) ++at_;
}

std::string_view Lexer::strip_before(std::string_view text, std::size_t tag_at, char sign, bool is_output) const {
  if (sign == '-') return rstrip(text);
  if (sign == '+' || !lstrip_blocks_ || is_output) return text;
  std::size_t const line = text.rfind('\n') + 1;  // npos + 1 is 0
  std::size_t const text_at = tag_at - text.size();
  bool const begins_line = line > 0 || text_at == begin_ || source_[text_at - 1] == '\n';
  if (begins_line && strip(text.substr(line)).empty()) return text.substr(0, line);
  return text;
}

// At the beginning of a tag, behind text that may be empty.
Token Lexer::text_or_begin() {
  while (true) {
    std::size_t const text_at = at_;
    std::size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= source_.size()) {
        at_ = source_.size();
        return token(at_ == text_at ? TokenKind::End : TokenKind::Text, text_at);
      }
      char const mark = source_[tag + 1];
      if (mark == '{' || mark == '%' || mark == '#') break;
      ++tag;
    }
    char const mark = source_[tag + 1];
    std::string_view const before = source_.substr(text_at, tag - text_at);
    if (mark == '%') {
      if (auto const raw = raw_block(tag, before, text_at)) {
        if (raw->kind == TokenKind::End && !failure_) continue;
        return *raw;
      }
    }
    at_ = tag + 2;
    char const sign = at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+') ? source_[at_] : ' ';
    if (sign != ' ') ++at_;
    std::string_view const text = strip_before(before, tag, sign, mark == '{');
    Token text_token{TokenKind::Text, static_cast<std::uint32_t>(text_at),
                     static_cast<std::uint32_t>(text_at + text.size()), text};
    if (mark == '#') {
      if (!skip_comment()) {
        if (at_ < source_.size()) return fail("Missing end of comment tag", tag);
        at_ = source_.size();  // nothing follows: Jinja2 lets it pass
      }
      if (text.empty()) continue;
      return text_token;
    }
    inside_ = mark == '{' ? TokenKind::OutputEnd : TokenKind::BlockEnd;
    Token const begin = token(mark == '{' ? TokenKind::OutputBegin : TokenKind::BlockBegin, tag);
    if (text.empty()) return begin;
    waiting_ = begin;
    return text_token;
  }
}

bool Lexer::skip_comment() {
  std::size_t const end = source_.find("#}", at_);
  if (end == std::string_view::npos) return false;
  char const sign = end > at_ ? source_[end - 1] : ' ';
  at_ = end + 2;
  if (sign == '-')
    skip_space();
  else if (sign != '+')
    skip_line_end();
  return true;
}

// {% raw %} ... {% endraw %} at `begin`: the text before it first, what is in it next. Nothing where this is no raw
// block; a token of kind End where both texts are empty.
std::optional<Token> Lexer::raw_block(std::size_t begin, std::string_view text_before, std::size_t text_at) {
  std::size_t at = begin + 2;
  char const sign = at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at++] : ' ';
  if (!take_word(source_, at, "raw")) return std::nullopt;
  at += leading_space(source_.substr(at));
  if (source_.substr(at, 3) == "-%}") {
    at += 3;
    at += leading_space(source_.substr(at));
  } else if (source_.substr(at, 2) == "%}") {
    at += 2;
  } else {
    return std::nullopt;
  }
  std::string_view const before = strip_before(text_before, begin, sign, false);
  std::size_t const inner = at;
  for (std::size_t tag = at;; ++tag) {
    tag = source_.find("{%", tag);
    if (tag == std::string_view::npos && inner < source_.size()) return fail("Missing end of raw directive", begin);
    if (tag == std::string_view::npos) {  // nothing follows: Jinja2 lets it pass
      at_ = source_.size();
      if (before.empty()) return token(TokenKind::End, at_);
      return Token{TokenKind::Text, static_cast<std::uint32_t>(text_at),
                   static_cast<std::uint32_t>(text_at + before.size()), before};
    }
    std::size_t end = tag + 2;
    char const end_sign = end < source_.size() && (source_[end] == '-' || source_[end] == '+') ? source_[end++] : ' ';
    if (!take_word(source_, end, "endraw")) continue;
    end += leading_space(source_.substr(end));
    char const last = end < source_.size() && (source_[end] == '-' || source_[end] == '+') ? source_[end++] : ' ';
    if (source_.substr(end, 2) != "%}") continue;
    at_ = end + 2;
    if (last == '-') skip_space();
    if (last == ' ') skip_line_end();
    std::string_view const text = strip_before(source_.substr(inner, tag - inner), tag, end_sign, false);
    auto const make = [](std::string_view of, std::size_t from) {
      return Token{TokenKind::Text, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(from + of.size()), of};
    };
    if (!before.empty()) {
      if (!text.empty()) waiting_ = make(text, inner);
      return make(before, text_at);
    }
    return text.empty() ? token(TokenKind::End, at_) : make(text, inner);
  }
}

bool Lexer::at_tag_end(std::size_t& length, char& sign) const {
  if (!open_.empty()) return false;
  std::string_view const mark = inside_ == TokenKind::OutputEnd ? "}}" : "%}";
  std::size_t at = at_;
  sign = ' ';
  if (source_.substr(at, 1) == "-" || (source_.substr(at, 1) == "+" && inside_ == TokenKind::BlockEnd))
    sign = source_[at++];
  length = at + 2 - at_;
  return source_.substr(at, 2) == mark;
}

Token Lexer::in_tag() {
  while (true) {
    std::size_t const begin = at_;
    std::size_t length = 0;
    char sign = ' ';
    if (at_tag_end(length, sign)) {
      at_ += length;
      Token const end = token(inside_, begin);
      bool const is_block = inside_ == TokenKind::BlockEnd;
      inside_ = TokenKind::End;
      if (sign == '-')
        skip_space();
      else if (is_block && sign == ' ')
        skip_line_end();
      return end;
    }
    if (at_ >= source_.size()) return token(TokenKind::End, at_);
    std::size_t const space = leading_space(source_.substr(at_));
    if (space == 0) break;
    at_ += space;
  }
  char const c = source_[at_];
  if (weir::is_digit(c)) return number();
  if (c == '\'' || c == '"') return string();
  std::size_t const begin = at_;
  while (at_ < source_.size()) {
    std::size_t after = at_;
    std::uint32_t const character = next_character(source_, after);
    if (character != '_' && !is_alnum(character)) break;
    at_ = after;
  }
  if (at_ > begin) return token(TokenKind::Name, begin);
  return operator_or_fail();
}

Token Lexer::number() {
  std::size_t const begin = at_;
  auto const peek = [&](std::size_t at) { return at < source_.size() ? source_[at] : ' '; };
  auto const digits = [&](std::size_t at) {  // behind digits that may have single underscores between them
    while (weir::is_digit(peek(at)) || (peek(at) == '_' && weir::is_digit(peek(at + 1)))) ++at;
    return at;
  };
  if (begin == 0 || source_[begin - 1] != '.') {
    std::size_t at = digits(begin);
    bool is_float = false;
    if (peek(at) == '.' && weir::is_digit(peek(at + 1))) {
      at = digits(at + 1);
      is_float = true;
    }
    if ((peek(at) | 0x20) == 'e') {
      std::size_t const from = at + (peek(at + 1) == '+' || peek(at + 1) == '-' ? 2 : 1);
      if (weir::is_digit(peek(from))) {
        at = digits(from);
        is_float = true;
      }
    }
    if (is_float) {
      at_ = at;
      return token(TokenKind::Float, begin);
    }
  }
  auto const of_base = [&](auto const& is_one) {
    std::size_t at = begin + 2;
    while (is_one(peek(at)) || (peek(at) == '_' && is_one(peek(at + 1)))) ++at;
    return at;
  };
  char const mark = static_cast<char>(peek(begin + 1) | 0x20);
  std::size_t end = begin;
  if (source_[begin] == '0' && mark == 'x') end = of_base(is_hex_char);
  if (source_[begin] == '0' && mark == 'o') end = of_base([](char c) { return c >= '0' && c <= '7'; });
  if (source_[begin] == '0' && mark == 'b') end = of_base([](char c) { return c == '0' || c == '1'; });
  if (end <= begin + 2) {
    end = begin + 1;
    auto const goes_on = [&](char c) { return source_[begin] == '0' ? c == '0' : weir::is_digit(c); };
    while (goes_on(peek(end)) || (peek(end) == '_' && goes_on(peek(end + 1)))) ++end;
  }
  at_ = end;
  return token(TokenKind::Integer, begin);
}

Token Lexer::string() {
  std::size_t const begin = at_;
  for (std::size_t at = begin + 1; at < source_.size(); ++at) {
    if (source_[at] == '\\') {
      ++at;
    } else if (source_[at] == source_[begin]) {
      at_ = at + 1;
      return token(TokenKind::String, begin);
    }
  }
  return operator_or_fail();
}

Token Lexer::operator_or_fail() {
  struct Sign {
    std::string_view text;
    TokenKind kind;
  };
  static constexpr Sign kSigns[] = {
      {"**", TokenKind::Power},      {"//", TokenKind::FloorDivide},  {"==", TokenKind::Equal},
      {"!=", TokenKind::NotEqual},   {">=", TokenKind::GreaterEqual}, {"<=", TokenKind::LessEqual},
      {"+", TokenKind::Add},         {"-", TokenKind::Subtract},      {"/", TokenKind::Divide},
      {"*", TokenKind::Multiply},    {"%", TokenKind::Modulo},        {"~", TokenKind::Tilde},
      {"[", TokenKind::LeftBracket}, {"]", TokenKind::RightBracket},  {"(", TokenKind::LeftParen},
      {")", TokenKind::RightParen},  {"{", TokenKind::LeftBrace},     {"}", TokenKind::RightBrace},
      {">", TokenKind::Greater},     {"<", TokenKind::Less},          {"=", TokenKind::Assign},
      {".", TokenKind::Dot},         {":", TokenKind::Colon},         {"|", TokenKind::Pipe},
      {",", TokenKind::Comma},       {";", TokenKind::Semicolon},
  };
  std::size_t const begin = at_;
  for (auto const& sign : kSigns) {
    if (!starts(sign.text)) continue;
    char const c = sign.text[0];
    if (c == '{' || c == '(' || c == '[') open_.push_back(c == '{' ? '}' : c == '(' ? ')' : ']');
    if (c == '}' || c == ')' || c == ']') {
      if (open_.empty()) return fail(fmt::format("unexpected '{}'", c), begin);
      char const expected = open_.back();
      open_.pop_back();
      if (expected != c) return fail(fmt::format("unexpected '{}', expected '{}'", c, expected), begin);
    }
    at_ += sign.text.size();
    return token(sign.kind, begin);
  }
  std::size_t after = at_;
  next_character(source_, after);
  std::string shown;
  append_quoted(shown, source_.substr(at_, after - at_));
  return fail(fmt::format("unexpected char {} at {}", shown, count_characters(source_.substr(begin_, at_ - begin_))),
              begin);
}

namespace {

std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  std::uint32_t number = 0;
  for (char c : text.substr(0, digits)) {
    if (!is_hex_char(c)) return std::nullopt;
    number = number * 16 + static_cast<std::uint32_t>(weir::is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return number;
}

std::optional<char> simple_escape(char c) {
  switch (c) {
    case '\\':
    case '\'':
    case '"':
      return c;
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> unescape(std::string_view literal, std::string& message) {
  std::string_view const text = literal.substr(1, literal.size() - 2);
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    char const c = text[at + 1];  // the lexer saw to it that there is one
    at += 2;
    if (auto const simple = simple_escape(c)) {
      out += *simple;
    } else if (c == '\n') {
      // a line that goes on
    } else if (c >= '0' && c <= '7') {
      std::uint32_t number = static_cast<std::uint32_t>(c - '0');
      for (int i = 0; i < 2 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i)
        number = number * 8 + static_cast<std::uint32_t>(text[at++] - '0');
      append_character(out, number);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      std::size_t const digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      auto const number = hex_number(text.substr(at), digits);
      if (!number) {
        message = fmt::format("truncated \\{}{} escape", c, std::string(digits, 'X'));
        return std::nullopt;
      }
      if (*number > 0x10FFFF) {
        message = "illegal Unicode character";
        return std::nullopt;
      }
      append_character(out, *number);
      at += digits;
    } else if (c == 'N') {
      message = "malformed \\N character escape";
      return std::nullopt;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      --at;  // Python makes an escape of the character first, and the backslash escapes that one's
      append_escape(out, next_character(text, at));
    } else {
      out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace weir::jinja
