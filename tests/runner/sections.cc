// What each kind of section does. See tests/README.md for the kinds.

#include <algorithm>
#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "base/words.h"
#include "runner/run.h"

namespace weir::cases {
namespace {

constexpr auto kSqlLimit = std::chrono::seconds(120);
constexpr auto kCommandLimit = std::chrono::seconds(240);
constexpr std::string_view kWaiting = "<waiting>\n";
// The runner's environment variables hold these words as passwords; nothing that weir writes may show them.
constexpr std::string_view kCanary = "canary-";

std::string sorted_lines(std::string const& text) {
  auto lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::ranges::sort(lines);
  std::string out;
  for (auto const& line : lines) out += line + "\n";
  return out;
}

class Executor {
 public:
  explicit Executor(World& world) : world_(world) {}

  Carried carry_out(std::vector<Section> const& sections) {
    for (std::size_t i = 0; i < sections.size();) {
      std::size_t next = i + 1;
      while (next < sections.size() && is_expectation(sections[next])) ++next;
      expectations_ = std::span(sections).subspan(i + 1, next - i - 1);
      auto const failed = one(sections[i]);
      if (!failed.ok()) {
        broken_.push_back({failed.error().to_text(), sections[i].line});
        carried_.insert(carried_.end(), sections.begin() + static_cast<std::ptrdiff_t>(i), sections.end());
        break;
      }
      i = next;
    }
    return {std::move(carried_), std::move(broken_)};
  }

 private:
  Status one(Section const& section) {
    auto const words = section.words();
    auto const& verb = words[0];
    auto const name = words.size() > 1 ? words[1] : std::string();
    if (is_expectation(section)) return wrong("there is no command before it");
    if (verb == "sql") return sql(section, words);
    if (verb == "session" && !name.empty()) return session(section, name, as_role(words));
    if (verb == "run") return run(section);
    if (verb == "start" && !name.empty()) return start(section, name);
    if (verb == "finish" && !name.empty()) return finish(section, name);
    if (verb == "stopped" && !name.empty()) return stopped(section, name);
    if (verb == "signal" && words.size() == 3) return send_signal(section, name, words[2]);
    if (verb == "source" && !name.empty()) return source(section, name, words);
    if (verb == "stop" && !name.empty()) return stop(section, name);
    if (verb == "file" && !name.empty()) return file(section, name);
    if (words.size() == 1 && verb.find_first_of("./") != std::string::npos) return file(section, verb);
    return wrong(fmt::format("there is no section \"{}\"", section.header));
  }

  static Error wrong(std::string message) { return Error(ErrorKind::Config, std::move(message)); }

  std::string as_role(std::vector<std::string> const& words) const {
    auto const as = std::ranges::find(words, "as");
    return as == words.end() || as + 1 == words.end() ? world_.site().superuser : *(as + 1);
  }

  void done(Section section) { carried_.push_back(std::move(section)); }
  void broke(Section const& section, std::string what) { broken_.push_back({std::move(what), section.line}); }

  Status file(Section const& section, std::string const& name) {
    auto const path = world_.work() / name;
    std::error_code failed;
    std::filesystem::create_directories(path.parent_path(), failed);
    WEIR_DO(write_file(path, section.body));
    done(section);
    return {};
  }

  Status sql(Section section, std::vector<std::string> const& words) {
    WEIR_TRY(auto session, world_.connect(as_role(words)));
    if (words.size() > 1 && words[1] == "until") return until(section, session);
    auto parts = split_expectation(section.body);
    WEIR_TRY(auto answer, session.run(parts.input, kSqlLimit));
    if (words.size() > 1 && words[1] == "expect") {
      parts.has_expected = true;
      parts.expected = std::move(answer.text);
      section.body = join_expectation(parts);
    } else if (answer.failed) {
      return Error(ErrorKind::Sql, "the statement failed: " + answer.text);
    }
    done(std::move(section));
    return {};
  }

  // Asks until the answer is `t`: how a case waits for what another session or program does.
  Status until(Section const& section, SqlSession& session) {
    auto const deadline = std::chrono::steady_clock::now() + kSqlLimit;
    while (true) {
      WEIR_TRY(auto const answer, session.run(section.body, kSqlLimit));
      if (answer.failed) return Error(ErrorKind::Sql, "the statement failed: " + answer.text);
      if (answer.text == "t\n") break;
      if (std::chrono::steady_clock::now() > deadline)
        return Error(ErrorKind::Unavailable, fmt::format("never became true (last answer: {})", trim(answer.text)));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // between two looks, until the deadline
    }
    done(section);
    return {};
  }

