#pragma once
// weir.yml and endpoints.yml as plain records. Reading them resolves no secret: references (${env:}, ${file:},
// ${cred:}) are resolved at use, by resolve(). Every key is defined once, in config/keys.cc, which gives the parser,
// the JSON Schema and the reference page. Values here are immutable after load; any thread may read them.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace weir::config {

struct Place {  // where a value stands, for errors
  std::string file;
  int line = 0, column = 0;
  std::string text() const;  // weir.yml:12:5
};

enum class EndpointKind { Postgres, SqlServer, Odbc };

struct Endpoint {
  std::string name;
  EndpointKind kind = EndpointKind::Postgres;
  bool is_warehouse = false;
  bool is_protected = false;
  // Every other key as written (host, port, database, user, password, encrypt, ca_file, driver, dsn, ...), unresolved.
  std::map<std::string, std::string> settings;
  std::map<std::string, Place> places;
  Place place;
};

enum class Mode {
  FullRefreshOverwrite,
  FullRefreshAppend,
  FullRefreshOverwriteDedup,
  IncrementalAppend,
  IncrementalAppendDedup
};
enum class Metadata { None, Weir, Airbyte };

// What holds for a stream; a connection's `defaults` fill what a table leaves unsaid.
struct StreamOptions {
  Mode mode = Mode::FullRefreshOverwrite;
  std::string cursor;
  std::vector<std::string> key;
  std::chrono::microseconds lag{};
  std::string method = "auto";            // auto | shell | merge | view | truncate
  std::string dropped_column = "keep";    // keep | hold            (schema_changes.dropped)
  std::string retyped_column = "shadow";  // shadow | upgrade | hold
  double shrink_guard = 0.5;              // hold if more than this share of the rows would go
  std::uint64_t guard_min_rows = 0;       // tables smaller than this are not guarded
  bool empty_ok = false;
  Metadata metadata = Metadata::None;
  bool detect_deletes = false;       // full key compare
  std::vector<std::string> columns;  // empty: all
  std::vector<std::string> exclude_columns;
  std::string nul = "strip", surrogate = "replace", code_page = "replace";
  bool trim_char = false, keep_offset = false, fail_on_truncated_time = false;
  std::string target_name;                                // empty: the source's name
  std::chrono::microseconds fresh_warn{}, fresh_error{};  // older data than this is told of; 0: no promise
};

struct StreamPattern {
  std::string pattern;  // "dbo.Country" or a glob
  StreamOptions options;
  bool enabled = true;
  Place place;
};

struct Connection {
  std::string name;
  std::string from;  // endpoint names
  std::string to;
  std::string into;  // target schema; {schema} stands for the source's schema
  std::string table_prefix;
  std::vector<StreamPattern> tables;  // in the file's order; see pattern_for()
  int attempts = 5;
  std::chrono::microseconds retry_first = std::chrono::seconds(10);
  int workers = 2;  // streams loaded side by side
  std::uint64_t chunk_rows = 500'000;
  std::string isolation = "auto";
  std::chrono::microseconds publish_window = std::chrono::minutes(15);
  Place place;
};

enum class ChannelKind { Slack, Webhook, Email, PagerDuty, Heartbeat };
std::string_view channel_kind_name(ChannelKind kind);  // "slack", ...

// name@host of RFC 5321, as people have it: nothing that would need quotes.
bool is_mail_address(std::string_view text);

// Where alerts are told.
struct Channel {
  std::string name;
  ChannelKind kind = ChannelKind::Slack;
  std::map<std::string, std::string> settings;            // every other key as written, unresolved
  std::map<std::string, std::vector<std::string>> lists;  // likewise: to, allow
  std::map<std::string, Place> places;
  Place place;
};

enum class Occasion { Failed, Held, Late, Missed, Recovered };
std::string_view occasion_name(Occasion occasion);  // "failed", ...

struct Alert {
  std::string name;
  std::vector<std::string> to;  // names of channels
  std::vector<Occasion> on;
  Place place;

  bool tells(Occasion occasion) const;
};

// Where weir serve says that it lives. A service that waits for such signs, and tells people when they stay away.
struct Heartbeat {
  std::string to;  // a channel of kind heartbeat; "": nowhere
  std::chrono::microseconds every = std::chrono::minutes(1);
};

