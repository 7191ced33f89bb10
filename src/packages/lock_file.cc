#include "packages/lock_file.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "project/yaml_data.h"

namespace weir::packages {
namespace {

using project::Data;
using Kind = project::PackageSpec::Kind;

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Python's text of what YAML's double quotes hold.
std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    auto const lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      if (lead == '"' || lead == '\\') {
        out += fmt::format("\\{}", static_cast<char>(lead));
      } else if (lead == '\n') {
        out += "\\n";
      } else if (lead == '\t') {
        out += "\\t";
      } else if (lead < ' ' || lead == 0x7F) {
        out += fmt::format("\\x{:02X}", lead);
      } else {
        out += static_cast<char>(lead);
      }
      continue;
    }
    std::size_t const length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k)
      point = point << 6U | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    i += length;
    out += point < 0x100     ? fmt::format("\\x{:02X}", point)
           : point < 0x10000 ? fmt::format("\\u{:04X}", point)
                             : fmt::format("\\U{:08X}", point);
  }
  return out + '"';
}

std::string scalar(Data const& value) {
  if (value.is_none()) return "null";
  if (value.is_bool()) return value.truth() ? "true" : "false";
  if (!value.is_string()) return value.str();
  auto const& text = value.text();
  if (!is_printable_ascii(text)) return double_quoted(text);
  // Plain where it reads back as the same text.
  auto const back = project::read_yaml("text", "key: " + text + "\n");
  if (back.ok() && (*back)->kind == yaml::Kind::Mapping) {
    auto const* read = (*back)->find("key");
    if (read->kind == yaml::Kind::String && read->is_plain && read->text == text) return text;
  }
  return "'" + replace_all(text, "'", "''") + "'";
}

std::string block(Data const& value, int indent);

// A mapping's lines; the first one follows what stands before it.
std::string block_mapping(Data const& value, int indent) {
  auto pairs = value.pairs();
  std::sort(pairs.begin(), pairs.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  std::string out;
  for (auto const& [key, item] : pairs) {
    if (!out.empty()) out += std::string(static_cast<std::size_t>(indent), ' ');
    out += scalar(Data(key)) + ":";
    bool const nested = (item.is_dict() && !item.pairs().empty()) || (item.is_list() && !item.items().empty());
    out += nested ? "\n" + std::string(static_cast<std::size_t>(indent) + 2, ' ') : " ";
    out += block(item, indent + 2);
  }
  return out;
}

std::string block(Data const& value, int indent) {
  if (value.is_dict()) return value.pairs().empty() ? "{}\n" : block_mapping(value, indent);
  if (!value.is_list()) return scalar(value) + "\n";
  if (value.items().empty()) return "[]\n";
  std::string out;
  for (auto const& item : value.items()) {
    if (!out.empty()) out += std::string(static_cast<std::size_t>(indent), ' ');
    out += "- " + block(item, indent + 2);
  }
  return out;
}

// Values of DBT_ENV_SECRET_ variables never stand in a file.
std::string without_secrets(std::string text) {
  bool changed = false;
  for (char** at = environ; *at != nullptr; ++at) {
    std::string_view const pair = *at;
    auto const equals = pair.find('=');
    if (!pair.starts_with("DBT_ENV_SECRET") || equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    std::string masked = replace_all(text, pair.substr(equals + 1), "*****");
    changed = changed || masked != text;
    text = std::move(masked);
  }
  if (changed)
    log_info("[WARNING]: the address {} held a secret; {} says it masked, so every later dbt deps needs --upgrade",
             text, project::kLockFile);
  return text;
}

}  // namespace

std::string block_yaml(Data const& data, int indent) {
  return block(data, indent);
}

Data lock_entry(Pinned const& package) {
  Data::Dict entry;
  set(entry, "name", package.name);
  switch (package.spec.kind) {
    case Kind::Hub:
      set(entry, "package", package.spec.source);
      set(entry, "version", package.version);
      break;
    case Kind::Git:
      set(entry, "git", without_secrets(package.spec.written));
      set(entry, "revision", package.version);
      if (!package.spec.subdirectory.empty()) set(entry, "subdirectory", package.spec.subdirectory);
      break;
    case Kind::Tarball:
      set(entry, "tarball", without_secrets(package.spec.written));
      break;
    case Kind::Local:
      set(entry, "local", package.spec.source);
      break;
  }
  return entry;
}

std::string lock_text(std::vector<Pinned> const& packages, std::string_view hash) {
  Data::List entries;
  for (auto const& package : packages) entries.push_back(lock_entry(package));
  return block_yaml(Data::Dict{{"packages", std::move(entries)}, {"sha1_hash", hash}});
}

}  // namespace weir::packages
