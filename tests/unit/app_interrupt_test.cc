#include "app/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <semaphore>
#include <stop_token>

#include <gtest/gtest.h>

namespace weir::app {
namespace {

// A cancel that waits for a server which never answers, as SQLCancel may.
void two_signals_while_a_cancel_hangs() {
  Interrupt interrupt;
  std::binary_semaphore entered(0);
  std::binary_semaphore never(0);
  std::stop_callback const hanging(interrupt.token(), [&] {
    entered.release();
    never.acquire();
  });
  raise(SIGINT);
  entered.acquire();
  raise(SIGTERM);
  for (;;) pause();
}

TEST(Interrupt, SecondSignalEndsThoughACancelHangs) {
  EXPECT_EXIT(two_signals_while_a_cancel_hangs(), testing::ExitedWithCode(130), "stopping");
}

void one_signal() {
  Interrupt interrupt;
  std::binary_semaphore entered(0);
  std::stop_callback const quick(interrupt.token(), [&] { entered.release(); });
  raise(SIGTERM);
  entered.acquire();
  _exit(interrupt.exit_status());
}

TEST(Interrupt, FirstSignalAsksToStop) {
  EXPECT_EXIT(one_signal(), testing::ExitedWithCode(143), "stopping");
}

}  // namespace
}  // namespace weir::app
