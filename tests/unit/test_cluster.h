#pragma once
// For C++ tests: one PostgreSQL server per test process, started when it is first asked for, and a fresh database per
// call.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>

#include "pg/private_cluster.h"
#include "pg/session.h"

namespace weir::test {

// The value of a Result, or the end of the test program with the error's text.
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().to_text();
    std::abort();
  }
  return std::move(result).value();
}
inline void must(Status status) {
  if (!status.ok()) {
    ADD_FAILURE() << status.error().to_text();
    std::abort();
  }
}

// WEIR_TEST_PG_BIN names the folder of another version's server programs.
inline pg::PrivateCluster& cluster() {
  static auto instance = [] {
    pg::ClusterOptions options{.tcp = true};
    if (char const* bin = std::getenv("WEIR_TEST_PG_BIN")) options.bin = bin;
    return must(pg::PrivateCluster::start(options));
  }();
  return instance;
}

// A new, empty database of cluster(), as its superuser.
inline pg::SessionOptions fresh_database() {
  static std::atomic<int> number = 0;
  std::string const name = "test_" + std::to_string(++number);
  auto session = must(pg::Session::connect(cluster().options()));
  must(session.execute("CREATE DATABASE " + name));
  return cluster().options(name);
}

inline pg::Session fresh_session() {
  return must(pg::Session::connect(fresh_database()));
}

}  // namespace weir::test
