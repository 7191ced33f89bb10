#include "tds/lexer.h"
#include "base/text.h"

#include <fmt/format.h>

namespace weir::tds {
namespace {

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '#' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
  return is_word_start(c) || is_digit(c) || c == '$' || c == '@';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

  Outcome run() {
    while (true) {
      TDS_DO(skip_blanks());
      if (at_ >= text_.size()) break;
      TDS_DO(next());
    }
    add(TokenKind::End, "", at_);
    return {};
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void add(TokenKind kind, std::string text, std::size_t begin) {
    tokens_.push_back({kind, std::move(text), line_, begin, at_});
  }

  Outcome skip_blanks() {
    while (at_ < text_.size()) {
      char const c = text_[at_];
      if (c == '\n') ++line_;
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v') {
        ++at_;
      } else if (c == '-' && peek(1) == '-') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '/' && peek(1) == '*') {
        TDS_DO(skip_comment());
      } else if (static_cast<unsigned char>(c) == 0xc2 && static_cast<unsigned char>(peek(1)) == 0xa0) {
        at_ += 2;
      } else {
        break;
      }
    }
    return {};
  }

  Outcome skip_comment() {
    int depth = 0;
    do {
      if (at_ >= text_.size()) return sql_error(113, 15, "Missing end comment mark '*/'.");
      if (text_[at_] == '/' && peek(1) == '*')
        ++depth, at_ += 2;
      else if (text_[at_] == '*' && peek(1) == '/')
        --depth, at_ += 2;
      else if (text_[at_++] == '\n')
        ++line_;
    } while (depth > 0);
    return {};
  }

  Outcome quoted(char close, TokenKind kind) {
    std::size_t const begin = at_++;
    std::string text;
    while (true) {
      if (at_ >= text_.size())
        return sql_error(105, 15, fmt::format("Unclosed quotation mark after the character string '{}'.", text));
      char const c = text_[at_++];
      if (c == '\n') ++line_;
      if (c == close) {
        if (peek() != close) break;
        ++at_;
      }
      text.push_back(c);
    }
    add(kind, std::move(text), begin);
    return {};
  }

  void number() {
    std::size_t const begin = at_;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
      at_ += 2;
      while (is_hex(peek())) ++at_;
      return add(TokenKind::Binary, std::string(text_.substr(begin + 2, at_ - begin - 2)), begin);
    }
    while (is_digit(peek())) ++at_;
    if (peek() == '.') ++at_;
    while (is_digit(peek())) ++at_;
    if ((peek() == 'e' || peek() == 'E') &&
        (is_digit(peek(1)) || ((peek(1) == '-' || peek(1) == '+') && is_digit(peek(2))))) {
      at_ += 2;
      while (is_digit(peek())) ++at_;
    }
    add(TokenKind::Number, std::string(text_.substr(begin, at_ - begin)), begin);
  }

  Outcome next() {
    char const c = peek();
    std::size_t const begin = at_;
    if ((c == 'N' || c == 'n') && peek(1) == '\'') return ++at_, quoted('\'', TokenKind::NString);
    if (c == '\'') return quoted('\'', TokenKind::String);
    if (c == '[') return quoted(']', TokenKind::Quoted);
    if (c == '"') return quoted('"', TokenKind::Quoted);
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(), Outcome();
    if (c == '@' || is_word_start(c) || (c == '$' && is_word_start(peek(1)))) {
      ++at_;
      while (is_word(peek())) ++at_;
      add(c == '@' ? TokenKind::Variable : TokenKind::Word, std::string(text_.substr(begin, at_ - begin)), begin);
      return {};
    }
    for (std::string_view const op : {"<>", "<=", ">=", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "::"}) {
      if (text_.substr(at_, 2) != op) continue;
      at_ += 2;
      return add(TokenKind::Operator, std::string(op), begin), Outcome();
    }
    if (std::string_view("()+-*/%=<>,.;~&|^?{}:").find(c) == std::string_view::npos)
      return sql_error(102, 15, fmt::format("Incorrect syntax near '{}'.", c));
    ++at_;
    add(TokenKind::Operator, std::string(1, c), begin);
    return {};
  }

  std::string_view text_;
  std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

Outcome tokenize(std::string_view text, std::vector<Token>& tokens) {
  tokens.clear();
  return Lexer(text, tokens).run();
}

}  // namespace weir::tds
