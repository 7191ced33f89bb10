#include "jinja/builtins.h"

namespace weir::jinja {

Filters builtin_filters() {
  Filters filters;
  add_text_filters(filters);
  add_sequence_filters(filters);
  add_number_filters(filters);
  add_html_filters(filters);
  return filters;
}

}  // namespace weir::jinja
