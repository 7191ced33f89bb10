#pragma once
// The state that commands about jobs ask and change. Where it is a file, one program at a time has it; while it does,
// it answers for it on a loopback port, which stands with a token in a file beside the state that its owner alone can
// read. Where it is in PostgreSQL, every program has it. Commands say the same in all cases: what they ask is a request
// of the API (server/api.h).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "app/command.h"
#include "config/current.h"
#include "incident/recorder.h"
#include "jobs/runner.h"
#include "jobs/store.h"
#include "server/api.h"

namespace weir::app {

class JobState {
 public:
  // The project's state, here or at the program that has it. Errors: Busy (that program does not answer), Config.
  static Result<JobState> open(Context& context);
  // The state itself, to carry out jobs, and answering for it where it is a file. What another program left running
  // when it went away ends as "worker lost". `serves`: jobs of others are carried out here too. Errors: Busy, with who
  // has it; Config; Unavailable.
  static Result<JobState> take(Context& context, bool serves);

  // GET with a query, POST with a body.
  Result<nlohmann::ordered_json> get(std::string path, std::map<std::string, std::string> query = {});
  Result<nlohmann::ordered_json> post(std::string path, nlohmann::ordered_json const& body);

  // Where the state is here (take()); null where another program has it.
  jobs::Store* store() { return store_.get(); }
  server::Api* api() { return api_.get(); }
  bool is_served() const { return remote_ && remote_->serves; }  // by that program
  std::filesystem::path const& folder() const { return folder_; }
  config::Current& config() { return *config_; }           // as the state's recorder and API use it; where it is here
  std::string const& address() const { return address_; }  // where the state is, for people
  // Of the worker that this start of the program is.
  jobs::RunnerOptions runner_options() const;

 private:
  struct Remote {
    int port = 0;
    std::string token;
    std::int64_t pid = 0;
    bool serves = false;
  };
  class Doorway;

  static Result<JobState> open_here(Context& context, bool checks_all);
  Result<std::unique_ptr<jobs::Database>> open_database(config::Config const& config, bool checks_all);
  static std::optional<Remote> find_remote(std::filesystem::path const& folder);
  Result<nlohmann::ordered_json> ask(server::Request request);

  std::filesystem::path folder_;
  std::string address_;
  bool is_shared_ = false;  // other programs have it too
  std::string worker_;
  std::unique_ptr<config::Current> config_;
  std::unique_ptr<incident::Recorder> recorder_;  // follows the store's events
  std::unique_ptr<jobs::Store> store_;
  std::unique_ptr<server::Api> api_;
  std::unique_ptr<Doorway, void (*)(Doorway*)> doorway_{nullptr, nullptr};
  std::optional<Remote> remote_;
};

// Who asks: the user's name, or what WEIR_ACTOR says (another program that asks on somebody's behalf).
std::string person();

// "nightly#4552", "#4552" or "4552", and with an attempt "4552.3". Errors: Usage.
struct JobReference {
  std::int64_t job = 0;
  std::optional<int> attempt;
};
Result<JobReference> parse_job_reference(std::string const& text);

// A job of weir.yml. Errors: Usage, with the nearest names.
Result<config::Job const*> find_job(Context& context, std::string const& name);

}  // namespace weir::app
