#pragma once
// Carries out a graph of items on several threads: an item begins when all that it waits for are done, those on the
// longest way to an end first. What failed keeps its descendants from running. Knows nothing of what an item is.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

namespace weir::build {

using ItemIndex = std::uint32_t;

struct Schedule {
  std::vector<std::vector<ItemIndex>> waits_for;  // of each item; no cycle
  std::size_t threads = 1;
  bool fail_fast = false;  // the first failure ends it: what has not begun is skipped
  std::stop_token stop;    // as well
};

enum class ItemOutcome : std::uint8_t { Done, Failed };

struct ItemActions {
  // Called on worker `worker` (0 to threads - 1), which is one thread.
  std::function<ItemOutcome(ItemIndex item, std::size_t worker)> carry_out;
  // An item that will not run, because of `cause` (an item, or itself where the whole schedule was ended). One call at
  // a time.
  std::function<void(ItemIndex item, ItemIndex cause)> skip;
};

// Returns when every item was carried out or skipped.
void carry_out(Schedule const& schedule, ItemActions const& actions);

}  // namespace weir::build
