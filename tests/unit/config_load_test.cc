#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "config/keys.h"

namespace weir::config {
namespace {

constexpr char const* kEndpoints = R"(
warehouses:
  wh: { host: localhost, database: dwh, user: weir, password: "${env:WH_PASSWORD}" }
sources:
  core: { kind: sqlserver, host: core.example, database: Core, user: weir, password: "${cred:core}" }
)";

class Project {
 public:
  Project(std::string_view weir, std::string_view endpoints = kEndpoints)
      : folder_(TempFolder::create("weir-test-").value()) {
    put("weir.yml", weir);
    if (!endpoints.empty()) put("endpoints.yml", endpoints);
  }
  void put(std::string const& name, std::string_view text) {
    ASSERT_TRUE(write_file(folder_.path() / name, text, 0600).ok());
  }
  std::filesystem::path const& path() const { return folder_.path(); }
  Config loaded() const {
    auto config = load(folder_.path());
    EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().to_text());
    return config.ok() ? std::move(config).value() : Config();
  }
  std::string error() const {
    auto config = load(folder_.path());
    EXPECT_FALSE(config.ok());
    return config.ok() ? "" : config.error().to_text();
  }

 private:
  TempFolder folder_;
};

std::string connection(std::string_view more) {
  return fmt::format("connections:\n  core:\n    from: core\n    into: sync_core\n{}", indent(more, 4));
}

TEST(ConfigLoad, TheSmallestFile) {
  Project project("connections:\n  core: { from: core, into: sync_core, tables: [dbo.Country] }\n");
  Config const config = project.loaded();
  ASSERT_TRUE(config.connections.contains("core"));
  Connection const& core = config.connections.at("core");
  EXPECT_EQ(core.to, "wh");
  EXPECT_EQ(core.into, "sync_core");
  ASSERT_EQ(core.tables.size(), 1U);
  EXPECT_EQ(core.tables[0].pattern, "dbo.Country");
  EXPECT_EQ(core.tables[0].place.text(), "weir.yml:2:49");
  EXPECT_EQ(core.attempts, 5);
  EXPECT_EQ(config.endpoints.at("core").kind, EndpointKind::SqlServer);
  EXPECT_EQ(config.endpoints.at("core").settings.at("password"), "${cred:core}");
}

TEST(ConfigLoad, FilesAreFoundFromAFolderBelow) {
  Project project(connection("tables: '*'"));
  std::filesystem::create_directories(project.path() / "a/b");
  auto config = load(project.path() / "a/b");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(std::filesystem::canonical(config->root), std::filesystem::canonical(project.path()));
}

TEST(ConfigLoad, EveryKeyReachesItsRecord) {
  // Each key of a stream is given its example; the record must differ from the default one.
  auto dump = [](StreamOptions const& o) {
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", int(o.mode), o.cursor,
                       join(o.key, ","), o.lag.count(), o.method, o.dropped_column, o.retyped_column, o.shrink_guard,
                       o.guard_min_rows, o.empty_ok, int(o.metadata), o.detect_deletes, join(o.columns, ","),
                       join(o.exclude_columns, ","), o.nul, o.surrogate, o.code_page, o.trim_char, o.keep_offset,
                       o.fail_on_truncated_time, o.target_name, o.fresh_warn.count(), o.fresh_error.count());
  };
  std::string const plain = dump(StreamOptions());
  std::function<void(std::span<Key const>, std::string)> walk = [&](std::span<Key const> keys,
                                                                    std::string const& open) {
    for (auto const& key : keys) {
      if (!key.children.empty()) {
        walk(key.children, open + std::string(key.name) + ": {");
        continue;
      }
      ASSERT_FALSE(key.example.empty()) << key.name;
      std::string const value = open + std::string(key.name) + ": " + std::string(key.example) +
                                std::string(size_t(std::count(open.begin(), open.end(), '{')), '}');
      Project in_table(connection("tables: { dbo.Country: { " + value + " } }"));
      ASSERT_EQ(in_table.loaded().connections.at("core").tables.size(), 1U) << value;
      EXPECT_NE(dump(in_table.loaded().connections.at("core").tables[0].options), plain) << value;
      Project in_defaults(connection("tables: [dbo.Country]\ndefaults: { " + value + " }"));
      EXPECT_NE(dump(in_defaults.loaded().connections.at("core").tables[0].options), plain) << value;
    }
  };
  walk(stream_keys(), "");
}

