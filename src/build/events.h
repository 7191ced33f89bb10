#pragma once
// What a dbt command tells people and programs while it runs: dbt's events, with dbt's names, codes, texts and fields,
// on the console (text, debug or JSON) and in logs/dbt.log. Thread-safe; each event is written whole, secrets masked.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "project/data.h"

namespace weir::build {

enum class Level : std::uint8_t { Debug, Info, Warn, Error };
enum class LogFormat : std::uint8_t { Default, Text, Debug, Json };
std::optional<LogFormat> log_format_from(std::string_view name);
std::optional<Level> level_from(std::string_view name);  // nothing for "none", too: see LogOptions::console_level

struct LogOptions {
  LogFormat console_format = LogFormat::Default, file_format = LogFormat::Default;
  std::optional<Level> console_level = Level::Info, file_level = Level::Debug;  // nothing: no output at all
  bool colours = true, file_colours = false;
  bool quiet = false;  // only errors, and what templates print
  bool print = true;
  std::size_t width = 80;
  std::filesystem::path file;  // empty: none
  std::uint64_t file_max_bytes = 10U << 20;
  std::string invocation_id;
};

struct Event {
  std::string name, code;
  Level level = Level::Info;
  std::string text;
  project::Data::Dict data;
  bool always = false;  // also under --quiet: what `print` says, errors
};

class EventLog {
 public:
  // Opens the log file, and puts a full one aside. Error: Config.
  static Result<std::unique_ptr<EventLog>> open(LogOptions options);
  ~EventLog();

  // Flush::Later: it is in the file when the next event is, for what only matters together with that.
  enum class Flush { Now, Later };
  void write(Event const& event, Flush flush = Flush::Now);
  void line(std::string text = "") { write({"Formatting", "Z017", Level::Info, std::move(text), {}, false}); }
  void note(Level level, std::string text) { write({"Note", "Z050", level, std::move(text), {}, false}); }

  LogOptions const& options() const { return options_; }
  // Whether an event of this level is written anywhere.
  bool wants(Level level) const;
  // "[32mOK[0m" where the console has colours.
  std::string green(std::string_view text) const { return paint("32", text); }
  std::string yellow(std::string_view text) const { return paint("33", text); }
  std::string red(std::string_view text) const { return paint("31", text); }
  // "1 of 3 START sql table model dbt.a ......... [RUN]", to the printer's width.
  std::string result_line(std::string_view what, std::string_view status, std::size_t index, std::size_t total,
                          std::optional<double> seconds = std::nullopt) const;
  // The same without a place among others: "CANCEL query model.shop.a ......... [CANCEL]".
  std::string plain_line(std::string_view what, std::string_view status) const;

 private:
  explicit EventLog(LogOptions options);
  std::string paint(std::string_view colour, std::string_view text) const;
  LogOptions options_;
  struct File;
  Mutex mutex_;
  std::unique_ptr<File> file_ WEIR_GUARDED_BY(mutex_);
};

// The name that events and run_results.json give the calling thread: "Thread-1 (worker)", "MainThread".
void set_thread_name(std::string name);
std::string const& thread_name();

// 2026-11-24T03:00:00.000000Z, of now.
std::string timestamp_now();
std::int64_t microseconds_now();  // since 1970

}  // namespace weir::build
