// Filters that deal in HTML, URLs and JSON (Jinja2 docs: "List of Builtin Filters").

#include <algorithm>

#include <fmt/format.h>

#include "jinja/builtins.h"
#include "jinja/iterate.h"
#include "jinja/json.h"
#include "jinja/kinds.h"
#include "jinja/markup.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/pretty.h"
#include "jinja/sorting.h"
#include "jinja/text_tools.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

#define FILTER(name) Made name([[maybe_unused]] State& state, Arguments const& arguments)

FILTER(escape) {
  JINJA_TRY(auto const bound, arguments.bind("escape", {"s"}, 1));
  JINJA_DO(state.text(bound[0]));
  return markup(escaped(bound[0]));
}

FILTER(forceescape) {
  JINJA_TRY(auto const bound, arguments.bind("do_forceescape", {"value"}, 1));
  JINJA_TRY(auto const text, state.text(bound[0]));
  return markup(escape_html(text));
}

FILTER(safe) {
  JINJA_TRY(auto const bound, arguments.bind("do_mark_safe", {"value"}, 1));
  JINJA_TRY(auto text, state.text(bound[0]));
  return markup(std::move(text));
}

// &amp; and its kin, and numbers.
std::string unescape_html(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"amp", "&"},        {"lt", "<"},         {"gt", ">"},          {"quot", "\""},      {"apos", "'"},
      {"nbsp", "\u00a0"},  {"copy", "\u00a9"},  {"reg", "\u00ae"},    {"raquo", "\u00bb"}, {"laquo", "\u00ab"},
      {"mdash", "\u2014"}, {"ndash", "\u2013"}, {"hellip", "\u2026"}, {"euro", "\u20ac"},  {"middot", "\u00b7"},
  };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const end = text[at] == '&' ? text.find(';', at) : std::string_view::npos;
    if (end == std::string_view::npos || end - at > 12) {
      out += text[at++];
      continue;
    }
    std::string_view const name = text.substr(at + 1, end - at - 1);
    std::string_view found;
    for (auto const& [known, shown] : kNames)
      if (known == name) found = shown;
    std::optional<Value> number;
    if (name.starts_with("#x") || name.starts_with("#X"))
      number = parse_integer(name.substr(2), 16);
    else if (name.starts_with('#'))
      number = parse_integer(name.substr(1), 10);
    if (!found.empty())
      out += found;
    else if (number && number->kind() == Kind::Int && number->integer() > 0 && number->integer() <= 0x10FFFF)
      append_character(out, static_cast<std::uint32_t>(number->integer()));
    else
      out += text.substr(at, end + 1 - at);
    at = end + 1;
  }
  return out;
}

// Without what stands between `open` and `close`.
std::string without(std::string_view text, std::string_view open, std::string_view close) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const begin = text.find(open, at);
    std::size_t const end = begin == std::string_view::npos ? begin : text.find(close, begin + open.size());
    if (end == std::string_view::npos) return out.append(text.substr(at));
    out.append(text.substr(at, begin - at));
    at = end + close.size();
  }
  return out;
}

FILTER(striptags) {
  JINJA_TRY(auto const bound, arguments.bind("do_striptags", {"value"}, 1));
  JINJA_TRY(auto const text, state.text(bound[0]));
  std::string const bare = without(without(text, "<!--", "-->"), "<", ">");
  std::string out;
  std::string_view rest = strip(bare);
  while (!rest.empty()) {
    std::size_t at = 0;
    while (at < rest.size()) {
      std::size_t after = at;
      if (is_space(next_character(rest, after))) break;
      at = after;
    }
    if (!out.empty()) out += ' ';
    out += rest.substr(0, at);
    rest = lstrip(rest.substr(at));
  }
  return Value(unescape_html(out));
}

