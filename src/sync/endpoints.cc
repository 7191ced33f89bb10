#include "sync/endpoints.h"

namespace weir::sync {

Endpoints::Endpoints(OpenSource open_source, OpenWarehouse open_warehouse)
    : open_source_(std::move(open_source)), open_warehouse_(std::move(open_warehouse)) {}

Result<std::unique_ptr<source::Source>> Endpoints::take_source() {
  {
    MutexLock lock(mutex_);
    if (!sources_.empty()) {
      auto source = std::move(sources_.back());
      sources_.pop_back();
      return source;
    }
  }
  return open_source_();
}

Result<std::unique_ptr<pg::Session>> Endpoints::take_warehouse() {
  {
    MutexLock lock(mutex_);
    if (!sessions_.empty()) {
      auto session = std::move(sessions_.back());
      sessions_.pop_back();
      return session;
    }
  }
  WEIR_TRY(pg::Session session, open_warehouse_());
  return std::make_unique<pg::Session>(std::move(session));
}

void Endpoints::give_back(std::unique_ptr<source::Source> source) {
  if (!source) return;
  MutexLock lock(mutex_);
  sources_.push_back(std::move(source));
}

void Endpoints::give_back(std::unique_ptr<pg::Session> session) {
  if (!session || session->is_broken() || session->transaction_state() != pg::TransactionState::Idle) return;
  MutexLock lock(mutex_);
  sessions_.push_back(std::move(session));
}

}  // namespace weir::sync
