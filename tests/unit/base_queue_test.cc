// The bounded queue between reader and writer threads. Runs under the thread sanitizer too.
#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir {
namespace {

TEST(BoundedQueue, EveryItemArrivesOnceAndInOrder) {
  BoundedQueue<int> queue(3);
  std::jthread const producer([&queue] {
    for (int i = 0; i < 10000; ++i) ASSERT_TRUE(queue.push(i));
    queue.close();
  });
  int expected = 0;
  while (auto item = queue.pop()) EXPECT_EQ(*item, expected++);
  EXPECT_EQ(expected, 10000);
}

TEST(BoundedQueue, CancelWakesAProducerThatWaitsForRoom) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::jthread const producer([&queue] { EXPECT_FALSE(queue.push(2)); });
  queue.cancel();
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, CancelWakesAConsumerThatWaitsForAnItem) {
  BoundedQueue<int> queue(1);
  std::jthread const consumer([&queue] { EXPECT_EQ(queue.pop(), std::nullopt); });
  queue.cancel();
}

TEST(BoundedQueue, CloseLetsTheConsumerDrain) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.push(1));
  queue.close();
  EXPECT_FALSE(queue.push(2));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

}  // namespace
}  // namespace weir
