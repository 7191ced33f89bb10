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
  Access& access;
};

struct Handlers {
  Api::Insides api;
  Request const& request;
  std::map<std::string, std::string> const& places;  // what a path's {n} and {name} stand for
  Response& response;                                // what an answer has beside its JSON; a status of an error

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
  Result<Json> take_report();
  // state_handlers.cc
  Result<Json> back_up_state();
  Result<Json> rebuild_state();
  Result<Json> prune_state();
  // account_handlers.cc
  Result<Json> log_in();
  Result<Json> log_out();
  Result<Json> show_me();
  Result<Json> list_users();
  Result<Json> add_user();
  Result<Json> change_password();
  Result<Json> remove_user();
  Result<Json> list_tokens();
  Result<Json> create_token();
  Result<Json> revoke_token();
};

// A number in a query or a path. Error: Usage.
Result<std::int64_t> numeral_at(std::map<std::string, std::string> const& values, std::string const& key,
                                std::int64_t fallback);

}  // namespace weir::server