// One thing that a job does.
struct JobStep {
  enum class Kind { Sync, Dbt, Verify };
  Kind kind = Kind::Sync;
  std::string text;  // a connection's name, or dbt's command line
  Place place;
  std::vector<std::string> endpoints = {};  // that it needs, by name: both ends of its connection; dbt's, the warehouse
};
std::string_view step_kind_name(JobStep::Kind kind);  // "sync", ...

struct JobSchedule {
  std::string cron, zone = "UTC";     // or
  std::chrono::microseconds every{};  // not 0; neither: by hand only
  std::string missed = "coalesce";    // coalesce | skip | all
  std::optional<std::chrono::microseconds> window;
  std::chrono::microseconds jitter{};
  Place place;
};

struct Job {
  std::string name;
  std::vector<JobStep> steps;
  JobSchedule when;
  int attempts = 5;
  std::chrono::microseconds retry_first = std::chrono::seconds(10), retry_most = std::chrono::minutes(30);
  int retry_factor = 3;
  std::string alert;                  // which alert tells of it; "": none
  std::string stale_sources = "run";  // run | skip | hold: a dbt step on tables that were not refreshed
  bool rebuilds_stale = true;         // models that were built on old data, once that is fresh again
  std::chrono::microseconds queue_timeout = std::chrono::days(1), attempt_timeout = std::chrono::days(1),
                            job_timeout = std::chrono::days(3), silence_timeout = std::chrono::hours(1);
  Place place;
};

// The options that hold for a table, or null: it is not one of the connection's. `table` is SCHEMA.TABLE as the source
// says it. A name without wildcard beats patterns, of patterns the last one wins; what `exclude` or `false` names is
// out.
StreamPattern const* pattern_for(Connection const& connection, std::string_view table);

// One key with its value as written, and where that comes from: `weir.yml:4:9`, `default`.
struct Setting {
  std::string path;  // connections.core.tables.dbo.Country.mode
  std::string value;
  std::string origin;
};

struct Config {
  std::filesystem::path root;  // folder of weir.yml
  std::string warehouse;       // default warehouse endpoint, "" if there is none
  std::map<std::string, Endpoint> endpoints;
  std::map<std::string, Channel> channels;
  std::map<std::string, Connection> connections;
  std::map<std::string, Alert> alerts;
  Heartbeat heartbeat;
  std::map<std::string, Job> jobs;
  std::filesystem::path state_folder;  // absolute
  std::string state_endpoint;          // of the PostgreSQL that has the state; "": a file in state_folder has it
  std::string state_schema = "weir_state";
  std::vector<std::string> warnings;
  std::vector<Setting> settings;  // of both files, in their order, defaults included; no secret is resolved

  // A setting of an endpoint or channel with its references resolved; "" if it is not set. What comes from a file or a
  // credential, and every reference under a key that may hold a password, is masked in all output from here on. Error:
  // Config.
  Result<std::string> setting(Endpoint const& endpoint, std::string const& key) const;
  Result<std::string> setting(Channel const& channel, std::string const& key) const;
  Result<std::vector<std::string>> list(Channel const& channel, std::string const& key) const;
};

// Finds weir.yml in `start` or a folder above it, reads it and endpoints.yml beside it. Error: Config, with file, line,
// column and the nearest known key; all mistakes of a file are named at once. No value of endpoints.yml that may be a
// secret is ever quoted.
Result<Config> load(std::filesystem::path const& start);

// `${env:NAME}`, `${file:PATH}`, `${cred:NAME}` in `text` replaced (several may stand in one text; `$${` is a literal).
// A relative file is relative to `root`. Error: Config naming the reference and its place, never a value.
Result<std::string> resolve(std::string const& text, std::filesystem::path const& root, Place const& place);
Result<Secret> resolve_secret(std::string const& text, std::filesystem::path const& root, Place const& place);

// Connection values of dbt's `PROFILE.TARGET`, in this file's words (host, port, user, password, database, ...). A
// value
// {{ env_var('X') }} becomes ${env:X}; other templates are an error (Config). The file is searched as dbt does:
// DBT_PROFILES_DIR, `root`, ~/.dbt.
Result<std::map<std::string, std::string>> read_dbt_profile(std::string_view profile_target,
                                                            std::filesystem::path const& root, Place const& place);

// JSON Schema draft-07 of each file, and docs/reference/configuration.md.
std::string weir_schema();
std::string endpoints_schema();
std::string reference_page();

}  // namespace weir::config
