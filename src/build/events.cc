#include "build/events.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"

namespace weir::build {
namespace {

using project::Data;

thread_local std::string current_thread_name = "MainThread";

struct Moment {
  std::tm utc{};
  long microseconds = 0;
};

Moment now() {
  auto const time = system_clock().now().time_since_epoch();
  auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  Moment out;
  std::time_t const whole = static_cast<std::time_t>(seconds.count());
  gmtime_r(&whole, &out.utc);
  out.microseconds = static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count());
  return out;
}

std::string clock_text(Moment const& moment) {
  return fmt::format("{:02}:{:02}:{:02}", moment.utc.tm_hour, moment.utc.tm_min, moment.utc.tm_sec);
}

std::string timestamp(Moment const& moment) {
  return fmt::format("{:04}-{:02}-{:02}T{}.{:06}Z", moment.utc.tm_year + 1900, moment.utc.tm_mon + 1,
                     moment.utc.tm_mday, clock_text(moment), moment.microseconds);
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
  }
  return "";
}

std::string without_colours(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\x1b' || at + 1 >= text.size() || text[at + 1] != '[') {
      out += text[at];
      continue;
    }
    while (at < text.size() && text[at] != 'm') ++at;
  }
  return out;
}

std::string json_line(Event const& event, Moment const& moment, std::string const& invocation_id) {
  Data::Dict data = event.data;
  if (data.empty()) data.emplace_back("msg", Data(event.text));
  Data::Dict info{{"category", Data("")},
                  {"code", Data(event.code)},
                  {"extra", Data(Data::Dict{})},
                  {"invocation_id", Data(invocation_id)},
                  {"level", Data(std::string(level_name(event.level)))},
                  {"msg", Data(event.text)},
                  {"name", Data(event.name)},
                  {"pid", Data(static_cast<std::int64_t>(getpid()))},
                  {"thread", Data(thread_name())},
                  {"ts", Data(timestamp(moment))}};
  std::string out;
  project::append_json(out, Data(Data::Dict{{"data", Data(std::move(data))}, {"info", Data(std::move(info))}}),
                       project::KeyOrder::Sorted);
  return out + "\n";
}

std::string debug_line(Event const& event, Moment const& moment) {
  return fmt::format("{}.{:06} [{:<5}] [{}]: {}\n", clock_text(moment), moment.microseconds, level_name(event.level),
                     thread_name().substr(0, 10), event.text);
}

std::string text_line(Event const& event, Moment const& moment) {
  return event.text.empty() ? clock_text(moment) + "  \n" : fmt::format("{}  {}\n", clock_text(moment), event.text);
}

void write_stdout(std::string const& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

struct EventLog::File {
  std::ofstream stream;
};

std::optional<LogFormat> log_format_from(std::string_view name) {
  if (name == "default") return LogFormat::Default;
  if (name == "text") return LogFormat::Text;
  if (name == "debug") return LogFormat::Debug;
  if (name == "json") return LogFormat::Json;
  return std::nullopt;
}

std::optional<Level> level_from(std::string_view name) {
  for (auto const level : {Level::Debug, Level::Info, Level::Warn, Level::Error})
    if (level_name(level) == name) return level;
  return std::nullopt;
}

EventLog::EventLog(LogOptions options) : options_(std::move(options)) {}
EventLog::~EventLog() = default;

Result<std::unique_ptr<EventLog>> EventLog::open(LogOptions options) {
  std::unique_ptr<EventLog> log(new EventLog(std::move(options)));
  auto const& path = log->options_.file;
  if (path.empty() || !log->options_.file_level) return log;
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  if (!failure && log->options_.file_max_bytes > 0 && std::filesystem::exists(path, failure) &&
      std::filesystem::file_size(path, failure) > log->options_.file_max_bytes)
    std::filesystem::rename(path, path.string() + ".1", failure);
  auto file = std::make_unique<File>();
  file->stream.open(path, std::ios::app);
  if (!file->stream)
    return Error(ErrorKind::Config, fmt::format("cannot write the log file \"{}\"", path.string()))
        .where(path.string())
        .state("nothing was run")
        .next(
            "make the folder writable, or name another one with --log-path, or turn the file off with --log-level-file "
            "none");
  auto const moment = now();
  if (log->options_.file_format != LogFormat::Json)
    file->stream << fmt::format("\n\n============================== {}.{:06} | {} ==============================\n",
                                clock_text(moment), moment.microseconds, log->options_.invocation_id);
  MutexLock lock(log->mutex_);
  log->file_ = std::move(file);
  return log;
}

void EventLog::write(Event const& event, Flush flush) {
  auto const moment = now();
  Event shown = event;
  shown.text = redact(shown.text);
  MutexLock lock(mutex_);
  bool const wanted = options_.console_level && event.level >= *options_.console_level;
  if ((wanted || event.always) && (!options_.quiet || event.always || event.level == Level::Error)) {
    Event console = shown;
    if (!options_.colours || options_.console_format == LogFormat::Json) console.text = without_colours(console.text);
    switch (options_.console_format) {
      case LogFormat::Json:
        write_stdout(redact(json_line(console, moment, options_.invocation_id)));
        break;
      case LogFormat::Debug:
        write_stdout(debug_line(console, moment));
        break;
      default:
        write_stdout(text_line(console, moment));
    }
  }
  if (file_ != nullptr && options_.file_level && event.level >= *options_.file_level) {
    if (!options_.file_colours) shown.text = without_colours(shown.text);
    file_->stream << (options_.file_format == LogFormat::Json ? redact(json_line(shown, moment, options_.invocation_id))
                                                              : debug_line(shown, moment));
    if (flush == Flush::Now) file_->stream.flush();
  }
}

bool EventLog::wants(Level level) const {
  bool const on_console = options_.console_level && level >= *options_.console_level && !options_.quiet;
  bool const in_file = !options_.file.empty() && options_.file_level && level >= *options_.file_level;
  return on_console || in_file;
}

std::string EventLog::paint(std::string_view colour, std::string_view text) const {
  return options_.colours ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : std::string(text);
}

std::string EventLog::result_line(std::string_view what, std::string_view status, std::size_t index, std::size_t total,
                                  std::optional<double> seconds) const {
  std::string line = fmt::format("{} of {} {} ", index, total, what);
  if (line.size() < options_.width) line.append(options_.width - line.size(), '.');
  return seconds ? fmt::format("{} [{} in {:.2f}s]", line, status, *seconds) : fmt::format("{} [{}]", line, status);
}

std::string EventLog::plain_line(std::string_view what, std::string_view status) const {
  std::string line = fmt::format("{} ", what);
  if (line.size() < options_.width) line.append(options_.width - line.size(), '.');
  return fmt::format("{} [{}]", line, status);
}

void set_thread_name(std::string name) {
  current_thread_name = std::move(name);
}
std::string const& thread_name() {
  return current_thread_name;
}
std::int64_t microseconds_now() {
  return system_clock().now().time_since_epoch().count();
}
std::string timestamp_now() {
  return timestamp(now());
}

}  // namespace weir::build