  Status session(Section section, std::string const& name, std::string const& role) {
    auto found = world_.sessions.find(name);
    if (found == world_.sessions.end()) {
      WEIR_TRY(auto connected, world_.connect(role));
      found = world_.sessions.emplace(name, std::move(connected)).first;
    }
    if (found->second.is_waiting())
      return wrong(fmt::format("session \"{}\" still waits: == finish {} first", name, name));
    auto parts = split_expectation(section.body);
    WEIR_DO(found->second.send(parts.input));
    WEIR_TRY(auto text, answer_or_waiting(found->second));
    parts.has_expected = parts.has_expected || !text.empty();
    parts.expected = std::move(text);
    section.body = join_expectation(parts);
    done(std::move(section));
    return {};
  }

  // The session's answer, or "<waiting>" once the server says that it waits for a lock.
  Result<std::string> answer_or_waiting(SqlSession& session) {
    auto const deadline = std::chrono::steady_clock::now() + kSqlLimit;
    std::optional<SqlSession> monitor;
    Answer answer;
    while (std::chrono::steady_clock::now() < deadline) {
      WEIR_TRY(bool const answered, session.poll(answer, std::chrono::milliseconds(20)));
      if (answered) return answer.text;
      if (!monitor) {
        WEIR_TRY(monitor, world_.connect(world_.site().superuser));
      }
      WEIR_TRY(
          auto const blocked,
          monitor->run(fmt::format("SELECT cardinality(pg_blocking_pids({})) > 0", session.backend_pid()), kSqlLimit));
      if (blocked.text == "t\n") return std::string(kWaiting);
    }
    return Error(ErrorKind::Unavailable, "the session neither answered nor waited for a lock");
  }

  Status source(Section const& section, std::string const& name, std::vector<std::string> const& words) {
    auto description = words.size() > 2 ? world_.site().root / words[2] : world_.work() / (name + ".source.yml");
    if (words.size() == 2) {
      WEIR_DO(write_file(description, section.body));
    }
    WEIR_DO(world_.start_source(name, description));
    done(section);
    return {};
  }

  Status stop(Section const& section, std::string const& name) {
    if (world_.processes.erase(name) + world_.sessions.erase(name) == 0) return wrong("nothing of that name is there");
    done(section);
    return {};
  }

  struct Line {
    std::vector<std::string> words;
    std::map<std::string, std::string> environment;
  };