TEST(ConfigLoad, AlertsAndTheirChannels) {
  Project project(
      "connections:\n  core: { from: core, into: sync_core, tables: [dbo.Country] }\n"
      "alerts:\n  default: { to: chat }\n  people: { to: [chat, mail], on: [late, failed] }\n"
      "jobs:\n  a: { steps: [{ sync: core }] }\n  b: { steps: [{ sync: core }], alert: people }\n"
      "  c: { steps: [{ sync: core }], alert: none }\n",
      std::string(kEndpoints) +
          "channels:\n  chat: { kind: slack, url: \"${env:WEIR_TEST_URL}\", channel: \"#data\", allow: 10.0.0.0/8 }\n"
          "  mail: { kind: email, host: mail.corp, from: a@corp.example, to: [b@corp.example, \"${env:WEIR_TEST_TO}\"] "
          "}\n");
  Config const config = project.loaded();
  EXPECT_EQ(config.jobs.at("a").alert, "default");
  EXPECT_EQ(config.jobs.at("b").alert, "people");
  EXPECT_EQ(config.jobs.at("c").alert, "");
  EXPECT_TRUE(config.alerts.at("default").tells(Occasion::Held));
  EXPECT_EQ(config.alerts.at("people").to, (std::vector<std::string>{"chat", "mail"}));
  EXPECT_EQ(config.alerts.at("people").on, (std::vector<Occasion>{Occasion::Failed, Occasion::Late}));
  EXPECT_FALSE(config.alerts.at("people").tells(Occasion::Recovered));

  auto const& chat = config.channels.at("chat");
  EXPECT_EQ(chat.kind, ChannelKind::Slack);
  EXPECT_EQ(chat.settings.at("url"), "${env:WEIR_TEST_URL}");
  setenv("WEIR_TEST_URL", "https://hooks.slack.com/services/canary-path", 1);
  setenv("WEIR_TEST_TO", "c@corp.example", 1);
  EXPECT_EQ(config.setting(chat, "url").value(), "https://hooks.slack.com/services/canary-path");
  EXPECT_EQ(redact("to https://hooks.slack.com/services/canary-path"), "to ***");
  EXPECT_EQ(config.setting(chat, "channel").value(), "#data");
  EXPECT_EQ(config.setting(chat, "ca_file").value(), "");
  EXPECT_EQ(config.list(chat, "allow").value(), std::vector<std::string>{"10.0.0.0/8"});
  EXPECT_EQ(config.list(config.channels.at("mail"), "to").value(),
            (std::vector<std::string>{"b@corp.example", "c@corp.example"}));
  unsetenv("WEIR_TEST_TO");
  EXPECT_EQ(config.list(config.channels.at("mail"), "to").error().where(), "endpoints.yml:8:67");
}

TEST(ConfigLoad, ATablesOptionsWinOverDefaults) {
  Project project(
      connection("defaults: { guard: { shrink: 10%, min_rows: 7 }, method: merge }\n"
                 "tables:\n  dbo.Country: { guard: { shrink: 90% } }\n  dbo.*: \n  dbo.Log*: false\n"));
  Connection const core = project.loaded().connections.at("core");
  StreamPattern const* country = pattern_for(core, "dbo.Country");
  ASSERT_NE(country, nullptr);
  EXPECT_DOUBLE_EQ(country->options.shrink_guard, 0.9);
  EXPECT_EQ(country->options.guard_min_rows, 7U);
  EXPECT_EQ(country->options.method, "merge");
  EXPECT_DOUBLE_EQ(pattern_for(core, "dbo.Currency")->options.shrink_guard, 0.1);
  EXPECT_EQ(pattern_for(core, "dbo.LogEntry"), nullptr);
  EXPECT_EQ(pattern_for(core, "other.Country"), nullptr);
}

