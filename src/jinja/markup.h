#pragma once
// HTML escaping and markupsafe's Markup, as far as filters that deal in HTML need it. Nothing is escaped by itself.

#include "jinja/value.h"

namespace weir::jinja {

std::string escape_html(std::string_view text);
// The text of a value, escaped unless it is Markup.
std::string escaped(Value const& value);
Value markup(std::string text);

}  // namespace weir::jinja