  // NAME=VALUE words before the program are its environment; $NAME is a variable of the case's environment.
  Result<Line> read_line(std::string_view text) {
    Line line;
    WEIR_TRY(auto words, split_words(text));
    auto const& environment = world_.environment();
    for (auto& word : words)
      for (auto entry = environment.rbegin(); entry != environment.rend(); ++entry)  // $NAME_LONG before $NAME
        word = replace_all(std::move(word), "$" + entry->first, entry->second);
    std::size_t first = 0;
    for (; first < words.size(); ++first) {
      auto const equals = words[first].find('=');
      if (equals == std::string::npos || words[first].find('/') < equals) break;
      line.environment[words[first].substr(0, equals)] = words[first].substr(equals + 1);
    }
    line.words.assign(words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
    if (line.words.empty()) return wrong("there is no command in the line");
    return line;
  }

  Result<std::vector<Line>> read_lines(std::string const& body) {
    std::vector<Line> lines;
    std::string pending;
    for (auto const& text : split(body, '\n')) {
      pending += text;
      if (pending.ends_with('\\')) {
        pending.back() = ' ';
        continue;
      }
      if (!trim(pending).empty()) {
        WEIR_TRY(auto line, read_line(pending));
        lines.push_back(std::move(line));
      }
      pending.clear();
    }
    if (lines.empty()) return wrong("there is no command in the section");
    return lines;
  }

  Status run(Section const& section) {
    WEIR_TRY(auto const lines, read_lines(section.body));
    Finished all;
    for (auto const& line : lines) {
      WEIR_TRY(auto process, world_.start(line.words, line.environment));
      auto const end = process.wait(kCommandLimit);
      auto before = std::pair(std::move(all.out), std::move(all.err));
      all = end;
      all.out = before.first + end.out;
      all.err = before.second + end.err;
      if (end.exit_code != 0 || end.is_broken()) break;
    }
    done(section);
    report(section, all);
    return {};
  }

  Status start(Section const& section, std::string const& name) {
    WEIR_TRY(auto const lines, read_lines(section.body));
    if (lines.size() != 1) return wrong("one command can be started");
    WEIR_TRY(auto process, world_.start(lines[0].words, lines[0].environment));
    world_.processes.erase(name);
    world_.processes.emplace(name, std::move(process));
    done(section);
    return {};
  }

  Status finish(Section section, std::string const& name) {
    if (auto found = world_.sessions.find(name); found != world_.sessions.end()) {
      Answer answer;
      WEIR_TRY(bool const answered, found->second.poll(answer, kSqlLimit));
      if (!answered) return Error(ErrorKind::Unavailable, fmt::format("session \"{}\" still waits", name));
      section.body = answer.text;
      done(std::move(section));
      return {};
    }
    auto found = world_.processes.find(name);
    if (found == world_.processes.end()) return wrong("nothing of that name was started");
    auto end = found->second.wait(kCommandLimit);
    if (signalled_.contains(name)) end.exit_code = 128 + std::exchange(end.signal, 0);
    world_.processes.erase(found);
    done(section);
    report(section, end);
    return {};
  }

  // Waits until a program has stopped itself at the place that WEIR_STOP_AT names.
  Status stopped(Section const& section, std::string const& name) {
    auto const found = world_.processes.find(name);
    if (found == world_.processes.end()) return wrong("nothing of that name was started");
    auto const deadline = std::chrono::steady_clock::now() + kCommandLimit;
    while (!found->second.has_stopped()) {
      if (found->second.has_ended())
        return Error(ErrorKind::Unavailable, fmt::format("\"{}\" ended and never stopped", name))
            .cause(found->second.output_so_far());
      if (std::chrono::steady_clock::now() > deadline)
        return Error(ErrorKind::Unavailable, fmt::format("\"{}\" never stopped", name));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // between two looks, until the deadline
    }
    done(section);
    return {};
  }

  Status send_signal(Section const& section, std::string const& name, std::string const& which) {
    static std::map<std::string, int> const known = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},
                                                     {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"HUP", SIGHUP}};
    auto const found = world_.processes.find(name);
    auto const number = known.find(which);
    if (found == world_.processes.end() || number == known.end()) return wrong("there is no such program or signal");
    found->second.signal(number->second);
    if (number->second == SIGKILL) signalled_.insert({name, true});
    done(section);
    return {};
  }

  // Writes the expectations of a command that has ended: exit, stdout, stderr, each only where there is something to
  // say.
  void report(Section const& section, Finished const& end) {
    if (end.timed_out)
      broke(section, "the command did not end in time and was killed");
    else if (end.is_broken())
      broke(section, fmt::format("the command crashed (signal {}, exit {}):\n{}", end.signal, end.exit_code, end.err));
    for (auto const& [what, text] : {std::pair("stdout", &end.out), std::pair("stderr", &end.err)})
      if (text->find(kCanary) != std::string::npos) broke(section, fmt::format("{} shows a secret:\n{}", what, *text));
    auto const asked =
        std::ranges::find_if(expectations_, [](Section const& s) { return s.header == "expect ignored"; });
    if (asked != expectations_.end())
      done(*asked);
    else if (end.exit_code != 0)
      done({.header = fmt::format("expect exit {}", end.exit_code), .body = "", .line = 0});
    report_text("stdout", end.out);
    report_text("stderr", without_progress(end.err));
  }

  void report_text(std::string const& what, std::string const& text) {
    auto const asked = std::ranges::find_if(expectations_, [&](Section const& s) { return s.words()[0] == what; });
    Section section{.header = what, .body = "", .line = 0};
    if (asked != expectations_.end()) {
      section = *asked;
      if (section.header == what + " ignored") return done(std::move(section));
    }
    section.body = normalize(text, world_.replacements());
    if (section.header == what + " sorted") section.body = sorted_lines(section.body);
    if (section.body.empty()) return;
    if (!section.body.ends_with('\n')) section.body += "<no line end>\n";
    done(std::move(section));
  }

  World& world_;
  std::span<Section const> expectations_;
  std::vector<Section> carried_;
  std::vector<Broken> broken_;
  std::map<std::string, bool> signalled_;
};

}  // namespace

Carried carry_out(World& world, std::vector<Section> const& sections) {
  return Executor(world).carry_out(sections);
}

}  // namespace weir::cases