TEST(ConfigErrors, AllMistakesOfAFileAtOnce) {
  Project project(
      "connections:\n"
      "  core:\n"
      "    from: cor\n"
      "    into: sync_core\n"
      "    tabels: [dbo.Country]\n"
      "    workers: many\n"
      "    isolation: snapshoot\n");
  EXPECT_EQ(project.error(),
            "error: weir.yml has 5 mistakes\n"
            "  where: weir.yml:2:3: key \"tables\" is missing in connection \"core\"; add tables: [dbo.Country]\n"
            "           2 |   core:\n"
            "             |   ^^^^\n"
            "         weir.yml:3:11: endpoint \"cor\" does not exist; did you mean \"core\"?\n"
            "           3 |     from: cor\n"
            "             |           ^^^\n"
            "         weir.yml:5:5: key \"tabels\" does not exist in connection \"core\"; did you mean \"tables\"?\n"
            "           5 |     tabels: [dbo.Country]\n"
            "             |     ^^^^^^\n"
            "         weir.yml:6:14: \"workers\" takes a whole number from 0, not \"many\"\n"
            "           6 |     workers: many\n"
            "             |              ^^^^\n"
            "         weir.yml:7:16: \"isolation\" is \"auto\", \"snapshot\", \"read_committed\" or "
            "\"read_uncommitted\", not \"snapshoot\"; did "
            "you mean \"snapshot\"?\n"
            "           7 |     isolation: snapshoot\n"
            "             |                ^^^^^^^^^\n"
            "  next: correct them, then run weir config check");
}

TEST(ConfigErrors, TypesAndMeanings) {
  struct Row {
    char const* yaml;
    char const* says;
  };
  for (auto const& row : {
           Row{"tables: ['*']\nguard: 1", "key \"guard\" does not exist in connection \"core\""},
           Row{"tables: ['*']\ndefaults: { guard: 1 }",
               "\"guard\" takes a mapping (key: value), and this is a whole number"},
           Row{"tables: ['*']\ndefaults: { guard: { shrink: 150% } }",
               "\"shrink\" takes a percentage, such as 50%, not \"150%\""},
           Row{"tables: ['*']\ndefaults: { lag: 5 }", "\"lag\" takes a duration, such as 30s, 15min or 6h, not \"5\""},
           Row{"tables: ['*']\ndefaults: { detect_deletes: maybe }",
               "\"detect_deletes\" takes true or false, not \"maybe\""},
           Row{"tables: ['*']\nto: warehouse", "warehouse \"warehouse\" does not exist"},
           Row{"tables: []", "connection \"core\" names no table"},
           Row{"tables: { dbo.A: 5 }",
               "table \"dbo.A\" takes options (key: value), nothing or false, and this is a whole number"},
           Row{"tables: { 'dbo.*': { as: x } }", "pattern \"dbo.*\" would give several tables the name \"x\""},
           Row{"tables: [dbo.A, dbo.A]", "table \"dbo.A\" is named twice"},
           Row{"tables: ['*']\nworkers: 0", "\"workers\" must be at least 1"},
           Row{"tables: ['*']\nprefix: ${env:X}", "references are only read in endpoints.yml"},
           Row{"tables: { dbo.A: { columns: [a], exclude_columns: [b] } }", "has both columns and exclude_columns"},
       })
    EXPECT_NE(Project(connection(row.yaml)).error().find(row.says), std::string::npos)
        << Project(connection(row.yaml)).error();
  EXPECT_NE(Project("connections: { core: { from: core, into: weir, tables: ['*'] } }")
                .error()
                .find("is not for tables of yours"),
            std::string::npos);
  EXPECT_NE(Project("[1]").error().find("the file must hold a mapping"), std::string::npos);
  EXPECT_NE(Project("connections: { 'a b': {from: core, into: x, tables: ['*']} }")
                .error()
                .find("cannot be the name of a connection"),
            std::string::npos);
  EXPECT_NE(Project("version: 2").error().find("\"version\" is \"1\", not \"2\""), std::string::npos);
}

