#include "runner/world.h"

#include <atomic>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "sql/name.h"

namespace weir::cases {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(60);
constexpr char const* kLoader = "loader";

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return replace_all(std::move(text), "-", "_");
}

// Each statement by itself: CREATE DATABASE cannot share a transaction.
Status run_as_superuser(Site const& site, std::vector<std::string> const& statements) {
  WEIR_TRY(auto session, SqlSession::connect(site.conninfo("postgres", site.superuser)));
  for (auto const& sql : statements) {
    WEIR_TRY(auto const answer, session.run(sql, std::chrono::seconds(60)));
    if (answer.failed) return Error(ErrorKind::Sql, answer.text);
  }
  return {};
}

// The port of `... 127.0.0.1:PORT ...`, the first line that weir-tds writes.
std::string port_in(std::string const& output) {
  constexpr std::string_view kHost = "127.0.0.1:";
  auto const at = output.find(kHost);
  if (at == std::string::npos || output.find('\n', at) == std::string::npos) return "";
  auto const begin = at + kHost.size();
  return output.substr(begin, output.find_first_not_of("0123456789", begin) - begin);
}

}  // namespace

std::string Site::conninfo(std::string const& database, std::string const& user) const {
  return fmt::format(
      "host='{}' port={} dbname='{}' user='{}' application_name=case connect_timeout=30 client_encoding=UTF8", host,
      port, database, user);
}

World::World(Site const& site, int number)
    : site_(site),
      number_(number),
      database_(fmt::format("case_{}", number)),
      folder_(site.temp / std::to_string(number)) {}

Status World::create_database(std::string const& template_database) const {
  return run_as_superuser(site_, {fmt::format("CREATE DATABASE {} TEMPLATE {}", database_, template_database),
                                  fmt::format("GRANT CREATE ON DATABASE {} TO {}", database_, kLoader)});
}

Result<std::unique_ptr<World>> World::create(Site const& site, std::string const& template_database) {
  static std::atomic<int> next_number = 1;
  std::unique_ptr<World> world(new World(site, next_number++));
  std::error_code failed;
  std::filesystem::create_directories(world->work(), failed);
  std::filesystem::create_directories(world->folder_ / "home", failed);
  std::filesystem::create_directories(world->folder_ / "tmp", failed);
  if (failed) return Error(ErrorKind::Internal, "could not make the case's folders: " + failed.message());
  world->environment_ = site.environment;
  world->environment_["PATH"] = site.bin.string() + ":/usr/bin:/bin";
  world->environment_["HOME"] = world->folder_ / "home";
  world->environment_["WEIR_ACTOR"] = "tester";
  world->environment_["TMPDIR"] = world->folder_ / "tmp";
  world->environment_["LC_ALL"] = "C.UTF-8";
  world->environment_["TZ"] = "UTC";
  world->environment_["ROOT"] = site.root;
  world->environment_["WAREHOUSE_HOST"] = site.host;
  world->environment_["WAREHOUSE_PORT"] = std::to_string(site.port);
  world->environment_["WAREHOUSE_DATABASE"] = world->database_;
  world->environment_["WAREHOUSE"] = site.conninfo(world->database_, site.superuser);
  WEIR_DO(world->create_database(template_database));
  return world;
}

Result<std::unique_ptr<World>> World::copy() const {
  WEIR_TRY(auto world, create(site_, database_));
  std::error_code failed;
  for (auto const* part : {"work", "home"})
    std::filesystem::copy(folder_ / part, world->folder_ / part,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing |
                              std::filesystem::copy_options::copy_symlinks,
                          failed);
  if (failed) return Error(ErrorKind::Internal, "could not copy the case's folder: " + failed.message());
  for (auto const& [name, value] : environment_) world->environment_.emplace(name, value);
  return world;
}

World::~World() {
  sessions.clear();
  processes.clear();
  auto const dropped = run_as_superuser(site_, {fmt::format("DROP DATABASE IF EXISTS {} (FORCE)", database_)});
  if (!dropped.ok()) fmt::print(stderr, "could not drop {}: {}\n", database_, dropped.error().to_text());
  std::error_code ignored;  // the whole temp folder goes at the end
  std::filesystem::remove_all(folder_, ignored);
}

Replacements World::replacements() const {
  return {{work().string(), "<work>"},
          {folder_.string(), "<case>"},
          {site_.host, "<socket>"},
          {site_.root.string(), "<root>"},
          {database_, "<database>"}};
}

Result<SqlSession> World::connect(std::string const& user) const {
  return SqlSession::connect(site_.conninfo(database_, user));
}

Result<Process> World::start(std::vector<std::string> words, std::map<std::string, std::string> const& more) {
  Command command{.words = std::move(words),
                  .environment = environment_,
                  .folder = work(),
                  .output = folder_ / fmt::format("output-{}", outputs_++)};
  for (auto const& [name, value] : more) command.environment[name] = value;
  return Process::start(command);
}

Status World::start_source(std::string const& name, std::filesystem::path const& description) {
  processes.erase(name);
  WEIR_TRY(auto process, start({"weir-tds", "--database", description.string(), "--user", "weir", "--password-env",
                                "SOURCE_PASSWORD"}));
  auto const deadline = std::chrono::steady_clock::now() + kStartLimit;
  std::string port;
  while ((port = port_in(process.output_so_far())).empty()) {
    auto const time_is_over = std::chrono::steady_clock::now() > deadline;
    if (time_is_over || process.has_ended()) {
      auto const end = process.wait(std::chrono::seconds(0));
      return Error(ErrorKind::Unavailable, fmt::format("source \"{}\" did not start", name)).cause(end.out + end.err);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // between two looks, until the deadline
  }
  environment_[upper(name) + "_PORT"] = port;
  processes.emplace(name, std::move(process));
  return {};
}

}  // namespace weir::cases