std::string url_quoted(std::string_view text, bool in_query) {
  std::string out;
  for (char c : text) {
    bool const is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                          c == '.' || c == '-' || c == '~' || (c == '/' && !in_query);
    if (is_plain)
      out += c;
    else if (c == ' ' && in_query)
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

FILTER(urlencode) {
  JINJA_TRY(auto const bound, arguments.bind("do_urlencode", {"value"}, 1));
  Value value = bound[0];
  if (value.is_string() || !is_iterable(value)) {
    JINJA_TRY(auto const text, state.text(value));
    return Value(url_quoted(text, false));
  }
  if (value.is_dict()) value = view_of(Ref<Dict>(&value.dict()), View::Items);
  JINJA_TRY(auto const pairs, items_of(state, value));
  std::string out;
  for (auto const& pair : pairs) {
    JINJA_TRY(auto const parts, items_of(state, pair));
    if (parts.size() > 2) return value_error("too many values to unpack (expected 2)");
    if (parts.size() < 2)
      return value_error(fmt::format("not enough values to unpack (expected 2, got {})", parts.size()));
    JINJA_TRY(auto const key, state.text(parts[0]));
    JINJA_TRY(auto const shown, state.text(parts[1]));
    out += (out.empty() ? "" : "&") + url_quoted(key, true) + "=" + url_quoted(shown, true);
  }
  return Value(std::move(out));
}

FILTER(xmlattr) {
  JINJA_TRY(auto const bound, arguments.bind("do_xmlattr", {"d", "autospace"}, 1));
  JINJA_TRY(auto const pairs, pairs_of(state, bound[0]));
  std::string out;
  for (auto const& pair : pairs) {
    Value const& key = pair.tuple().items[0];
    Value const& value = pair.tuple().items[1];
    if (value.is_none() || value.is_undefined()) continue;
    if (!key.is_string())
      return type_error(fmt::format("expected string or bytes-like object, got '{}'", type_name(key)));
    if (key.string().find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos)
      return value_error("Invalid character in attribute name: " + repr(key));
    out += (out.empty() ? "" : " ") + escaped(key) + "=\"" + escaped(value) + "\"";
  }
  bool const spaced = bound[1].is_missing() || truth(bound[1]);
  return Value(spaced && !out.empty() ? " " + out : out);
}

FILTER(tojson) {
  JINJA_TRY(auto const bound, arguments.bind("do_tojson", {"value", "indent"}, 1));
  JsonOptions options{.sort_keys = true};
  if (!bound[1].is_missing() && !bound[1].is_none()) {
    if (bound[1].is_string())
      options.indent = bound[1].string();
    else if (bound[1].kind() == Kind::Int && bound[1].integer() < 1000)
      options.indent = std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, bound[1].integer())), ' ');
    else
      return type_error(fmt::format("can't multiply sequence by non-int of type '{}'", type_name(bound[1])));
  }
  JINJA_TRY(auto const json, to_json(state, bound[0], options));
  std::string out;
  for (char c : json) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      case '\'':
        out += "\\u0027";
        break;
      default:
        out += c;
    }
  }
  return markup(std::move(out));
}

FILTER(pprint) {
  JINJA_TRY(auto const bound, arguments.bind("do_pprint", {"value"}, 1));
  return Value(pretty(bound[0]));
}

// ------------------------------------------------------------------------------------------------------------- urlize

bool is_word(std::uint32_t c) {
  return c == '_' || is_alnum(c);
}

// A host name: labels with dots between, the last one letters (or xn--...), or an IPv4 address behind a scheme.
bool is_url(std::string_view text) {
  bool const has_scheme = text.starts_with("http://") || text.starts_with("https://");
  std::string_view rest = has_scheme ? text.substr(text.find("//") + 2) : text;
  bool const has_www = rest.starts_with("www.");
  std::size_t const host_end = std::min(rest.find_first_of(":/?#"), rest.size());
  std::string_view const host = rest.substr(0, host_end);
  rest = rest.substr(host_end);
  if (rest.starts_with(':')) {
    std::size_t end = 1;
    while (end < rest.size() && rest[end] >= '0' && rest[end] <= '9') ++end;
    if (end == 1 || end > 6) return false;
    rest = rest.substr(end);
  }
  if (!rest.empty() && rest[0] != '/' && rest[0] != '?' && rest[0] != '#') return false;
  std::vector<std::string> labels;
  std::size_t begin = 0;
  while (true) {
    std::size_t const dot = host.find('.', begin);
    labels.emplace_back(host.substr(begin, dot == std::string_view::npos ? dot : dot - begin));
    if (dot == std::string_view::npos) break;
    begin = dot + 1;
  }
  if (labels.size() < 2) return false;
  bool all_numbers = labels.size() == 4;
  for (auto const& label : labels) {
    if (label.empty()) return false;
    for (std::size_t at = 0; at < label.size();) {
      std::uint32_t const c = next_character(label, at);
      if (!is_word(c) && c != '-' && c != '%') return false;
      all_numbers &= c >= '0' && c <= '9' && label.size() <= 3;
    }
  }
  if (has_scheme && all_numbers) return true;
  for (std::size_t i = 0; i + 1 < labels.size(); ++i)
    if (labels[i].size() < (has_scheme || has_www ? 1U : 2U)) return false;
  std::string const last = to_lower(labels.back());
  if (!has_scheme && !has_www) {
    for (auto const* known : {"com", "net", "int", "edu", "gov", "org", "info", "mil"})
      if (last == known) return true;
    return false;
  }
  if (last.starts_with("xn--")) return last.size() > 5;
  return last.size() >= 2 && last.size() <= 63 &&
         last.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
}

bool is_email(std::string_view text) {
  std::size_t const at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return false;
  std::string_view const host = text.substr(at + 1);
  std::size_t const dot = host.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == host.size()) return false;
  for (std::size_t i = 0; i < host.size();) {
    bool const is_first = i == 0;
    std::size_t const begin = i;
    std::uint32_t const c = next_character(host, i);
    if (!is_word(c) && (is_first || begin > dot || (c != '.' && c != '-'))) return false;
  }
  return true;
}

struct UrlizeOptions {
  std::optional<std::int64_t> limit;
  std::string attributes;
  std::vector<std::string> schemes;
};

std::string link(std::string_view target, std::string_view shown, std::string const& attributes) {
  return fmt::format("<a href=\"{}\"{}>{}</a>", target, attributes, shown);
}

