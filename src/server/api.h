#pragma once
// The API: one table of routes over the state, JSON in and out. Commands use it too: directly where they have the state
// themselves, by HTTP where a weir serve or weir run has it, so that both say the same. Any thread.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/config.h"
#include "jobs/store.h"

namespace weir::server {

struct Request {
  std::string method;  // GET, POST
  std::string path;    // /api/v1/jobs/12
  std::map<std::string, std::string> query = {};
  std::string body = {};  // JSON, or nothing
  std::string actor;      // who asks
};

struct Response {
  int status = 200;
  std::string body;  // JSON: what was asked for, or {"error": {...}} with the four parts
};

struct Route {
  std::string_view method, path, summary;  // {n} and {a} stand for numbers, {name} and {action} for names
  // Members with their types, "name:text most:int~": int, text, time, bool, object, any, or a shape of openapi.cc; []
  // behind it: a list, ?: or null, ~: or missing. An answer without a word may be anything.
  std::string_view query = {}, body = {}, answer = {};
};

class Api {
 public:
  // Both outlive it. `folder`: of the state, with its logs and backups.
  Api(jobs::Store& store, config::Config const& config, std::filesystem::path const& folder);

  Response handle(Request const& request);
  static std::vector<Route> routes();

  struct Insides;

 private:
  jobs::Store& store_;
  config::Config const& config_;
  std::filesystem::path const logs_, backups_;
};

// A job of weir.yml. Errors: Usage, with the nearest names.
Result<config::Job const*> find_job(config::Config const& config, std::string const& name);

// The HTTP status of an error, and the error of a response that is one.
int http_status(ErrorKind kind);
Error error_of(Response const& response);

nlohmann::ordered_json job_json(jobs::Job const& job);
nlohmann::ordered_json attempt_json(jobs::Attempt const& attempt);

}  // namespace weir::server
