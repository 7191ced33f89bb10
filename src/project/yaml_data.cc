#include "project/yaml_data.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir::project {
namespace {

std::string_view take_digits(std::string_view& rest) {
  std::size_t n = 0;
  while (n < rest.size() && is_digit(rest[n])) ++n;
  auto const digits = rest.substr(0, n);
  rest.remove_prefix(n);
  return digits;
}

std::string two(std::string_view digits) {
  return digits.size() == 1 ? "0" + std::string(digits) : std::string(digits);
}

// A YAML timestamp in ISO form.
std::string iso_timestamp(std::string_view text) {
  std::string_view rest = text;
  auto const year = take_digits(rest);
  rest.remove_prefix(1);
  auto const month = take_digits(rest);
  rest.remove_prefix(1);
  auto const day = take_digits(rest);
  std::string out = fmt::format("{}-{}-{}", year, two(month), two(day));
  while (!rest.empty() && (rest[0] == 'T' || rest[0] == 't' || rest[0] == ' ' || rest[0] == '\t'))
    rest.remove_prefix(1);
  if (rest.empty()) return out;
  out += "T" + two(take_digits(rest));
  rest.remove_prefix(1);
  out += ":" + std::string(take_digits(rest));
  rest.remove_prefix(1);
  out += ":" + std::string(take_digits(rest));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    std::string fraction(take_digits(rest).substr(0, 6));
    fraction.resize(6, '0');
    if (fraction != "000000") out += "." + fraction;
  }
  rest = trim(rest);
  if (rest.empty()) return out;
  if (rest == "Z" || rest == "z") return out + "+00:00";
  out += rest[0];
  rest.remove_prefix(1);
  out += two(take_digits(rest));
  return out + ":" + (rest.starts_with(':') ? std::string(rest.substr(1)) : "00");
}

Data scalar(yaml::Node const& node) {
  switch (node.kind) {
    case yaml::Kind::Null:
      return {};
    case yaml::Kind::Bool:
      return node.boolean();
    case yaml::Kind::Int:
      if (auto const whole = node.integer()) return *whole;
      return node.text;
    case yaml::Kind::Float:
      if (auto const number = node.number()) return *number;
      return node.text;
    case yaml::Kind::Timestamp:
      return Data::date(iso_timestamp(node.text));
    default:
      return node.text;
  }
}

// A key as Python's str() of it, so that {1: a} and {"1": a} are found by the same name.
std::string key_text(yaml::Node const& key) {
  return key.kind == yaml::Kind::String ? key.text : scalar(key).str();
}

// What a template without tags gives: Jinja takes one line end from its end.
std::string without_last_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Renderer {
 public:
  Renderer(RenderText const& render, ShouldRender const& should_render)
      : render_(render), should_render_(should_render) {}

  Result<Data> value(yaml::Node const& node) {
    if (node.kind == yaml::Kind::Mapping) {
      Data::Dict pairs;
      pairs.reserve(node.entries.size());
      for (auto const& entry : node.entries) {
        path_.push_back(key_text(*entry.key));
        WEIR_TRY(Data one, value(*entry.value));
        pairs.emplace_back(std::move(path_.back()), std::move(one));
        path_.pop_back();
      }
      return Data(std::move(pairs));
    }
    if (node.kind == yaml::Kind::Sequence) {
      Data::List items;
      items.reserve(node.items.size());
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        path_.push_back(std::to_string(i));
        WEIR_TRY(Data one, value(*node.items[i]));
        items.push_back(std::move(one));
        path_.pop_back();
      }
      return Data(std::move(items));
    }
    if (should_render_ && !should_render_(path_)) return scalar(node);
    if (node.kind == yaml::Kind::Timestamp) return Data(iso_timestamp(node.text));
    if (node.kind != yaml::Kind::String) return scalar(node);
    if (!has_template(node.text)) return Data(without_last_line_end(node.text));
    auto rendered = render_(node.text);
    if (rendered.ok()) return rendered;
    Error error = std::move(rendered).error();
    if (error.where().empty() || error.where().find(':') == std::string::npos || error.where().starts_with("<"))
      error.where(node.mark.text()).excerpt(node.mark.excerpt());
    return error;
  }

 private:
  RenderText const& render_;
  ShouldRender const& should_render_;
  KeyPath path_;
};

}  // namespace

Data to_data(yaml::Node const& node) {
  if (node.kind == yaml::Kind::Mapping) {
    Data::Dict pairs;
    pairs.reserve(node.entries.size());
    for (auto const& entry : node.entries) pairs.emplace_back(key_text(*entry.key), to_data(*entry.value));
    return pairs;
  }
  if (node.kind == yaml::Kind::Sequence) {
    Data::List items;
    items.reserve(node.items.size());
    for (auto const& item : node.items) items.push_back(to_data(*item));
    return items;
  }
  return scalar(node);
}

Result<Data> render_yaml(yaml::Node const& node, RenderText const& render, ShouldRender const& should_render) {
  return Renderer(render, should_render).value(node);
}

bool has_template(std::string_view text) {
  return text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos ||
         text.find("{#") != std::string_view::npos;
}

Result<yaml::NodePtr> read_yaml(std::string name, std::string text) {
  yaml::Options options;
  options.allow_duplicate_keys = true;
  options.max_bytes = 64U << 20;
  return yaml::parse(std::move(name), std::move(text), options);
}

}  // namespace weir::project
