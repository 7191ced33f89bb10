// weir demo: two nights of the incident, in a PostgreSQL, a SQL Server stand-in and a chat of its own. Everything that
// is shown is really done: the same jobs, syncs, dbt runs, alerts and commands as in production, by a role that owns
// nothing but its tables. Only the clock passes over the hours in which nothing happens.
#include <chrono>

#include <fmt/format.h>

#include "app/commands/commands.h"
#include "app/demo_night.h"
#include "app/demo_world.h"
#include "app/job_work.h"
#include "base/child_process.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "swap/swap.h"

namespace weir::app {
namespace {

constexpr char const* kZone = "Europe/Copenhagen";
constexpr auto kLongestCommand = std::chrono::minutes(2);

// What somebody left in production one afternoon, as a test.
constexpr std::string_view kLeftover[] = {
    "CREATE VIEW sandbox.stg_country AS SELECT * FROM sync_core.\"Country\"",
    "CREATE VIEW sandbox.country_count AS SELECT count(*) AS countries FROM sandbox.stg_country",
};

sql::QualifiedName const kCountry{"sync_core", "Country"};

class Demo {
 public:
  explicit Demo(Context& context) : context_(context), terminal_(context.terminal()) {}

  Result<int> play() {
    if (!logs(LogLevel::Step)) set_log_level(LogLevel::Error);  // what the service says is told as it happens
    WEIR_DO(set_up());
    WEIR_DO(first_load());
    WEIR_DO(leave_views());
    WEIR_DO(quiet_night());
    WEIR_DO(proof());
    WEIR_DO(the_night());
    WEIR_DO(the_morning());
    WEIR_DO(report());
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
    return demo_stopped();
  }

  // What happens, as it happens; on a terminal a line each.
  void tell(incident::StoryPart const& part) {
    std::string line = fmt::format("  {}  {}", night_->local(part.at).substr(11), part.text);
    if (terminal_.out_is_tty) line = cut(line, static_cast<std::size_t>(terminal_.width));
    say(line + "\n");
    while (auto const text = world_->next_message())
      for (auto const& line_of_it : split(*text, '\n'))
        say(fmt::format("            {}  {}\n", terminal_.paint(Colour::Yellow, "#data-alerts"), line_of_it));
  }

  Status set_up() {
    write_err("starting a private PostgreSQL, a SQL Server stand-in and a chat ...\n");
    WEIR_TRY(world_, DemoWorld::start());
    Arguments there;
    there.options["project-dir"] = {world_->project().string()};
    inside_.emplace(std::move(there), terminal_, context_.interrupt());
    WEIR_TRY(night_,
             DemoNight::start(*inside_, kZone, "2024-06-19 10:00:00", [this](auto const& part) { tell(part); }));
    WEIR_TRY(auto warehouse, world_->connect_as("weir"));
    say(fmt::format("PostgreSQL {}.{} and database Core are up, on this machine only, in {}\n",
                    warehouse.server_version() / 10000, warehouse.server_version() % 10000, world_->folder().string()));
    return stopped();
  }

  // A command of weir's, as it is typed in the project's folder.
  Status type(std::vector<std::string> const& words) {
    say(fmt::format("\n  {} {}\n", terminal_.paint(Colour::Dim, "$ weir"), join(words, " ")));
    std::vector<std::string> command = {own_program(), "-C", world_->project().string()};
    command.insert(command.end(), words.begin(), words.end());
    ChildOptions options;
    options.folder = world_->project();
    options.output = world_->project() / "typed";
    options.environment = {fmt::format("WEIR_COLOR={}", terminal_.colour_out ? "always" : "never")};
    WEIR_TRY(int const status, run_child(command, options, kLongestCommand, context_.interrupt().token()));
    WEIR_TRY(auto const text, read_file(options.output));
    std::error_code failed;
    std::filesystem::remove(options.output, failed);
    for (auto const& line : split(trim(text), '\n')) {
      if (line.starts_with("## Appendix")) break;  // logs of attempts, and every event: long
      say(line.empty() ? "\n" : "  " + line + "\n");
    }
    if (status == 0) return night_->tell_news();
    return Error(ErrorKind::Internal, fmt::format("weir {} ended with exit status {}", join(words, " "), status))
        .next("please report this");
  }

  // A job that is to end well, or not.
  Status expect(std::int64_t job, jobs::JobState state) {
    WEIR_TRY(auto const ended, night_->job(job));
    if (ended.state == state) return stopped();
    return Error(ErrorKind::Internal, fmt::format("job {} ({}) is {}", job, ended.name, state_name(ended.state)))
        .cause(ended.state == jobs::JobState::Succeeded ? "its source was away" : "nothing stood in its way")
        .next("please report this");
  }
  Status run_well(Result<std::int64_t> job) {
    if (!job.ok()) return std::move(job).error();
    return expect(*job, jobs::JobState::Succeeded);
  }

  Status first_load() {
    heading("Wed 19 June, 10:00", "tables are loaded and models are built for the first time");
    WEIR_DO(night_->go_on_at(4529));
    for (char const* name : {"integration", "core", "dbt"}) {
      WEIR_DO(run_well(night_->run(name)));
    }
    return {};
  }

