#pragma once
// The API: one table of routes over the state, JSON in and out. Commands use it too: directly where they have the state
// themselves, by HTTP where a weir serve or weir run has it, so that both say the same. Any thread.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/current.h"
#include "jobs/store.h"
#include "server/access.h"
#include "server/caller.h"

namespace weir::server {

struct Request {
  std::string method;  // GET, POST
  std::string path;    // /api/v1/jobs/12
  std::map<std::string, std::string> query = {};
  std::string body = {};  // JSON, or nothing
  Caller caller;          // who asks
  std::string from = {};  // the network that he asks from, where he is not of this machine
};

struct Response {
  int status = 200;
  std::string body;                        // JSON: what was asked for, or {"error": {...}} with the four parts
  std::optional<std::string> cookie = {};  // what a browser is to keep from now on; "": nothing any more
  std::int64_t retry_after_s = 0;          // where it is to be tried again
};

struct Route {
  Role role;                               // who may: that one, and those above; Nobody: everybody
  std::string_view method, path, summary;  // {n} and {a} stand for numbers, {name} and {action} for names
  // Members with their types, "name:text most:int~": int, text, time, bool, object, any, or a shape of openapi.cc; []
  // behind it: a list, ?: or null, ~: or missing. An answer without a word may be anything.
  std::string_view query = {}, body = {}, answer = {};
};

class Api {
 public:
  // All outlive it. `folder`: of the state, with its logs and backups. `clock`: of pauses after failed logins.
  Api(jobs::Store& store, config::Current const& config, std::filesystem::path const& folder, Clock& clock);

  // Who may not has 403, who has not said who he is 401, whether there is such a route or not.
  Response handle(Request const& request);
  Access& access() { return access_; }
  static std::vector<Route> routes();
  static bool is_for_everybody(std::string const& method, std::string const& path);

  struct Insides;

 private:
  jobs::Store& store_;
  config::Current const& config_;
  std::filesystem::path const logs_, backups_;
  Access access_;
};

// A job of weir.yml. Errors: Usage, with the nearest names.
Result<config::Job const*> find_job(config::Config const& config, std::string const& name);

Response failed(Error const& error, int status);
// The HTTP status of an error, and the error of a response that is one.
int http_status(ErrorKind kind);
Error error_of(Response const& response);

nlohmann::ordered_json job_json(jobs::Job const& job);
nlohmann::ordered_json attempt_json(jobs::Attempt const& attempt, std::string const& host);  // host: "" = not known

}  // namespace weir::server
