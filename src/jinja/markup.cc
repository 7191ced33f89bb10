#include "jinja/markup.h"

namespace weir::jinja {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escaped(Value const& value) {
  if (value.is_string() && value.string_object().is_markup()) return std::string(value.string());
  return escape_html(to_text(value));
}

Value markup(std::string text) {
  return make<String>(std::move(text), true);
}

}  // namespace weir::jinja
