#include "app/demo_world.h"

#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/embedded.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "odbc/drivers.h"
#include "odbc/session.h"
#include "sql/name.h"

namespace weir::app {
namespace {

constexpr char const* kDatabase = "warehouse";
constexpr std::string_view kProject = "examples/night/";

constexpr std::string_view kWorkingDay[] = {
    "UPDATE dbo.Country SET IsSupported = 1 - IsSupported WHERE Alpha2 = 'NO'",
    "UPDATE dbo.[User] SET UpdatedAt = '2024-06-19T15:20:00' WHERE UserId <= 12",
    "DELETE FROM dbo.PaymentStatus WHERE PaymentStatusId = 6",
};

std::string random_password() {
  static constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";
  std::random_device device;
  std::string text;
  for (int i = 0; i < 20; ++i) text += kLetters[device() % kLetters.size()];
  return text;
}

}  // namespace

DemoWorld::DemoWorld(pg::PrivateCluster cluster)
    : cluster_(std::move(cluster)), project_(cluster_.folder() / "project"), password_(random_password()) {}

Result<std::unique_ptr<DemoWorld>> DemoWorld::start() {
  auto cluster = pg::PrivateCluster::start();
  if (!cluster.ok()) return std::move(cluster).error().context("starting the demo's PostgreSQL");
  std::unique_ptr<DemoWorld> world(new DemoWorld(std::move(cluster).value()));
  WEIR_DO(world->set_up());
  return world;
}

Status DemoWorld::set_up() {
  std::error_code failed;
  std::filesystem::create_directories(project_, failed);
  WEIR_DO(start_source());
  WEIR_TRY(chat_, http::listen({}, [this](http::Call const& call) {
             MutexLock lock(mutex_);
             messages_.push_back(text_at(parse_json(call.body), "text"));
             return http::Answer{200, "ok", "text/plain"};
           }));
  WEIR_DO(set_up_warehouse());
  return write_project();
}

Status DemoWorld::set_up_warehouse() const {
  WEIR_TRY(auto admin, pg::Session::connect(cluster_.options()));
  WEIR_DO(admin.execute("CREATE ROLE weir LOGIN; CREATE ROLE analyst LOGIN"));
  WEIR_DO(admin.execute(fmt::format("CREATE DATABASE {}", sql::quote_pg(kDatabase))));
  WEIR_TRY(auto owner, pg::Session::connect(cluster_.options(kDatabase)));
  WEIR_DO(owner.execute(
      fmt::format("GRANT CREATE ON DATABASE {} TO weir; CREATE SCHEMA sandbox AUTHORIZATION analyst;"
                  " CREATE SCHEMA sync_core AUTHORIZATION weir; GRANT USAGE ON SCHEMA sync_core TO analyst;"
                  " ALTER DEFAULT PRIVILEGES FOR ROLE weir IN SCHEMA sync_core GRANT SELECT ON TABLES TO analyst",
                  sql::quote_pg(kDatabase))));
  return {};
}

Status DemoWorld::write_project() const {
  for (auto const path : embedded_files(kProject)) {
    auto const target = project_ / path.substr(kProject.size());
    std::error_code failed;
    std::filesystem::create_directories(target.parent_path(), failed);
    WEIR_DO(write_file(target, embedded_file(path)));
  }
  WEIR_DO(write_file(project_ / "core_password", password_, 0600));
  WEIR_DO(write_file(project_ / "chat_url", fmt::format("http://127.0.0.1:{}/services/demo", chat_->port()), 0600));
  WEIR_DO(write_file(project_ / "endpoints.yml", endpoints_yml()));
  return write_file(project_ / "profiles.yml", profiles_yml());
}

std::string DemoWorld::endpoints_yml() const {
  return fmt::format(
      "warehouses:\n  wh: {{ host: \"{}\", port: {}, database: {}, user: weir }}\n"
      "sources:\n  core_sql: {{ kind: sqlserver, host: 127.0.0.1, port: {}, database: Core, user: weir, encrypt: "
      "\"off\", password: \"${{file:core_password}}\" }}\n"
      "channels:\n  data-alerts: {{ kind: slack, url: \"${{file:chat_url}}\", channel: \"#data-alerts\", allow: "
      "[127.0.0.1, http] }}\n",
      cluster_.folder().string(), cluster_.port(), kDatabase, source_->port());
}

std::string DemoWorld::profiles_yml() const {
  return fmt::format(
      "night:\n  target: prod\n  outputs:\n    prod: {{ type: postgres, host: \"{}\", port: {}, dbname: {}, user: "
      "weir, "
      "password: \"\", schema: dwh, threads: 1 }}\n",
      cluster_.folder().string(), cluster_.port(), kDatabase);
}

Result<pg::Session> DemoWorld::connect_as(std::string const& role) const {
  auto options = cluster_.options(kDatabase);
  for (auto& [key, value] : options.parameters)
    if (key == "user") value = role;
  return pg::Session::connect(options);
}

std::string DemoWorld::psql() const {
  return fmt::format("psql 'host={} port={} dbname={} user=analyst'", cluster_.folder().string(), cluster_.port(),
                     kDatabase);
}

void DemoWorld::stop_source() {
  source_.reset();
}

Status DemoWorld::start_source() {
  WEIR_TRY(auto source, DemoSource::start(project_ / "core", "weir", password_, source_port_));
  source_.emplace(std::move(source));
  source_port_ = source_->port();
  return {};
}

Status DemoWorld::change_source() const {
  WEIR_TRY(std::string const driver, odbc::choose_sqlserver_driver(""));
  bool const is_microsoft = driver.find("msodbcsql") != std::string::npos || driver.starts_with("ODBC Driver");
  odbc::ConnectOptions options;
  options.attributes = {{"Driver", driver}, {"UID", "weir"}, {"Database", "Core"}};
  if (is_microsoft) {
    options.attributes.emplace_back("Server", fmt::format("127.0.0.1,{}", source_->port()));
    options.attributes.emplace_back("Encrypt", "no");
  } else {
    options.attributes.emplace_back("Server", "127.0.0.1");
    options.attributes.emplace_back("Port", std::to_string(source_->port()));
    options.attributes.emplace_back("TDS_Version", "7.4");
  }
  options.password = Secret(password_);
  options.place = "the demo's SQL Server stand-in";
  WEIR_TRY(auto session, odbc::Session::connect(options));
  for (auto const statement : kWorkingDay) {
    WEIR_DO(session.execute(statement));
  }
  return {};
}

std::optional<std::string> DemoWorld::next_message() {
  MutexLock lock(mutex_);
  if (messages_.empty()) return std::nullopt;
  std::string text = std::move(messages_.front());
  messages_.pop_front();
  return text;
}

}  // namespace weir::app
