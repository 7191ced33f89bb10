// weir demo: the night of the incident, in a PostgreSQL and a SQL Server stand-in of its own. Everything that is shown
// is really done: the same configuration, plan, sync and publish as in production, by a role that owns nothing but its
// tables.
#include <chrono>
#include <random>

#include <fmt/format.h>

#include "app/commands/commands.h"
#include "app/demo_source.h"
#include "app/sync_view.h"
#include "app/wiring.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "odbc/drivers.h"
#include "odbc/session.h"
#include "pg/private_cluster.h"
#include "swap/swap.h"
#include "sync/sync.h"

namespace weir::app {
namespace {

constexpr char const* kDatabase = "warehouse";

constexpr std::string_view kWeirYml = R"(connections:
  integration:                     # 03:00
    from: core_sql
    into: sync_core
    tables: [Integration.*]
  core:                            # 06:00
    from: core_sql
    into: sync_core
    tables:
      dbo.*:
      dbo.ActiveUser: false        # a view
      dbo.Country: { method: shell }
)";

// What somebody left in production yesterday afternoon, as a test.
constexpr std::string_view kLeftover[] = {
    "CREATE VIEW staging.stg_country AS SELECT * FROM sync_core.\"Country\"",
    "CREATE VIEW mart.country_count AS SELECT count(*) AS countries FROM staging.stg_country",
};

constexpr std::string_view kWorkingDay[] = {
    "UPDATE dbo.Country SET IsSupported = 1 - IsSupported WHERE Alpha2 = 'NO'",
    "UPDATE dbo.[User] SET UpdatedAt = '2026-11-23T15:20:00' WHERE UserId <= 12",
    "DELETE FROM dbo.PaymentStatus WHERE PaymentStatusId = 6",
};

sql::QualifiedName const kCountry{"sync_core", "Country"};

std::string random_password() {
  static constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";
  std::random_device device;
  std::string text;
  for (int i = 0; i < 20; ++i) text += kLetters[device() % kLetters.size()];
  return text;
}

Status run(Result<pg::Rows> done) {
  if (!done.ok()) return std::move(done).error();
  return {};
}

class Demo {
 public:
  explicit Demo(Context& context) : context_(context), terminal_(context.terminal()) {}

  Result<int> play() {
    WEIR_DO(set_up());
    WEIR_DO(first_load());
    WEIR_DO(leave_views());
    WEIR_DO(change_the_source());
    WEIR_DO(what_drop_says());
    WEIR_DO(plan_of_the_night());
    WEIR_DO(the_night());
    WEIR_DO(proof());
    if (context_.arguments().has("keep")) return keep();
    say(fmt::format("\n{} in {}, and nothing is left behind. Next: {}\n", terminal_.paint(Colour::Bold, "Done"),
                    format_duration(elapsed()), terminal_.paint(Colour::Bold, "weir init")));
    return 0;
  }

 private:
  struct Identity {
    std::string object, oid, answer;
  };

  void say(std::string const& text) const { write_out(text); }
  void heading(std::string_view when, std::string_view what) const {
    say(fmt::format("\n{}  {}\n", terminal_.paint(Colour::Bold, when), terminal_.paint(Colour::Bold, what)));
  }
  std::chrono::microseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  }
  Status stopped() const {
    if (!context_.interrupt().asked()) return {};
    return Error(ErrorKind::Cancelled, "the demo was stopped").state("its databases and files are removed");
  }

