// Every command, option and example. What is written here is what `weir help`, `weir help --json`, the shell
// completions and the parser know; tests/cases/cli compares the help texts.
#include <array>

#include "app/command.h"
#include "app/commands/commands.h"
#include "app/commands/dbt.h"

namespace weir::app {
namespace {

constexpr OptionSpec kOutput{
    .name = "output", .letter = 'o', .value = "FORMAT", .meaning = "text or json", .choices = "text|json"};
constexpr OptionSpec kOutputStream{.name = "output",
                                   .letter = 'o',
                                   .value = "FORMAT",
                                   .meaning = "text, json, or ndjson (one event a line, while it runs)",
                                   .choices = "text|json|ndjson"};
constexpr OptionSpec kSelect{
    .name = "select",
    .letter = 's',
    .value = "TABLES",
    .meaning = "only these tables: SCHEMA.TABLE, TABLE, with * and ?; repeat it or separate by commas",
    .repeats = true};
constexpr OptionSpec kExclude{.name = "exclude", .value = "TABLES", .meaning = "all but these tables", .repeats = true};
constexpr OptionSpec kYes{.name = "yes", .letter = 'y', .meaning = "answer the question with yes"};
constexpr OptionSpec kConfirm{
    .name = "confirm", .value = "NAME", .meaning = "the endpoint's name, where it is protected"};
constexpr OptionSpec kWarehouse{
    .name = "warehouse", .value = "ENDPOINT", .meaning = "the warehouse, where there are several"};

constexpr OptionSpec kCommon[] = {
    {.name = "project-dir",
     .letter = 'C',
     .value = "DIR",
     .meaning = "folder of weir.yml (default: here or above; WEIR_PROJECT_DIR)"},
    {.name = "color", .value = "WHEN", .meaning = "auto, always or never", .choices = "auto|always|never"},
    {.name = "quiet", .letter = 'q', .meaning = "only errors", .can_be_undone = true},
    {.name = "verbose", .letter = 'v', .meaning = "each step; -vv also the SQL", .repeats = true},
    {.name = "json", .meaning = "the same as -o json"},
    {.name = "help", .letter = 'h', .meaning = "this text"},
};

constexpr OptionSpec kOnlyOutput[] = {kOutput};

constexpr Example kInitExamples[] = {
    {"init", "weir.yml and endpoints.yml, here"},
    {"init warehouse", "in a new folder"},
    {"init && weir doctor", "and look at what is still missing"},
};

constexpr OptionSpec kDemoOptions[] = {
    {.name = "keep", .meaning = "leave the demo's databases running and print how to connect, until Ctrl-C"},
};
constexpr Example kDemoExamples[] = {
    {"demo", "play the night of the incident, under a minute"},
    {"demo --keep", "and look around afterwards with psql"},
    {"demo --color never > demo.txt", "as plain text"},
};

constexpr Example kDoctorExamples[] = {
    {"doctor", "everything, one line a check"},
    {"doctor -o json", "for a monitor"},
    {"doctor -C /srv/warehouse", "another project"},
};

constexpr OptionSpec kSyncOptions[] = {
    kSelect,
    kExclude,
    {.name = "plan", .meaning = "say what would happen, write nothing", .alias = "dry-run"},
    {.name = "full-refresh", .meaning = "read everything, also where the mode is incremental, and forget the cursors"},
    {.name = "exit-code", .meaning = "with --plan: exit 3 if there is something to do"},
    {.name = "attempts", .value = "N", .meaning = "tries of a table in this run (default: the connection's)"},
    kOutputStream,
};
constexpr Example kSyncExamples[] = {
    {"sync core", "load and publish the tables of connection core"},
    {"sync core --plan", "what would happen, and to which views"},
    {"sync core -s dbo.Country,dbo.Currency", "two tables of it"},
    {"sync -o ndjson", "all connections, events as JSON lines"},
};
constexpr OptionSpec kSyncLsOptions[] = {kOutput};
constexpr Example kSyncLsExamples[] = {
    {"sync ls", "tables of all connections: when, how many rows, held or failed"},
    {"sync ls core", "of one connection"},
    {"sync ls -o json", "as JSON"},
};
constexpr OptionSpec kVerifyOptions[] = {kSelect, kExclude, kOutput};
constexpr Example kVerifyExamples[] = {
    {"sync verify core", "compare all tables, row for row"},
    {"sync verify core -s dbo.Country", "one table"},
    {"sync verify -o json", "as JSON; exit 1 if a table differs"},
};
constexpr OptionSpec kResetOptions[] = {kSelect, kExclude, kYes, kConfirm, kOutput};
constexpr Example kResetExamples[] = {
    {"sync reset core", "the next run reads everything"},
    {"sync reset core -s dbo.User --yes", "one table, without asking"},
    {"sync reset core --confirm wh --yes", "where warehouse wh is protected"},
};
constexpr OptionSpec kReleaseOptions[] = {kSelect, kExclude, kYes, kConfirm, kOutput};
constexpr Example kReleaseExamples[] = {
    {"release core", "publish what the shrink guard holds"},
    {"release core -s dbo.Country --yes", "one table, without asking"},
    {"sync ls core", "see what is held first"},
};
constexpr Example kRunExamples[] = {
    {"run nightly", "its steps now, with its attempts, until it has ended"},
    {"run nightly -o json", "and what came of it as JSON"},
    {"run nightly -q && weir job next", "without its log; then when it runs by itself"},
};
constexpr OptionSpec kRetryOptions[] = {
    {.name = "from-failure",
     .meaning = "only what is missing: the step that failed, its tables or nodes, and what follows"},
    kOutput,
};
constexpr Example kRetryExamples[] = {
    {"retry 4552", "all of its steps again, as a new job"},
    {"retry nightly#4552 --from-failure", "only what is missing"},
    {"retry 4553", "of a job that waits for its next attempt: now"},
};
constexpr OptionSpec kServeOptions[] = {
    {.name = "workers", .value = "N", .meaning = "jobs side by side (default: 4)"},
    {.name = "listen", .value = "ADDRESS", .meaning = "answer /livez, /readyz and /metrics there: 127.0.0.1:9464"},
    {.name = "api", .value = "ADDRESS", .meaning = "answer the API there, with a login: 127.0.0.1:7378"},
    {.name = "behind-proxy", .meaning = "with --api: any address; a proxy that does TLS stands before it"},
};
constexpr Example kServeExamples[] = {
    {"serve", "run jobs when they are due, until Ctrl-C"},
    {"serve -C /srv/warehouse", "of another project"},
    {"serve --api 127.0.0.1:7378", "and let people and programs ask that have a user or a token"},
    {"job next", "see first what runs when"},
};
constexpr OptionSpec kJobLsOptions[] = {
    {.name = "state",
     .value = "STATE",
     .meaning = "only those that are pending, running, incomplete, failed, succeeded or cancelled",
     .choices = "pending|running|incomplete|failed|succeeded|cancelled"},
    {.name = "count", .value = "N", .meaning = "how many (default: 20)"},
    kOutput,
};
constexpr Example kJobLsExamples[] = {
    {"job ls", "the latest jobs"},
    {"job ls nightly --state failed", "those of one that failed"},
    {"job ls -o json --count 1000", "as JSON"},
};
constexpr Example kJobShowExamples[] = {
    {"job show 4552", "its attempts, and why they failed"},
    {"job show nightly#4552 -o json", "as JSON"},
    {"logs 4552", "the log of its last attempt"},
};
constexpr OptionSpec kJobNextOptions[] = {
    {.name = "count", .value = "N", .meaning = "how many (default: 3)"},
    {.name = "from", .value = "TIME", .meaning = "after this time, in UTC (default: now)"},
    kOutput,
};
constexpr Example kJobNextExamples[] = {
    {"job next", "when each job runs next, in its zone"},
    {"job next nightly --count 10", "of one, ten times"},
    {"job next nightly --from 2026-03-28", "around a change of clocks"},
};
constexpr Example kJobCancelExamples[] = {
    {"job cancel 4552", "what runs is rolled back, what was published stays"},
    {"job cancel nightly#4552", "the same"},
    {"job ls --state running", "what could be cancelled"},
};
constexpr Example kJobEnableExamples[] = {
    {"job enable nightly", "its schedule counts again, from now on"},
    {"job disable nightly", "weir serve leaves it out; weir run still runs it"},
    {"job next nightly", "when it runs next"},
};
constexpr Example kJobDisableExamples[] = {
    {"job disable nightly", "weir serve leaves it out; weir run still runs it"},
    {"job enable nightly", "its schedule counts again, from now on"},
    {"job next nightly", "when it would run"},
};
constexpr Example kAlertLsExamples[] = {
    {"alert ls", "who is told of what"},
    {"alert ls -o json", "as JSON"},
    {"alert test", "whether it arrives"},
};
constexpr Example kAlertTestExamples[] = {
    {"alert test", "a message to every channel that an alert names"},
    {"alert test data_team", "to those of one alert"},
    {"alert test -o json", "what came of it, as JSON"},
};
constexpr OptionSpec kLogsOptions[] = {
    {.name = "follow", .letter = 'f', .meaning = "go on until the attempt has ended"},
    {.name = "grep", .value = "REGEX", .meaning = "only lines that fit, as grep -E would print"},
    {.name = "path", .meaning = "only where the file is"},
};
constexpr Example kLogsExamples[] = {
    {"logs 4552", "of the last attempt"},
    {"logs nightly#4552.1 --grep error", "of the first, the lines with errors"},
    {"logs 4552 -f", "of one that runs, as it grows"},
    {"logs 4552.5 > default_workspace_job_4552_attempt_5.txt", "to hand on"},
};
constexpr OptionSpec kEventsOptions[] = {
    {.name = "job", .value = "JOB#N", .meaning = "only those of this job"},
    {.name = "verify", .meaning = "check that no event was changed or removed since it was written"},
    kOutput,
};
constexpr Example kEventsExamples[] = {
    {"events", "everything that happened, in its order"},
    {"events --job 4552", "of one job"},
    {"events -o json | jq .kind", "one JSON object a line"},
};
constexpr OptionSpec kStatusOptions[] = {
    {.name = "watch", .letter = 'w', .meaning = "go on, and show each change until Ctrl-C"},
    {.name = "exit-code", .meaning = "end with 1 where an incident is open"},
    kOutput,
};
constexpr Example kStatusExamples[] = {
    {"status", "jobs, what they make, and open incidents"},
    {"status --watch", "the same, as it changes"},
    {"status --exit-code > /dev/null", "for scripts"},
};
constexpr Example kWhyExamples[] = {
    {"why mart.orders", "where its age comes from"},
    {"why 'sync_core.\"Country\"'", "of a table that a sync loads"},
    {"why 4552", "why the job ended as it did"},
};
constexpr Example kImpactExamples[] = {
    {"impact 'sync_core.\"Country\"'", "what is built from it, near and far"},
    {"impact country", "the schema is not needed where only one has that name"},
    {"impact mart.orders -o json", "as JSON"},
};
constexpr OptionSpec kIncidentLsOptions[] = {
    {.name = "open", .meaning = "only those that are not resolved"},
    kOutput,
};
constexpr Example kIncidentLsExamples[] = {
    {"incident ls", "the latest"},
    {"incident ls --open", "what is wrong now"},
    {"incident ls -o json", "as JSON"},
};
constexpr Example kIncidentShowExamples[] = {
    {"incident show 7", "its jobs, what it made stale, who was told"},
    {"incident show 7 -o json", "with its events, as JSON"},
    {"incident report 7", "the post-mortem"},
};
constexpr Example kIncidentAckExamples[] = {
    {"incident ack 7", "you see to it; its post-mortem will say so"},
    {"incident note 7 the disk was full", "what you found"},
    {"incident show 7", "what it is about"},
};
constexpr Example kIncidentNoteExamples[] = {
    {"incident note 7 the disk was full", "stands in its timeline"},
    {"incident note 7 \"restarted the server; it was the log volume\"", "the same"},
    {"incident show 7", "all notes"},
};
constexpr Example kIncidentResolveExamples[] = {
    {"incident resolve 7", "where nothing of what failed will run again"},
    {"incident resolve 7 the table is not needed any more", "with the reason"},
    {"incident reopen 7", "the other way round"},
};
constexpr Example kIncidentReopenExamples[] = {
    {"incident reopen 7", "it is not over"},
    {"incident reopen 7 the numbers are still wrong", "with the reason"},
    {"incident resolve 7", "the other way round"},
};
constexpr OptionSpec kIncidentReportOptions[] = {
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .meaning = "md, html or json (default: md)",
     .choices = "md|html|json"},
    {.name = "zone", .value = "ZONE", .meaning = "the zone of its times (default: that of the job's schedule, or UTC)"},
};
constexpr Example kIncidentReportExamples[] = {
    {"incident report 7 > incident_7.md", "as Markdown"},
    {"incident report 7 -o html --zone Europe/Berlin > incident_7.html", "as a page, in another zone"},
    {"incident report 7 -o json", "the facts"},
};
constexpr Example kStateBackupExamples[] = {
    {"state backup", "a checked copy below the state's folder, also while weir serve runs"},
    {"state backup /backup/weir.db", "to a file of yours"},
    {"state restore /backup/weir.db", "the other way round"},
};
constexpr Example kStateRestoreExamples[] = {
    {"state restore /backup/weir.db", "the history as it was then; numbers go on behind those given since"},
    {"state backup", "make such a copy"},
    {"events --verify", "see whether the log is whole"},
};
constexpr Example kStateExportExamples[] = {
    {"state export > history.ndjson", "jobs and events, one JSON object a line"},
    {"state export /backup/history.ndjson", "to a file of yours"},
    {"state backup", "what a weir can go on with is a copy"},
};
constexpr OptionSpec kStateRebuildOptions[] = {
    {.name = "from-warehouse",
     .meaning = "tables, how old their data is, and numbers of jobs, as the warehouses know them"},
    kOutput,
};
constexpr Example kStateRebuildExamples[] = {
    {"state rebuild --from-warehouse", "after the state was lost, or an old copy put back"},
    {"state restore /backup/weir.db", "where there is a copy, first"},
    {"status", "what is known now"},
};
constexpr OptionSpec kStatePruneOptions[] = {
    {.name = "older-than", .value = "AGE", .meaning = "what ended before that (default: 90d)"},
    {.name = "plan", .meaning = "only say how much that is"},
    kOutput,
};
constexpr Example kStatePruneExamples[] = {
    {"state prune --plan", "how much of it is older than 90 days"},
    {"state prune --older-than 30d", "forget it"},
    {"state backup", "make a copy first"},
};
constexpr std::string_view kRoleChoices = "viewer|operator|admin";
constexpr OptionSpec kUserAddOptions[] = {
    {.name = "role",
     .value = "ROLE",
     .meaning = "viewer (reads), operator (also runs jobs), admin (also users, tokens, state); default: viewer",
     .choices = kRoleChoices},
    kOutput,
};
constexpr Example kUserAddExamples[] = {
    {"user add ada --role admin", "asks for a password, twice"},
    {"user add bo < password.txt", "who may read, from a script"},
    {"serve --api 127.0.0.1:7378", "where they log in"},
};
constexpr Example kUserPasswdExamples[] = {
    {"user passwd ada", "asks for another one, and ends all logins of ada"},
    {"user passwd ada < password.txt", "from a script"},
    {"user ls", "of when each password is"},
};
constexpr Example kUserLsExamples[] = {
    {"user ls", "who may log in, and as what"},
    {"user ls -o json", "as JSON"},
    {"token ls", "what programs ask with"},
};
constexpr Example kUserRmExamples[] = {
    {"user rm bo", "ends all logins of bo, and revokes his tokens"},
    {"user passwd bo", "only ends the logins"},
    {"events", "who was added and removed by whom"},
};
constexpr OptionSpec kTokenCreateOptions[] = {
    {.name = "user", .value = "NAME", .meaning = "whose it is: what it does is done as this user"},
    {.name = "role", .value = "ROLE", .meaning = "no more than that (default: the user's)", .choices = kRoleChoices},
    {.name = "expires", .value = "AGE", .meaning = "for so long (default: until it is revoked)"},
    kOutput,
};
constexpr Example kTokenCreateExamples[] = {
    {"token create ci --user ada --role operator --expires 90d", "prints the token, this once"},
    {"token create grafana --user bo > grafana.token", "into a file"},
    {"token revoke ci", "the other way round"},
};
constexpr Example kTokenLsExamples[] = {
    {"token ls", "whose they are, and when each was used last"},
    {"token ls -o json", "as JSON; a token itself is not kept"},
    {"token revoke ci", "end one"},
};
constexpr Example kTokenRevokeExamples[] = {
    {"token revoke ci", "counts from the next request on"},
    {"token ls", "what there is"},
    {"user rm ada", "with all tokens of a user"},
};
constexpr OptionSpec kDepsOptions[] = {kWarehouse, kOutput};
constexpr Example kDepsExamples[] = {
    {"deps 'sync_core.\"Country\"'", "what depends on it, as a tree"},
    {"deps mart.orders -o json", "as JSON, with definitions"},
    {"deps --warehouse wh mart.orders", "in that warehouse"},
};
constexpr OptionSpec kTableOptions[] = {kWarehouse, kOutput};
constexpr Example kTableShowExamples[] = {
    {"table show 'sync_core.\"Country\"'", "how weir keeps it: leaf, previous leaf, columns, dependents"},
    {"table show mart.orders -o json", "as JSON"},
    {"table show --warehouse wh mart.orders", "in that warehouse"},
};
constexpr OptionSpec kRollbackOptions[] = {kWarehouse, kYes, kConfirm, kOutput};
constexpr Example kRollbackExamples[] = {
    {"table rollback 'sync_core.\"Country\"'", "back to the rows before the last publish"},
    {"table rollback mart.orders --yes", "without asking"},
    {"table rollback mart.orders --yes --confirm wh", "where warehouse wh is protected"},
};
constexpr Example kEndpointLsExamples[] = {
    {"endpoint ls", "sources and warehouses of endpoints.yml"},
    {"endpoint ls -o json", "as JSON; secrets stay references"},
    {"endpoint ls -C /srv/warehouse", "another project"},
};
constexpr Example kEndpointTestExamples[] = {
    {"endpoint test", "all of them"},
    {"endpoint test core_sql", "one"},
    {"endpoint test -o json", "as JSON"},
};
constexpr OptionSpec kDiscoverOptions[] = {kSelect, kOutput};
constexpr Example kDiscoverExamples[] = {
    {"endpoint discover core_sql", "tables, rows, keys"},
    {"endpoint discover core_sql -s 'dbo.*' -v", "with columns and the types they get"},
    {"endpoint discover core_sql -o json", "everything, as JSON"},
};
constexpr Example kCheckExamples[] = {
    {"config check", "every mistake of both files, with its place"},
    {"config check -C /srv/warehouse", "another project"},
    {"config check -o json", "for an editor or CI"},
};
constexpr OptionSpec kShowOptions[] = {
    {.name = "origin", .meaning = "where each value comes from: file and line, or default"},
    kOutput,
};
constexpr Example kShowExamples[] = {
    {"config show", "every setting, defaults included"},
    {"config show --origin", "and where it is set"},
    {"config show connections.core", "one part"},
};
constexpr OptionSpec kSchemaOptions[] = {
    {.name = "reference", .meaning = "the reference page instead (Markdown)"},
};
constexpr Example kSchemaExamples[] = {
    {"config schema", "JSON Schema (draft-07) of weir.yml"},
    {"config schema endpoints", "of endpoints.yml"},
    {"config schema --reference", "every key, as Markdown"},
};
constexpr Example kCompletionExamples[] = {
    {"completion bash > /etc/bash_completion.d/weir", "for everybody"},
    {"completion zsh > ~/.zfunc/_weir", "zsh"},
    {"completion fish > ~/.config/fish/completions/weir.fish", "fish"},
};
constexpr Example kVersionExamples[] = {
    {"version", "the version"},
    {"version -o json", "with what it was built with"},
    {"--version", "the same"},
};
constexpr Example kHelpExamples[] = {
    {"help sync", "a command"},
    {"help exit-codes", "a topic: exit-codes, environment, selectors, methods"},
    {"help --json", "all commands and options, for programs"},
};

// What every dbt command takes; the names are dbt's.
constexpr OptionSpec kProfilesDir{.name = "profiles-dir", .value = "DIR", .meaning = "folder of profiles.yml"};
constexpr OptionSpec kProfile{
    .name = "profile", .value = "NAME", .meaning = "profile in profiles.yml, instead of the project's"};
constexpr OptionSpec kTarget{.name = "target", .letter = 't', .value = "NAME", .meaning = "target of the profile"};
constexpr OptionSpec kTargetPath{
    .name = "target-path", .value = "DIR", .meaning = "folder of artifacts (default: target)"};
constexpr OptionSpec kVars{.name = "vars", .value = "YAML", .meaning = "vars as a YAML mapping: '{key: value}'"};
constexpr OptionSpec kThreads{.name = "threads", .value = "N", .meaning = "sessions side by side"};
constexpr OptionSpec kNoPartialParse{
    .name = "no-partial-parse", .meaning = "accepted: all files are always read", .can_be_undone = true};
constexpr OptionSpec also_called(OptionSpec option, std::string_view alias) {
  option.alias = alias;
  return option;
}
// ls alone tells --models from --select, as with dbt.
constexpr OptionSpec kDbtLsSelect{.name = "select",
                                  .letter = 's',
                                  .value = "NODES...",
                                  .meaning = "nodes, in the selection grammar of dbt",
                                  .repeats = true};
constexpr OptionSpec kDbtSelect = also_called(kDbtLsSelect, "models|model|m");
constexpr OptionSpec kDbtLsModels{.name = "models",
                                  .letter = 'm',
                                  .value = "NODES...",
                                  .meaning = "the same, of models alone",
                                  .alias = "model",
                                  .repeats = true};
constexpr OptionSpec kDbtExclude{
    .name = "exclude", .value = "NODES...", .meaning = "all but these nodes", .repeats = true};
constexpr OptionSpec kDbtSelector{.name = "selector", .value = "NAME", .meaning = "a selector of selectors.yml"};
constexpr OptionSpec kIndirect{.name = "indirect-selection",
                               .value = "MODE",
                               .meaning = "which tests come along with what is selected",
                               .choices = "eager|cautious|buildable|empty"};
constexpr OptionSpec kState{
    .name = "state", .value = "DIR", .meaning = "artifacts of an earlier run, for state: and result:"};
constexpr OptionSpec kResourceType{.name = "resource-type",
                                   .value = "TYPE...",
                                   .meaning = "only nodes of this type",
                                   .alias = "resource-types",
                                   .repeats = true};
constexpr OptionSpec kExcludeResourceType{.name = "exclude-resource-type",
                                          .value = "TYPE...",
                                          .meaning = "no nodes of this type",
                                          .alias = "exclude-resource-types",
                                          .repeats = true};

constexpr OptionSpec kWarnError{.name = "warn-error", .meaning = "warnings are errors"};
constexpr OptionSpec kWarnErrorOptions{
    .name = "warn-error-options", .value = "YAML", .meaning = "which are: '{error: all, warn: [...], silence: [...]}'"};
constexpr OptionSpec kNoVersionCheck{
    .name = "no-version-check", .meaning = "whatever require-dbt-version says", .can_be_undone = true};
// Of the commands that run nodes.
template <std::size_t... Counts>
constexpr auto joined(OptionSpec const (&... lists)[Counts]) {
  std::array<OptionSpec, (Counts + ...)> all;
  std::size_t at = 0;
  auto add = [&all, &at](auto const& list) {
    for (auto const& one : list) all[at++] = one;
  };
  (add(lists), ...);
  return all;
}
constexpr OptionSpec kDbtSelection[] = {
    kDbtSelect,
    kDbtExclude,
    kDbtSelector,
    kIndirect,
    kState,
    {.name = "defer", .meaning = "take relations that are not built here from --state", .can_be_undone = true},
    {.name = "defer-state", .value = "DIR", .meaning = "artifacts for --defer, instead of --state"},
    {.name = "favor-state", .meaning = "with --defer: also where a relation is there", .can_be_undone = true},
};
constexpr OptionSpec kDbtKinds[] = {kResourceType, kExcludeResourceType};
constexpr OptionSpec kDbtFullRefresh[] = {
    {.name = "full-refresh", .letter = 'f', .meaning = "build incremental models and seeds anew"},
};
constexpr OptionSpec kDbtPublish[] = {
    {.name = "publish",
     .value = "HOW",
     .meaning = "each relation once it is built, or all together once their tests passed, or none",
     .choices = "each|together"},
};
constexpr OptionSpec kDbtEmpty[] = {
    {.name = "empty", .meaning = "build without rows: ref() and source() give none", .can_be_undone = true},
};
constexpr OptionSpec kDbtTimes[] = {
    {.name = "sample",
     .value = "WINDOW",
     .meaning = "of what has an event_time only these rows: '3 days', '{start: 2026-01-01, end: 2026-02-01}'"},
    {.name = "event-time-start", .value = "TIME", .meaning = "microbatch: batches from here"},
    {.name = "event-time-end", .value = "TIME", .meaning = "microbatch: batches up to here"},
};
constexpr OptionSpec kDbtStoreFailures[] = {
    {.name = "store-failures", .meaning = "keep the rows that fail a test"},
};
constexpr OptionSpec kDbtRunning[] = {
    kProfilesDir,
    kProfile,
    kTarget,
    kTargetPath,
    kVars,
    kThreads,
    kNoPartialParse,
    {.name = "fail-fast", .letter = 'x', .meaning = "end at the first failure", .can_be_undone = true},
    kWarnError,
    kWarnErrorOptions,
    kNoVersionCheck,
    {.name = "no-write-json", .meaning = "write no artifacts", .can_be_undone = true},
    {.name = "log-format",
     .value = "FORMAT",
     .meaning = "of the console: text, debug or json",
     .choices = "default|text|debug|json"},
    {.name = "log-format-file", .value = "FORMAT", .meaning = "of logs/dbt.log", .choices = "default|text|debug|json"},
    {.name = "log-level", .value = "LEVEL", .meaning = "of the console", .choices = "debug|info|warn|error|none"},
    {.name = "log-level-file", .value = "LEVEL", .meaning = "of logs/dbt.log", .choices = "debug|info|warn|error|none"},
    {.name = "log-path", .value = "DIR", .meaning = "folder of dbt.log (default: logs)"},
    {.name = "no-use-colors", .meaning = "without colours", .can_be_undone = true},
    {.name = "no-print", .meaning = "say nothing that templates print", .can_be_undone = true},
    {.name = "printer-width", .value = "N", .meaning = "columns of the lines with dots (default: 80)"},
    {.name = "debug", .letter = 'd', .meaning = "each step", .can_be_undone = true},
};
// Every other option that dbt takes with any command, in dbt's order. Those without a meaning here change nothing.
constexpr OptionSpec kDbtAccepted[] = {
    kProfilesDir,
    kProfile,
    kTarget,
    kTargetPath,
    kVars,
    kThreads,
    {.name = "cache-selected-only", .can_be_undone = true},
    {.name = "debug", .letter = 'd', .can_be_undone = true},
    {.name = "defer", .can_be_undone = true},
    {.name = "defer-state", .value = "DIR"},
    {.name = "fail-fast", .letter = 'x', .can_be_undone = true},
    {.name = "favor-state", .can_be_undone = true},
    kIndirect,
    {.name = "log-cache-events", .can_be_undone = true},
    {.name = "log-file-max-bytes", .value = "N"},
    {.name = "log-format", .value = "FORMAT", .choices = "default|text|debug|json"},
    {.name = "log-format-file", .value = "FORMAT", .choices = "default|text|debug|json"},
    {.name = "log-level", .value = "LEVEL", .choices = "debug|info|warn|error|none"},
    {.name = "log-level-file", .value = "LEVEL", .choices = "debug|info|warn|error|none"},
    {.name = "log-path", .value = "DIR"},
    {.name = "macro-debugging", .can_be_undone = true},
    kNoPartialParse,
    {.name = "partial-parse-file-path", .value = "FILE"},
    {.name = "partial-parse-file-diff", .can_be_undone = true},
    {.name = "populate-cache", .can_be_undone = true},
    {.name = "no-print", .can_be_undone = true},
    {.name = "printer-width", .value = "N"},
    {.name = "record-timing-info", .letter = 'r', .value = "FILE"},
    {.name = "send-anonymous-usage-stats", .can_be_undone = true},
    {.name = "single-threaded", .can_be_undone = true},
    {.name = "show-all-deprecations", .can_be_undone = true},
    {.name = "show-resource-report", .can_be_undone = true},
    {.name = "sqlparse", .value = "YAML"},
    kState,
    {.name = "static-parser", .can_be_undone = true},
    {.name = "no-use-colors", .can_be_undone = true},
    {.name = "use-colors-file", .can_be_undone = true},
    {.name = "use-experimental-parser", .can_be_undone = true},
    {.name = "use-fast-test-edges", .can_be_undone = true},
    {.name = "upload-to-artifacts-ingest-api", .can_be_undone = true},
    kNoVersionCheck,
    kWarnError,
    kWarnErrorOptions,
    {.name = "no-write-json", .can_be_undone = true},
    // of single commands
    {.name = "export-saved-queries", .can_be_undone = true},
    {.name = "include-saved-query", .can_be_undone = true},
    {.name = "config-dir"},
    {.name = "connection"},
    {.name = "empty-catalog"},
    {.name = "static"},
    {.name = "clean-project-files-only", .can_be_undone = true},
};
constexpr auto kDbtRunOptions = joined(kDbtSelection, kDbtFullRefresh, kDbtPublish, kDbtEmpty, kDbtTimes, kDbtRunning);
constexpr OptionSpec kDbtShow[] = {
    {.name = "show", .meaning = "the first rows of each seed that was loaded"},
};
constexpr auto kDbtBuildOptions = joined(kDbtSelection, kDbtKinds, kDbtFullRefresh, kDbtPublish, kDbtEmpty, kDbtTimes,
                                         kDbtStoreFailures, kDbtShow, kDbtRunning);
constexpr auto kDbtTestOptions = joined(kDbtSelection, kDbtKinds, kDbtStoreFailures, kDbtRunning);
constexpr auto kDbtSeedOptions = joined(kDbtSelection, kDbtFullRefresh, kDbtPublish, kDbtShow, kDbtRunning);
constexpr OptionSpec kDbtOfCompile[] = {
    {.name = "inline", .value = "SQL", .meaning = "this text instead of a node"},
    {.name = "output", .value = "FORMAT", .meaning = "of what is printed: text or json", .choices = "text|json"},
    {.name = "no-inject-ephemeral-ctes", .meaning = "leave ephemeral models out", .can_be_undone = true},
};
constexpr OptionSpec kDbtIntrospect[] = {
    {.name = "no-introspect", .meaning = "a template that asks the warehouse is an error", .can_be_undone = true},
};
constexpr auto kDbtCompileOptions =
    joined(kDbtSelection, kDbtOfCompile, kDbtFullRefresh, kDbtEmpty, kDbtIntrospect, kDbtRunning);
constexpr auto kDbtSnapshotOptions = joined(kDbtSelection, kDbtPublish, kDbtEmpty, kDbtRunning);
constexpr auto kDbtCloneOptions = joined(kDbtSelection, kDbtKinds, kDbtFullRefresh, kDbtRunning);
constexpr OptionSpec kDbtOfShow[] = {
    {.name = "inline", .value = "SQL", .meaning = "this text instead of a node"},
    {.name = "inline-direct", .value = "SQL", .meaning = "this SQL, without a template's rendering"},
    {.name = "output", .value = "FORMAT", .meaning = "of the rows: text or json", .choices = "text|json"},
    {.name = "limit", .value = "N", .meaning = "rows (default: 5; -1: all)"},
};
constexpr auto kDbtShowOptions = joined(kDbtSelection, kDbtOfShow, kDbtFullRefresh, kDbtIntrospect, kDbtRunning);
constexpr OptionSpec kDbtOfOperation[] = {
    {.name = "args", .value = "YAML", .meaning = "the macro's arguments: '{name: value}'"},
    {.name = "sql", .value = "SQL", .meaning = "this text instead of a macro"},
};
constexpr auto kDbtOperationOptions = joined(kDbtOfOperation, kDbtRunning);
constexpr OptionSpec kDbtOfFreshness[] = {
    {.name = "output", .letter = 'o', .value = "FILE", .meaning = "instead of target/sources.json"},
};
constexpr auto kDbtFreshnessOptions = joined(kDbtSelection, kDbtOfFreshness, kDbtRunning);
constexpr OptionSpec kDbtOfDocs[] = {
    {.name = "no-compile", .meaning = "only the catalog", .can_be_undone = true},
    {.name = "static",
     .meaning = "also static_index.html: the pages and their data as one file",
     .can_be_undone = true},
};
constexpr auto kDbtDocsOptions = joined(kDbtSelection, kDbtOfDocs, kDbtRunning);
constexpr OptionSpec kDbtServeOptions[] = {
    {.name = "port", .value = "PORT", .meaning = "0: a free one (default: 8080)"},
    {.name = "host", .value = "ADDRESS", .meaning = "to listen on (default: 127.0.0.1, this machine only)"},
    {.name = "browser", .meaning = "open a browser", .can_be_undone = true},
    kTargetPath,
    kProfilesDir,
    kProfile,
    kTarget,
    kVars,
};
constexpr Example kDbtServeExamples[] = {
    {"dbt docs serve", "at http://127.0.0.1:8080"},
    {"dbt docs serve --port 0", "at a free port"},
};
constexpr OptionSpec kDbtInitOptions[] = {
    {.name = "skip-profile-setup", .letter = 's', .meaning = "only the project's files"},
    {.name = "profile", .value = "NAME", .meaning = "a profile that is there already"},
    kProfilesDir,
};
constexpr Example kDbtInitExamples[] = {
    {"dbt init shop", "a project, and its profile by questions"},
    {"dbt init shop --profile analytics", "with a profile that is there"},
    {"dbt init", "in a project: only its profile"},
};
constexpr OptionSpec kDbtOfRetry[] = {
    {.name = "state", .value = "DIR", .meaning = "where the run_results.json of the earlier run is (default: target)"},
};
constexpr auto kDbtRetryOptions = joined(kDbtOfRetry, kDbtFullRefresh, kDbtPublish, kDbtRunning);
constexpr OptionSpec kDbtOfPlan[] = {
    {.name = "output", .letter = 'o', .value = "FORMAT", .meaning = "text or json", .choices = "text|json"},
};
constexpr auto kDbtPlanOptions = joined(kDbtSelection, kDbtKinds, kDbtFullRefresh, kDbtOfPlan, kDbtRunning);
constexpr Example kDbtPlanExamples[] = {
    {"dbt plan", "of the whole project"},
    {"dbt plan -s staging --full-refresh", "of some models, anew"},
    {"dbt plan --output json", "for CI"},
};
constexpr Example kDbtRunExamples[] = {
    {"dbt run", "build all models; what depends on them stays"},
    {"dbt run -s 'orders+' --threads 4", "a model and what comes after it, on four sessions"},
    {"dbt run --full-refresh -s tag:daily", "incremental models anew"},
};
constexpr Example kDbtBuildExamples[] = {
    {"dbt build", "seeds, models, snapshots and tests, in the graph's order"},
    {"dbt build -s state:modified+ --state prod --defer", "what changed, and what comes after it"},
    {"dbt build --fail-fast --log-format json", "for a program that watches"},
};
constexpr Example kDbtTestExamples[] = {
    {"dbt test", "all tests"},
    {"dbt test -s orders --store-failures", "of a model; keep the rows that fail"},
    {"dbt test -s test_type:unit", "unit tests"},
};
constexpr Example kDbtSeedExamples[] = {
    {"dbt seed", "load the CSV files"},
    {"dbt seed --full-refresh", "with new columns"},
    {"dbt seed -s countries", "one of them"},
};
constexpr Example kDbtSnapshotExamples[] = {
    {"dbt snapshot", "record what changed"},
    {"dbt snapshot -s orders_history", "one of them"},
    {"dbt snapshot -t prod", "in another target"},
};
constexpr Example kDbtShowExamples[] = {
    {"dbt show -s orders", "its first five rows"},
    {"dbt show --inline 'select 1 as x' --output json", "of a text, as JSON"},
    {"dbt show -s orders --limit 100", "more of them"},
};
constexpr Example kDbtCloneExamples[] = {
    {"dbt clone --state prod", "views of another environment's relations"},
    {"dbt clone -s orders --state prod", "one"},
    {"dbt clone --full-refresh --state prod", "over what is there"},
};
constexpr Example kDbtOperationExamples[] = {
    {"dbt run-operation grant_select --args '{role: bi}'", "a macro"},
    {"dbt run-operation dbt_utils.log_info --args '{message: x}'", "of a package"},
    {"dbt run-operation --sql 'analyze'", "a statement"},
};
constexpr Example kDbtRetryExamples[] = {
    {"dbt retry", "what failed in the last run"},
    {"dbt retry --threads 4", "on four sessions"},
    {"dbt retry --full-refresh", "anew"},
};
constexpr Example kDbtFreshnessExamples[] = {
    {"dbt source freshness", "all sources"},
    {"dbt source freshness -s source:raw", "one of them"},
    {"dbt source freshness --output fresh.json", "into another file"},
};
constexpr Example kDbtDocsExamples[] = {
    {"dbt docs generate", "compile, and write target/catalog.json"},
    {"dbt docs generate --no-compile", "only the catalog"},
    {"dbt docs generate -t prod", "of another target"},
};
constexpr Example kDbtDebugExamples[] = {
    {"dbt debug", "can the warehouse be reached"},
    {"dbt debug -t prod", "that of another target"},
    {"dbt debug --profiles-dir ci", "with another profiles.yml"},
};
constexpr Example kDbtCompileExamples[] = {
    {"dbt compile", "SQL of all nodes below target/compiled"},
    {"dbt compile --inline 'select {{ var(\"x\") }}'", "of a text"},
    {"dbt compile -s orders", "of one model"},
};
constexpr OptionSpec kDbtParseOptions[] = {
    kProfilesDir, kProfile,        kTarget,    kTargetPath,       kVars,
    kThreads,     kNoPartialParse, kWarnError, kWarnErrorOptions, kNoVersionCheck};
constexpr OptionSpec kDbtLsOptions[] = {
    kDbtLsSelect,
    kDbtLsModels,
    kDbtExclude,
    kDbtSelector,
    kIndirect,
    kState,
    {.name = "defer", .meaning = "accepted: ls says what is in the project", .can_be_undone = true},
    {.name = "favor-state", .meaning = "accepted, as --defer", .can_be_undone = true},
    {.name = "defer-state", .value = "DIR", .meaning = "accepted, as --defer"},
    kResourceType,
    kExcludeResourceType,
    {.name = "output",
     .value = "WHAT",
     .meaning = "what is listed (default: selector)",
     .choices = "json|name|path|selector"},
    {.name = "output-keys",
     .value = "KEYS...",
     .meaning = "with --output json: only these keys, also config.materialized",
     .repeats = true},
    kProfilesDir,
    kProfile,
    kTarget,
    kTargetPath,
    kVars,
    kThreads,
    kNoPartialParse,
    kWarnError,
    kWarnErrorOptions,
    kNoVersionCheck};
constexpr OptionSpec kDbtCleanOptions[] = {kProfilesDir, kProfile, kTarget, kVars};
constexpr OptionSpec kDbtDepsOptions[] = {
    {.name = "lock", .meaning = "only write package-lock.yml"},
    {.name = "upgrade", .meaning = "look for new versions, and fetch everything again"},
    {.name = "add-package", .value = "NAME@VERSION", .meaning = "add it to packages.yml first"},
    {.name = "source",
     .value = "KIND",
     .meaning = "where the package of --add-package comes from (default: hub)",
     .choices = "hub|git|local"},
    kNoVersionCheck,
    kProfilesDir,
    kProfile,
    kTarget,
    kVars};
constexpr Example kDbtParseExamples[] = {
    {"dbt parse", "read the project, write target/manifest.json"},
    {"dbt parse --vars '{start: 2026-01-01}'", "with a var"},
    {"dbt parse -C /srv/dwh -t prod", "another folder and target"},
};
constexpr Example kDbtLsExamples[] = {
    {"dbt ls -s 'tag:daily+'", "nodes with a tag, and what depends on them"},
    {"dbt ls -s path:models/staging --output json", "one JSON object a line"},
    {"dbt ls -s state:modified --state prod/", "what differs from an earlier run"},
};
constexpr Example kDbtCleanExamples[] = {
    {"dbt clean", "remove target, dbt_packages, or what clean-targets says"},
    {"dbt clean -C /srv/dwh", "of another project"},
};
constexpr Example kDbtDepsExamples[] = {
    {"dbt deps", "what packages.yml asks for, at the versions of package-lock.yml"},
    {"dbt deps --upgrade", "the newest versions that packages.yml allows"},
    {"dbt deps --add-package dbt-labs/dbt_utils@1.3.0", "one more"},
};

constexpr CommandSpec kCommands[] = {
    {.path = "init",
     .summary = "write weir.yml and endpoints.yml",
     .group = "Start",
     .positional = "[DIR]",
     .completes = Completes::Folder,
     .options = kOnlyOutput,
     .examples = kInitExamples,
     .about = "Files that exist stay as they are. Both files name their JSON Schema (.weir/schema), so that editors "
              "complete keys.",
     .run = run_init},
    {.path = "demo",
     .summary = "the incident and how it does not happen, in a private PostgreSQL",
     .group = "Start",
     .options = kDemoOptions,
     .examples = kDemoExamples,
     .about = "Starts a PostgreSQL of its own and a SQL Server stand-in in a temporary folder, and removes both.",
     .run = run_demo},
    {.path = "doctor",
     .summary = "check configuration, endpoints, rights and drivers",
     .group = "Start",
     .options = kOnlyOutput,
     .examples = kDoctorExamples,
     .about = "Each line has a state, what was found, and what to do about it. Exit 1 if a check fails.",
     .run = run_doctor},
    {.path = "sync",
     .summary = "load tables and publish them, dependents intact",
     .group = "Load",
     .positional = "[CONNECTION...]",
     .completes = Completes::Connection,
     .options = kSyncOptions,
     .examples = kSyncExamples,
     .about =
         "Each table is published when it is ready: loaded beside the old rows, proved, then swapped in within "
         "milliseconds. A table\n"
         "that fails leaves the others alone and keeps its old rows. Run it again: what is done is not done twice.",
     .run = run_sync},
    {.path = "sync ls",
     .summary = "what was loaded, when, and what waits",
     .group = "Load",
     .positional = "[CONNECTION...]",
     .completes = Completes::Connection,
     .options = kSyncLsOptions,
     .examples = kSyncLsExamples,
     .run = run_sync_ls},
    {.path = "sync verify",
     .summary = "compare source and warehouse, row for row",
     .group = "Load",
     .positional = "[CONNECTION...]",
     .completes = Completes::Connection,
     .options = kVerifyOptions,
     .examples = kVerifyExamples,
     .about = "Reads both sides now, so rows that changed since the last run are differences.",
     .run = run_sync_verify},
    {.path = "sync reset",
     .summary = "forget cursors: the next run reads everything",
     .group = "Load",
     .positional = "CONNECTION",
     .completes = Completes::Connection,
     .options = kResetOptions,
     .examples = kResetExamples,
     .about = "Rows stay as they are.",
     .run = run_sync_reset},
    {.path = "release",
     .summary = "publish what the shrink guard holds",
     .group = "Load",
     .positional = "CONNECTION",
     .completes = Completes::Connection,
     .options = kReleaseOptions,
     .examples = kReleaseExamples,
     .about =
         "A refresh that would remove more rows than `guard` allows is loaded, proved and held; this publishes it.",
     .run = run_release},
    {.path = "run",
     .summary = "run a job now, with its attempts",
     .group = "Jobs",
     .positional = "JOB",
     .completes = Completes::Job,
     .options = kOnlyOutput,
     .examples = kRunExamples,
     .about =
         "Jobs stand in weir.yml. Each run has a number, up to five attempts, and a log for each. A table that is "
         "published is\nnot loaded again by the next attempt. Exit 0 if it succeeded, 5 if what it needs could not be "
         "reached, 6 if something is\nheld, else 1.",
     .run = run_run},
    {.path = "retry",
     .summary = "run a job again that has ended, or go on with one that waits",
     .group = "Jobs",
     .positional = "JOB#N",
     .options = kRetryOptions,
     .examples = kRetryExamples,
     .about = "A job that has ended keeps its number and its logs; the new one names it as its parent.",
     .run = run_retry},
    {.path = "logs",
     .summary = "the log of an attempt",
     .group = "Jobs",
     .positional = "JOB#N[.A]",
     .options = kLogsOptions,
     .examples = kLogsExamples,
     .about = "Times are UTC.",
     .run = run_logs},
    {.path = "job", .summary = "jobs and their schedules", .group = ""},
    {.path = "job ls",
     .summary = "jobs that ran, run or wait",
     .group = "Jobs",
     .positional = "[JOB]",
     .completes = Completes::Job,
     .options = kJobLsOptions,
     .examples = kJobLsExamples,
     .run = run_job_ls},
    {.path = "job show",
     .summary = "one job, its attempts and why they failed",
     .group = "Jobs",
     .positional = "JOB#N",
     .options = kOnlyOutput,
     .examples = kJobShowExamples,
     .run = run_job_show},
    {.path = "job next",
     .summary = "when jobs run next",
     .group = "Jobs",
     .positional = "[JOB...]",
     .completes = Completes::Job,
     .options = kJobNextOptions,
     .examples = kJobNextExamples,
     .about =
         "With what is special about it: times that a change of clocks skips or brings twice, days that a month lacks.",
     .run = run_job_next},
    {.path = "job cancel",
     .summary = "end a job that runs or waits",
     .group = "Jobs",
     .positional = "JOB#N",
     .options = kOnlyOutput,
     .examples = kJobCancelExamples,
     .run = run_job_cancel},
    {.path = "job enable",
     .summary = "let a job's schedule count again",
     .group = "Jobs",
     .positional = "JOB",
     .completes = Completes::Job,
     .options = kOnlyOutput,
     .examples = kJobEnableExamples,
     .about = "What came by while it was disabled is not made up for.",
     .run = run_job_enable},
    {.path = "job disable",
     .summary = "leave a job's schedule out",
     .group = "Jobs",
     .positional = "JOB",
     .completes = Completes::Job,
     .options = kOnlyOutput,
     .examples = kJobDisableExamples,
     .run = run_job_disable},
    {.path = "alert", .summary = "who is told when something goes wrong", .group = ""},
    {.path = "alert ls",
     .summary = "who is told of what",
     .group = "Jobs",
     .options = kOnlyOutput,
     .examples = kAlertLsExamples,
     .run = run_alert_ls},
    {.path = "alert test",
     .summary = "send a test to the channels of an alert",
     .group = "Jobs",
     .positional = "[ALERT...]",
     .completes = Completes::Alert,
     .options = kOnlyOutput,
     .examples = kAlertTestExamples,
     .about = "Nothing is tried again, and a pager's alarm is ended at once.",
     .run = run_alert_test},
    {.path = "events",
     .summary = "everything that happened, from the event log",
     .group = "Jobs",
     .options = kEventsOptions,
     .examples = kEventsExamples,
     .about = "Each event's hash covers the one before it, so that what was changed or removed later shows.",
     .run = run_events},
    {.path = "serve",
     .summary = "run jobs when they are due",
     .group = "Jobs",
     .options = kServeOptions,
     .examples = kServeExamples,
     .about =
         "On SIGTERM or Ctrl-C what runs is stopped, without using up an attempt, and the next start goes on with it.",
     .run = run_serve},
    {.path = "incident", .summary = "what went wrong, until it is well again", .group = ""},
    {.path = "incident ls",
     .summary = "incidents, the newest first",
     .group = "Jobs",
     .options = kIncidentLsOptions,
     .examples = kIncidentLsExamples,
     .about = "Failures of the same cause are one incident. It is over by itself once each job that failed has "
              "succeeded, and "
              "each\nrelation that it made stale is fresh.",
     .run = run_incident_ls},
    {.path = "incident show",
     .summary = "one incident, its jobs, relations and messages",
     .group = "Jobs",
     .positional = "N",
     .options = kOnlyOutput,
     .examples = kIncidentShowExamples,
     .run = run_incident_show},
    {.path = "incident ack",
     .summary = "say that you see to it",
     .group = "Jobs",
     .positional = "N",
     .options = kOnlyOutput,
     .examples = kIncidentAckExamples,
     .run = run_incident_ack},
    {.path = "incident note",
     .summary = "note something on an incident",
     .group = "Jobs",
     .positional = "N TEXT...",
     .options = kOnlyOutput,
     .examples = kIncidentNoteExamples,
     .run = run_incident_note},
    {.path = "incident resolve",
     .summary = "close an incident by hand",
     .group = "Jobs",
     .positional = "N [TEXT...]",
     .options = kOnlyOutput,
     .examples = kIncidentResolveExamples,
     .run = run_incident_resolve},
    {.path = "incident reopen",
     .summary = "open a closed incident again",
     .group = "Jobs",
     .positional = "N [TEXT...]",
     .options = kOnlyOutput,
     .examples = kIncidentReopenExamples,
     .run = run_incident_reopen},
    {.path = "incident report",
     .summary = "the post-mortem of an incident",
     .group = "Jobs",
     .positional = "N",
     .options = kIncidentReportOptions,
     .examples = kIncidentReportExamples,
     .about = "From what was recorded alone: the same events give the same text. Every line names its events.",
     .run = run_incident_report},
    {.path = "state", .summary = "care of the history of jobs", .group = ""},
    {.path = "state backup",
     .summary = "a checked copy of the state",
     .group = "Jobs",
     .positional = "[FILE]",
     .options = kOnlyOutput,
     .examples = kStateBackupExamples,
     .about = "The state is the history: jobs, attempts, events, incidents. What is true of the data stands in the "
              "warehouse.",
     .run = run_state_backup},
    {.path = "state restore",
     .summary = "put a copy in the state's place",
     .group = "Jobs",
     .positional = "FILE",
     .examples = kStateRestoreExamples,
     .about = "No weir serve or weir run may have the state. What it was is kept beside it.",
     .run = run_state_restore},
    {.path = "state export",
     .summary = "jobs with their attempts, and all events, as lines of JSON",
     .group = "Jobs",
     .positional = "[FILE]",
     .examples = kStateExportExamples,
     .about =
         "For other programs and for keeping. Jobs come first, oldest first, then events in their order, with their "
         "hashes.",
     .run = run_state_export},
    {.path = "state rebuild",
     .summary = "take up what the warehouses know, after the state was lost",
     .group = "Jobs",
     .options = kStateRebuildOptions,
     .examples = kStateRebuildExamples,
     .about =
         "What is true of the data was never lost: it stands in the warehouse. This makes weir status and weir why "
         "know it again, and numbers of jobs go on behind those that the warehouse has seen.",
     .run = run_state_rebuild},
    {.path = "state prune",
     .summary = "forget jobs and events that are old",
     .group = "Jobs",
     .options = kStatePruneOptions,
     .examples = kStatePruneExamples,
     .about = "The latest job of each name stays, and what an open incident or a stale relation needs. Logs go with "
              "their jobs.",
     .run = run_state_prune},
    {.path = "user", .summary = "who may log in at the API", .group = ""},
    {.path = "user add",
     .summary = "somebody who may log in",
     .group = "API",
     .positional = "NAME",
     .options = kUserAddOptions,
     .examples = kUserAddExamples,
     .about = "The password is typed twice, unseen, or is one line of standard input: 12 characters or more. What is "
              "kept\nis what argon2id makes of it.",
     .run = run_user_add},
    {.path = "user passwd",
     .summary = "give a user another password",
     .group = "API",
     .positional = "NAME",
     .options = kOnlyOutput,
     .examples = kUserPasswdExamples,
     .about = "Tokens go on to count.",
     .run = run_user_passwd},
    {.path = "user ls",
     .summary = "who may log in",
     .group = "API",
     .options = kOnlyOutput,
     .examples = kUserLsExamples,
     .run = run_user_ls},
    {.path = "user rm",
     .summary = "somebody may log in no more",
     .group = "API",
     .positional = "NAME",
     .options = kOnlyOutput,
     .examples = kUserRmExamples,
     .run = run_user_rm},
    {.path = "token", .summary = "what programs ask the API with", .group = ""},
    {.path = "token create",
     .summary = "let a program ask as a user",
     .group = "API",
     .positional = "NAME",
     .options = kTokenCreateOptions,
     .examples = kTokenCreateExamples,
     .about = "The token stands alone on standard output, and is not kept: only its SHA-256 is.",
     .run = run_token_create},
    {.path = "token ls",
     .summary = "what programs may ask with",
     .group = "API",
     .options = kOnlyOutput,
     .examples = kTokenLsExamples,
     .run = run_token_ls},
    {.path = "token revoke",
     .summary = "a token counts no more",
     .group = "API",
     .positional = "NAME",
     .options = kOnlyOutput,
     .examples = kTokenRevokeExamples,
     .run = run_token_revoke},
    {.path = "status",
     .summary = "jobs, what they make, and what is wrong",
     .group = "Look",
     .options = kStatusOptions,
     .examples = kStatusExamples,
     .about = "A relation is stale when it was to be newer and is not: it was not refreshed, or built from what was "
              "not. What "
              "is\nbetween two runs as it has to be is fresh.",
     .run = run_status},
    {.path = "why",
     .summary = "why data is as old as it is, or why a job failed",
     .group = "Look",
     .positional = "RELATION|JOB#N",
     .options = kOnlyOutput,
     .examples = kWhyExamples,
     .about = "One chain, across dbt models and syncs, to the job and the error that it comes from.",
     .run = run_why},
    {.path = "impact",
     .summary = "what is built from a relation",
     .group = "Look",
     .positional = "RELATION",
     .options = kOnlyOutput,
     .examples = kImpactExamples,
     .about = "As the jobs' runs have shown it. What else depends on it in the warehouse: weir deps.",
     .run = run_impact},
    {.path = "deps",
     .summary = "everything that depends on a table",
     .group = "Look",
     .positional = "RELATION",
     .options = kDepsOptions,
     .examples = kDepsExamples,
     .about = "RELATION is SCHEMA.NAME; a name with capitals stands in double quotes, as in SQL.",
     .run = run_deps},
    {.path = "table", .summary = "look at a table, or take a publish back", .group = ""},
    {.path = "table show",
     .summary = "how weir keeps a table",
     .group = "Look",
     .positional = "RELATION",
     .options = kTableOptions,
     .examples = kTableShowExamples,
     .run = run_table_show},
    {.path = "table rollback",
     .summary = "go back to the rows before the last publish",
     .group = "Look",
     .positional = "RELATION",
     .options = kRollbackOptions,
     .examples = kRollbackExamples,
     .about = "The same swap, backwards: dependents stay. Only the publish before the last one is kept.",
     .run = run_table_rollback},
    {.path = "dbt", .summary = "build a dbt project", .group = "", .options = kDbtRunning, .accepted = kDbtAccepted},
    {.path = "dbt parse",
     .summary = "read a dbt project and write its manifest",
     .group = "dbt",
     .options = kDbtParseOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtParseExamples,
     .about = "Reads dbt_project.yml, profiles.yml, packages and all resource files; connects to nothing.",
     .run = run_dbt_parse},
    {.path = "dbt ls",
     .other_name = "list",
     .summary = "list nodes of a dbt project",
     .group = "dbt",
     .options = kDbtLsOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtLsExamples,
     .about = "--select takes dbt's grammar: graph operators (+, @), methods (tag:, path:, config.x:, state:, ...), a "
              "space for or, a\n"
              "comma for and.",
     .run = run_dbt_ls},
    {.path = "dbt plan",
     .summary = "what a build would do to the warehouse, and to what others made there",
     .group = "dbt",
     .options = kDbtPlanOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtPlanExamples,
     .about = "Writes nothing. Names each relation's way of being published, the views of others on it, and relations "
              "that no "
              "node makes.\nExit 1 if a node could not be built.",
     .run = run_dbt_plan},
    {.path = "dbt run",
     .summary = "build models, dependents intact",
     .group = "dbt",
     .options = kDbtRunOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtRunExamples,
     .about = "Each model is built beside the old one and published when it is ready. What depends on it, grants, "
              "comments and indexes\nstay. Exit 1 if a node fails.",
     .run = run_dbt_run},
    {.path = "dbt build",
     .summary = "build and test seeds, models and snapshots",
     .group = "dbt",
     .options = kDbtBuildOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtBuildExamples,
     .about = "A test that fails keeps what comes after the tested node from being built.",
     .run = run_dbt_build},
    {.path = "dbt test",
     .summary = "run tests",
     .group = "dbt",
     .options = kDbtTestOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtTestExamples,
     .about = "Exit 1 if a test of severity error fails.",
     .run = run_dbt_test},
    {.path = "dbt seed",
     .summary = "load CSV files",
     .group = "dbt",
     .options = kDbtSeedOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtSeedExamples,
     .about = "Types are found as dbt finds them; rows are loaded by COPY and published at once.",
     .run = run_dbt_seed},
    {.path = "dbt compile",
     .summary = "write the SQL of nodes",
     .group = "dbt",
     .options = kDbtCompileOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtCompileExamples,
     .about = "Nothing is changed in the warehouse; templates may ask it.",
     .run = run_dbt_compile},
    {.path = "dbt snapshot",
     .summary = "record how rows change",
     .group = "dbt",
     .options = kDbtSnapshotOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtSnapshotExamples,
     .about = "Versions of rows that changed are closed, and new ones added, in one transaction.",
     .run = run_dbt_snapshot},
    {.path = "dbt show",
     .summary = "the first rows of a node or a text",
     .group = "dbt",
     .options = kDbtShowOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtShowExamples,
     .about = "Nothing is changed in the warehouse.",
     .run = run_dbt_show},
    {.path = "dbt clone",
     .summary = "views of the relations of another environment",
     .group = "dbt",
     .options = kDbtCloneOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtCloneExamples,
     .about = "What is there already stays, unless --full-refresh says so.",
     .run = run_dbt_clone},
    {.path = "dbt run-operation",
     .summary = "carry out a macro",
     .group = "dbt",
     .positional = "[MACRO]",
     .options = kDbtOperationOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtOperationExamples,
     .about = "What the macro does not commit is rolled back.",
     .run = run_dbt_operation},
    {.path = "dbt retry",
     .summary = "run again what failed or was skipped",
     .group = "dbt",
     .options = kDbtRetryOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtRetryExamples,
     .about = "Takes target/run_results.json of the last run, with its vars, target and --full-refresh.",
     .run = run_dbt_retry},
    {.path = "dbt source", .summary = "sources of a dbt project", .group = ""},
    {.path = "dbt source freshness",
     .summary = "how old the sources' rows are",
     .group = "dbt",
     .options = kDbtFreshnessOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtFreshnessExamples,
     .about = "Exit 1 if one is older than its error_after.",
     .run = run_dbt_freshness},
    {.path = "dbt docs", .summary = "documentation of a dbt project", .group = ""},
    {.path = "dbt docs generate",
     .summary = "write the catalog and pages about the project",
     .group = "dbt",
     .options = kDbtDocsOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtDocsExamples,
     .about = "target/catalog.json: the relations' columns, types and comments as they are now.",
     .run = run_dbt_docs_generate},
    {.path = "dbt docs serve",
     .summary = "show the pages in a browser",
     .group = "dbt",
     .options = kDbtServeOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtServeExamples,
     .about = "Serves the target folder until Ctrl-C, on this machine only unless --host says otherwise.",
     .run = run_dbt_docs_serve},
    {.path = "dbt init",
     .summary = "start a dbt project",
     .group = "dbt",
     .positional = "[NAME]",
     .options = kDbtInitOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtInitExamples,
     .about = "Asks for the warehouse's address and writes it into profiles.yml. What is there already is kept.",
     .run = run_dbt_init},
    {.path = "dbt debug",
     .summary = "check profile and connection",
     .group = "dbt",
     .options = kDbtParseOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtDebugExamples,
     .about = "Looks at profiles.yml and dbt_project.yml, and connects; reads no models. Exit 1 if one of them fails.",
     .run = run_dbt_debug},
    {.path = "dbt deps",
     .summary = "install the packages of a dbt project",
     .group = "dbt",
     .options = kDbtDepsOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtDepsExamples,
     .about =
         "From the hub (DBT_PACKAGE_HUB_URL: another one), git, tarballs and folders. A package that is there at the "
         "version of\npackage-lock.yml stays as it is and needs no network. If one cannot be fetched, none is "
         "changed.",
     .run = run_dbt_deps},
    {.path = "dbt clean",
     .summary = "remove the folders of clean-targets",
     .group = "dbt",
     .options = kDbtCleanOptions,
     .accepted = kDbtAccepted,
     .examples = kDbtCleanExamples,
     .about = "Only folders below the project's are removed, and never its sources. No profile is read.",
     .run = run_dbt_clean},
    {.path = "endpoint", .summary = "sources and warehouses", .group = ""},
    {.path = "endpoint ls",
     .summary = "list sources and warehouses",
     .group = "Endpoints",
     .options = kOnlyOutput,
     .examples = kEndpointLsExamples,
     .run = run_endpoint_ls},
    {.path = "endpoint test",
     .summary = "log in, check rights and driver",
     .group = "Endpoints",
     .positional = "[ENDPOINT...]",
     .completes = Completes::Endpoint,
     .options = kOnlyOutput,
     .examples = kEndpointTestExamples,
     .run = run_endpoint_test},
    {.path = "endpoint discover",
     .summary = "list a source's tables and how they come over",
     .group = "Endpoints",
     .positional = "ENDPOINT",
     .completes = Completes::Endpoint,
     .options = kDiscoverOptions,
     .examples = kDiscoverExamples,
     .run = run_endpoint_discover},
    {.path = "config", .summary = "the configuration files", .group = ""},
    {.path = "config check",
     .summary = "find every mistake in weir.yml and endpoints.yml",
     .group = "Files",
     .options = kOnlyOutput,
     .examples = kCheckExamples,
     .run = run_config_check},
    {.path = "config show",
     .summary = "every setting and where it comes from",
     .group = "Files",
     .positional = "[PATH]",
     .options = kShowOptions,
     .examples = kShowExamples,
     .run = run_config_show},
    {.path = "config schema",
     .summary = "JSON Schema of the files",
     .group = "Files",
     .positional = "[FILE]",
     .options = kSchemaOptions,
     .examples = kSchemaExamples,
     .run = run_config_schema},
    {.path = "completion",
     .summary = "completion for bash, zsh or fish",
     .group = "Files",
     .positional = "SHELL",
     .examples = kCompletionExamples,
     .run = run_completion},
    {.path = "version",
     .summary = "the version",
     .group = "Files",
     .options = kOnlyOutput,
     .examples = kVersionExamples,
     .run = run_version},
    {.path = "help",
     .summary = "help on a command or topic",
     .group = "Files",
     .positional = "[TOPIC...]",
     .completes = Completes::Topic,
     .examples = kHelpExamples,
     .run = run_help},
    // Asked by the shells' completion scripts: the words that may follow.
    {.path = "complete-words", .summary = "", .group = "", .positional = "[WORD...]", .run = run_complete_words},
};

}  // namespace

std::span<CommandSpec const> commands() {
  return kCommands;
}
std::span<OptionSpec const> common_options() {
  return kCommon;
}

CommandSpec const* find_command(std::string_view path) {
  for (auto const& command : kCommands)
    if (command.path == path) return &command;
  return nullptr;
}

std::vector<std::string> subcommands(std::string_view path) {
  std::vector<std::string> names;
  for (auto const& command : kCommands) {
    std::string_view rest = command.path;
    if (!path.empty()) {
      if (!rest.starts_with(path) || rest.size() <= path.size() || rest[path.size()] != ' ') continue;
      rest.remove_prefix(path.size() + 1);
    }
    if (rest.find(' ') == std::string_view::npos && command.path != "complete-words") names.emplace_back(rest);
  }
  return names;
}

}  // namespace weir::app
