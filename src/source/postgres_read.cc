#include "source/postgres_read.h"

#include <atomic>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "source/copy_encode.h"
#include "source/postgres_sql.h"

namespace weir::source {
namespace {

// A piece of work inside of the session's transaction (a savepoint), or a transaction of its own. Undone unless it is
// kept. Locks that the work took are held until then: what was looked at stays as it was.
class Guard {
 public:
  static Result<Guard> begin(pg::Session& session) {
    bool const inside = session.transaction_state() == pg::TransactionState::InTransaction;
    WEIR_DO(session.execute(inside ? "SAVEPOINT weir_read" : "BEGIN READ ONLY"));
    return Guard(session, inside);
  }
  Guard(Guard&& other) noexcept : session_(std::exchange(other.session_, nullptr)), inside_(other.inside_) {}
  Guard& operator=(Guard&&) = delete;
  ~Guard() {
    if (session_ == nullptr || session_->is_broken()) return;
    auto const ignored = session_->execute(inside_ ? "ROLLBACK TO weir_read; RELEASE weir_read" : "ROLLBACK");
  }
  Status keep() {
    auto& session = *std::exchange(session_, nullptr);
    WEIR_DO(session.execute(inside_ ? "RELEASE weir_read" : "COMMIT"));
    return {};
  }

 private:
  Guard(pg::Session& session, bool inside) : session_(&session), inside_(inside) {}
  pg::Session* session_;
  bool inside_;
};

std::uint16_t field_count(std::string_view row) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(row[0]) << 8 | static_cast<unsigned char>(row[1]));
}

class PostgresReader final : public RowReader {
 public:
  PostgresReader(pg::Session& session, Guard guard, pg::CopyOut copy, ReadRequest const& request)
      : session_(session),
        guard_(std::move(guard)),
        copy_(std::move(copy)),
        fields_(request.table.columns.size() + request.extra.size()),
        batch_bytes_(request.batch_bytes) {}

  ~PostgresReader() override { copy_.reset(); }  // before the guard: a COPY that is cut short must end first

  Result<bool> next(Batch& batch) override {
    batch.bytes.clear();
    batch.rows = 0;
    while (!ended_ && batch.bytes.size() < batch_bytes_) {
      if (cancelled_) return Error(ErrorKind::Cancelled, "the read was cancelled");
      WEIR_TRY(auto const message, copy_->read());
      if (!message) {
        WEIR_DO(finish(report_.rows + batch.rows));
      } else {
        WEIR_DO(add(*message, batch));
      }
    }
    report_.rows += batch.rows;
    report_.bytes += batch.bytes.size();
    return batch.rows > 0;
  }

  void cancel() override {
    cancelled_ = true;
    session_.cancel();
  }
  ReadReport const& report() const override { return report_; }

 private:
  // A message holds one row; the first one begins with the file's header, and the last one is the trailer.
  Status add(std::string_view message, Batch& batch) {
    if (!header_seen_) {
      if (!message.starts_with(copy_binary_header())) return malformed("no COPY BINARY header");
      message.remove_prefix(copy_binary_header().size());
      header_seen_ = true;
      if (message.empty()) return {};
    }
    if (message == copy_binary_trailer()) {
      trailer_seen_ = true;
      return {};
    }
    if (trailer_seen_ || message.size() < 2 || field_count(message) != fields_)
      return malformed("a row of another shape");
    batch.bytes.append(message);
    ++batch.rows;
    return {};
  }

  Status finish(std::uint64_t rows) {
    if (!trailer_seen_) return malformed("no COPY BINARY trailer");
    if (copy_->rows() != rows) {
      return Error(ErrorKind::Data,
                   fmt::format("the source says that it sent {} rows, and {} arrived", copy_->rows(), rows))
          .next("read the table again; if it happens again, look at what stands between weir and the server");
    }
    copy_.reset();
    WEIR_DO(guard_.keep());
    ended_ = true;
    return {};
  }

  static Error malformed(std::string_view what) {
    return Error(ErrorKind::Data, fmt::format("the source's COPY is not what PostgreSQL sends: {}", what))
        .next("check whether host and port are those of a PostgreSQL server");
  }

  pg::Session& session_;
  Guard guard_;
  std::optional<pg::CopyOut> copy_;
  std::size_t const fields_;
  std::size_t const batch_bytes_;
  std::atomic<bool> cancelled_ = false;
  bool header_seen_ = false, trailer_seen_ = false, ended_ = false;
  ReadReport report_;
};

// The columns still have the types that were discovered. Binary values of another type could pass for what they are
// not.
Status check_types(pg::Session& session, ReadRequest const& request) {
  auto const& columns = request.table.columns;
  WEIR_TRY(auto const probe, session.query(probe_text(request)));
  std::vector<std::string> types, modifiers;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    types.push_back(std::to_string(probe.column_type(i)));
    modifiers.push_back(std::to_string(probe.column_modifier(i)));
  }
  WEIR_TRY(auto const now,
           session.query("SELECT format_type(t, m) FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY u (t, m, n) "
                         "ORDER BY n",
                         {"{" + join(types, ",") + "}", "{" + join(modifiers, ",") + "}"}));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (now.text(i, 0) == columns[i].pg_type) continue;
    return Error(ErrorKind::Busy,
                 fmt::format("table \"{}\" changed after it was discovered: column \"{}\" was {} and is {} now",
                             request.table.text(), columns[i].name, columns[i].pg_type, now.text(i, 0)))
        .object(request.table.text())
        .next("run again: the next run discovers the new columns");
  }
  return {};
}

Status check_refusals(Table const& table) {
  for (Column const& column : table.columns) {
    if (column.refusal.empty()) continue;
    return Error(ErrorKind::Refused,
                 fmt::format("cannot read column \"{}\" of \"{}\": {}", column.name, table.text(), column.refusal))
        .object(table.text())
        .next("leave the column out (exclude_columns), or remove the reason");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RowReader>> read_postgres(pg::Session& session, ReadRequest const& request) {
  WEIR_DO(check_refusals(request.table));
  WEIR_TRY(auto guard, Guard::begin(session));
  WEIR_DO(check_types(session, request));
  WEIR_TRY(auto copy, session.copy_out(fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", select_text(request))));
  return std::unique_ptr<RowReader>(
      std::make_unique<PostgresReader>(session, std::move(guard), std::move(copy), request));
}

Result<pg::Rows> guarded_query(pg::Session& session, std::string const& sql) {
  WEIR_TRY(auto guard, Guard::begin(session));
  WEIR_TRY(auto rows, session.query(sql));
  WEIR_DO(guard.keep());
  return rows;
}

}  // namespace weir::source
