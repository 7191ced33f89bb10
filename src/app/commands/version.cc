#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/version.h"

namespace weir::app {

Result<int> run_version(Context& context) {
  if (context.format() == Format::Text) {
    write_out(fmt::format("weir {}\n", kVersion));
    return 0;
  }
  nlohmann::ordered_json json{
      {"program", "weir"}, {"version", kVersion}, {"compiler", __VERSION__}, {"test_hooks", kTestHooks}};
  write_json(json);
  return 0;
}

}  // namespace weir::app
