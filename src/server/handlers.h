#pragma once
// One function for each route of the API. Within server/ only.

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/api.h"

namespace weir::server {

using Json = nlohmann::ordered_json;

// What the handlers work on.
struct Api::Insides {
  jobs::Store& store;
  config::Config const& config;
  std::filesystem::path const& logs;
  std::filesystem::path const& backups;
};

struct Handlers {
  Api::Insides api;
  Request const& request;
  std::map<std::string, std::string> const& places;  // what a path's {n} and {name} stand for

  Result<Json> list_routes();
  Result<Json> describe();
  // job_handlers.cc
  Result<Json> list_jobs();
  Result<Json> show_job();
  Result<Json> run_job();
  Result<Json> retry_job();
  Result<Json> cancel_job();
  Result<Json> read_log();
  Result<Json> list_events();
  Result<Json> verify_events();
  Result<Json> switch_schedule();
  // incident_handlers.cc
  Result<Json> show_status();
  Result<Json> explain_relation();
  Result<Json> explain_job();
  Result<Json> show_impact();
  Result<Json> list_incidents();
  Result<Json> show_incident();
  Result<Json> change_incident();
  Result<Json> report_incident();
  // state_handlers.cc
  Result<Json> back_up_state();
  Result<Json> rebuild_state();
  Result<Json> prune_state();
};

// A number in a query or a path. Error: Usage.
Result<std::int64_t> numeral_at(std::map<std::string, std::string> const& values, std::string const& key,
                                std::int64_t fallback);

}  // namespace weir::server
