#include <fmt/format.h>

#include "base/text.h"
#include "source/sqlserver.h"

namespace weir::source {
namespace {

// One pass over the settings that are known, each with the first thing that is wrong about it.
class Reader {
 public:
  explicit Reader(std::map<std::string, std::string> const& settings) : settings_(&settings) {}

  std::string const* find(char const* key) const {
    auto const found = settings_->find(key);
    return found == settings_->end() ? nullptr : &found->second;
  }
  void text(char const* key, std::string& value) const {
    if (auto const* const given = find(key)) value = *given;
  }
  template <typename T>
  Status choice(char const* key, T& value, std::initializer_list<std::pair<char const*, T>> choices) const {
    auto const* const given = find(key);
    if (!given) return {};
    std::vector<std::string> names;
    for (auto const& [name, meaning] : choices) {
      if (equals_ignoring_case(*given, name)) return value = meaning, Status();
      names.emplace_back(name);
    }
    return wrong(key, *given, "one of: " + join(names, ", "));
  }
  Status flag(char const* key, bool& value) const {
    return choice(key, value,
                  {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false}});
  }
  Status number(char const* key, int& value, int least, int most) const {
    auto const* const given = find(key);
    if (!given) return {};
    auto const number = parse_int(*given);
    if (!number || *number < least || *number > most)
      return wrong(key, *given, fmt::format("a number from {} to {}", least, most));
    return value = static_cast<int>(*number), Status();
  }
  Status seconds(char const* key, std::chrono::seconds& value) const {
    auto const* const given = find(key);
    if (!given) return {};
    auto const plain = parse_int(*given);
    auto const time = plain ? std::chrono::seconds(*plain) : parse_duration(*given).value_or(std::chrono::seconds(-1));
    if (time < std::chrono::seconds(1)) return wrong(key, *given, "at least one second: 30s, 5min");
    return value = std::chrono::ceil<std::chrono::seconds>(time), Status();
  }

 private:
  static Error wrong(char const* key, std::string const& given, std::string const& expected) {
    return Error(ErrorKind::Config, fmt::format("\"{}\" cannot be the value of `{}`", given, key))
        .next("write " + expected);
  }
  std::map<std::string, std::string> const* settings_;
};

}  // namespace

std::string SqlServerOptions::text() const {
  std::string const login = kerberos ? std::string("the Kerberos ticket") : user;
  return fmt::format("SQL Server {} at {}:{} as {}", database, host, port, login);
}

Result<SqlServerOptions> sqlserver_options(std::map<std::string, std::string> const& settings, Secret password) {
  SqlServerOptions options;
  options.password = std::move(password);
  Reader const reader(settings);
  reader.text("host", options.host);
  reader.text("instance", options.instance);
  reader.text("certificate_host", options.certificate_host);
  reader.text("database", options.database);
  reader.text("user", options.user);
  reader.text("ca_file", options.ca_file);
  reader.text("driver", options.driver);
  reader.text("realm", options.realm);
  reader.text("server_spn", options.server_spn);
  WEIR_DO(reader.number("port", options.port, 1, 65535));
  WEIR_DO(reader.choice<Encrypt>("encrypt", options.encrypt,
                                 {{"off", Encrypt::Off},
                                  {"no", Encrypt::Off},
                                  {"false", Encrypt::Off},
                                  {"optional", Encrypt::Optional},
                                  {"mandatory", Encrypt::Require},
                                  {"require", Encrypt::Require},
                                  {"true", Encrypt::Require},
                                  {"strict", Encrypt::Strict}}));
  WEIR_DO(reader.flag("trust_server_certificate", options.trust_certificate));
  WEIR_DO(
      reader.choice<bool>("application_intent", options.read_only_intent, {{"ReadOnly", true}, {"ReadWrite", false}}));
  WEIR_DO(reader.number("packet_size", options.packet_size, 512, 32767));
  WEIR_DO(reader.seconds("login_timeout", options.login_timeout));
  WEIR_DO(reader.seconds("stall_timeout", options.stall_timeout));
  WEIR_DO(reader.seconds("lock_timeout", options.lock_timeout));
  WEIR_DO(reader.choice<bool>("auth", options.kerberos, {{"integrated", true}, {"password", false}}));
  WEIR_DO(reader.choice<CursorClock>("cursor_clock", options.cursor_clock,
                                     {{"local", CursorClock::Local}, {"utc", CursorClock::Utc}}));
  if (options.database.empty())
    return Error(ErrorKind::Config, "the endpoint has no `database`").next("add the database's name: database: Core");
  if (!options.kerberos && options.user.empty())
    return Error(ErrorKind::Config, "the endpoint has no `user`").next("add user and password, or auth: integrated");
  return options;
}

}  // namespace weir::source
