#include "app/job_state.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/version.h"
#include "app/wiring.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/test_hooks.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/token.h"
#include "http/server.h"
#include "jobs/postgres.h"
#include "jobs/sqlite.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostBodyBytes = 256U << 20;  // a report has a line for each table or model
constexpr char const* kDoorFile = "serve.json";

bool is_alive(std::int64_t pid) {
  return pid > 0 && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

// The channels that weir.yml says for the job; of what belongs to no job (any more), those of the default alert.
std::vector<std::string> audience_of(config::Config const& config, std::string const& job, std::string_view topic) {
  auto const known = config.jobs.find(job);
  auto const alert = config.alerts.find(known == config.jobs.end() ? "default" : known->second.alert);
  if (alert == config.alerts.end()) return {};
  for (auto const occasion : alert->second.on)
    if (config::occasion_name(occasion) == topic) return alert->second.to;
  return {};
}

// What an earlier weir wrote is copied before its schema is changed.
Status back_up_before_migration(jobs::Database& database, std::filesystem::path const& folder) {
  WEIR_TRY(bool const is_behind, jobs::Store::is_behind(database));
  if (!is_behind) return {};
  auto const file = folder / "backups" / fmt::format("before-migration-{}.db", compact_time(system_clock().now()));
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  WEIR_DO(jobs::back_up_sqlite(database, file));
  log_info("the state is of an earlier weir and is brought up to date; a copy of it is in {}", file.string());
  return {};
}

// This machine's commands may all: whoever reads their door's token can read and write the state itself.
server::Caller local_caller(std::string name) {
  return server::Caller{server::Role::Admin, std::move(name), {}, {}};
}

}  // namespace

