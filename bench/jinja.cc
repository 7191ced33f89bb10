// Renders a template many times and says what parsing and rendering took: weir-bench-jinja FILE TIMES. The text goes to
// standard error, "PARSE_SECONDS RENDER_SECONDS" (of all times together) to standard output.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "base/file.h"
#include "jinja/environment.h"

namespace {

using namespace weir::jinja;

double seconds_of(std::function<void()> const& work) {
  auto const begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  auto const source = weir::read_file(arguments[1]);
  int const times = std::atoi(arguments[2]);
  if (!source.ok() || times < 1) return 2;
  auto const environment = Environment::create({});
  std::shared_ptr<Template const> tmpl;
  std::string text;
  std::string failure;
  double const parsing = seconds_of([&] {
    for (int i = 0; i < times && failure.empty(); ++i) {
      auto parsed = environment->parse("bench", *source);
      if (parsed.ok()) {
        tmpl = *parsed;
      } else {
        failure = parsed.error().message();
      }
    }
  });
  double const rendering = seconds_of([&] {
    for (int i = 0; i < times && failure.empty(); ++i) {
      DictContext context;
      auto rendered = tmpl->render(context, {});
      if (rendered.ok()) {
        text = std::move(*rendered);
      } else {
        failure = rendered.error().message();
      }
    }
  });
  if (!failure.empty()) {
    std::fprintf(stderr, "error: %s\n", failure.c_str());
    return 1;
  }
  std::fputs(text.c_str(), stderr);
  std::printf("%.6f %.6f\n", parsing, rendering);
  return 0;
}
