#pragma once
// The two ends of a connection, as the engine reaches them: sources and warehouse sessions come in through functions,
// so that app/ decides the kinds and tests give doubles for the source. Sessions are kept and used again: opening one
// costs more than loading a small table. Thread-safe; what it hands out belongs to the taker.

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "pg/session.h"
#include "source/source.h"

namespace weir::sync {

class Endpoints {
 public:
  using OpenSource = std::function<Result<std::unique_ptr<source::Source>>()>;
  using OpenWarehouse = std::function<Result<pg::Session>()>;

  // Both functions may be called from any thread, several at once.
  Endpoints(OpenSource open_source, OpenWarehouse open_warehouse);

  // An idle session, or a new one.
  Result<std::unique_ptr<source::Source>> take_source();
  Result<std::unique_ptr<pg::Session>> take_warehouse();
  // Gives a session back for the next taker. Only give back what is healthy: destroy the rest. A broken warehouse
  // session, or one inside a transaction, is destroyed here.
  void give_back(std::unique_ptr<source::Source> source);
  void give_back(std::unique_ptr<pg::Session> session);

 private:
  OpenSource const open_source_;
  OpenWarehouse const open_warehouse_;
  Mutex mutex_;
  std::vector<std::unique_ptr<source::Source>> sources_ WEIR_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<pg::Session>> sessions_ WEIR_GUARDED_BY(mutex_);
};

}  // namespace weir::sync
