// weir-bench-readers: many sessions that read at a fixed pace and note how long each read took and what it saw.
//
//   weir-bench-readers CONNINFO OUT KIND...      KIND = SESSIONS:PERIOD_MS:KEYS:SQL
//
// Each session of a kind sends its SQL every PERIOD_MS (once, if PERIOD_MS is 0); with KEYS > 0, $1 is a pseudo-random
// number of 1..KEYS. A read is late from the moment it was due: a session that was held up also counts what it could
// not send in the last two seconds of the wait. Ends when its standard input does. OUT gets one Sample a read; the
// clock is CLOCK_MONOTONIC.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/text.h"
#include "pg/session.h"

namespace {

using Steady = std::chrono::steady_clock;
using weir::pg::Session;
using weir::pg::SessionOptions;

constexpr std::chrono::seconds kMostBacklog{2};

struct Kind {
  int sessions = 0;
  std::chrono::milliseconds period{};
  std::int64_t keys = 0;
  std::string sql;
};

// As bench/readers.py unpacks it.
struct Sample {
  std::int64_t due = 0, sent = 0, done = 0;  // nanoseconds
  std::int32_t kind = 0, rows = 0;           // rows: -1 = error
  std::array<std::int64_t, 3> values{};      // the first row's first columns
};
static_assert(sizeof(Sample) == 56);

std::int64_t nanoseconds(Steady::time_point at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

std::optional<Kind> parse_kind(std::string_view text) {
  std::array<std::string_view, 3> fields;
  for (auto& field : fields) {
    auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    field = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  auto sessions = weir::parse_int(fields[0]), period = weir::parse_int(fields[1]), keys = weir::parse_int(fields[2]);
  if (!sessions || !period || !keys) return std::nullopt;
  return Kind{static_cast<int>(*sessions), std::chrono::milliseconds(*period), *keys, std::string(text)};
}

// One session's whole life; a lost connection is an error sample and is opened again.
std::vector<Sample> read_until(std::stop_token stop, SessionOptions const& options, Kind const& kind, int kind_number,
                               unsigned seed) {
  std::vector<Sample> samples;
  std::mt19937_64 random(seed);
  std::unique_ptr<Session> session;
  // Sessions of a kind are spread over the period, so that they do not march in step.
  auto due = Steady::now() + kind.period * (seed % 97) / 97;
  while (!stop.stop_requested()) {
    std::this_thread::sleep_until(due);
    Sample sample{.due = nanoseconds(due), .sent = nanoseconds(Steady::now()), .kind = kind_number, .rows = -1};
    if (!session || session->is_broken()) {
      session.reset();
      auto opened = Session::connect(options);
      if (opened.ok())
        session = std::make_unique<Session>(std::move(*opened));
      else
        std::fprintf(stderr, "%s\n", opened.error().to_text().c_str());
    }
    if (session) {
      std::vector<weir::pg::Parameter> parameters;
      if (kind.keys > 0) parameters.emplace_back(std::to_string(random() % static_cast<std::uint64_t>(kind.keys) + 1));
      auto rows = session->query(kind.sql, parameters);
      if (rows.ok()) {
        sample.rows = static_cast<std::int32_t>(rows->size());
        for (std::size_t column = 0; rows->size() > 0 && column < rows->columns() && column < 3; ++column)
          sample.values[column] = rows->integer(0, column);
      } else {
        std::fprintf(stderr, "%s\n", rows.error().to_text().c_str());
      }
    }
    sample.done = nanoseconds(Steady::now());
    samples.push_back(sample);
    if (kind.period.count() == 0) break;
    // What was missed is caught up, so that a long wait counts as the many reads that it held up; but no more than
    // that, or the reads after it would measure the queue. After an error, no storm of attempts.
    auto const earliest = sample.rows < 0 ? Steady::now() + kind.period : Steady::now() - kMostBacklog;
    due = std::max(due + kind.period, earliest);
  }
  return samples;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: weir-bench-readers CONNINFO OUT SESSIONS:PERIOD_MS:KEYS:SQL...\n", stderr);
    return 2;
  }
  SessionOptions options;
  options.application_name = "weir-bench-readers";
  for (auto const& part : weir::split(argv[1], ' '))
    if (auto equals = part.find('='); equals != std::string::npos)
      options.parameters.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  std::vector<Kind> kinds;
  for (int i = 3; i < argc; ++i) {
    auto kind = parse_kind(argv[i]);
    if (!kind) {
      std::fprintf(stderr, "not SESSIONS:PERIOD_MS:KEYS:SQL: %s\n", argv[i]);
      return 2;
    }
    kinds.push_back(std::move(*kind));
  }

  std::vector<std::vector<Sample>> samples;
  {
    std::vector<std::jthread> threads;
    std::size_t sessions = 0;
    for (auto const& kind : kinds) sessions += static_cast<std::size_t>(kind.sessions);
    samples.resize(sessions);
    for (std::size_t kind = 0; kind < kinds.size(); ++kind)
      for (int i = 0; i < kinds[kind].sessions; ++i) {
        auto at = threads.size();
        threads.emplace_back([&, kind, at](std::stop_token stop) {
          samples[at] =
              read_until(stop, options, kinds[kind], static_cast<int>(kind), static_cast<unsigned>(at * 31 + 7));
        });
      }
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
  }  // asks every thread to stop, and waits for it

  std::ofstream out(argv[2], std::ios::binary);
  for (auto const& list : samples)
    out.write(reinterpret_cast<char const*>(list.data()), static_cast<std::streamsize>(list.size() * sizeof(Sample)));
  out.close();
  return out ? 0 : 1;
}
