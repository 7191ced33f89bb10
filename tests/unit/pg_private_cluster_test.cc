// Private clusters: they start, they end, and nothing is left of them, also when the process is killed.

#include "pg/private_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "unit/test_cluster.h"

namespace weir::pg {
namespace {

using test::must;

// Waits for something that another process does; ends after a minute, so that the test fails instead of hanging.
template <typename Condition>
bool eventually(Condition condition) {
  auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

TEST(PgPrivateCluster, starts_stops_crashes_and_leaves_nothing) {
  std::filesystem::path folder;
  {
    auto cluster = must(PrivateCluster::start({.tcp = true, .settings = {{"max_wal_senders", "7"}}}));
    folder = cluster.folder();
    auto session = must(Session::connect(cluster.tcp_options()));
    EXPECT_EQ(must(session.query("SHOW max_wal_senders")).text(0, 0), "7");
    EXPECT_EQ(must(session.query("SHOW fsync")).text(0, 0), "off");
    must(session.execute("CREATE TABLE public.t (i int)"));
    must(cluster.crash());
    EXPECT_FALSE(session.query("SELECT 1").ok());
    auto again = must(Session::connect(cluster.options()));
    must(again.query("SELECT 1 FROM public.t"));
    must(cluster.stop());
    EXPECT_EQ(Session::connect(cluster.options()).error().kind(), ErrorKind::Unavailable);
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(PgPrivateCluster, leaves_nothing_when_the_process_is_killed) {
  auto note = must(TempFolder::create("weir-test-"));
  auto const file = note.path() / "folder";
  pid_t const child = fork();
  if (child == 0) {
    auto cluster = PrivateCluster::start();
    if (!cluster.ok()) _exit(1);
    auto const written = write_file(file, cluster->folder().string() + "\n" + std::to_string(cluster->pid()));
    raise(SIGKILL);
    _exit(written.ok() ? 2 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto const text = must(read_file(file));
  std::filesystem::path const folder = text.substr(0, text.find('\n'));
  pid_t const server = std::stoi(text.substr(text.find('\n') + 1));
  EXPECT_TRUE(eventually([&] { return kill(server, 0) != 0; })) << "the server lives on";
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(folder); })) << folder << " is left";
}

TEST(PgPrivateCluster, without_server_programs) {
  auto const cluster = PrivateCluster::start({.bin = "/nowhere"});
  ASSERT_FALSE(cluster.ok());
  EXPECT_EQ(cluster.error().kind(), ErrorKind::Config);
  EXPECT_NE(cluster.error().next().find("postgresql"), std::string::npos);
}

TEST(PgPrivateCluster, a_server_that_does_not_start_says_why) {
  auto const cluster = PrivateCluster::start({.settings = {{"shared_buffers", "a lot"}}});
  ASSERT_FALSE(cluster.ok());
  EXPECT_NE(cluster.error().cause().find("shared_buffers"), std::string::npos) << cluster.error().to_text();
}

}  // namespace
}  // namespace weir::pg