TEST(ConfigErrors, AWarehouseMustBeKnown) {
  Project two("connections: { core: { from: core, into: x, tables: ['*'] } }",
              "warehouses: { a: { host: x }, b: { host: y } }\nsources: { core: { kind: odbc, dsn: z } }");
  EXPECT_NE(two.error().find("connection \"core\" has no warehouse"), std::string::npos);
  Project named("warehouse: b\nconnections: { core: { from: core, into: x, tables: ['*'] } }",
                "warehouses: { a: { host: x }, b: { host: y } }\nsources: { core: { kind: odbc, dsn: z } }");
  EXPECT_EQ(named.loaded().connections.at("core").to, "b");
}

TEST(ConfigErrors, EndpointsSayWhatDoesNotBelong) {
  auto error = [](std::string const& endpoints) { return Project("version: 1", endpoints).error(); };
  EXPECT_NE(error("sources: { a: { kind: sqlserver, host: h, sslmode: require } }")
                .find("\"sslmode\" does not belong to an endpoint of kind sqlserver"),
            std::string::npos);
  EXPECT_NE(error("sources: { a: { host: h } }").find("key \"kind\" is missing"), std::string::npos);
  EXPECT_NE(error("warehouses: { a: { kind: odbc, dsn: h } }").find("a warehouse is of kind postgres"),
            std::string::npos);
  EXPECT_NE(error("sources: { a: { kind: sqlserver } }").find("has no address"), std::string::npos);
  EXPECT_NE(error("sources: { a: { kind: odbc, dsn: x } }\nwarehouses: { a: { host: x } }")
                .find("is both a warehouse and a source"),
            std::string::npos);
  EXPECT_NE(error("warehouses: { a: { host: x, dbname: y, database: z } }").find("is another name of"),
            std::string::npos);
}

TEST(ConfigSecrets, APasswordThatIsWrittenOutIsRefusedAndNeverShown) {
  for (std::string const endpoints : {
           "warehouses:\n  wh: { host: h, password: Canary-7261 }\n",
           "warehouses:\n  wh: { host: h, pasword: Canary-7261 }\n",
           "warehouses:\n  wh: { password: Canary-7261, hots: h }\n",
           "warehouses:\n  wh:\n    host: h\n    password: \"pre${env:X}Canary-7261\"\n",
           "warehouses:\n  wh: { uri: \"postgresql://weir:Canary-7261@h/db\" }\n",
           "warehouses:\n  wh: { uri: \"postgresql://h/db?password=Canary-7261\" }\n",
           "sources:\n  a: { kind: odbc, dsn: x, connection: \"UID=a;PWD=Canary-7261;\" }\n",
           "warehouses:\n  wh: { host: h, password: [Canary-7261] }\n",
           "warehouses:\n  wh: Canary-7261\n",
           "warehouses:\n  wh:\n    host: h\n    password: Canary-7261\n   wrong indent: x\n",
       }) {
    std::string const text = Project("version: 1", endpoints).error();
    EXPECT_EQ(text.find("Canary"), std::string::npos) << text;
  }
  EXPECT_NE(Project("version: 1", "warehouses:\n  wh: { host: h, password: Canary-7261 }\n")
                .error()
                .find("holds a password that is written out"),
            std::string::npos);
  Project fine("version: 1", "warehouses:\n  wh: { uri: \"postgresql://${env:A}:${file:/run/x}@h/db\" }\n");
  EXPECT_TRUE(fine.loaded().endpoints.contains("wh"));
}

