#include "jinja/pretty.h"

#include <algorithm>

#include "jinja/kinds.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

constexpr std::size_t kWidth = 80;

std::vector<Dict::Entry const*> sorted_entries(Dict const& dict) {
  std::vector<Dict::Entry const*> entries;
  for (auto const& entry : dict) entries.push_back(&entry);
  // By key where keys compare, else by the type's name, as pprint has it.
  std::stable_sort(entries.begin(), entries.end(), [](auto const* a, auto const* b) {
    bool const same = (a->key.is_string() && b->key.is_string()) || (a->key.is_number() && b->key.is_number());
    if (same) {
      auto const found = order(a->key, b->key, "<");
      return found.ok() && *found == -1;
    }
    return type_name(a->key) < type_name(b->key);
  });
  return entries;
}

// repr() with sorted dicts.
std::string flat(Value const& value) {
  StackGuard const guard;
  if (guard.is_low()) return "...";
  if (value.is_dict()) {
    std::string out = "{";
    for (auto const* entry : sorted_entries(value.dict()))
      out += (out.size() > 1 ? ", " : "") + flat(entry->key) + ": " + flat(entry->value);
    return out + "}";
  }
  if (value.is_list() || value.is_tuple()) {
    auto const& items = value.is_list() ? value.list().items : value.tuple().items;
    std::string out = value.is_list() ? "[" : "(";
    for (auto const& item : items) out += (out.size() > 1 ? ", " : "") + flat(item);
    if (value.is_tuple() && items.size() == 1) out += ",";
    return out + (value.is_list() ? "]" : ")");
  }
  return repr(value);
}

// A long text on several lines: broken behind white space.
void write_text(std::string& out, std::string_view text, std::size_t indent, std::size_t allowance, std::size_t level) {
  std::vector<std::string> pieces;
  std::size_t const room = kWidth - indent;
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const end =
        std::min(text.find('\n', at) == std::string_view::npos ? text.size() : text.find('\n', at) + 1, text.size());
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  std::size_t const open = level == 1 ? 1 : 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    bool const last_line = i + 1 == lines.size();
    std::size_t width = room - open;
    std::string whole;
    append_quoted(whole, lines[i]);
    if (count_characters(whole) <= (last_line ? width - std::min(width, allowance + open) : width)) {
      pieces.push_back(whole);
      continue;
    }
    std::string current;
    std::string_view rest = lines[i];
    while (!rest.empty()) {
      std::size_t end = 0;
      while (end < rest.size() && rest[end] != ' ' && rest[end] != '\n' && rest[end] != '\t') ++end;
      while (end < rest.size() && (rest[end] == ' ' || rest[end] == '\n' || rest[end] == '\t')) ++end;
      std::string const more = current + std::string(rest.substr(0, end));
      bool const is_last = end == rest.size() && last_line;
      std::string quoted;
      append_quoted(quoted, more);
      if (count_characters(quoted) > (is_last ? width - std::min(width, allowance + open) : width)) {
        if (!current.empty()) {
          std::string piece;
          append_quoted(piece, current);
          pieces.push_back(piece);
        }
        current = rest.substr(0, end);
      } else {
        current = more;
      }
      rest.remove_prefix(end);
    }
    if (!current.empty()) {
      std::string piece;
      append_quoted(piece, current);
      pieces.push_back(piece);
    }
  }
  if (pieces.size() == 1) return void(out += repr(Value(text)));
  if (level == 1) out += "(";
  for (std::size_t i = 0; i < pieces.size(); ++i)
    out += (i > 0 ? "\n" + std::string(indent + open, ' ') : "") + pieces[i];
  if (level == 1) out += ")";
}

void write(std::string& out, Value const& value, std::size_t indent, std::size_t allowance, std::size_t level) {
  std::string const whole = flat(value);
  StackGuard const guard;
  if (count_characters(whole) + indent + allowance <= kWidth || guard.is_low()) return void(out += whole);
  if (value.is_string()) return write_text(out, value.string(), indent, allowance, level);
  if (value.is_dict() && value.dict().size() > 0) {
    out += "{";
    auto const entries = sorted_entries(value.dict());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out += ",\n" + std::string(indent + 1, ' ');
      std::string const key = flat(entries[i]->key) + ": ";
      out += key;
      write(out, entries[i]->value, indent + 1 + count_characters(key), i + 1 == entries.size() ? allowance + 1 : 1,
            level + 1);
    }
    out += "}";
    return;
  }
  if ((value.is_list() || value.is_tuple()) && whole.size() > 2) {
    auto const& items = value.is_list() ? value.list().items : value.tuple().items;
    out += value.is_list() ? "[" : "(";
    std::size_t const tail = value.is_tuple() && items.size() == 1 ? 2 : 1;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += ",\n" + std::string(indent + 1, ' ');
      write(out, items[i], indent + 1, i + 1 == items.size() ? allowance + tail : 1, level + 1);
    }
    if (tail == 2) out += ",";
    out += value.is_list() ? "]" : ")";
    return;
  }
  out += whole;
}

}  // namespace

std::string pretty(Value const& value) {
  std::string out;
  write(out, value, 0, 0, 1);
  return out;
}

}  // namespace weir::jinja