std::string urlized_word(std::string_view word, UrlizeOptions const& options) {
  std::string head, tail;
  std::string middle(word);
  auto const take_front = [&](std::string_view text) {
    if (!middle.starts_with(text)) return false;
    head += text;
    middle.erase(0, text.size());
    return true;
  };
  while (take_front("(") || take_front("<") || take_front("&lt;")) {
  }
  auto const take_back = [&](std::string_view text) {
    if (!middle.ends_with(text)) return false;
    tail.insert(0, text);
    middle.erase(middle.size() - text.size());
    return true;
  };
  while (take_back(")") || take_back("&gt;") || take_back(">") || take_back(".") || take_back(",")) {
  }
  for (auto const& [open, close] : {std::pair("(", ")"), std::pair("<", ">"), std::pair("&lt;", "&gt;")}) {
    auto const count = [](std::string_view text, std::string_view part) {
      std::size_t found = 0;
      for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
        ++found;
      return found;
    };
    std::size_t const opened = count(middle, open);
    if (opened <= count(middle, close)) continue;
    for (std::size_t left = std::min(opened, count(tail, close)); left > 0; --left) {
      std::size_t const end = tail.find(close) + std::string_view(close).size();
      middle += tail.substr(0, end);
      tail.erase(0, end);
    }
  }
  auto const trimmed = [&](std::string const& text) {
    if (!options.limit || static_cast<std::int64_t>(count_characters(text)) <= *options.limit) return text;
    return text.substr(0,
                       byte_of_character(text, static_cast<std::size_t>(std::max<std::int64_t>(0, *options.limit)))) +
           "...";
  };
  if (is_url(middle)) {
    bool const has_scheme = middle.starts_with("https://") || middle.starts_with("http://");
    middle = link(has_scheme ? middle : "https://" + middle, trimmed(middle), options.attributes);
  } else if (middle.starts_with("mailto:") && is_email(std::string_view(middle).substr(7))) {
    middle = link(middle, middle.substr(7), "");
  } else if (middle.find('@') != std::string::npos && !middle.starts_with("www.") &&
             middle.find(':') == std::string::npos && is_email(middle)) {
    middle = link("mailto:" + middle, middle, "");
  } else {
    for (auto const& scheme : options.schemes)
      if (middle != scheme && middle.starts_with(scheme)) middle = link(middle, middle, options.attributes);
  }
  return head + middle + tail;
}

FILTER(urlize) {
  JINJA_TRY(auto const bound,
            arguments.bind("do_urlize", {"value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"}, 1));
  UrlizeOptions options;
  if (bound[1].kind() == Kind::Int) options.limit = bound[1].integer();
  std::vector<std::string> relations = {"noopener"};
  if (bound[4].is_string())
    for (std::string_view rest = strip(bound[4].string()); !rest.empty();) {
      std::size_t const end = std::min(rest.find_first_of(" \t\n"), rest.size());
      relations.emplace_back(rest.substr(0, end));
      rest = lstrip(rest.substr(end));
    }
  if (!bound[2].is_missing() && truth(bound[2])) relations.emplace_back("nofollow");
  std::sort(relations.begin(), relations.end());
  relations.erase(std::unique(relations.begin(), relations.end()), relations.end());
  options.attributes = " rel=\"";
  for (std::size_t i = 0; i < relations.size(); ++i)
    options.attributes += (i > 0 ? " " : "") + escape_html(relations[i]);
  options.attributes += "\"";
  if (bound[3].is_string() && !bound[3].string().empty())
    options.attributes += " target=\"" + escape_html(bound[3].string()) + "\"";
  if (!bound[5].is_missing() && !bound[5].is_none()) {
    JINJA_TRY(auto const schemes, items_of(state, bound[5]));
    for (auto const& scheme : schemes) {
      std::string const text = to_text(scheme);
      std::size_t const colon = text.find(':');
      if (colon == std::string::npos || colon < 2 ||
          text.substr(colon + 1).find_first_not_of('/') != std::string::npos || text.size() > colon + 3)
        return Failure(FailureType::FilterArgumentError, repr(scheme) + " is not a valid URI scheme prefix.");
      options.schemes.push_back(text);
    }
  }
  JINJA_DO(state.text(bound[0]));
  std::string const text = escaped(bound[0]);
  JINJA_DO(state.spend(text.size()));
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    std::size_t after = at;
    bool const space = is_space(next_character(text, after));
    while (at < text.size()) {
      after = at;
      if (is_space(next_character(text, after)) != space) break;
      at = after;
    }
    std::string_view const part = std::string_view(text).substr(begin, at - begin);
    out += space ? std::string(part) : urlized_word(part, options);
  }
  return Value(std::move(out));
}
#undef FILTER

}  // namespace

void add_html_filters(Filters& filters) {
  filters.merge(Filters{
      {"e", escape},
      {"escape", escape},
      {"forceescape", forceescape},
      {"safe", safe},
      {"striptags", striptags},
      {"urlencode", urlencode},
      {"urlize", urlize},
      {"xmlattr", xmlattr},
      {"tojson", tojson},
      {"pprint", pprint},
  });
}

}  // namespace weir::jinja