  Status set_up() {
    write_err("starting a private PostgreSQL and a SQL Server stand-in ...\n");
    auto cluster = pg::PrivateCluster::start();
    if (!cluster.ok()) return std::move(cluster).error().context("starting the demo's PostgreSQL");
    cluster_.emplace(std::move(cluster).value());
    WEIR_DO(stopped());
    project_ = cluster_->folder() / "project";
    std::error_code failed;
    std::filesystem::create_directories(project_, failed);
    std::string const password = random_password();
    WEIR_TRY(auto source, DemoSource::start(project_ / "core", "weir", password));
    source_.emplace(std::move(source));
    WEIR_DO(write_file(project_ / "core_password", password, 0600));
    WEIR_DO(write_file(project_ / "weir.yml", kWeirYml));
    WEIR_DO(write_file(project_ / "endpoints.yml", endpoints_yml()));
    WEIR_TRY(auto admin, pg::Session::connect(cluster_->options()));
    WEIR_DO(run(admin.execute("CREATE ROLE weir LOGIN; CREATE ROLE analyst LOGIN")));
    WEIR_DO(run(admin.execute(fmt::format("CREATE DATABASE {}", sql::quote_pg(kDatabase)))));
    WEIR_TRY(auto owner, pg::Session::connect(cluster_->options(kDatabase)));
    WEIR_DO(run(owner.execute(
        fmt::format("GRANT CREATE ON DATABASE {} TO weir; CREATE SCHEMA staging AUTHORIZATION analyst; CREATE SCHEMA "
                    "mart AUTHORIZATION analyst;"
                    " CREATE SCHEMA sync_core AUTHORIZATION weir; GRANT USAGE ON SCHEMA sync_core TO analyst;"
                    " ALTER DEFAULT PRIVILEGES FOR ROLE weir IN SCHEMA sync_core GRANT SELECT ON TABLES TO analyst",
                    sql::quote_pg(kDatabase)))));
    WEIR_TRY(config_, config::load(project_));
    WEIR_TRY(auto warehouse, connect_as("weir"));
    say(fmt::format("PostgreSQL {}.{} and database Core are up, on this machine only, in {}\n",
                    warehouse.server_version() / 10000, warehouse.server_version() % 10000,
                    cluster_->folder().string()));
    return stopped();
  }

  std::string endpoints_yml() const {
    return fmt::format(
        "warehouses:\n  wh: {{ host: \"{}\", port: {}, database: {}, user: weir }}\n"
        "sources:\n  core_sql: {{ kind: sqlserver, host: 127.0.0.1, port: {}, database: Core, user: weir, encrypt: "
        "\"off\", "
        "password: \"${{file:core_password}}\" }}\n",
        cluster_->folder().string(), cluster_->port(), kDatabase, source_->port());
  }

  Result<pg::Session> connect_as(std::string const& role) const {
    auto options = cluster_->options(kDatabase);
    for (auto& [key, value] : options.parameters)
      if (key == "user") value = role;
    return pg::Session::connect(options);
  }

  Result<sync::SyncPlan> plan(std::string const& name, std::vector<std::string> only = {}) {
    auto const& connection = config_.connections.at(name);
    WEIR_TRY(auto endpoints, wire(config_, connection));
    sync::PlanOptions options;
    options.selection.include = std::move(only);
    return sync::plan(connection, *endpoints, options);
  }

  Result<sync::SyncReport> sync(std::string const& name) {
    WEIR_DO(stopped());
    auto const& connection = config_.connections.at(name);
    WEIR_TRY(auto endpoints, wire(config_, connection));
    WEIR_TRY(auto plan, sync::plan(connection, *endpoints, {}));
    sync::RunOptions run;
    run.stop = context_.interrupt().token();
    WEIR_TRY(auto report, sync::run(plan, connection, *endpoints, run));
    WEIR_DO(stopped());
    for (auto& stream : report.streams)
      if (stream.error) return std::move(*stream.error).context(fmt::format("loading {}", stream.stream));
    return report;
  }

  Status first_load() {
    heading("Some days ago", "the first load");
    std::uint64_t rows = 0, tables = 0;
    for (char const* name : {"integration", "core"}) {
      WEIR_TRY(auto report, sync(name));
      for (auto const& stream : report.streams) rows += stream.rows_read, ++tables;
    }
    say(fmt::format("  {} from SQL Server into sync_core, {}\n", plural(tables, "table"), plural(rows, "row")));
    return {};
  }

  Status leave_views() {
    heading("Yesterday 16:40", "somebody tries a model in production, and leaves it there");
    WEIR_TRY(auto analyst, connect_as("analyst"));
    for (auto const statement : kLeftover) {
      WEIR_DO(run(analyst.execute(statement)));
      say(fmt::format("  {}\n", statement));
    }
    WEIR_TRY(before_, identities());
    return stopped();
  }

  // The table and the two views: their OIDs, and what a reader gets.
  Result<std::vector<Identity>> identities() const {
    WEIR_TRY(auto analyst, connect_as("analyst"));
    std::vector<Identity> found;
    for (auto const& [object, question] :
         {std::pair<std::string, std::string>{kCountry.text(), "SELECT count(*) FROM " + kCountry.quoted()},
          {"staging.stg_country", "SELECT count(*) FROM staging.stg_country"},
          {"mart.country_count", "SELECT countries FROM mart.country_count"}}) {
      WEIR_TRY(auto oid, analyst.query("SELECT $1::regclass::oid", {object}));
      WEIR_TRY(auto answer, analyst.execute(question));
      found.push_back(Identity{object, std::string(oid.text(0, 0)), std::string(answer.text(0, 0))});
    }
    return found;
  }