TEST(ConfigReferences, ResolveAtUse) {
  Project project("version: 1", "");
  project.put("secret.txt", "from a file\n");
  setenv("WEIR_TEST_VALUE", "from the environment", 1);
  setenv("CREDENTIALS_DIRECTORY", project.path().c_str(), 1);
  Place const place{"endpoints.yml", 3, 4};
  auto resolved = [&](std::string const& text) {
    auto value = resolve(text, project.path(), place);
    return value.ok() ? *value : value.error().to_text();
  };
  EXPECT_EQ(resolved("a ${env:WEIR_TEST_VALUE} b"), "a from the environment b");
  EXPECT_EQ(resolved("${file:secret.txt}"), "from a file");
  EXPECT_EQ(resolved("${cred:secret.txt}"), "from a file");
  EXPECT_EQ(resolved("$${env:X}"), "${env:X}");
  EXPECT_EQ(resolved("${env:WEIR_TEST_MISSING}"),
            "error: environment variable \"WEIR_TEST_MISSING\" is not set\n  where: endpoints.yml:3:4\n"
            "  next: set WEIR_TEST_MISSING, or refer to a file or a credential instead");
  EXPECT_NE(resolved("${cred:../x}").find("cannot be a credential's name"), std::string::npos);
  EXPECT_NE(resolved("${file:nothing}").find("could not read"), std::string::npos);
  EXPECT_NE(resolved("${vault:x}").find("is not a kind of reference"), std::string::npos);
  EXPECT_NE(resolved("${env:X").find("is not closed"), std::string::npos);
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_NE(resolved("${cred:x}").find("CREDENTIALS_DIRECTORY is not set"), std::string::npos);
}

TEST(ConfigDbtProfile, GivesConnectionValues) {
  Project project("version: 1", "");
  project.put("profiles.yml",
              "analytics:\n  target: dev\n  outputs:\n"
              "    dev: {type: postgres, host: localhost, port: 5433, user: me, pass: \"{{ env_var('PW') }}\", dbname: "
              "dev_db, schema: s}\n"
              "    prod: {type: postgres, host: wh, user: \"{{ env_var('U', 'loader') }}\", password: x, dbname: dwh, "
              "schema: s}\n"
              "    lake: {type: duckdb}\n");
  auto const dev = read_dbt_profile("analytics", project.path(), {});
  ASSERT_TRUE(dev.ok());
  EXPECT_EQ(dev->at("password"), "${env:PW}");
  EXPECT_EQ(dev->at("port"), "5433");
  EXPECT_EQ(dev->at("database"), "dev_db");
  unsetenv("U");
  EXPECT_EQ(read_dbt_profile("analytics.prod", project.path(), {})->at("user"), "loader");
  EXPECT_NE(read_dbt_profile("analytics.prd", project.path(), {}).error().to_text().find("did you mean \"prod\""),
            std::string::npos);
  EXPECT_NE(read_dbt_profile("analytics.lake", project.path(), {}).error().to_text().find("not of type postgres"),
            std::string::npos);
}

TEST(ConfigSchema, TheReferencePageIsThatOfTheProgram) {
  char const* root = getenv("WEIR_TEST_ROOT");
  auto const page = read_file(std::filesystem::path(root == nullptr ? "." : root) / "docs/reference/configuration.md");
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(*page == reference_page()) << "run: weir config schema --reference > docs/reference/configuration.md";
}

TEST(ConfigSchema, IsDraft07AndKnowsTheKeys) {
  auto const weir = nlohmann::json::parse(weir_schema());
  EXPECT_EQ(weir["$schema"], "http://json-schema.org/draft-07/schema#");
  auto const& tables = weir["properties"]["connections"]["additionalProperties"]["properties"]["tables"];
  EXPECT_TRUE(tables.contains("anyOf"));
  auto const endpoints = nlohmann::json::parse(endpoints_schema());
  EXPECT_TRUE(endpoints["properties"]["sources"]["additionalProperties"]["properties"].contains("encrypt"));
  auto const& channel = endpoints["properties"]["channels"]["additionalProperties"];
  EXPECT_EQ(channel["required"], nlohmann::json::array({"kind"}));
  EXPECT_EQ(channel["allOf"][2]["if"]["properties"]["kind"]["const"], "email");
  EXPECT_EQ(channel["allOf"][2]["then"]["required"], nlohmann::json::array({"host", "from", "to"}));
  auto const& on = weir["properties"]["alerts"]["additionalProperties"]["properties"]["on"];
  EXPECT_EQ(on["anyOf"][1]["items"]["enum"].size(), 5U);
}

}  // namespace
}  // namespace weir::config
