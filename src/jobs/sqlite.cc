#include "jobs/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

#include "base/file.h"
#include "base/test_hooks.h"

namespace weir::jobs {
namespace {

struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;
struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

Error error_of(int code, std::string const& message, std::string const& file) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorKind::Busy, fmt::format("the state in \"{}\" is in use by another program", file))
          .object(file)
          .state("nothing was changed")
          .next("stop the weir serve or weir run that has it, or wait until it has ended");
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return Error(ErrorKind::Config, fmt::format("could not write the state in \"{}\": {}", file, message))
          .object(file)
          .state("what was not written did not happen: the state is what it was")
          .next("make room on that disk, then try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorKind::Config, fmt::format("the state in \"{}\" is damaged: {}", file, message))
          .object(file)
          .state("nothing was changed; the data and what was loaded are safe in the warehouse")
          .next(
              "put a copy of yours in its place, or move it away: the numbers and the history of jobs then begin anew");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(ErrorKind::Config, fmt::format("could not open the state in \"{}\": {}", file, message))
          .object(file)
          .next("check the path, and this user's rights on it");
    default:
      return Error(ErrorKind::Internal, fmt::format("the state in \"{}\": {}", file, message)).object(file);
  }
}

Status make_private_file(std::filesystem::path const& file) {
  int const fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return error_of(SQLITE_CANTOPEN, std::strerror(errno), file.string());
  close(fd);
  return {};
}

class Sqlite final : public Database {
 public:
  Sqlite(Connection connection, std::string file, Clock& clock)
      : connection_(std::move(connection)), file_(std::move(file)), clock_(clock) {}

  Result<Rows> query(std::string_view sql, std::vector<Value> const& values) override {
    WEIR_TRY(auto* statement, prepared(sql));
    struct Reset {
      sqlite3_stmt* statement;
      ~Reset() {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
      }
    } const reset{statement};
    bind(statement, values);
    Rows rows;
    int const columns = sqlite3_column_count(statement);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      std::vector<Value> row;
      for (int i = 0; i < columns; ++i) row.push_back(cell(statement, i));
      rows.add(std::move(row));
    }
    if (code != SQLITE_DONE) return failure();
    return rows;
  }

  Status script(std::string_view sql) override {
    if (sqlite3_exec(connection_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      return failure();
    return {};
  }
  Status begin() override { return script("BEGIN IMMEDIATE"); }
  Status commit() override {
    auto done = script("COMMIT");
    if (!done.ok()) rollback();  // a full disk leaves the transaction open
    return done;
  }
  void rollback() override {
    if (sqlite3_get_autocommit(connection_.get()) == 0)
      sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Result<std::int64_t> now_us() override { return clock_.now().time_since_epoch().count(); }

  Status copy_to(std::filesystem::path const& to) {
    WEIR_DO(make_private_file(to));
    sqlite3* raw = nullptr;
    int code = sqlite3_open_v2(to.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Connection const copy(raw);
    if (code == SQLITE_OK) {
      sqlite3_backup* backup = sqlite3_backup_init(raw, "main", connection_.get(), "main");
      if (backup != nullptr) {
        sqlite3_backup_step(backup, -1);
        code = sqlite3_backup_finish(backup);
      } else {
        code = sqlite3_errcode(raw);
      }
    }
    if (code != SQLITE_OK) return error_of(code, sqlite3_errmsg(raw), to.string());
    return sound(raw, to.string());
  }

  static Status sound(sqlite3* connection, std::string const& file) {
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(connection, "PRAGMA quick_check(1)", -1, &raw, nullptr);
    Statement const statement(raw);
    if (code == SQLITE_OK) code = sqlite3_step(raw);
    if (code != SQLITE_ROW) return error_of(code, sqlite3_errmsg(connection), file);
    auto const* answer = reinterpret_cast<char const*>(sqlite3_column_text(raw, 0));
    if (answer == nullptr || std::strcmp(answer, "ok") != 0)
      return error_of(SQLITE_CORRUPT, answer == nullptr ? "" : answer, file);
    return {};
  }

 private:
  Error failure() const {
    return error_of(sqlite3_extended_errcode(connection_.get()), sqlite3_errmsg(connection_.get()), file_);
  }

  Result<sqlite3_stmt*> prepared(std::string_view sql) {
    auto const found = statements_.find(std::string(sql));
    if (found != statements_.end()) return found->second.get();
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK)
      return failure();
    statements_.emplace(std::string(sql), Statement(raw));
    return raw;
  }

  // SQLite takes $1 for a name and numbers names as it meets them.
  static void bind(sqlite3_stmt* statement, std::vector<Value> const& values) {
    int const places = sqlite3_bind_parameter_count(statement);
    for (int i = 1; i <= places; ++i) {
      char const* name = sqlite3_bind_parameter_name(statement, i);
      auto const number = name == nullptr ? 0 : std::strtoul(name + 1, nullptr, 10);
      if (number == 0 || number > values.size()) continue;
      Value const& value = values[number - 1];
      if (value.number() != nullptr) {
        sqlite3_bind_int64(statement, i, *value.number());
      } else if (value.text() != nullptr) {
        sqlite3_bind_text(statement, i, value.text()->data(), static_cast<int>(value.text()->size()), SQLITE_TRANSIENT);
      }
    }
  }

  static Value cell(sqlite3_stmt* statement, int column) {
    switch (sqlite3_column_type(statement, column)) {
      case SQLITE_INTEGER:
        return Value(static_cast<std::int64_t>(sqlite3_column_int64(statement, column)));
      case SQLITE_NULL:
        return {};
      default: {
        auto const* text = reinterpret_cast<char const*>(sqlite3_column_text(statement, column));
        return Value(std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))));
      }
    }
  }

  Connection connection_;
  std::string file_;
  Clock& clock_;
  std::unordered_map<std::string, Statement> statements_;  // destroyed before the connection
};

