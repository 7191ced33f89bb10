// weir logs and weir events.
#include <regex.h>

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/job_view.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

// An extended regular expression, as grep -E takes it (regex(7)).
class Pattern {
 public:
  static Result<Pattern> compile(std::string const& text) {
    Pattern pattern;
    pattern.compiled_ = std::make_unique<regex_t>();
    if (int const code = regcomp(pattern.compiled_.get(), text.c_str(), REG_EXTENDED | REG_NOSUB); code != 0) {
      std::array<char, 256> message{};
      regerror(code, pattern.compiled_.get(), message.data(), message.size());
      pattern.compiled_.reset();
      return Error(ErrorKind::Usage, fmt::format("\"{}\" is not a regular expression: {}", text, message.data()))
          .next("--grep takes what grep -E takes");
    }
    return pattern;
  }
  Pattern() = default;
  Pattern(Pattern&&) = default;
  Pattern& operator=(Pattern&& other) noexcept {
    std::swap(compiled_, other.compiled_);
    return *this;
  }
  ~Pattern() {
    if (compiled_) regfree(compiled_.get());
  }
  bool fits(std::string const& line) const {
    return !compiled_ || regexec(compiled_.get(), line.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  std::unique_ptr<regex_t> compiled_;
};

void write_lines(std::string const& text, Pattern const& pattern) {
  std::string chosen;
  std::size_t begin = 0;
  while (begin < text.size()) {
    auto end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    std::string line = text.substr(begin, end - begin);
    if (pattern.fits(line)) chosen += line + "\n";
    begin = end + 1;
  }
  write_out(chosen);
}

}  // namespace

Result<int> run_logs(Context& context) {
  auto const& arguments = context.arguments();
  WEIR_TRY(auto const reference, parse_job_reference(arguments.positionals[0]));
  Pattern pattern;
  if (arguments.has("grep")) {
    WEIR_TRY(pattern, Pattern::compile(arguments.value("grep")));
  }
  WEIR_TRY(auto state, JobState::open(context));
  std::int64_t attempt = reference.attempt.value_or(0);
  std::string const job_path = fmt::format("/api/v1/jobs/{}", reference.job);
  WEIR_TRY(auto job, state.get(job_path));
  if (attempt == 0) attempt = std::max<std::int64_t>(1, job.value("attempts", std::int64_t{0}));
  bool const follows = arguments.has("follow");
  for (std::uint64_t from = 0;;) {
    auto const was = jobs::job_state(job.value("state", ""));
    bool const may_grow = follows && was && !is_final(*was) && job.value("attempts", std::int64_t{0}) <= attempt;
    WEIR_TRY(auto const page,
             state.get(fmt::format("{}/attempts/{}/log", job_path, attempt), {{"from", std::to_string(from)}}));
    if (arguments.has("path")) return write_out(page.value("file", "") + "\n"), 0;
    write_lines(page.value("text", ""), pattern);
    auto const next = page.value("next", from);
    if (next == from && !may_grow) return 0;
    if (next == from && !system_clock().sleep(std::chrono::milliseconds(300), context.interrupt().token())) return 0;
    from = next;
    WEIR_TRY(job, state.get(job_path));
  }
}

Result<int> run_events(Context& context) {
  auto const& arguments = context.arguments();
  std::map<std::string, std::string> query;
  if (arguments.has("job")) {
    WEIR_TRY(auto const reference, parse_job_reference(arguments.value("job")));
    query["job"] = std::to_string(reference.job);
  }
  WEIR_TRY(auto state, JobState::open(context));
  if (arguments.has("verify")) {
    WEIR_TRY(auto const found, state.get("/api/v1/events/verify"));
    if (found.value("whole", false)) return write_out("the log of events is whole\n"), 0;
    return Error(ErrorKind::Data,
                 fmt::format("event {} is not what was written", found.value("broken_at", std::int64_t{0})))
        .cause("its hash does not fit: it, or one before it, was changed or removed behind weir's back")
        .state("nothing was changed")
        .next("compare with a copy of the state that you made before");
  }
  constexpr std::size_t kAtATime = 1000;
  query["most"] = std::to_string(kAtATime);
  bool const as_json = context.format() != Format::Text;
  for (std::int64_t after = 0;;) {
    query["after"] = std::to_string(after);
    WEIR_TRY(auto const answer, state.get("/api/v1/events", query));
    auto const& events = answer["events"];
    std::string text;
    for (auto const& event : events)
      text += as_json ? event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : event_line(event);
    write_out(text);
    if (events.size() < kAtATime) return 0;
    after = events.back().value("seq", after);
  }
}

}  // namespace weir::app
