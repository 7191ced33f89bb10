#include "sql/statement.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sql/name.h"

namespace weir::sql {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool continues_name(char c) {
  return begins_name(c) || is_digit(c) || c == '$';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::optional<Word> next() {
    skip_blank();
    if (at_ >= text_.size()) return std::nullopt;
    std::size_t const begin = at_;
    WordKind const kind = read();
    return Word{.kind = kind, .text = text_.substr(begin, at_ - begin), .at = begin};
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void skip_blank() {
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (peek() == '-' && peek(1) == '-') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (peek() == '/' && peek(1) == '*') {
        skip_comment();
      } else {
        return;
      }
    }
  }
  void skip_comment() {
    int depth = 0;
    while (at_ < text_.size()) {
      if (peek() == '/' && peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (peek() == '*' && peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
  }

  WordKind read() {
    char const c = peek();
    if (c == '\'') return quoted('\'', false), WordKind::String;
    if (c == '"') return quoted('"', false), WordKind::QuotedName;
    if (c == '$') return dollar();
    if ((c == 'e' || c == 'E') && peek(1) == '\'') return ++at_, quoted('\'', true), WordKind::String;
    if ((c == 'b' || c == 'B' || c == 'x' || c == 'X' || c == 'n' || c == 'N') && peek(1) == '\'')
      return ++at_, quoted('\'', false), WordKind::String;
    if ((c == 'u' || c == 'U') && peek(1) == '&' && (peek(2) == '\'' || peek(2) == '"')) {
      at_ += 2;
      bool const name = peek() == '"';
      quoted(peek(), false);
      return name ? WordKind::QuotedName : WordKind::String;
    }
    if (begins_name(c)) {
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
      return WordKind::Word;
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      while (
          is_digit(peek()) || peek() == '.' || begins_name(peek()) ||
          ((peek() == '+' || peek() == '-') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E') && is_digit(peek(1))))
        ++at_;
      return WordKind::Number;
    }
    ++at_;
    return WordKind::Symbol;
  }

  void quoted(char quote, bool escapes) {
    ++at_;
    while (at_ < text_.size()) {
      if (escapes && text_[at_] == '\\') {
        at_ += 2;
      } else if (text_[at_] == quote) {
        ++at_;
        if (peek() != quote) return;
        ++at_;
      } else {
        ++at_;
      }
    }
    at_ = std::min(at_, text_.size());
  }

  WordKind dollar() {
    std::size_t end = at_ + 1;
    if (end < text_.size() && is_digit(text_[end])) {
      while (end < text_.size() && is_digit(text_[end])) ++end;
      at_ = end;
      return WordKind::Parameter;
    }
    while (end < text_.size() && continues_name(text_[end]) && text_[end] != '$') ++end;
    if (end >= text_.size() || text_[end] != '$') return ++at_, WordKind::Symbol;
    std::string_view const tag = text_.substr(at_, end - at_ + 1);
    std::size_t const close = text_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
    return WordKind::String;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Reads the head of one statement.
class HeadReader {
 public:
  explicit HeadReader(std::string_view statement) : statement_(statement), words_(words(statement)) {}

  Ddl read() {
    Ddl ddl;
    if (accept("drop")) return drop();
    if (accept("alter")) return alter();
    if (accept("create")) return create();
    if (accept("truncate")) {
      accept("table");
      ddl.kind = DdlKind::Truncate;
      names(ddl);
      find_takes_dependents(ddl);
      return ddl;
    }
    if (accept("do") || accept("call")) ddl.kind = DdlKind::Opaque;
    static constexpr std::array<std::string_view, 8> kTransaction{"begin",    "start", "commit",    "end",
                                                                  "rollback", "abort", "savepoint", "release"};
    for (std::string_view const word : kTransaction)
      if (is(word)) ddl.kind = DdlKind::Transaction;
    return ddl;
  }

 private:
  bool is(std::string_view keyword) const { return at_ < words_.size() && words_[at_].is(keyword); }
  bool accept(std::string_view keyword) {
    if (!is(keyword)) return false;
    ++at_;
    return true;
  }
  bool symbol(char c) {
    if (at_ >= words_.size() || words_[at_].kind != WordKind::Symbol || words_[at_].text[0] != c) return false;
    ++at_;
    return true;
  }
  bool accept_if_exists() {
    if (!is("if")) return false;
    at_ += 1;
    accept("not");
    return accept("exists");
  }

  std::string object() {
    if (accept("table")) return "table";
    if (accept("view")) return "view";
    if (accept("materialized")) return accept("view") ? "materialized view" : "";
    if (accept("foreign")) return accept("table") ? "foreign table" : "";
    return "";
  }
  bool name(Ddl& ddl) {
    WrittenName written;
    if (at_ < words_.size()) ddl.name_at = words_[at_].at;
    while (at_ < words_.size() && words_[at_].is_name()) {
      written.parts.push_back(words_[at_].value());
      ddl.rest_at = words_[at_].at + words_[at_].text.size();
      ++at_;
      if (!symbol('.')) break;
    }
    if (written.parts.empty()) return false;
    if (symbol('*')) ddl.rest_at = words_[at_ - 1].at + 1;
    ddl.names.push_back(std::move(written));
    return true;
  }
  void names(Ddl& ddl) {
    do {
      accept("only");
      if (!name(ddl)) return;
    } while (symbol(','));
  }
  void find_takes_dependents(Ddl& ddl) {
    for (std::size_t i = at_; i < words_.size(); ++i)
      if (words_[i].is("cascade")) ddl.takes_dependents = true;
  }

  Ddl drop() {
    Ddl ddl;
    if (accept("schema")) {
      ddl.kind = DdlKind::DropSchema;
      ddl.object = "schema";
    } else {
      ddl.object = object();
      if (ddl.object.empty()) return ddl;
      ddl.kind = DdlKind::Drop;
    }
    ddl.if_exists = accept_if_exists();
    names(ddl);
    find_takes_dependents(ddl);
    return ddl;
  }

  Ddl alter() {
    Ddl ddl;
    ddl.object = object();
    if (ddl.object.empty()) return ddl;
    ddl.kind = DdlKind::AlterTable;
    ddl.if_exists = accept_if_exists();
    accept("only");
    if (!name(ddl)) return {};
    if (accept("rename")) return renaming(std::move(ddl));
    if (accept("set") && accept("schema")) {
      ddl.kind = DdlKind::MoveSchema;
      if (at_ < words_.size()) ddl.new_name = words_[at_].value();
      return ddl;
    }
    actions(ddl);
    return ddl;
  }
  Ddl renaming(Ddl ddl) {
    if (accept("to")) {
      ddl.kind = DdlKind::Rename;
      if (at_ < words_.size()) ddl.new_name = words_[at_].value();
      return ddl;
    }
    if (is("constraint")) return ddl;
    accept("column");
    if (at_ + 2 >= words_.size() || !words_[at_ + 1].is("to")) return ddl;
    ddl.kind = DdlKind::RenameColumn;
    ddl.columns.push_back(words_[at_].value());
    ddl.new_name = words_[at_ + 2].value();
    return ddl;
  }
  // ALTER TABLE t action, action: the columns that are dropped.
  void actions(Ddl& ddl) {
    int depth = 0;
    bool begins = true;
    for (at_ = ddl_actions_begin(ddl); at_ < words_.size(); ++at_) {
      if (words_[at_].text == "(") ++depth;
      if (words_[at_].text == ")") --depth;
      if (depth == 0 && words_[at_].text == ",") {
        begins = true;
        continue;
      }
      if (begins && words_[at_].is("drop")) dropped(ddl);
      begins = false;
      if (at_ < words_.size() && depth == 0 && words_[at_].is("cascade")) ddl.takes_dependents = true;
    }
  }
  std::size_t ddl_actions_begin(Ddl const& ddl) const {
    std::size_t i = 0;
    while (i < words_.size() && words_[i].at < ddl.rest_at) ++i;
    return i;
  }
  void dropped(Ddl& ddl) {
    std::size_t i = at_ + 1;
    if (i < words_.size() && (words_[i].is("constraint") || words_[i].is("expression") || words_[i].is("identity")))
      return;
    if (i < words_.size() && words_[i].is("column")) ++i;
    if (i + 1 < words_.size() && words_[i].is("if") && words_[i + 1].is("exists")) i += 2;
    if (i >= words_.size() || !words_[i].is_name()) return;
    ddl.kind = DdlKind::DropColumn;
    ddl.columns.push_back(words_[i].value());
    at_ = i;
  }

  Ddl create() {
    Ddl ddl;
    if (accept("or")) accept("replace");
    for (std::string_view const word : {"global", "local"}) accept(word);
    ddl.temporary = accept("temp") || accept("temporary");
    accept("unlogged");
    accept("recursive");
    ddl.unique = accept("unique");
    if (accept("index")) {
      ddl.kind = DdlKind::CreateIndex;
      ddl.object = "index";
      accept("concurrently");
      ddl.if_exists = accept_if_exists();
      if (!is("on") && at_ < words_.size()) ddl.new_name = words_[at_++].value();
      if (!accept("on")) return {};
      accept("only");
      name(ddl);
      return ddl;
    }
    ddl.object = object();
    if (ddl.object.empty()) return {};
    ddl.kind = DdlKind::Create;
    ddl.if_exists = accept_if_exists();
    name(ddl);
    return ddl;
  }

  std::string_view statement_;
  std::vector<Word> words_;
  std::size_t at_ = 0;
};

}  // namespace

std::string Word::value() const {
  if (kind == WordKind::Word) return to_lower(text);
  if (kind != WordKind::QuotedName || text.size() < 2 || text[0] != '"') return std::string(text);
  return replace_all(std::string(text.substr(1, text.size() - 2)), "\"\"", "\"");
}

bool Word::is(std::string_view keyword) const {
  return kind == WordKind::Word && equals_ignoring_case(text, keyword);
}

std::vector<Word> words(std::string_view text) {
  std::vector<Word> list;
  Lexer lexer(text);
  while (auto word = lexer.next()) list.push_back(*word);
  return list;
}

std::vector<std::string_view> split_statements(std::string_view text) {
  std::vector<std::string_view> statements;
  std::optional<std::size_t> begin;
  std::size_t end = 0;
  int parentheses = 0, blocks = 0;
  Word before;
  for (Word const& word : words(text)) {
    if (word.text == "(") ++parentheses;
    if (word.text == ")") parentheses = std::max(0, parentheses - 1);
    if (word.is("atomic") && before.is("begin")) ++blocks;
    if (blocks > 0 && word.is("case")) ++blocks;
    if (blocks > 0 && word.is("end")) --blocks;
    before = word;
    if (word.kind == WordKind::Symbol && word.text == ";" && parentheses == 0 && blocks == 0) {
      if (begin) statements.push_back(text.substr(*begin, end - *begin));
      begin.reset();
      continue;
    }
    if (!begin) begin = word.at;
    end = word.at + word.text.size();
  }
  if (begin) statements.push_back(text.substr(*begin, end - *begin));
  return statements;
}

std::string WrittenName::text() const {
  std::string all;
  for (std::string const& part : parts) all += (all.empty() ? "" : ".") + quote_pg(part);
  return all;
}

std::set<WrittenName> dotted_names(std::string_view text) {
  std::set<WrittenName> names;
  auto const all = words(text);
  auto const is_dot = [&](std::size_t i) { return i < all.size() && all[i].text == "."; };
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].is_name() || !is_dot(i + 1)) continue;
    WrittenName name{{all[i].value()}};
    while (is_dot(i + 1) && i + 2 < all.size() && all[i + 2].is_name()) {
      i += 2;
      name.parts.push_back(all[i].value());
    }
    if (name.parts.size() == 2 || name.parts.size() == 3) names.insert(std::move(name));
  }
  return names;
}

Ddl read_ddl(std::string_view statement) {
  return HeadReader(statement).read();
}

}  // namespace weir::sql
