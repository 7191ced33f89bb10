#include "pg/settings.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

#include "base/text.h"
#include "pg/libpq.h"

namespace weir::pg {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kWords = {{{"service", "service"},
                                                                                   {"host", "host"},
                                                                                   {"port", "port"},
                                                                                   {"database", "dbname"},
                                                                                   {"user", "user"},
                                                                                   {"sslmode", "sslmode"},
                                                                                   {"ca_file", "sslrootcert"},
                                                                                   {"sslcert", "sslcert"},
                                                                                   {"sslkey", "sslkey"},
                                                                                   {"options", "options"}}};

// The parts of postgresql://user:password@host/database?key=value, or of key=value pairs.
Status read_uri(std::string const& uri, SessionOptions& options, bool take_password) {
  WEIR_DO(need_libpq());
  char* reason = nullptr;
  OptionList const parsed(PQconninfoParse(uri.c_str(), &reason));
  if (parsed == nullptr) {
    PQfreemem(reason);  // it may quote the password
    return Error(ErrorKind::Config, "the endpoint's uri is no connection string that PostgreSQL understands")
        .next("write it as postgresql://user@host:port/database?sslmode=...");
  }
  for (auto const* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (std::string_view(option->keyword) == "password") {
      if (take_password) options.password = Secret(option->val);
    } else {
      options.parameters.emplace_back(option->keyword, option->val);
    }
  }
  return {};
}

}  // namespace

Result<SessionOptions> session_options(std::map<std::string, std::string> const& settings, Secret password) {
  SessionOptions options;
  options.password = std::move(password);
  auto setting = [&settings](std::string_view key) {
    auto const found = settings.find(std::string(key));
    return found == settings.end() ? std::string() : found->second;
  };
  if (std::string const uri = setting("uri"); !uri.empty()) {
    WEIR_DO(read_uri(uri, options, options.password.empty()));
  }
  for (auto const& [word, keyword] : kWords) {
    std::string const value = setting(word);
    if (value.empty()) continue;
    std::erase_if(options.parameters, [key = keyword](auto const& parameter) { return parameter.first == key; });
    options.parameters.emplace_back(keyword, value);
  }
  if (std::string const text = setting("login_timeout"); !text.empty()) {
    auto const time = parse_duration(text);
    if (!time)
      return Error(ErrorKind::Config, fmt::format("\"{}\" is no duration", text)).next("write it like 15s or 2min");
    auto const seconds = std::chrono::ceil<std::chrono::seconds>(*time).count();
    options.connect_timeout_s = static_cast<int>(std::clamp<std::int64_t>(seconds, 1, 3600));
  }
  return options;
}

}  // namespace weir::pg
