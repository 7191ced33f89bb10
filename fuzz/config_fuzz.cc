// weir.yml, a line of %%, endpoints.yml: a configuration, or one Config error that names the file. A password written
// into a file is never repeated.

#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "config/config.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  static std::filesystem::path const folder = weir::TempFolder::create("weir-fuzz-").value().keep();
  static bool const cleared = std::atexit([] { std::filesystem::remove_all(folder); }) == 0;
  FUZZ_CHECK(cleared);
  std::string const text(reinterpret_cast<char const*>(data), size);
  auto const cut = text.find("\n%%\n");
  auto const weir_yml = text.substr(0, cut);
  auto const endpoints_yml = cut == std::string::npos ? std::string() : text.substr(cut + 4);
  FUZZ_CHECK(weir::write_file(folder / "weir.yml", weir_yml).ok());
  FUZZ_CHECK(weir::write_file(folder / "endpoints.yml", endpoints_yml).ok());
  auto const config = weir::config::load(folder);
  if (config.ok()) {
    for (auto const& [name, connection] : config->connections) {
      FUZZ_CHECK(config->endpoints.contains(connection.from));
      static_cast<void>(weir::config::pattern_for(connection, "dbo.Country"));
    }
  } else {
    FUZZ_CHECK(config.error().kind() == weir::ErrorKind::Config);
    auto const message = config.error().to_text();
    FUZZ_CHECK(message.find(".yml") != std::string::npos);
    FUZZ_CHECK(message.find("hunter2") == std::string::npos || weir_yml.find("hunter2") != std::string::npos);
  }
  return 0;
}
