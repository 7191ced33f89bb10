// Any bytes are a template that renders within its limits, or a failure that says where; what is rendered twice is the
// same.

#include <string>

#include "fuzz.h"
#include "jinja/environment.h"

namespace {

using namespace weir::jinja;

DictContext context_of_samples() {
  return DictContext({{"n", 5},
                      {"s", Value("Hello, W\u00f6rld")},
                      {"l", list_of({3, 1, Value("x")})},
                      {"d", dict_of({{"a", 1}, {"b", list_of({1, 2})}})},
                      {"return", return_function()}});
}

void check_failure(Failure const& failure, std::string const& source) {
  FUZZ_CHECK(!failure.message().empty() || failure.type() == FailureType::KeyError);
  auto const& place = failure.place();
  FUZZ_CHECK(place.line >= 0 && static_cast<std::size_t>(place.line) <= source.size() + 1);
}

}  // namespace

// A template may make a list that holds itself; that is never freed (src/jinja/README.md).
extern "C" char const* __asan_default_options();
extern "C" char const* __asan_default_options() {
  return "detect_leaks=0";
}

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  static auto const environment = [] {
    EnvironmentOptions options;
    options.block_tags = {{"test", "endtest"}};
    return Environment::create(std::move(options));
  }();
  std::string const source(reinterpret_cast<char const*>(data), size);
  auto const tmpl = environment->parse("fuzz", source);
  if (!tmpl.ok()) {
    check_failure(tmpl.error(), source);
    return 0;
  }
  RenderOptions options;
  options.limits.steps = 20'000;
  options.limits.output_bytes = 1U << 20;
  options.limits.depth = 50;
  auto first_context = context_of_samples();
  auto const first = (*tmpl)->render(first_context, options);
  if (!first.ok()) check_failure(first.error(), source);
  auto second_context = context_of_samples();
  auto const second = (*tmpl)->render(second_context, options);
  FUZZ_CHECK(first.ok() == second.ok());
  options.undefined = UndefinedPolicy::Callable;
  auto native_context = context_of_samples();
  auto const native = (*tmpl)->render_native(native_context, options);
  if (native.ok()) FUZZ_CHECK(!repr(*native).empty());
  static_cast<void>(literal(source.substr(0, 200)));
  return 0;
}