// Answers for the state, as long as it lives.
class JobState::Doorway {
 public:
  static Result<std::unique_ptr<Doorway, void (*)(Doorway*)>> open(std::filesystem::path const& folder,
                                                                   server::Api& api, bool serves) {
    std::unique_ptr<Doorway, void (*)(Doorway*)> door(new Doorway(folder / kDoorFile, api),
                                                      [](Doorway* one) { delete one; });
    http::CallServing serving;
    serving.most_body_bytes = kMostBodyBytes;
    WEIR_TRY(door->listening_,
             http::listen(serving, [one = door.get()](http::Call const& call) { return one->answer(call); }));
    Json const about{
        {"port", door->listening_->port()}, {"token", door->token_}, {"pid", getpid()}, {"serves", serves}};
    WEIR_DO(write_file(door->file_, about.dump() + "\n", 0600));
    return door;
  }
  ~Doorway() {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

 private:
  Doorway(std::filesystem::path file, server::Api& api)
      : file_(std::move(file)), api_(api), token_(server::new_token()) {
    register_secret(token_);
  }

  http::Answer answer(http::Call const& call) {
    auto const said = call.headers.find("authorization");
    if (said == call.headers.end() || !same_token(said->second, "Bearer " + token_))
      return http::Answer{401, R"({"error":{"kind":"denied","message":"the token is missing or wrong"}})"};
    auto const actor = call.headers.find("x-weir-actor");
    server::Request request{call.method, call.path, call.query, call.body,
                            local_caller(actor == call.headers.end() ? "" : actor->second)};
    auto const made = api_.handle(request);
    return http::Answer{made.status, made.body};
  }

  std::filesystem::path file_;
  server::Api& api_;
  std::string token_;
  std::unique_ptr<http::Listening> listening_;
};

Result<std::unique_ptr<jobs::Database>> JobState::open_database(config::Config const& config, bool checks_all) {
  is_shared_ = !config.state_endpoint.empty();
  if (is_shared_) {
    WEIR_TRY(auto session, session_options(config, config.endpoints.at(config.state_endpoint)));
    session.application_name += " state";
    address_ = session.text();
    return jobs::open_postgres({std::move(session), config.state_schema});
  }
  address_ = folder_.string();
  WEIR_TRY(auto database, jobs::open_sqlite(folder_ / "state.db", system_clock(), checks_all));
  WEIR_DO(back_up_before_migration(*database, folder_));
  return database;
}

Result<JobState> JobState::open_here(Context& context, bool checks_all) {
  WEIR_TRY(auto const* config, context.config());
  JobState state;
  state.folder_ = config->state_folder;
  state.worker_ = jobs::new_worker();
  WEIR_TRY(auto database, state.open_database(*config, checks_all));
  state.config_ = std::make_unique<config::Current>(*config);
  state.recorder_ = std::make_unique<incident::Recorder>(
      config->root.filename().string(),
      [current = state.config_.get()](auto const& job, auto topic) { return audience_of(current->get(), job, topic); });
  WEIR_TRY(state.store_, jobs::Store::open(std::move(database), "weir", state.recorder_.get()));
  state.api_ = std::make_unique<server::Api>(*state.store_, *state.config_, state.folder_, system_clock());
  return state;
}

std::optional<JobState::Remote> JobState::find_remote(std::filesystem::path const& folder) {
  auto const text = read_file(folder / kDoorFile);
  if (!text.ok()) return std::nullopt;
  auto const json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Remote remote{json.value("port", 0), json.value("token", ""), json.value("pid", std::int64_t{0}),
                json.value("serves", false)};
  register_secret(remote.token);
  return is_alive(remote.pid) ? std::optional(remote) : std::nullopt;
}

Result<JobState> JobState::open(Context& context) {
  auto here = open_here(context, false);
  if (here.ok() || here.error().kind() != ErrorKind::Busy) return here;
  WEIR_TRY(auto const* config, context.config());
  auto remote = config->state_endpoint.empty() ? find_remote(config->state_folder) : std::nullopt;
  if (!remote) return here;
  JobState state;
  state.folder_ = config->state_folder;
  state.remote_ = std::move(remote);
  return state;
}

Result<JobState> JobState::take(Context& context, bool serves) {
  auto state = open_here(context, true);
  if (!state.ok()) {
    WEIR_TRY(auto const* config, context.config());
    auto const remote = config->state_endpoint.empty() ? find_remote(config->state_folder) : std::nullopt;
    if (state.error().kind() == ErrorKind::Busy && remote)
      state.error().cause(fmt::format("pid {}, {}, has it", remote->pid, remote->serves ? "weir serve" : "weir run"));
    return state;
  }
  WEIR_DO(state->store_->meet_worker(
      {state->worker_, jobs::host_name(), getpid(), std::string(kVersion), (state->folder_ / "logs").string()}));
  // A state that belongs to one program at a time: who ran these is gone. Else their leases tell.
  WEIR_TRY(auto const lost, state->store_->expire(0, state->is_shared_ ? std::nullopt : std::optional(state->worker_)));
  for (auto const job : lost) log_info("job {} was left running by a weir that went away", job);
  if (state->is_shared_) return state;
  WEIR_TRY(state->doorway_, Doorway::open(state->folder_, *state->api_, serves));
  return state;
}

jobs::RunnerOptions JobState::runner_options() const {
  jobs::RunnerOptions options;
  options.worker = worker_;
  options.logs = folder_ / "logs";
  if (auto const lease = test_lease(); lease.count() > 0) options.lease = lease, options.look = lease / 20;
  return options;
}

Result<nlohmann::ordered_json> JobState::ask(server::Request request) {
  server::Response response;
  if (api_) {
    response = api_->handle(request);
  } else {
    http::Call call{request.method, request.path, request.query, {}, request.body};
    call.headers = {{"Authorization", "Bearer " + remote_->token}, {"X-Weir-Actor", request.caller.name}};
    auto answer = http::call_local(remote_->port, call);
    if (!answer.ok())
      return std::move(answer).error().context(
          fmt::format("asking the weir with pid {}, which has the state", remote_->pid));
    response = server::Response{answer->status, std::move(answer->body)};
  }
  if (response.status != 200) return server::error_of(response);
  auto json = Json::parse(response.body, nullptr, false);
  if (json.is_discarded()) return Error(ErrorKind::Internal, "an answer of the API is no JSON");
  return json;
}

Result<nlohmann::ordered_json> JobState::get(std::string path, std::map<std::string, std::string> query) {
  return ask(server::Request{"GET", std::move(path), std::move(query), {}, local_caller(person())});
}

Result<nlohmann::ordered_json> JobState::post(std::string path, Json const& body) {
  return ask(server::Request{"POST", std::move(path), {}, body.dump(), local_caller(person())});
}

std::string person() {
  if (char const* const said = std::getenv("WEIR_ACTOR"); said != nullptr && *said != 0) return said;
  std::array<char, 4096> buffer{};
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.pw_name;
  return fmt::format("uid {}", getuid());
}

Result<JobReference> parse_job_reference(std::string const& text) {
  std::string_view rest = text;
  if (auto const hash = rest.find('#'); hash != std::string_view::npos) rest.remove_prefix(hash + 1);
  auto const dot = rest.find('.');
  auto const job = parse_int(rest.substr(0, dot));
  auto const attempt = dot == std::string_view::npos ? std::optional<std::int64_t>(1) : parse_int(rest.substr(dot + 1));
  if (!job || *job < 1 || !attempt || *attempt < 1 || *attempt > 1'000'000)
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is not the number of a job", text))
        .next("4552, nightly#4552, or with an attempt 4552.3; weir job ls lists the numbers");
  JobReference reference{*job, {}};
  if (dot != std::string_view::npos) reference.attempt = static_cast<int>(*attempt);
  return reference;
}

Result<config::Job const*> find_job(Context& context, std::string const& name) {
  WEIR_TRY(auto const* config, context.config());
  return server::find_job(*config, name);
}

}  // namespace weir::app