  // A working day at the source, so that the night has something to load.
  Status change_the_source() {
    WEIR_TRY(std::string const driver, odbc::choose_sqlserver_driver(""));
    bool const is_microsoft = driver.find("msodbcsql") != std::string::npos || driver.starts_with("ODBC Driver");
    odbc::ConnectOptions options;
    options.attributes = {{"Driver", driver}, {"UID", "weir"}, {"Database", "Core"}};
    if (is_microsoft) {
      options.attributes.emplace_back("Server", fmt::format("127.0.0.1,{}", source_->port()));
      options.attributes.emplace_back("Encrypt", "no");
    } else {
      options.attributes.emplace_back("Server", "127.0.0.1");
      options.attributes.emplace_back("Port", std::to_string(source_->port()));
      options.attributes.emplace_back("TDS_Version", "7.4");
    }
    WEIR_TRY(auto resolved, resolve_settings(config_, config_.endpoints.at("core_sql")));
    options.password = resolved.password;
    options.place = "the demo's SQL Server stand-in";
    WEIR_TRY(auto session, odbc::Session::connect(options));
    for (auto const statement : kWorkingDay) {
      WEIR_DO(session.execute(statement));
    }
    say("  (meanwhile, at the source: one country and twelve users change, a payment status goes)\n");
    return {};
  }

  Status what_drop_says() {
    heading("06:00 elsewhere", fmt::format("what a loader that says DROP TABLE {} hears", kCountry.text()));
    WEIR_TRY(auto session, connect_as("weir"));
    WEIR_TRY(auto text, swap::what_drop_would_say(session, kCountry));
    for (auto const& line : split(text, '\n')) say(fmt::format("  {}\n", terminal_.paint(Colour::Red, line)));
    say("  Five attempts later an alert goes out, ten tables are a day old, and so is all that is built on them.\n");
    return stopped();
  }

  Status plan_of_the_night() {
    heading("06:00 here", "weir sync core --plan -s dbo.Country");
    WEIR_TRY(auto made, plan("core", {"dbo.Country"}));
    auto const text = plan_view(made, terminal_);
    auto const lines = split(text, '\n');
    for (std::size_t i = 2; i + 3 < lines.size(); ++i) say(lines[i] + "\n");  // without heading and advice
    return stopped();
  }

  Status the_night() {
    heading("03:00", "weir sync integration");
    WEIR_TRY(auto first, sync("integration"));
    say(indent_lines(report_view(first, terminal_)));
    heading("06:00", "weir sync core");
    WEIR_TRY(auto second, sync("core"));
    say(indent_lines(report_view(second, terminal_)));
    return {};
  }

  static std::string indent_lines(std::string const& text) {
    std::string out;
    for (auto const& line : split(std::string(trim(text)), '\n')) out += "  " + line + "\n";
    return out;
  }

  Status proof() {
    heading("08:00", "everything is where it was");
    WEIR_TRY(auto after, identities());
    TextTable table({"  object", "OID before", "OID now", "an analyst reads"});
    bool same = true;
    for (std::size_t i = 0; i < after.size(); ++i) {
      table.add({"  " + after[i].object, before_[i].oid, after[i].oid,
                 plural(static_cast<std::uint64_t>(parse_int(after[i].answer).value_or(0)), "row")});
      same = same && after[i].oid == before_[i].oid;
    }
    say(table.text(terminal_));
    if (!same)
      return Error(ErrorKind::Internal, "a refresh changed an object that depends on the table")
          .next("please report this");
    return {};
  }

  Result<int> keep() {
    say(fmt::format("\n{}\n  psql 'host={} port={} dbname={} user=analyst'\n  weir -C {} sync core --plan\n",
                    terminal_.paint(Colour::Bold, "Look around"), cluster_->folder().string(), cluster_->port(),
                    kDatabase, project_.string()));
    write_err("Ctrl-C ends and removes it all\n");
    while (!context_.interrupt().asked()) system_clock().sleep(std::chrono::hours(1), context_.interrupt().token());
    return 0;
  }

  Context& context_;
  Terminal const& terminal_;
  std::chrono::steady_clock::time_point const started_ = std::chrono::steady_clock::now();
  std::optional<pg::PrivateCluster> cluster_;
  std::optional<DemoSource> source_;
  std::filesystem::path project_;
  config::Config config_;
  std::vector<Identity> before_;
};

}  // namespace

Result<int> run_demo(Context& context) {
  Demo demo(context);
  return demo.play();
}

}  // namespace weir::app
