#include <fmt/format.h>

#include "pg/state.h"

namespace weir::pg {

Transaction::Transaction(Session& session) : session_(&session) {}

Transaction::Transaction(Transaction&& other) noexcept
    : session_(std::exchange(other.session_, nullptr)), transaction_id_(std::move(other.transaction_id_)) {}

Result<Transaction> Transaction::begin(Session& session, std::string_view begin) {
  if (!session.is_broken() && session.transaction_state() != TransactionState::Idle)
    return Error(ErrorKind::Internal, "a transaction was begun inside of another one");
  WEIR_DO(session.execute(begin));
  return Transaction(session);
}

Transaction::~Transaction() {
  if (session_ == nullptr) return;
  auto const ignored = std::move(*this).rollback();
  static_cast<void>(ignored);
}

Status Transaction::commit() && {
  Session& session = *std::exchange(session_, nullptr);
  session.state_->look_for_end();
  bool const was_broken = session.is_broken();
  auto result = session.execute("COMMIT");
  if (!result.ok() && session.is_broken() && !was_broken) {
    return Error(ErrorKind::InDoubt,
                 fmt::format("could not learn whether the transaction on {} was committed", session.options().text()))
        .object(transaction_id_)
        .cause(result.error().message())
        .sqlstate(result.error().sqlstate())
        .state("COMMIT was sent and its answer was lost: the transaction is done whole, or not at all");
  }
  if (!result.ok()) {
    // Refused by the server, or not sent because somebody asked to stop.
    auto const ignored = session.state_->roll_back();
    return std::move(result).error().state("nothing was committed");
  }
  if (result->command() != "COMMIT") {
    return Error(ErrorKind::Sql, "the transaction was rolled back, since a statement in it had failed")
        .sqlstate("25P02")
        .state("nothing was committed");
  }
  return {};
}

Status Transaction::rollback() && {
  return std::exchange(session_, nullptr)->state_->roll_back();
}

Result<std::string> Transaction::transaction_id() {
  if (transaction_id_.empty()) {
    WEIR_TRY(auto rows, session_->query("SELECT pg_current_xact_id()::text"));
    transaction_id_ = rows.text(0, 0);
  }
  return transaction_id_;
}

}  // namespace weir::pg
