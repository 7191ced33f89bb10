#include "build/schedule.h"

#include <algorithm>
#include <optional>
#include <set>
#include <thread>

#include "base/mutex.h"

namespace weir::build {
namespace {

class Run {
 public:
  Run(Schedule const& schedule, ItemActions const& actions) : schedule_(schedule), actions_(actions) {
    MutexLock lock(mutex_);
    auto const count = schedule.waits_for.size();
    children_.resize(count);
    open_.resize(count);
    cause_.resize(count);
    for (ItemIndex item = 0; item < count; ++item) {
      open_[item] = schedule.waits_for[item].size();
      for (auto const parent : schedule.waits_for[item]) children_[parent].push_back(item);
    }
    measure_ways();
    left_ = count;
    for (ItemIndex item = 0; item < count; ++item)
      if (open_[item] == 0) ready_.insert({-way_[item], item});
  }

  void work(std::size_t worker) {
    while (auto const item = next()) {
      auto const outcome = actions_.carry_out(*item, worker);
      MutexLock lock(mutex_);
      bool const failed = outcome == ItemOutcome::Failed;
      ended_ = ended_ || (failed && schedule_.fail_fast);
      finish(*item, failed ? std::optional(*item) : std::nullopt);
    }
  }

 private:
  // An item to carry out; nothing at the end. Items that will not run are skipped on the way.
  std::optional<ItemIndex> next() {
    MutexLock lock(mutex_);
    for (;;) {
      while (left_ > 0 && ready_.empty()) changed_.wait(mutex_);
      if (left_ == 0) return std::nullopt;
      ItemIndex const item = ready_.begin()->second;
      ready_.erase(ready_.begin());
      auto cause = cause_[item];
      if (!cause && (ended_ || schedule_.stop.stop_requested())) cause = item;
      if (!cause) return item;
      actions_.skip(item, *cause);
      finish(item, cause);
    }
  }

  // The number of items on the longest way from each item to an end.
  void measure_ways() WEIR_REQUIRES(mutex_) {
    auto const count = children_.size();
    std::vector<std::size_t> waiting = open_;
    std::vector<ItemIndex> order;
    for (ItemIndex item = 0; item < count; ++item)
      if (waiting[item] == 0) order.push_back(item);
    for (std::size_t at = 0; at < order.size(); ++at)
      for (auto const child : children_[order[at]])
        if (--waiting[child] == 0) order.push_back(child);
    way_.assign(count, 1);
    for (auto item = order.rbegin(); item != order.rend(); ++item)
      for (auto const child : children_[*item]) way_[*item] = std::max(way_[*item], way_[child] + 1);
  }

  void finish(ItemIndex item, std::optional<ItemIndex> cause) WEIR_REQUIRES(mutex_) {
    --left_;
    for (auto const child : children_[item]) {
      if (cause && !cause_[child]) cause_[child] = cause;
      if (--open_[child] == 0) ready_.insert({-way_[child], child});
    }
    changed_.notify_all();
  }

  Schedule const& schedule_;
  ItemActions const& actions_;
  std::vector<std::vector<ItemIndex>> children_;
  std::vector<int> way_;

  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::size_t> open_ WEIR_GUARDED_BY(mutex_);                // parents that are not finished
  std::vector<std::optional<ItemIndex>> cause_ WEIR_GUARDED_BY(mutex_);  // of its being skipped
  std::set<std::pair<int, ItemIndex>> ready_ WEIR_GUARDED_BY(mutex_);    // the longest way first
  std::size_t left_ WEIR_GUARDED_BY(mutex_) = 0;
  bool ended_ WEIR_GUARDED_BY(mutex_) = false;
};

}  // namespace

void carry_out(Schedule const& schedule, ItemActions const& actions) {
  Run run(schedule, actions);
  std::vector<std::jthread> threads;
  for (std::size_t worker = 0; worker < std::max<std::size_t>(schedule.threads, 1); ++worker)
    threads.emplace_back([&run, worker] { run.work(worker); });
}

}  // namespace weir::build