// Locks of other machines are not seen there, and fsync promises less (statfs(2)).
bool is_on_network(std::filesystem::path const& folder) {
  struct statfs found {};
  if (statfs(folder.c_str(), &found) != 0) return false;
  constexpr std::array<std::uint64_t, 6> kNetwork = {0x6969 /* NFS */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
                                                     0x517b /* SMB */, 0x65735546 /* FUSE */, 0x01021997 /* 9P */};
  auto const kind = test_file_system().value_or(static_cast<std::uint64_t>(found.f_type) & 0xffffffff);
  return std::find(kNetwork.begin(), kNetwork.end(), kind) != kNetwork.end();
}

Status make_private_folder(std::filesystem::path const& folder) {
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return {};
  std::filesystem::create_directories(folder, failed);
  if (failed)
    return Error(ErrorKind::Config, fmt::format("could not make folder \"{}\": {}", folder.string(), failed.message()))
        .object(folder.string())
        .next("check the path, and this user's rights on it; WEIR_STATE_DIR names another one");
  chmod(folder.c_str(), 0700);
  // Beside a project in version control.
  return write_file(folder / ".gitignore", "*\n");
}

}  // namespace

std::int64_t Rows::number(std::size_t row, std::size_t column) const {
  auto const* number = rows_[row][column].number();
  return number == nullptr ? 0 : *number;
}

std::string Rows::text(std::size_t row, std::size_t column) const {
  auto const* text = rows_[row][column].text();
  return text == nullptr ? std::string() : *text;
}

Result<std::unique_ptr<Database>> open_sqlite(std::filesystem::path const& file, Clock& clock, bool checks_all) {
  if (!file.empty()) {
    auto const folder = file.parent_path();
    WEIR_DO(make_private_folder(folder));
    if (is_on_network(folder))
      return Error(ErrorKind::Config,
                   fmt::format("\"{}\" is on a network file system, where a state cannot be kept safely",
                               folder.string()))
          .object(folder.string())
          .cause("locks of other machines are not seen there")
          .state("nothing was changed")
          .next("name a folder on a disk of this machine: state: {folder: ...} in weir.yml, or WEIR_STATE_DIR");
    WEIR_DO(make_private_file(file));
  }
  std::string const name = file.empty() ? ":memory:" : file.string();
  sqlite3* raw = nullptr;
  int const code = sqlite3_open_v2(name.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection(raw);
  if (code != SQLITE_OK) return error_of(code, raw == nullptr ? "" : sqlite3_errmsg(raw), name);
  sqlite3_extended_result_codes(raw, 1);
  auto database = std::make_unique<Sqlite>(std::move(connection), name, clock);
  WEIR_DO(
      database->script("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON"));
  // The lock is taken with the first write, and kept.
  WEIR_DO(database->begin());
  WEIR_DO(database->commit());
  if (!file.empty() && checks_all) {
    WEIR_DO(Sqlite::sound(raw, name));
  }
  return std::unique_ptr<Database>(std::move(database));
}

Status back_up_sqlite(Database& database, std::filesystem::path const& to) {
  auto* sqlite = dynamic_cast<Sqlite*>(&database);
  if (sqlite != nullptr) return sqlite->copy_to(to);
  return Error(ErrorKind::Usage, "the state is in PostgreSQL, and is copied as all that is there")
      .state("nothing was written")
      .next("pg_dump of the schema that state: in weir.yml names");
}

}  // namespace weir::jobs
