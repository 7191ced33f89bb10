#include "sql/name.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::sql {
namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out;
  for (char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out;
}

// Reserved key words of PostgreSQL 13 to 18 (docs, appendix C), in order.
constexpr std::array<std::string_view, 100> kReserved{"all",
                                                      "analyse",
                                                      "analyze",
                                                      "and",
                                                      "any",
                                                      "array",
                                                      "as",
                                                      "asc",
                                                      "asymmetric",
                                                      "authorization",
                                                      "binary",
                                                      "both",
                                                      "case",
                                                      "cast",
                                                      "check",
                                                      "collate",
                                                      "collation",
                                                      "column",
                                                      "concurrently",
                                                      "constraint",
                                                      "create",
                                                      "cross",
                                                      "current_catalog",
                                                      "current_date",
                                                      "current_role",
                                                      "current_schema",
                                                      "current_time",
                                                      "current_timestamp",
                                                      "current_user",
                                                      "default",
                                                      "deferrable",
                                                      "desc",
                                                      "distinct",
                                                      "do",
                                                      "else",
                                                      "end",
                                                      "except",
                                                      "false",
                                                      "fetch",
                                                      "for",
                                                      "foreign",
                                                      "freeze",
                                                      "from",
                                                      "full",
                                                      "grant",
                                                      "group",
                                                      "having",
                                                      "ilike",
                                                      "in",
                                                      "initially",
                                                      "inner",
                                                      "intersect",
                                                      "into",
                                                      "is",
                                                      "isnull",
                                                      "join",
                                                      "lateral",
                                                      "leading",
                                                      "left",
                                                      "like",
                                                      "limit",
                                                      "localtime",
                                                      "localtimestamp",
                                                      "natural",
                                                      "not",
                                                      "notnull",
                                                      "null",
                                                      "offset",
                                                      "on",
                                                      "only",
                                                      "or",
                                                      "order",
                                                      "outer",
                                                      "overlaps",
                                                      "placing",
                                                      "primary",
                                                      "references",
                                                      "returning",
                                                      "right",
                                                      "select",
                                                      "session_user",
                                                      "similar",
                                                      "some",
                                                      "symmetric",
                                                      "system_user",
                                                      "table",
                                                      "tablesample",
                                                      "then",
                                                      "to",
                                                      "trailing",
                                                      "true",
                                                      "union",
                                                      "unique",
                                                      "user",
                                                      "using",
                                                      "variadic",
                                                      "verbose",
                                                      "when",
                                                      "where",
                                                      "window"};

}  // namespace

std::string quote_pg(std::string_view name) {
  return '"' + doubled(name, '"') + '"';
}

std::string quote_pg_list(std::span<std::string const> names) {
  std::string text;
  for (std::string const& name : names) text += (text.empty() ? "" : ", ") + quote_pg(name);
  return text;
}

std::string quote_pg_if_needed(std::string_view name) {
  bool plain = !name.empty() && !(name[0] >= '0' && name[0] <= '9') && name != "with";
  for (char c : name) plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
  if (plain && !std::binary_search(kReserved.begin(), kReserved.end(), name)) return std::string(name);
  return quote_pg(name);
}

std::string literal_pg(std::string_view text) {
  std::string out = doubled(text, '\'');
  if (out.find('\\') == std::string::npos) return '\'' + out + '\'';
  return "E'" + replace_all(std::move(out), "\\", "\\\\") + '\'';
}

std::string quote_mssql(std::string_view name) {
  return '[' + doubled(name, ']') + ']';
}
std::string literal_mssql(std::string_view text) {
  return "N'" + doubled(text, '\'') + '\'';
}

std::string quote_odbc(std::string_view name, std::string_view quote_character) {
  if (quote_character.size() != 1 || quote_character == " ") return std::string(name);
  return fmt::format("{0}{1}{0}", quote_character, doubled(name, quote_character[0]));
}

std::string QualifiedName::quoted() const {
  return quote_pg(schema) + '.' + quote_pg(name);
}
std::string QualifiedName::text() const {
  return quote_pg_if_needed(schema) + '.' + quote_pg_if_needed(name);
}

Result<QualifiedName> parse_qualified_name(std::string_view text) {
  std::array<std::string, 2> parts;
  std::size_t part = 0;
  bool quoted = false, wrong = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (c == '"') {
      if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
        parts[part] += text[++i];
      } else {
        quoted = !quoted;
      }
    } else if (c == '.' && !quoted) {
      if (++part > 1) {
        wrong = true;
        break;
      }
    } else {
      parts[part] += c;
    }
  }
  for (auto const& name : parts)
    if (name.empty() || name.size() > kMaxIdentifierBytes || name.find('\0') != std::string::npos) wrong = true;
  if (wrong || quoted || part != 1)
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is not the name of a relation", text))
        .next("write it as schema.name, with double quotes around a part that has dots: raw.\"a.b\"");
  return QualifiedName{parts[0], parts[1]};
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ULL;
  return hash;
}

namespace {

// An underscore and eight hex digits: two names that had to be changed never become one.
std::string hash_suffix(std::string_view name) {
  return fmt::format("_{:08x}", static_cast<std::uint32_t>(stable_hash(name) >> 16));
}

}  // namespace

std::string fit_identifier(std::string_view name) {
  if (!name.empty() && name.find('\0') == std::string_view::npos) return derive_identifier(name, "");
  std::string possible(name);
  std::replace(possible.begin(), possible.end(), '\0', '_');
  return derive_identifier(possible, hash_suffix(name));
}

std::string derive_identifier(std::string_view stem, std::string_view suffix) {
  if (stem.size() + suffix.size() <= kMaxIdentifierBytes) return std::string(stem) + std::string(suffix);
  std::string const hash = hash_suffix(stem);
  std::size_t const room =
      kMaxIdentifierBytes - std::min(suffix.size(), kMaxIdentifierBytes - hash.size()) - hash.size();
  std::size_t cut = std::min(room, stem.size());
  while (cut > 0 && cut < stem.size() && (static_cast<unsigned char>(stem[cut]) & 0xC0) == 0x80) --cut;
  return std::string(stem.substr(0, cut)) + hash + std::string(suffix);
}

}  // namespace weir::sql
