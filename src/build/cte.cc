#include "build/cte.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace weir::build {
namespace {

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

// Behind the comment that begins at `at`, or `at` where none does. Block comments nest, as PostgreSQL has it.
std::size_t skip_comment(std::string_view sql, std::size_t at) {
  if (sql.substr(at, 2) == "--") {
    auto const end = sql.find('\n', at);
    return end == std::string_view::npos ? sql.size() : end + 1;
  }
  if (sql.substr(at, 2) != "/*") return at;
  int depth = 0;
  while (at < sql.size()) {
    if (sql.substr(at, 2) == "/*") {
      ++depth;
      at += 2;
    } else if (sql.substr(at, 2) == "*/") {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
  return at;
}

// Behind `word`, if it stands at `at` as a whole word; else npos.
std::size_t skip_word(std::string_view sql, std::size_t at, std::string_view word) {
  if (!equals_ignoring_case(sql.substr(at, word.size()), word)) return std::string_view::npos;
  auto const end = at + word.size();
  return end < sql.size() && is_word(sql[end]) ? std::string_view::npos : end;
}

std::string joined(std::span<InjectedCte const> ctes) {
  std::string out;
  for (auto const& cte : ctes) {
    if (!out.empty()) out += ", ";
    out += cte.sql;
  }
  return out;
}

}  // namespace

std::string cte_name(std::string_view identifier) {
  return "__dbt__cte__" + std::string(identifier);
}

std::size_t skip_space(std::string_view sql, std::size_t at) {
  while (at < sql.size() && is_space(sql[at])) ++at;
  return at;
}

std::size_t skip_space_and_comments(std::string_view sql, std::size_t at) {
  for (;;) {
    at = skip_space(sql, at);
    auto const next = skip_comment(sql, at);
    if (next == at) return at;
    at = next;
  }
}

bool is_blank_sql(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size()) {
    at = skip_space_and_comments(sql, at);
    if (at < sql.size() && sql[at++] != ';') return false;
  }
  return true;
}

std::string strip_semicolon(std::string_view sql) {
  // A walk from the beginning: only so is known what stands in a text or a comment.
  std::size_t at = 0, end = 0;
  while (at < sql.size()) {
    auto const next = skip_space_and_comments(sql, at);
    if (next != at) {
      at = next;
      continue;
    }
    if (sql[at] == '\'' || sql[at] == '"') {
      char const quote = sql[at++];
      while (at < sql.size() && sql[at] != quote) ++at;
      end = at = std::min(at + 1, sql.size());
    } else if (sql[at] == '$') {
      auto const close = sql.find('$', at + 1);
      auto const tag = close == std::string_view::npos ? std::string_view() : sql.substr(at, close - at + 1);
      auto const is_tag = tag.size() >= 2 && std::all_of(tag.begin() + 1, tag.end() - 1, is_word);
      auto const over = is_tag ? sql.find(tag, close + 1) : std::string_view::npos;
      end = at = over == std::string_view::npos ? at + 1 : over + tag.size();
    } else {
      if (sql[at] != ';') end = at + 1;
      ++at;
    }
  }
  return std::string(sql.substr(0, end));
}

std::string inject_ctes(std::string_view sql, std::span<InjectedCte const> ctes) {
  if (ctes.empty()) return std::string(sql);
  auto const first = skip_space_and_comments(sql, 0);
  auto own = skip_word(sql, first, "with");
  if (own == std::string_view::npos) {
    auto const begin = skip_space(sql, 0);
    return std::string(sql.substr(0, begin)) + "with" + joined(ctes) + " " + std::string(sql.substr(begin));
  }
  auto const recursive = skip_word(sql, skip_space(sql, own), "recursive");
  if (recursive != std::string_view::npos) own = recursive;
  auto const at = skip_space(sql, own);
  return std::string(sql.substr(0, at)) + joined(ctes) + ", " + std::string(sql.substr(at));
}

}  // namespace weir::build