  Status leave_views() {
    night_->pass_until("2024-06-19 16:40:00");
    heading("Wed 19 June, 16:40", "somebody tries a model in production, and leaves it there");
    WEIR_TRY(auto analyst, world_->connect_as("analyst"));
    for (auto const statement : kLeftover) {
      WEIR_DO(analyst.execute(statement));
      say(fmt::format("  {}\n", statement));
    }
    WEIR_TRY(before_, identities());
    WEIR_DO(world_->change_source());
    say("  (meanwhile, at the source: one country and twelve users change, a payment status goes)\n");
    return stopped();
  }

  // The table and the two views: their OIDs, and what a reader gets.
  Result<std::vector<Identity>> identities() const {
    WEIR_TRY(auto analyst, world_->connect_as("analyst"));
    std::vector<Identity> found;
    for (auto const& [object, question] :
         {std::pair<std::string, std::string>{kCountry.text(), "SELECT count(*) FROM " + kCountry.quoted()},
          {"sandbox.stg_country", "SELECT count(*) FROM sandbox.stg_country"},
          {"sandbox.country_count", "SELECT countries FROM sandbox.country_count"}}) {
      WEIR_TRY(auto oid, analyst.query("SELECT $1::regclass::oid", {object}));
      WEIR_TRY(auto answer, analyst.execute(question));
      found.push_back(Identity{object, std::string(oid.text(0, 0)), std::string(answer.text(0, 0))});
    }
    return found;
  }

  // A loader that does what most do.
  Status what_drop_says() {
    say(fmt::format("  a loader that says DROP TABLE {} would hear:\n", kCountry.text()));
    WEIR_TRY(auto session, world_->connect_as("weir"));
    WEIR_TRY(auto text, swap::what_drop_would_say(session, kCountry));
    for (auto const& line : split(text, '\n')) say(fmt::format("  {}\n", terminal_.paint(Colour::Red, line)));
    return stopped();
  }

  Status quiet_night() {
    heading("Thu 20 June", "the night behind: the views are in nobody's way");
    WEIR_DO(what_drop_says());
    night_->pass_until("2024-06-20 03:00:00");
    WEIR_DO(run_well(night_->next_job("integration")));
    night_->pass_until("2024-06-20 06:00:00");
    WEIR_TRY(auto const core, night_->next_job("core"));
    WEIR_DO(expect(core, jobs::JobState::Succeeded));
    WEIR_DO(type({"logs", std::to_string(core), "--grep", "kept"}));
    night_->pass_until("2024-06-20 08:00:00");
    return run_well(night_->next_job("dbt"));
  }

  Status proof() {
    say("\n");
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

  Status the_night() {
    heading("Fri 21 June", "the night in which the source is down");
    world_->stop_source();
    WEIR_DO(night_->go_on_at(4544));
    night_->pass_until("2024-06-21 03:00:00");
    WEIR_TRY(auto const integration, night_->next_job("integration"));
    WEIR_DO(expect(integration, jobs::JobState::Failed));
    WEIR_DO(night_->go_on_at(4552));
    night_->pass_until("2024-06-21 06:00:00");
    WEIR_TRY(auto const core, night_->next_job("core"));
    WEIR_DO(expect(core, jobs::JobState::Failed));
    night_->pass_until("2024-06-21 08:00:00");
    return run_well(night_->next_job("dbt"));
  }

  Status the_morning() {
    heading("Fri 21 June, 09:50", "somebody reads the message");
    night_->pass_until("2024-06-21 09:50:00");
    WEIR_DO(type({"incident", "ack", "1"}));
    WEIR_DO(type({"why", "users_by_country"}));
    heading("Fri 21 June, 11:20", "the source is back");
    night_->pass_until("2024-06-21 11:20:00");
    WEIR_DO(world_->start_source());
    WEIR_DO(type({"retry", "integration#4544", "-q"}));
    WEIR_DO(run_well(night_->next_job("dbt")));  // what was built on old data, and no more
    WEIR_DO(type({"retry", "core#4552", "-q"}));
    WEIR_DO(run_well(night_->next_job("dbt")));
    WEIR_DO(type({"status"}));
    return stopped();
  }

  Status report() {
    heading("Afterwards", "the post-mortem is written");
    return type({"incident", "report", "1"});
  }

  Result<int> keep() {
    say(fmt::format("\n{}, on the morning of 2024-06-21\n  {}\n  weir -C {} status\n",
                    terminal_.paint(Colour::Bold, "Look around"), world_->psql(), world_->project().string()));
    write_err("Ctrl-C ends and removes it all\n");
    while (!context_.interrupt().asked()) system_clock().sleep(std::chrono::hours(1), context_.interrupt().token());
    return 0;
  }

  Context& context_;
  Terminal const& terminal_;
  std::chrono::steady_clock::time_point const started_ = std::chrono::steady_clock::now();
  std::unique_ptr<DemoWorld> world_;
  std::optional<Context> inside_;  // the project
  std::unique_ptr<DemoNight> night_;
  std::vector<Identity> before_;
};

}  // namespace

Result<int> run_demo(Context& context) {
  Demo demo(context);
  return demo.play();
}

}  // namespace weir::app
