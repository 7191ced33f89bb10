#pragma once
// The database that is served: what the description says, plus the changes made since. One Database is shared by all
// sessions; every member function is thread-safe unless it says otherwise. Row changes keep their versions, so that a
// reader sees one state while others write.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/secret.h"
#include "tds/faults.h"
#include "tds/generate.h"
#include "tds/value.h"

namespace weir::tds {

struct ColumnDef {
  std::string name;
  SqlType type;
  bool nullable = true;
  bool identity = false;
  bool computed = false;
  bool masked = false;
  bool sparse = false;
  bool hidden = false;
  bool sysname = false;                // declared as sysname: an alias type
  bool retyped = false;                // stored values may be of an older type
  int column_id = 0;                   // stable; a gap where a column was dropped
  std::size_t slot = 0;                // place in a stored row
  std::optional<Value> default_value;  // also what older rows have in a column that was added
};

struct IndexColumn {
  std::string name;
  bool descending = false;
};

struct IndexDef {
  std::string name;
  std::vector<IndexColumn> columns;
  bool primary_key = false;
  bool unique = false;
  bool unique_constraint = false;
  bool clustered = false;
  bool disabled = false;
  int index_id = 0;
};

struct TableDef {
  int object_id = 0;
  std::string schema;
  std::string name;
  std::string view_query;  // a view, if not empty
  std::vector<ColumnDef> columns;
  std::vector<IndexDef> indexes;
  bool row_level_security = false;  // a policy filters it: listed in sys.security_policies
  bool change_tracking = false;
  bool nbcrow = false;       // rows travel as NBCROW
  bool plp_unknown = false;  // max values travel with unknown length
  bool statistics = true;    // has a histogram
  std::size_t slots = 0;     // length of a stored row

  bool is_view() const { return !view_query.empty(); }
  std::string text() const { return schema + "." + name; }
  int column_index(std::string_view column) const;  // ASCII case ignored; -1 if none
};

using StoredRow = std::vector<Value>;  // by slot; may be shorter than TableDef::slots
using RowPtr = std::shared_ptr<StoredRow const>;

// The rows that a description gives a table: listed, or generated.
class BaseRows {
 public:
  virtual ~BaseRows() = default;
  virtual std::uint64_t count() const = 0;
  // The cell, or nullptr where the row has no such slot. May use `scratch` to hold it.
  virtual Value const* cell(std::uint64_t row, std::size_t slot, Value& scratch) const = 0;
  // How the slot follows from the row number, if it does: rows are then found without a scan.
  virtual std::optional<Progression> progression(std::size_t slot) const = 0;
};

struct Snapshot {
  std::uint64_t sequence = 0;     // sees what was committed up to here
  std::uint64_t transaction = 0;  // and this transaction's own changes
  bool dirty = false;             // READ UNCOMMITTED
};

// One table as a snapshot sees it. Immutable; needs no lock.
struct TableView {
  std::shared_ptr<TableDef const> def;
  std::shared_ptr<BaseRows const> base;
  std::uint64_t base_count = 0;
  std::vector<std::pair<std::uint64_t, RowPtr>>
      changes;  // by row id; null = deleted; ids from base->count() on are new rows
  std::uint64_t row_count() const;
};

struct User {
  std::string name;
  Secret password;
  bool unmask = true;
  std::vector<std::string> denied;  // tables
};

struct DatabaseOptions {
  bool snapshot_isolation = true;
  bool read_committed_snapshot = false;
  bool change_tracking = false;
  bool view_database_state = true;
  int compatibility_level = 150;
  std::string version = "15.0.2000.5";
};

enum class Isolation { ReadUncommitted = 1, ReadCommitted = 2, RepeatableRead = 3, Serializable = 4, Snapshot = 5 };

class Database;

// A transaction of one session; used from that session's thread.
struct Transaction {
  std::uint64_t id = 0;
  std::optional<std::uint64_t> snapshot;              // fixed at the first read under SNAPSHOT
  std::vector<std::pair<int, std::uint64_t>> writes;  // object id, row id
};

class Database {
 public:
  std::string name = "master";
  Collation const* collation = default_collation();
  std::vector<User> users;
  std::vector<std::string> schemas;  // beside dbo, sys, INFORMATION_SCHEMA
  std::string folder;                // of the description; control files are found from it
  Faults faults;

