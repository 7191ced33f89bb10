// COPY both ways. Sending is done without blocking in libpq, so that an error that the server reports in the middle of
// a long COPY ends it there and not at the end of the data.

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/text.h"
#include "pg/state.h"

namespace weir::pg {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr int kLookForStopMs = 200;
constexpr char const* kStopped = "weir stopped sending";

bool message_holds(pg_result const* result, std::string_view part) {
  char const* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return message != nullptr && std::string_view(message).find(part) != std::string_view::npos;
}

}  // namespace

// Between two pieces the server says nothing unless it has failed; notices are taken out by libpq and counted.
bool Session::State::flush(ServerSpeaks speaks) {
  for (;;) {
    int const pending = PQflush(connection.get());
    if (pending < 0) return false;
    pollfd descriptor{.fd = PQsocket(connection.get()),
                      .events = static_cast<short>(pending > 0 ? POLLIN | POLLOUT : POLLIN),
                      .revents = 0};
    if (poll(&descriptor, 1, pending > 0 ? kLookForStopMs : 0) < 0 && errno != EINTR) return false;
    if ((descriptor.revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
      auto const seen = notices_seen;
      if (PQconsumeInput(connection.get()) == 0) return false;
      static_cast<void>(PQisBusy(connection.get()));  // hands on notices
      if (speaks == ServerSpeaks::Stop && notices_seen == seen) return false;
    }
    if (pending == 0) return true;
    if (speaks == ServerSpeaks::Stop && canceller->was_asked()) return false;
  }
}

ResultPointer Session::State::end_copy_in(char const* failure) {
  if (PQputCopyEnd(connection.get(), failure) != 1 && !is_broken()) cut();
  flush(ServerSpeaks::GoOn);
  PQsetnonblocking(connection.get(), 0);
  return take_results();
}

void Session::State::abort_copy_out() {
  canceller->send_request();
  for (char* message = nullptr; PQgetCopyData(connection.get(), &message, 0) > 0; message = nullptr) PQfreemem(message);
  take_results();
}

Result<CopyIn> Session::copy_in(std::string_view sql) {
  WEIR_TRY(auto result, state_->run_text(sql, State::Told::Listener));
  if (PQresultStatus(result.get()) != PGRES_COPY_IN)
    return Error(ErrorKind::Internal, "the statement is no COPY FROM STDIN");
  if (auto begun = state_->canceller->begin(); !begun.ok()) {
    state_->end_copy_in(kStopped);
    return std::move(begun).error();
  }
  PQsetnonblocking(state_->connection.get(), 1);
  return CopyIn(*state_);
}

CopyIn::CopyIn(Session::State& state) : state_(&state) {}
CopyIn::CopyIn(CopyIn&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

CopyIn::~CopyIn() {
  if (state_ == nullptr) return;
  state_->end_copy_in(kStopped);
  state_->canceller->end();
}

Status CopyIn::write(std::string_view bytes) {
  if (state_ == nullptr) return Error(ErrorKind::Internal, "more data for a COPY that is over");
  while (!bytes.empty()) {
    auto const piece = bytes.substr(0, kPieceBytes);
    if (!state_->flush(Session::State::ServerSpeaks::Stop) || state_->canceller->was_asked()) return fail();
    if (PQputCopyData(state_->connection.get(), piece.data(), static_cast<int>(piece.size())) != 1) return fail();
    bytes.remove_prefix(piece.size());
  }
  return {};
}

Error CopyIn::fail() {
  Session::State& state = *std::exchange(state_, nullptr);
  auto const result = state.end_copy_in(kStopped);
  bool const asked = state.canceller->was_asked();
  state.canceller->end();
  bool const by_weir = result != nullptr && message_holds(result.get(), kStopped);
  if (asked && (by_weir || !state.is_broken()))
    return Error(ErrorKind::Cancelled, "COPY was cancelled").sqlstate("57014");
  if (by_weir) return Error(ErrorKind::Unavailable, "the server sent a message that has no place in a COPY");
  return state.error_of(result.get());
}

Result<std::uint64_t> CopyIn::finish() && {
  if (state_ == nullptr) return Error(ErrorKind::Internal, "the end of a COPY that is over");
  Fault const fault = next_fault("COPY end");
  if (fault.kind == FaultKind::Error) {
    auto const ignored = fail();
    return Error(kind_of_sqlstate(fault.sqlstate), "fault hook").sqlstate(fault.sqlstate);
  }
  if (fault.kind == FaultKind::Disconnect) state_->cut();
  if (state_->canceller->was_asked()) return fail();
  Session::State& state = *std::exchange(state_, nullptr);
  auto result = state.end_copy_in(nullptr);
  state.canceller->end();
  WEIR_TRY(result, state.after(std::move(result), fault));
  return static_cast<std::uint64_t>(parse_int(PQcmdTuples(result.get())).value_or(0));
}

Result<CopyOut> Session::copy_out(std::string_view sql) {
  WEIR_TRY(auto result, state_->run_text(sql, State::Told::Listener));
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT)
    return Error(ErrorKind::Internal, "the statement is no COPY TO STDOUT");
  if (auto begun = state_->canceller->begin(); !begun.ok()) {
    state_->abort_copy_out();
    return std::move(begun).error();
  }
  return CopyOut(*state_);
}

CopyOut::CopyOut(Session::State& state) : state_(&state) {}
CopyOut::CopyOut(CopyOut&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)),
      message_(std::exchange(other.message_, nullptr)),
      complete_(other.complete_),
      rows_(other.rows_) {}

CopyOut::~CopyOut() {
  free_message();
  if (state_ == nullptr) return;
  state_->abort_copy_out();
  state_->canceller->end();
}

void CopyOut::free_message() {
  PQfreemem(std::exchange(message_, nullptr));
}

Result<std::optional<std::string_view>> CopyOut::read() {
  using Message = std::optional<std::string_view>;
  free_message();
  if (complete_) return Message();
  if (state_ == nullptr) return Error(ErrorKind::Internal, "a read from a COPY that has failed");
  int const length = PQgetCopyData(state_->connection.get(), &message_, 0);
  if (length > 0) return Message(std::string_view(message_, static_cast<std::size_t>(length)));
  Session::State& state = *std::exchange(state_, nullptr);
  auto result = state.take_results();
  state.canceller->end();
  WEIR_TRY(result, state.after(std::move(result), Fault{}));
  complete_ = true;
  rows_ = static_cast<std::uint64_t>(parse_int(PQcmdTuples(result.get())).value_or(0));
  return Message();
}

}  // namespace weir::pg
