#include "tds/reply.h"

#include <algorithm>
#include <chrono>

namespace weir::tds {

// What a column travels as for a client that speaks an older protocol.
SqlType Reply::wire_type(SqlType const& type) const {
  if (tds_version_ < 73) {
    if (type.id == TypeId::Date) return nvarchar(10);
    if (type.id == TypeId::Time) return nvarchar(16);
    if (type.id == TypeId::DateTime2) return nvarchar(27);
    if (type.id == TypeId::DateTimeOffset) return nvarchar(34);
  }
  if (tds_version_ < 72) {
    if (type.id == TypeId::Xml) return make_type(TypeId::NText);
    if (type.is_udt()) return make_type(TypeId::Image);
    if (type.is_max() && type.is_n_text()) return make_type(TypeId::NText, -1, 0, 0, type.collation);
    if (type.is_max() && type.is_char_text()) return make_type(TypeId::Text, -1, 0, 0, type.collation);
    if (type.is_max() && type.is_binary()) return make_type(TypeId::Image);
  }
  return type;
}

std::string& Reply::out() {
  settle(true);
  return transport_.out();
}

void Reply::settle(bool more) {
  if (!pending_) return;
  DoneToken const token = in_procedure_ ? DoneToken::DoneInProc : DoneToken::Done;
  auto const status = static_cast<std::uint16_t>(pending_->status | (more || in_procedure_ ? kDoneMore : 0));
  put_done(transport_.out(), token, status, pending_->command, pending_->count, tds_version_);
  pending_.reset();
}

Outcome Reply::metadata(std::vector<OutputColumn> const& columns, bool nbcrow, bool plp_unknown) {
  columns_.clear();
  nbcrow_ = nbcrow && tds_version_ >= 73;
  downgraded_ = false;
  rows_ = 0;
  fault_done_ = false;
  for (OutputColumn const& column : columns) {
    WireColumn& wire = columns_.emplace_back();
    wire.name = column.name;
    wire.type = wire_type(column.type);
    downgraded_ = downgraded_ || !(wire.type == column.type);
    wire.nullable = column.nullable;
    wire.identity = column.identity;
    wire.computed = column.computed;
    wire.fixed = column.fixed && !column.nullable && !nbcrow_;
    wire.plp_unknown = plp_unknown;
  }
  converted_.resize(columns_.size());
  converted_cells_.resize(columns_.size());
  put_column_metadata(out(), columns_, tds_version_);
  if (fault_ && fault_->after_rows == 0) return fault_now(nullptr);
  return {};
}

Outcome Reply::row(Value const* const* cells) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    // An expression may give another type than it was bound with, and old protocols want other types.
    if (!downgraded_ &&
        (cells[i]->type == columns_[i].type.id || cells[i]->null || columns_[i].type.id == TypeId::Variant)) {
      converted_cells_[i] = cells[i];
      continue;
    }
    TDS_DO(convert(*cells[i], columns_[i].type, 0, converted_[i]));
    converted_cells_[i] = &converted_[i];
  }
  std::string& to = transport_.out();
  if (fault_ && !fault_done_ && fault_->after_rows == rows_ && rows_ > 0) TDS_DO(fault_now(converted_cells_.data()));
  if (nbcrow_)
    put_nbc_row(to, columns_, converted_cells_.data(), tds_version_);
  else
    put_row(to, columns_, converted_cells_.data(), tds_version_);
  ++rows_;
  if (!transport_.flush_full().ok()) {
    gone_ = true;
    return interruption();
  }
  return {};
}

