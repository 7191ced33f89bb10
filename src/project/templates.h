#pragma once
// The template engine as dbt sets it up: two environments (texts, and values of YAML), dbt's filters, and what passes
// between `Data` and the engine's values. The environments never change; any thread may use them.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jinja/environment.h"
#include "project/data.h"

namespace weir::project {

std::shared_ptr<jinja::Environment const> const& text_templates();
// Here as_bool, as_number, as_native and as_text decide what a value of YAML becomes.
std::shared_ptr<jinja::Environment const> const& native_templates();

// A new value each time: what a template does to it stays with that template.
jinja::Value to_value(Data const& data);
// Tuples and sets become lists; what is neither text, number, list nor mapping becomes its text.
Data to_data(jinja::Value const& value);

// The value of a template in YAML. Errors: Template.
Result<Data> render_value(std::string_view text, jinja::Context& context, std::string name = "<yaml>");
// The same as the engine's own value, so that a relation stays one.
Result<jinja::Value> render_native(std::string_view text, jinja::Context& context,
                                   jinja::RenderOptions const& options = {}, std::string name = "<yaml>");
// An argument of a generic test, its texts rendered; ref('x'), var('y') ... are templates there without braces. The
// name of a column stays a text.
Result<jinja::Value> render_argument(Data const& argument, bool is_column_name, jinja::Context& context,
                                     jinja::RenderOptions const& options = {}, std::string const& name = "<yaml>");
// Parses `text`, which begins on `first_line` of file `name`, so that errors name that file's lines.
Result<std::shared_ptr<jinja::Template const>> parse_template(std::string name, std::string_view text,
                                                              int first_line = 1);

}  // namespace weir::project
