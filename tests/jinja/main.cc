// weir_jinja_render: renders templates that come as JSON lines on standard input, one answer a line: how the engine is
// compared with Jinja2 itself (run.py). A line is {"template": "...", "context": {...}, "options": {...}}; values that
// JSON has no word for are written {"!": "KIND", "v": ...} (values.cc). The answer is {"ok": "text"} or {"error":
// "CLASS", "message": "..."}.

#include <iostream>
#include <nlohmann/json.hpp>

#include "jinja/environment.h"
#include "values.h"

namespace {

using json = nlohmann::ordered_json;
using namespace weir::jinja;

UndefinedPolicy policy_of(std::string const& name) {
  if (name == "chainable") return UndefinedPolicy::Chainable;
  if (name == "strict") return UndefinedPolicy::Strict;
  return UndefinedPolicy::Lenient;
}

json answer(json const& question) {
  json const options = question.value("options", json::object());
  EnvironmentOptions settings;
  settings.trim_blocks = options.value("trim_blocks", false);
  settings.lstrip_blocks = options.value("lstrip_blocks", false);
  settings.keep_trailing_newline = options.value("keep_trailing_newline", false);
  auto const environment = Environment::create(std::move(settings));
  auto const failed = [](Failure const& failure) {
    return json{{"error", type_name(failure.type())}, {"message", failure.message()}, {"line", failure.place().line}};
  };
  auto const tmpl = environment->parse("template", question.at("template").get<std::string>());
  if (!tmpl.ok()) return failed(tmpl.error());
  DictContext context = weir::test::context_of(question.value("context", json::object()));
  RenderOptions render;
  render.undefined = policy_of(options.value("undefined", ""));
  render.limits.steps = 5'000'000;
  if (options.value("native", false)) {
    auto const value = (*tmpl)->render_native(context, render);
    if (!value.ok()) return failed(value.error());
    return json{{"ok", repr(*value)}};
  }
  auto const text = (*tmpl)->render(context, render);
  if (!text.ok()) return failed(text.error());
  return json{{"ok", *text}};
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    auto const question = json::parse(line, nullptr, false);
    json const reply = question.is_discarded() ? json{{"error", "NotJson"}} : answer(question);
    std::cout << reply.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  }
  return 0;
}