Outcome Reply::fault_now(Value const* const* cells) {
  fault_done_ = true;
  Fault const& fault = *fault_;
  if (fault.drip_bytes != 0) transport_.drip(fault.drip_bytes, fault.drip_ms);
  for (std::uint64_t i = 0; i < fault.info_messages; ++i)
    put_info(transport_.out(), 50000, 0, 1, "a message of the server", 1, tds_version_);
  if (fault.stall_ms != 0) TDS_DO(stall());
  if (fault.error) return *fault.error;
  if (fault.close == CloseAt::No) return {};
  gone_ = true;
  if (fault.close == CloseAt::InsideRow && cells != nullptr) {
    std::string whole;
    put_row(whole, columns_, cells, tds_version_);
    transport_.out().append(whole, 0, whole.size() / 2);
  }
  if (fault.close == CloseAt::InsidePacket)
    transport_.die_inside_packet();
  else
    transport_.die_after_rows();
  return interruption();
}

Outcome Reply::stall() {
  if (rows_ > 0 && !transport_.flush_open().ok()) gone_ = true;
  auto const start = std::chrono::steady_clock::now();
  auto over = [&] {
    if (fault_->stall_ms == UINT64_MAX) return false;
    return std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(fault_->stall_ms);
  };
  while (!over() && !gone_) {
    if (stopping_.load())
      gone_ = true;
    else if (transport_.wait_readable(20) && interrupted())
      break;
  }
  return interruption();
}

Outcome Reply::interruption() const {
  if (gone_) return sql_error(kConnectionGone, 25, "the client went away");
  if (attention_) return sql_error(kCancelled, 0, "cancelled");
  return {};
}

bool Reply::interrupted() {
  if (gone_ || attention_) return true;
  bool client_gone = false;
  bool const attention = transport_.attention_arrived(client_gone);
  if (client_gone || stopping_.load()) gone_ = true;
  if (attention && fault_ && fault_->ignore_attention) return false;
  if (attention) attention_ = true;
  return gone_ || attention_;
}

std::uint64_t Reply::claimed(std::uint64_t rows) const {
  return fault_ && fault_->row_count ? *fault_->row_count : rows;
}

void Reply::done(std::uint16_t command, std::optional<std::uint64_t> count, bool in_transaction) {
  settle(true);
  Done one;
  one.command = command;
  if (count) one.status = kDoneCount, one.count = claimed(*count);
  if (fault_ && fault_->no_done) suppress_done_ = true;
  if (in_transaction) one.status |= kDoneInTransaction;
  pending_ = one;
}

void Reply::error(SqlError const& problem, bool in_transaction) {
  settle(true);
  put_error(transport_.out(), problem, "", tds_version_);
  Done one;
  one.status = kDoneError;
  if (in_transaction) one.status |= kDoneInTransaction;
  pending_ = one;
}

void Reply::info(int number, int severity, int state, std::string_view message, int line) {
  put_info(out(), number, severity, state, message, line, tds_version_);
}

void Reply::return_value(std::string_view name, SqlType const& type, Value const& value) {
  returned_.push_back({std::string(name), type, value});
}

Status Reply::finish(bool in_transaction) {
  if (suppress_done_) {
    pending_.reset();
    return transport_.end_message();
  }
  std::uint16_t const state = in_transaction ? kDoneInTransaction : 0;
  if (in_procedure_) {
    settle(true);
    if (return_status_) put_return_status(transport_.out(), *return_status_);
    std::uint16_t ordinal = 0;
    for (Returned const& one : returned_)
      put_return_value(transport_.out(), ordinal++, one.name, one.type, one.value, tds_version_);
    put_done(transport_.out(), DoneToken::DoneProc, state, 0xe0, 0, tds_version_);
  } else {
    if (!pending_) pending_ = Done{state, 0xfd, 0};
    settle(false);
  }
  return transport_.end_message();
}

Status Reply::finish_attention() {
  // A reply that was under way ends first; the acknowledgement is a message of its own, as clients of the real server
  // expect.
  if (attention_) {
    pending_ = Done{kDoneError, 0, 0};
    in_procedure_ = false;
    settle(false);
    WEIR_DO(transport_.end_message());
  }
  put_done(transport_.out(), DoneToken::Done, kDoneAttention, 0, 0, tds_version_);
  return transport_.end_message();
}

}  // namespace weir::tds