  // Before serving starts, or by CREATE TABLE. Gives object and index ids. Error 2714 if the name is taken.
  Outcome add_table(TableDef def, std::shared_ptr<BaseRows const> base);
  Outcome drop_table(int object_id);
  std::vector<std::shared_ptr<TableDef const>> tables() const;
  std::shared_ptr<TableDef const> find(std::string_view schema, std::string_view table) const;
  std::shared_ptr<TableDef const> find(int object_id) const;
  DatabaseOptions options() const;
  void set_options(DatabaseOptions options);

  // Error 3961 if the table's columns were changed after the snapshot, 208 if it is gone.
  Outcome view(int object_id, Snapshot const& snapshot, TableView& out) const;
  // Rows now, cheaply: what sys.partitions says.
  std::uint64_t approximate_rows(int object_id) const;
  // The table's columns, indexes or flags changed: `change` edits a copy.
  Outcome alter(int object_id, std::function<Outcome(TableDef&)> const& change);

  std::uint64_t sequence() const;  // of the last commit
  Transaction begin();
  void commit(Transaction& transaction);
  void rollback(Transaction& transaction);
  // A new row (id = nothing), a new version, or a deletion (row = null). Waits for another transaction that has changed
  // the row, up to `lock_timeout_ms`: then error 1222. Error 3960 if the row was changed after the transaction's
  // snapshot.
  Outcome write(int object_id, Transaction& transaction, std::optional<std::uint64_t> id, RowPtr row,
                int lock_timeout_ms);
  Outcome truncate(int object_id, Transaction& transaction);
  std::int64_t next_identity(int object_id);
  void note_identity(int object_id, std::int64_t used);

  // Database-wide rowversion counter.
  std::uint64_t assign_rowversion(std::uint64_t transaction);
  std::uint64_t last_rowversion() const;  // @@DBTS
  std::uint64_t min_active_rowversion() const;
  void start_rowversions_at(std::uint64_t first);

  // Change tracking: version of the last commit, and what was changed in a table after `version` (row ids).
  std::uint64_t change_version() const { return sequence(); }
  struct Change {
    std::uint64_t row;
    std::uint64_t version;
    char operation;  // I, U, D
    RowPtr last;     // the row, or the last one before a deletion
  };
  std::vector<Change> changes_since(int object_id, std::uint64_t version) const;
  std::uint64_t min_valid_change_version(int object_id) const;

 private:
  struct Version {
    std::uint64_t transaction = 0;
    std::uint64_t sequence = 0;  // 0: not committed
    RowPtr row;
  };
  struct Table {
    std::shared_ptr<TableDef const> def;
    std::shared_ptr<BaseRows const> base;
    std::map<std::uint64_t, std::vector<Version>> changes;
    std::uint64_t next_row = 0;
    std::uint64_t altered_at = 0;    // commit sequence of the last change of its columns
    std::uint64_t truncated_at = 0;  // commit sequence; 0 = never
    std::uint64_t truncated_by = 0;  // transaction that did it and has not committed
    std::int64_t identity = 0;
    std::int64_t live_changes = 0;  // rows added minus rows deleted, committed or not
  };
  Table* table(int object_id) WEIR_REQUIRES(mutex_);
  Table const* table(int object_id) const WEIR_REQUIRES(mutex_);
  static Version const* visible(std::vector<Version> const& versions, Snapshot const& snapshot);

  mutable Mutex mutex_;
  ConditionVariable released_;
  DatabaseOptions options_ WEIR_GUARDED_BY(mutex_);
  std::map<int, Table> tables_ WEIR_GUARDED_BY(mutex_);
  int next_object_id_ WEIR_GUARDED_BY(mutex_) = 885578193;
  std::uint64_t sequence_ WEIR_GUARDED_BY(mutex_) = 1;
  std::uint64_t next_transaction_ WEIR_GUARDED_BY(mutex_) = 1;
  std::uint64_t rowversion_ WEIR_GUARDED_BY(mutex_) = 2000;
  std::map<std::uint64_t, std::uint64_t> active_rowversions_ WEIR_GUARDED_BY(mutex_);  // transaction -> its lowest
};

}  // namespace weir::tds
