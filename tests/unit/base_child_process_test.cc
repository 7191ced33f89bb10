// Children and signals: what comes to a child that has just been made is the child's.
#include <signal.h>
#include <sys/mman.h>

#include <new>

#include <gtest/gtest.h>

#include "base/child_process.h"

namespace weir {
namespace {

// In memory that parent and children share: as a pipe is, that both have.
int volatile* g_heard = nullptr;

void hear(int) {
  *g_heard = *g_heard + 1;
}

TEST(BaseChildProcess, ASignalThatComesBeforeTheChildIsAnotherProgramIsNotHandledHere) {
  void* const shared = mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  g_heard = new (shared) int(0);
  struct sigaction action {
  }, before{};
  action.sa_handler = hear;
  sigaction(SIGUSR1, &action, &before);
  for (int i = 0; i < 100; ++i) {
    auto const child = start_child({"/bin/sleep", "60"}, {.folder = "/", .output = "/dev/null"});
    ASSERT_TRUE(child.ok());
    while (kill(-*child, SIGUSR1) != 0) {  // until it has a group of its own
    }
    EXPECT_EQ(wait_for_child(*child, std::chrono::seconds(30)), 128 + SIGUSR1);
  }
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(*g_heard, 0);
  munmap(shared, sizeof(int));
}

}  // namespace
}  // namespace weir
