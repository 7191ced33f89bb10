#include "config/keys.h"

#include "base/text.h"

namespace weir::config {
namespace {

constexpr Key kSchemaChanges[] = {
    {.name = "dropped",
     .type = Type::Choice,
     .meaning = "What happens to a column that is no longer at the source while something depends on it. keep: it "
                "stays, and new rows "
                "hold NULL. hold: the table stops before anything is loaded and names what uses the column.",
     .fallback = "keep",
     .choices = "keep|hold",
     .example = "hold"},
    {.name = "retyped",
     .type = Type::Choice,
     .meaning = "What happens to a column whose type changed at the source while something depends on it. shadow: the "
                "old column is "
                "renamed and kept for its dependents, and a new one takes the name. upgrade: dependents that weir owns "
                "are rewritten in "
                "place. hold: the table stops before anything is loaded.",
     .fallback = "shadow",
     .choices = "shadow|upgrade|hold",
     .example = "hold"},
};

constexpr Key kGuard[] = {
    {.name = "shrink",
     .type = Type::Percent,
     .meaning = "A refresh that would remove more than this share of the rows is held until somebody says weir "
                "release. 100% turns "
                "it off.",
     .fallback = "50%",
     .example = "20%"},
    {.name = "min_rows",
     .type = Type::Count,
     .meaning = "Tables with fewer rows than this are not guarded.",
     .fallback = "0",
     .example = "100"},
    {.name = "empty_ok",
     .type = Type::Bool,
     .meaning = "A refresh that leaves no row at all is published without asking.",
     .fallback = "false",
     .example = "true"},
};

constexpr Key kText[] = {
    {.name = "nul",
     .type = Type::Choice,
     .meaning = "U+0000 in a text, which PostgreSQL cannot hold.",
     .fallback = "strip",
     .choices = "strip|replace|fail",
     .example = "fail"},
    {.name = "surrogate",
     .type = Type::Choice,
     .meaning = "Half of a UTF-16 pair that stands alone.",
     .fallback = "replace",
     .choices = "strip|replace|fail",
     .example = "fail"},
    {.name = "code_page",
     .type = Type::Choice,
     .meaning = "A byte that the column's code page does not define.",
     .fallback = "replace",
     .choices = "strip|replace|fail",
     .example = "fail"},
    {.name = "trim_char",
     .type = Type::Bool,
     .meaning = "Cut the blanks at the end of char(n) and nchar(n) values.",
     .fallback = "false",
     .example = "true"},
};

constexpr Key kTime[] = {
    {.name = "keep_offset",
     .type = Type::Bool,
     .meaning = "Load a datetimeoffset's offset as well, into a column COLUMN__offset_min.",
     .fallback = "false",
     .example = "true"},
    {.name = "truncated",
     .type = Type::Choice,
     .meaning = "A seventh digit of a second, which PostgreSQL cannot hold. cut: it is cut and counted. fail: the "
                "table fails and "
                "names the row.",
     .fallback = "cut",
     .choices = "cut|fail",
     .example = "fail"},
};

constexpr Key kFresh[] = {
    {.name = "warn",
     .type = Type::Duration,
     .meaning = "Data older than this is late: an incident opens, unless one explains it already.",
     .example = "26h"},
    {.name = "error", .type = Type::Duration, .meaning = "Data older than this is an error.", .example = "50h"},
};

constexpr Key kStream[] = {
    {.name = "mode",
     .type = Type::Choice,
     .meaning = "How rows come over. Full refresh reads everything and replaces (overwrite) or adds (append) it; "
                "incremental reads what "
                "changed since the last run. dedup keeps the newest row of each key.",
     .fallback = "full_refresh_overwrite",
     .choices = "full_refresh_overwrite|full_refresh_append|full_refresh_overwrite_dedup|incremental_append|"
                "incremental_append_dedup",
     .example = "incremental_append"},
    {.name = "cursor",
     .type = Type::Text,
     .meaning =
         "Incremental modes: the column that grows with every change, a rowversion or a time of the last change.",
     .example = "ModifiedAt"},
    {.name = "key",
     .type = Type::Names,
     .meaning = "The columns that tell rows apart. Without it, the source's primary key.",
     .example = "[Id]"},
    {.name = "lag",
     .type = Type::Duration,
     .meaning = "Incremental modes: rows whose cursor is younger than this are left for the next run, so that "
                "transactions that are "
                "still open at the source are not missed.",
     .fallback = "0s",
     .example = "5min"},
    {.name = "method",
     .type = Type::Choice,
     .meaning = "How new rows become the table. auto takes the gentlest method that is correct for this table now, and "
                "the plan says "
                "which and why.",
     .fallback = "auto",
     .choices = "auto|shell|merge|view|truncate",
     .example = "merge"},
    {.name = "schema_changes",
     .type = Type::Object,
     .meaning = "What happens when the source's columns change and something in the warehouse uses them. Columns that "
                "nothing uses "
                "are added, dropped and retyped without asking.",
     .children = kSchemaChanges},
    {.name = "guard",
     .type = Type::Object,
     .meaning = "Holds a refresh that would remove suspiciously many rows.",
     .children = kGuard},
    {.name = "metadata",
     .type = Type::Choice,
     .meaning = "Extra columns in each row. airbyte adds the four that Airbyte writes, so that models built on them "
                "run unchanged.",
     .fallback = "none",
     .choices = "none|weir|airbyte",
     .example = "airbyte"},
    {.name = "detect_deletes",
     .type = Type::Bool,
     .meaning = "Incremental + dedup: compare all keys with the source and delete rows that are gone there.",
     .fallback = "false",
     .example = "true"},
    {.name = "columns",
     .type = Type::Names,
     .meaning = "Only these columns. Without it, all.",
     .example = "[Id, Name]"},
    {.name = "exclude_columns", .type = Type::Names, .meaning = "All columns but these.", .example = "[Photo]"},
    {.name = "as",
     .type = Type::Text,
     .meaning = "The table's name in the warehouse. Without it, the source's.",
     .example = "countries"},
    {.name = "text",
     .type = Type::Object,
     .meaning = "What to do with text that PostgreSQL cannot hold as it is. Each case is counted "
                "and reported per column.",
     .children = kText},
    {.name = "time",
     .type = Type::Object,
     .meaning = "What to do with times that PostgreSQL cannot hold as they are.",
     .children = kTime},
    {.name = "fresh",
     .type = Type::Object,
     .meaning =
         "A promise: how old the table's data may become before people are told. Without it, the connection's; 0s is "
         "none.",
     .children = kFresh},
};

constexpr Key kRetry[] = {
    {.name = "first",
     .type = Type::Duration,
     .meaning = "The pause before the second attempt; each further pause is longer.",
     .fallback = "10s",
     .example = "30s"},
};

constexpr Key kConnection[] = {
    {.name = "from",
     .type = Type::Text,
     .meaning = "The source: an endpoint's name.",
     .example = "core",
     .required = true},
    {.name = "to",
     .type = Type::Text,
     .meaning = "The warehouse: an endpoint's name. Without it, the file's `warehouse`.",
     .example = "other",
     .alias = "warehouse"},
    {.name = "into",
     .type = Type::Text,
     .meaning = "The schema in the warehouse. {schema} stands for the schema at the source.",
     .example = "\"sync_{schema}\"",
     .required = true},
    {.name = "prefix", .type = Type::Text, .meaning = "Put in front of every table's name.", .example = "core_"},
    {.name = "tables",
     .type = Type::Patterns,
     .meaning = "Which tables, as SCHEMA.TABLE with * and ?: a list, or a mapping from pattern to the options of those "
                "tables (false "
                "leaves them out). A name without wildcard beats patterns; of patterns, the last that fits holds. "
                "\"*\" is all tables.",
     .example = "[dbo.Country]",
     .children = kStream,
     .required = true},
    {.name = "exclude",
     .type = Type::Names,
     .meaning = "Tables to leave out, as patterns. Wins over `tables`.",
     .example = "[\"dbo.Log*\"]"},
    {.name = "defaults",
     .type = Type::Object,
     .meaning = "Options of every table that does not say otherwise.",
     .children = kStream},
    {.name = "attempts",
     .type = Type::Count,
     .meaning = "How often a table is tried in one run. An attempt that published something does not count.",
     .fallback = "5",
     .example = "3"},
    {.name = "retry", .type = Type::Object, .meaning = "Pauses between attempts.", .children = kRetry},
    {.name = "workers",
     .type = Type::Count,
     .meaning = "How many tables are loaded side by side.",
     .fallback = "2",
     .example = "4"},
    {.name = "chunk_rows",
     .type = Type::Count,
     .meaning = "Large tables are read in ranges of about this many rows, so that a failure repeats one range only.",
     .fallback = "500000",
     .example = "100000"},
    {.name = "isolation",
     .type = Type::Choice,
     .meaning = "How the source is read. auto takes a snapshot where the source allows one, else read committed.",
     .fallback = "auto",
     .choices = "auto|snapshot|read_committed|read_uncommitted",
     .example = "snapshot"},
    {.name = "publish_window",
     .type = Type::Duration,
     .meaning = "How long a finished table waits for readers that hold its lock before it is left for the next run.",
     .fallback = "15min",
     .example = "5min"},
    {.name = "fresh",
     .type = Type::Object,
     .meaning =
         "A promise for every table that has none of its own: how old its data may become before people are told.",
     .children = kFresh},
};

constexpr Key kWhen[] = {
    {.name = "cron",
     .type = Type::Text,
     .meaning = "Minute, hour, day of month, month, day of week, as in cron: names, ranges, steps, L and # are "
                "understood, and so are @daily and its like.",
     .example = "\"0 3 * * *\""},
    {.name = "zone",
     .type = Type::Text,
     .meaning = "The IANA time zone that `cron` speaks of. A time that does not exist on a day (a clock set forward) "
                "is made up for once, one that comes twice counts once.",
     .fallback = "UTC",
     .example = "Europe/Berlin"},
    {.name = "every", .type = Type::Duration, .meaning = "Instead of `cron`: again and again.", .example = "6h"},
    {.name = "missed",
     .type = Type::Choice,
     .meaning = "What happens to times at which weir was not running. coalesce: one run for the latest, if it is not "
                "older than `window`. skip: none. all: one run each.",
     .fallback = "coalesce",
     .choices = "coalesce|skip|all",
     .example = "skip"},
    {.name = "window",
     .type = Type::Duration,
     .meaning = "How late a missed run is still made up for. Without it, the time between two runs, at least an hour.",
     .example = "2h"},
    {.name = "jitter",
     .type = Type::Duration,
     .meaning = "Starts up to this much later, always by the same amount for one job, so that many jobs of one hour do "
                "not start together.",
     .fallback = "0s",
     .example = "5min"},
};

constexpr Key kJobRetry[] = {
    {.name = "first",
     .type = Type::Duration,
     .meaning = "The pause before the second attempt.",
     .fallback = "10s",
     .example = "30s"},
    {.name = "factor",
     .type = Type::Count,
     .meaning = "Each further pause is longer by this factor.",
     .fallback = "3",
     .example = "2"},
    {.name = "most", .type = Type::Duration, .meaning = "No pause is longer.", .fallback = "30min", .example = "5min"},
};

constexpr Key kTimeouts[] = {
    {.name = "queue",
     .type = Type::Duration,
     .meaning = "A job that could not begin for this long fails.",
     .fallback = "1d",
     .example = "2h"},
    {.name = "attempt",
     .type = Type::Duration,
     .meaning = "An attempt that takes longer is stopped, and counts as failed.",
     .fallback = "1d",
     .example = "2h"},
    {.name = "job",
     .type = Type::Duration,
     .meaning = "No attempt is begun later than this after the first.",
     .fallback = "3d",
     .example = "6h"},
    {.name = "silence",
     .type = Type::Duration,
     .meaning = "An attempt that writes nothing to its log for this long is stopped, and counts as failed.",
     .fallback = "1h",
     .example = "15min"},
};

// Exactly one of them in each step.
constexpr Key kStep[] = {
    {.name = "sync",
     .type = Type::Text,
     .meaning = "Loads the tables of this connection. A further attempt loads those that are still missing.",
     .example = "core"},
    {.name = "dbt",
     .type = Type::Text,
     .meaning = "A dbt command with its options, as behind weir dbt. A further attempt takes up what failed or was "
                "skipped.",
     .example = "build --select tag:nightly"},
    {.name = "verify",
     .type = Type::Text,
     .meaning = "Compares the tables of this connection with the source, row for row.",
     .example = "core"},
};

constexpr Key kJob[] = {
    {.name = "steps",
     .type = Type::OneOfList,
     .meaning = "What it does, one after the other. A step that fails ends the attempt.",
     .example = "[{sync: core}, {dbt: build}]",
     .children = kStep,
     .required = true},
    {.name = "when",
     .type = Type::Object,
     .meaning = "When it runs by itself. Without it, only when somebody says weir run.",
     .children = kWhen},
    {.name = "attempts",
     .type = Type::Count,
     .meaning = "How often it is tried. An attempt that published something does not count (at most 20 of those). What "
                "another try cannot change (a wrong password, an error in a model) is not tried again.",
     .fallback = "5",
     .example = "3"},
    {.name = "retry", .type = Type::Object, .meaning = "Pauses between attempts.", .children = kJobRetry},
    {.name = "alert",
     .type = Type::Text,
     .meaning =
         "Which of the `alerts` tells of it; none: nobody is told. Without it, the alert that is called default, "
         "if there is one.",
     .example = "data_team"},
    {.name = "stale_sources",
     .type = Type::Choice,
     .meaning = "What a dbt step does where tables that its models are built from were not refreshed. run: builds on "
                "the old data. skip: leaves those models out. hold: runs nothing, and waits for the tables.",
     .fallback = "run",
     .choices = "run|skip|hold",
     .example = "hold"},
    {.name = "rebuild_stale",
     .type = Type::Bool,
     .meaning = "Once such tables are fresh again, weir serve builds the models that were built on old data, or were "
                "left out, and no others.",
     .fallback = "true",
     .example = "false"},
    {.name = "timeouts", .type = Type::Object, .meaning = "How long things may take.", .children = kTimeouts},
};

constexpr Key kAlert[] = {
    {.name = "to",
     .type = Type::Names,
     .meaning = "The channels of endpoints.yml that are told.",
     .example = "[team_chat]",
     .required = true},
    {.name = "on",
     .type = Type::Names,
     .meaning =
         "What is told. failed: a job failed, and no attempt follows that could heal it. held: a table waits for "
         "somebody to say weir release. late: a table is older than was promised. missed: a job did not start "
         "when it was to. recovered: what was told is well again.",
     .fallback = "[failed, held, late, missed, recovered]",
     .choices = "failed|held|late|missed|recovered",
     .example = "[failed, recovered]"},
};

constexpr Key kHeartbeat[] = {
    {.name = "to",
     .type = Type::Text,
     .meaning = "A channel of endpoints.yml of kind heartbeat: a service that tells people when the signs stay away.",
     .example = "still_there",
     .required = true},
    {.name = "every",
     .type = Type::Duration,
     .meaning = "How often. The service should wait for longer than that.",
     .fallback = "1m",
     .example = "5m"},
};

constexpr Key kState[] = {
    {.name = "folder",
     .type = Type::Text,
     .meaning = "The folder of jobs, attempts, logs and events, on a disk of this machine. A relative path starts at "
                "the project. WEIR_STATE_DIR wins over it. With postgres: of the logs of attempts.",
     .fallback = ".weir",
     .example = "/var/lib/weir"},
    {.name = "postgres",
     .type = Type::Text,
     .meaning = "The endpoint (kind postgres) whose database has jobs, attempts and events: several weirs, on one or "
                "several machines, then share the work. A database of its own, not the warehouse's.",
     .example = "weir_state"},
    {.name = "schema",
     .type = Type::Text,
     .meaning = "The schema there, one a project.",
     .fallback = "weir_state",
     .example = "weir_shop"},
};

constexpr Key kWeir[] = {
    {.name = "version",
     .type = Type::Choice,
     .meaning = "The version of this file's format.",
     .fallback = "1",
     .choices = "1"},
    {.name = "warehouse",
     .type = Type::Text,
     .meaning = "The warehouse of every connection that names none. Not needed when endpoints.yml has only one.",
     .example = "wh2"},
    {.name = "connections",
     .type = Type::Named,
     .meaning = "Pipelines, each from one source into one warehouse.",
     .children = kConnection},
    {.name = "jobs",
     .type = Type::Named,
     .meaning = "What weir run and weir serve carry out: syncs, dbt runs, checks, by hand or on a schedule.",
     .children = kJob},
    {.name = "alerts",
     .type = Type::Named,
     .meaning = "Who is told when something goes wrong, and when it is well again.",
     .children = kAlert},
    {.name = "heartbeat",
     .type = Type::Object,
     .meaning = "Where weir serve says that it lives: what is not there cannot raise an alarm.",
     .children = kHeartbeat},
    {.name = "state", .type = Type::Object, .meaning = "Where weir keeps what it did.", .children = kState},
};

// One list for sources and warehouses. libpq's, ODBC's and the servers' own words where they have one.
constexpr Key kEndpoint[] = {
    {.name = "kind",
     .type = Type::Choice,
     .meaning = "What it is. A warehouse is postgres and needs not say so.",
     .choices = "postgres|sqlserver|odbc",
     .example = "sqlserver"},
    {.name = "protected",
     .type = Type::Bool,
     .meaning = "Commands that destroy or undo something there also need --confirm NAME.",
     .fallback = "false",
     .example = "true"},
    {.name = "uri",
     .type = Type::Text,
     .meaning = "Everything in one address, postgresql://user@host:port/database?sslmode=... A password in it must be "
                "a reference.",
     .example = "postgresql://weir@wh.example/dwh",
     .may_hold_secret = true,
     .kinds = "postgres"},
    {.name = "service",
     .type = Type::Text,
     .meaning = "A service of libpq's pg_service.conf.",
     .example = "dwh",
     .kinds = "postgres"},
    {.name = "dbt_profile",
     .type = Type::Text,
     .meaning = "PROFILE.TARGET of dbt's profiles.yml: host, port, user, password and database come from there. Other "
                "keys of this "
                "endpoint win over it.",
     .example = "analytics.prod",
     .kinds = "postgres"},
    {.name = "host",
     .type = Type::Text,
     .meaning = "Host name, address, or (postgres) the folder of a Unix socket.",
     .example = "db.example",
     .kinds = "postgres|sqlserver"},
    {.name = "port",
     .type = Type::Count,
     .meaning = "TCP port. Without it, 5432 or 1433.",
     .example = "1433",
     .kinds = "postgres|sqlserver"},
    {.name = "instance",
     .type = Type::Text,
     .meaning = "A named instance of SQL Server, instead of a port.",
     .example = "SQLEXPRESS",
     .kinds = "sqlserver"},
    {.name = "database", .type = Type::Text, .meaning = "The database.", .example = "Core", .alias = "dbname"},
    {.name = "user", .type = Type::Text, .meaning = "The login.", .example = "weir"},
    {.name = "password",
     .type = Type::Text,
     .meaning =
         "A reference to the password: ${cred:NAME}, ${file:PATH} or ${env:NAME}. A password written out is refused.",
     .example = "${cred:core_password}",
     .secret = true,
     .may_hold_secret = true},
    {.name = "auth",
     .type = Type::Choice,
     .meaning = "How to log in. integrated uses the Kerberos ticket of the person or service that runs weir.",
     .fallback = "password",
     .choices = "password|integrated",
     .example = "integrated",
     .kinds = "sqlserver"},
    {.name = "encrypt",
     .type = Type::Choice,
     .meaning =
         "Encryption of the connection. mandatory encrypts and checks the certificate; off is for servers that cannot.",
     .fallback = "mandatory",
     .choices = "off|mandatory|strict",
     .example = "strict",
     .kinds = "sqlserver"},
    {.name = "trust_server_certificate",
     .type = Type::Bool,
     .meaning = "Encrypt without checking whom one talks to. weir warns each time.",
     .fallback = "false",
     .example = "true",
     .kinds = "sqlserver"},
    {.name = "ca_file",
     .type = Type::Text,
     .meaning = "PEM file of the authorities that may have signed the server's certificate. Without it, the system's.",
     .example = "/etc/ssl/corp-ca.pem",
     .kinds = "postgres|sqlserver",
     .alias = "sslrootcert"},
    {.name = "certificate_host",
     .type = Type::Text,
     .meaning = "The name that the server's certificate must carry, if it is not `host`.",
     .example = "db.corp",
     .kinds = "sqlserver"},
    {.name = "sslmode",
     .type = Type::Choice,
     .meaning = "libpq's sslmode. Without it, verify-full, except on this machine (socket or loopback).",
     .choices = "disable|allow|prefer|require|verify-ca|verify-full",
     .example = "require",
     .kinds = "postgres"},
    {.name = "sslcert",
     .type = Type::Text,
     .meaning = "Client certificate file.",
     .example = "/etc/weir/client.crt",
     .kinds = "postgres"},
    {.name = "sslkey",
     .type = Type::Text,
     .meaning = "Client key file.",
     .example = "/etc/weir/client.key",
     .kinds = "postgres"},
    {.name = "options",
     .type = Type::Text,
     .meaning = "Server settings for the session, as libpq's options takes them.",
     .example = "\"-c role=loader\"",
     .kinds = "postgres"},
    {.name = "driver",
     .type = Type::Text,
     .meaning = "ODBC driver: a name of odbcinst.ini or a library's path. sqlserver chooses FreeTDS's or Microsoft's, "
                "whichever is "
                "installed.",
     .example = "FreeTDS",
     .kinds = "sqlserver|odbc"},
    {.name = "application_intent",
     .type = Type::Choice,
     .meaning = "ReadOnly asks an availability group's listener for a readable secondary.",
     .fallback = "ReadWrite",
     .choices = "ReadOnly|ReadWrite",
     .example = "ReadOnly",
     .kinds = "sqlserver"},
    {.name = "server_spn",
     .type = Type::Text,
     .meaning = "The server's Kerberos service principal, if it is not MSSQLSvc/HOST:PORT.",
     .example = "MSSQLSvc/db.corp:1433",
     .kinds = "sqlserver"},
    {.name = "realm",
     .type = Type::Text,
     .meaning = "The server's Kerberos realm.",
     .example = "CORP.EXAMPLE",
     .kinds = "sqlserver"},
    {.name = "packet_size",
     .type = Type::Count,
     .meaning = "Bytes of a network packet.",
     .fallback = "16192",
     .example = "4096",
     .kinds = "sqlserver"},
    {.name = "lock_timeout",
     .type = Type::Duration,
     .meaning = "How long a read waits for another session's lock.",
     .fallback = "30s",
     .example = "1min",
     .kinds = "sqlserver"},
    {.name = "cursor_clock",
     .type = Type::Choice,
     .meaning = "The time that datetime and datetime2 cursor columns hold: the server's local time or UTC.",
     .fallback = "local",
     .choices = "local|utc",
     .example = "utc",
     .kinds = "sqlserver"},
    {.name = "dsn", .type = Type::Text, .meaning = "ODBC data source name.", .example = "legacy", .kinds = "odbc"},
    {.name = "connection",
     .type = Type::Text,
     .meaning = "Further ODBC connection attributes, KEY=VALUE;KEY=VALUE. A PWD in it must be a reference.",
     .example = "Database=/data/app.sqlite",
     .may_hold_secret = true,
     .kinds = "odbc"},
    {.name = "login_timeout",
     .type = Type::Duration,
     .meaning = "How long to wait for a connection.",
     .fallback = "15s",
     .example = "30s"},
    {.name = "stall_timeout",
     .type = Type::Duration,
     .meaning = "A source that sends nothing for this long counts as gone.",
     .example = "2min",
     .kinds = "sqlserver|odbc"},
};

constexpr Key kChannel[] = {
    {.name = "kind",
     .type = Type::Choice,
     .meaning = "What it is.",
     .choices = "slack|webhook|email|pagerduty|heartbeat",
     .example = "slack",
     .required = true},
    {.name = "url",
     .type = Type::Text,
     .meaning = "A reference to the webhook's address, which is a secret: who knows it can post. https only.",
     .example = "${cred:slack_url}",
     .required = true,
     .secret = true,
     .may_hold_secret = true,
     .kinds = "slack|webhook|heartbeat"},
    {.name = "channel",
     .type = Type::Text,
     .meaning = "Where in the chat, for servers that leave the choice to the message (Mattermost, Rocket.Chat, Slack's "
                "older webhooks). A webhook of a Slack app has a channel of its own and ignores this.",
     .example = "\"#data\"",
     .kinds = "slack"},
    {.name = "secret",
     .type = Type::Text,
     .meaning =
         "A reference to the key that signs each message (HMAC-SHA256, in the header webhook-signature), so that "
         "the receiver can tell it is from here.",
     .example = "${cred:hook_secret}",
     .secret = true,
     .may_hold_secret = true,
     .kinds = "webhook"},
    {.name = "routing_key",
     .type = Type::Text,
     .meaning = "A reference to the integration key of a PagerDuty service (Events API v2).",
     .example = "${cred:pagerduty_key}",
     .required = true,
     .secret = true,
     .may_hold_secret = true,
     .kinds = "pagerduty"},
    {.name = "events_url",
     .type = Type::Text,
     .meaning = "Where events go: PagerDuty in Europe is https://events.eu.pagerduty.com/v2/enqueue.",
     .fallback = "https://events.pagerduty.com/v2/enqueue",
     .example = "https://events.eu.pagerduty.com/v2/enqueue",
     .kinds = "pagerduty"},
    {.name = "host",
     .type = Type::Text,
     .meaning = "The mail server. It may stand in one's own network, or be this machine.",
     .example = "mail.example",
     .required = true,
     .kinds = "email"},
    {.name = "port",
     .type = Type::Count,
     .meaning = "Its TCP port. Without it, 587, or 465 (tls: implicit), or 25 (tls: off).",
     .example = "2525",
     .kinds = "email"},
    {.name = "tls",
     .type = Type::Choice,
     .meaning =
         "Encryption. starttls begins in the clear and goes on only when the server encrypts; implicit encrypts "
         "from the first byte; off is for a server on this machine or in one's own network, and logs in nowhere.",
     .fallback = "starttls",
     .choices = "off|starttls|implicit",
     .example = "implicit",
     .kinds = "email"},
    {.name = "user",
     .type = Type::Text,
     .meaning = "The login, if the server wants one.",
     .example = "weir",
     .kinds = "email"},
    {.name = "password",
     .type = Type::Text,
     .meaning = "A reference to its password.",
     .example = "${cred:mail_password}",
     .secret = true,
     .may_hold_secret = true,
     .kinds = "email"},
    {.name = "from",
     .type = Type::Text,
     .meaning = "The sender's address.",
     .example = "weir@corp.example",
     .required = true,
     .kinds = "email"},
    {.name = "to",
     .type = Type::Names,
     .meaning = "The receivers' addresses.",
     .example = "[data@corp.example]",
     .required = true,
     .kinds = "email"},
    {.name = "allow",
     .type = Type::Names,
     .meaning =
         "What may be reached besides public addresses by https: hosts, addresses and networks of one's own, and "
         "http for a server that does not encrypt.",
     .example = "[chat.corp, 10.0.0.0/8]"},
    {.name = "ca_file",
     .type = Type::Text,
     .meaning = "PEM file of the authorities that may have signed the server's certificate. Without it, the system's.",
     .example = "/etc/ssl/corp-ca.pem"},
    {.name = "timeout",
     .type = Type::Duration,
     .meaning = "How long one delivery may take.",
     .fallback = "30s",
     .example = "10s"},
};

constexpr Key kEndpoints[] = {
    {.name = "version",
     .type = Type::Choice,
     .meaning = "The version of this file's format.",
     .fallback = "1",
     .choices = "1"},
    {.name = "warehouses",
     .type = Type::Named,
     .meaning = "PostgreSQL databases that weir loads into.",
     .children = kEndpoint},
    {.name = "sources", .type = Type::Named, .meaning = "Databases that weir reads from.", .children = kEndpoint},
    {.name = "channels",
     .type = Type::Named,
     .meaning = "Where alerts are told: chats, mail boxes, pagers, programs.",
     .children = kChannel},
};

}  // namespace

std::span<Key const> weir_keys() {
  return kWeir;
}
std::span<Key const> endpoints_keys() {
  return kEndpoints;
}
std::span<Key const> stream_keys() {
  return kStream;
}
Key const* find_endpoint_key(std::string_view name) {
  return find_key(kEndpoint, name);
}
Key const* find_channel_key(std::string_view name) {
  return find_key(kChannel, name);
}

Key const* find_key(std::span<Key const> keys, std::string_view name) {
  for (auto const& key : keys)
    if (key.name == name || (!key.alias.empty() && key.alias == name)) return &key;
  return nullptr;
}

std::vector<std::string> choices_of(Key const& key) {
  return key.choices.empty() ? std::vector<std::string>() : split(key.choices, '|');
}

bool belongs_to(Key const& key, std::string_view kind) {
  if (key.kinds.empty()) return true;
  for (auto const& one : split(key.kinds, '|'))
    if (one == kind) return true;
  return false;
}

}  // namespace weir::config
