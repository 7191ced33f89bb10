#pragma once
// Template text to tokens, with Jinja2's whitespace control. One pass, no regular expressions. (Jinja2 docs:
// "Whitespace Control".)

#include <string_view>
#include <vector>

#include "jinja/tree.h"

namespace weir::jinja {

enum class TokenKind : std::uint8_t {
  Text,
  OutputBegin,
  OutputEnd,
  BlockBegin,
  BlockEnd,
  Name,
  String,
  Integer,
  Float,
  End,
  Add,
  Assign,
  Colon,
  Comma,
  Divide,
  Dot,
  Equal,
  FloorDivide,
  Greater,
  GreaterEqual,
  LeftBrace,
  LeftBracket,
  LeftParen,
  Less,
  LessEqual,
  Modulo,
  Multiply,
  NotEqual,
  Pipe,
  Power,
  RightBrace,
  RightBracket,
  RightParen,
  Semicolon,
  Subtract,
  Tilde,
};
// As Jinja2's messages call it: "end of print statement", ",", "name".
std::string_view describe(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::End;
  std::uint32_t begin = 0, end = 0;
  std::string_view text;  // of Text, Name and the numbers; of a String with its quotes and escapes
};

struct LexerFailure {
  FailureType type = FailureType::TemplateSyntaxError;
  std::string message;
  std::size_t at = 0;
};

// Tokens one by one; after a failure, or behind the last, End.
class Lexer {
 public:
  Lexer(std::string_view source, std::size_t begin, std::size_t end, EnvironmentOptions const& options);
  Token next();
  std::optional<LexerFailure> const& failure() const { return failure_; }

 private:
  Token text_or_begin();
  Token in_tag();
  Token number();
  Token string();
  Token operator_or_fail();
  Token fail(std::string message, std::size_t at);
  bool skip_comment();
  std::optional<Token> raw_block(std::size_t begin, std::string_view text_before, std::size_t text_at);
  std::string_view strip_before(std::string_view text, std::size_t tag_at, char sign, bool is_output) const;
  bool starts(std::string_view text) const { return source_.substr(at_, text.size()) == text; }
  Token token(TokenKind kind, std::size_t begin) const;
  void skip_space();
  void skip_line_end();
  bool at_tag_end(std::size_t& length, char& sign) const;

  std::string_view source_;  // up to the end of what is read
  std::size_t at_;
  std::size_t begin_;
  bool trim_blocks_, lstrip_blocks_;
  TokenKind inside_ = TokenKind::End;  // End outside of tags, or the token that will end this one
  std::vector<char> open_;             // brackets to be closed
  std::optional<Token> waiting_;
  std::optional<LexerFailure> failure_;
};

// A string literal's value, escapes done; nothing, with a message, where an escape is wrong.
std::optional<std::string> unescape(std::string_view literal, std::string& message);

}  // namespace weir::jinja
