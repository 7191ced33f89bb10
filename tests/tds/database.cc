#include "tds/database.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::tds {

int TableDef::column_index(std::string_view column) const {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (equals_ignoring_case(columns[i].name, column)) return static_cast<int>(i);
  return -1;
}

std::uint64_t TableView::row_count() const {
  std::uint64_t count = base_count;
  for (auto const& [id, row] : changes) {
    if (id < base_count)
      count -= row == nullptr ? 1 : 0;
    else
      count += row != nullptr ? 1 : 0;
  }
  return count;
}

Database::Table* Database::table(int object_id) {
  auto const it = tables_.find(object_id);
  return it == tables_.end() ? nullptr : &it->second;
}

Database::Table const* Database::table(int object_id) const {
  auto const it = tables_.find(object_id);
  return it == tables_.end() ? nullptr : &it->second;
}

Outcome Database::add_table(TableDef def, std::shared_ptr<BaseRows const> base) {
  MutexLock lock(mutex_);
  for (auto const& [id, other] : tables_)
    if (equals_ignoring_case(other.def->schema, def.schema) && equals_ignoring_case(other.def->name, def.name))
      return sql_error(2714, 16, fmt::format("There is already an object named '{}' in the database.", def.name), 6);
  def.object_id = next_object_id_;
  next_object_id_ += 16;  // ids are not dense on a real server either
  for (std::size_t i = 0; i < def.columns.size(); ++i) {
    def.columns[i].slot = i;
    def.columns[i].column_id = static_cast<int>(i) + 1;
  }
  def.slots = def.columns.size();
  int next_index = 2;
  for (IndexDef& index : def.indexes) index.index_id = index.clustered ? 1 : next_index++;
  Table& table = tables_[def.object_id];
  table.next_row = base != nullptr ? base->count() : 0;
  table.identity = static_cast<std::int64_t>(table.next_row);
  table.base = std::move(base);
  table.def = std::make_shared<TableDef const>(std::move(def));
  return {};
}

Outcome Database::drop_table(int object_id) {
  MutexLock lock(mutex_);
  tables_.erase(object_id);
  return {};
}

std::vector<std::shared_ptr<TableDef const>> Database::tables() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<TableDef const>> all;
  for (auto const& [id, table] : tables_) all.push_back(table.def);
  return all;
}

std::shared_ptr<TableDef const> Database::find(std::string_view schema, std::string_view name_wanted) const {
  MutexLock lock(mutex_);
  for (auto const& [id, table] : tables_)
    if (equals_ignoring_case(table.def->schema, schema) && equals_ignoring_case(table.def->name, name_wanted))
      return table.def;
  return nullptr;
}

std::shared_ptr<TableDef const> Database::find(int object_id) const {
  MutexLock lock(mutex_);
  Table const* found = table(object_id);
  return found != nullptr ? found->def : nullptr;
}

DatabaseOptions Database::options() const {
  MutexLock lock(mutex_);
  return options_;
}

void Database::set_options(DatabaseOptions options) {
  MutexLock lock(mutex_);
  options_ = std::move(options);
}

Database::Version const* Database::visible(std::vector<Version> const& versions, Snapshot const& snapshot) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    bool const committed = it->sequence != 0 && it->sequence <= snapshot.sequence;
    if (committed || snapshot.dirty ||
        (snapshot.transaction != 0 && it->transaction == snapshot.transaction && it->sequence == 0))
      return &*it;
  }
  return nullptr;
}

Outcome Database::view(int object_id, Snapshot const& snapshot, TableView& out) const {
  MutexLock lock(mutex_);
  Table const* found = table(object_id);
  if (found == nullptr) return sql_error(208, 16, "Invalid object name.");
  if (found->altered_at > snapshot.sequence && snapshot.sequence != 0)
    return sql_error(
        3961, 16,
        fmt::format("Snapshot isolation transaction failed in database '{}' because the object accessed by the "
                    "statement has been modified by a DDL statement in another concurrent transaction since the start "
                    "of this transaction.  It is disallowed because the metadata is not versioned. A concurrent update "
                    "to metadata can lead to inconsistency if mixed with snapshot isolation.",
                    name));
  out.def = found->def;
  out.base = found->base;
  out.base_count = found->base != nullptr ? found->base->count() : 0;
  bool const truncated = (found->truncated_at != 0 && found->truncated_at <= snapshot.sequence) ||
                         (found->truncated_by != 0 && (found->truncated_by == snapshot.transaction || snapshot.dirty));
  if (truncated) out.base_count = 0;
  out.changes.clear();
  for (auto const& [id, versions] : found->changes) {
    Version const* version = visible(versions, snapshot);
    if (version == nullptr) continue;
    bool const of_base = found->base != nullptr && id < found->base->count();
    if (of_base && out.base_count == 0) continue;
    if (!of_base && version->row == nullptr) continue;
    out.changes.emplace_back(id, version->row);
  }
  return {};
}

std::uint64_t Database::approximate_rows(int object_id) const {
  MutexLock lock(mutex_);
  Table const* found = table(object_id);
  if (found == nullptr) return 0;
  std::int64_t const base =
      found->base != nullptr && found->truncated_at == 0 ? static_cast<std::int64_t>(found->base->count()) : 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, base + found->live_changes));
}

Outcome Database::alter(int object_id, std::function<Outcome(TableDef&)> const& change) {
  MutexLock lock(mutex_);
  Table* found = table(object_id);
  if (found == nullptr)
    return sql_error(4902, 16, "Cannot find the object because it does not exist or you do not have permissions.");
  TableDef copy = *found->def;
  TDS_DO(change(copy));
  found->def = std::make_shared<TableDef const>(std::move(copy));
  found->altered_at = ++sequence_;
  return {};
}

std::uint64_t Database::sequence() const {
  MutexLock lock(mutex_);
  return sequence_;
}

Transaction Database::begin() {
  MutexLock lock(mutex_);
  Transaction transaction;
  transaction.id = next_transaction_++;
  return transaction;
}

void Database::commit(Transaction& transaction) {
  MutexLock lock(mutex_);
  std::uint64_t const at = ++sequence_;
  for (auto const& [object_id, id] : transaction.writes) {
    Table* found = table(object_id);
    if (found == nullptr) continue;
    for (Version& version : found->changes[id])
      if (version.transaction == transaction.id && version.sequence == 0) version.sequence = at;
  }
  for (auto& [id, one] : tables_)
    if (one.truncated_by != 0 && one.truncated_by == transaction.id) one.truncated_by = 0, one.truncated_at = at;
  active_rowversions_.erase(transaction.id);
  transaction.writes.clear();
  released_.notify_all();
}

void Database::rollback(Transaction& transaction) {
  MutexLock lock(mutex_);
  for (auto const& [object_id, id] : transaction.writes) {
    Table* found = table(object_id);
    if (found == nullptr) continue;
    auto& versions = found->changes[id];
    bool const existed = found->base != nullptr && id < found->base->count();
    while (!versions.empty() && versions.back().sequence == 0 && versions.back().transaction == transaction.id) {
      bool const was = versions.size() > 1 ? versions[versions.size() - 2].row != nullptr : existed;
      found->live_changes -= (versions.back().row != nullptr ? 1 : 0) - (was ? 1 : 0);
      versions.pop_back();
    }
    if (versions.empty()) found->changes.erase(id);
  }
  for (auto& [id, one] : tables_)
    if (one.truncated_by != 0 && one.truncated_by == transaction.id) one.truncated_by = 0;
  active_rowversions_.erase(transaction.id);
  transaction.writes.clear();
  released_.notify_all();
}

Outcome Database::write(int object_id, Transaction& transaction, std::optional<std::uint64_t> id, RowPtr row,
                        int lock_timeout_ms) {
  MutexLock lock(mutex_);
  Table* found = table(object_id);
  if (found == nullptr) return sql_error(208, 16, "Invalid object name.");
  bool const is_new = !id.has_value();
  std::uint64_t const key = is_new ? found->next_row++ : *id;
  auto* versions = &found->changes[key];
  auto const deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(lock_timeout_ms < 0 ? 60'000 : lock_timeout_ms);
  while (!versions->empty() && versions->back().sequence == 0 && versions->back().transaction != transaction.id) {
    if (released_.wait_until(mutex_, deadline) == std::cv_status::timeout)
      return sql_error(1222, 16, "Lock request time out period exceeded.", 45);
    found = table(object_id);
    if (found == nullptr) return sql_error(208, 16, "Invalid object name.");
    versions = &found->changes[key];
  }
  if (transaction.snapshot && !versions->empty() && versions->back().sequence > *transaction.snapshot)
    return sql_error(
        3960, 16,
        fmt::format("Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation "
                    "to access table '{}' directly or indirectly in database '{}' to update, delete, or insert the row "
                    "that has been modified or deleted by another transaction. Retry the transaction or change the "
                    "isolation level for the update/delete statement.",
                    found->def->text(), name),
        2);
  bool const existed = versions->empty() ? !is_new : versions->back().row != nullptr;
  found->live_changes += (row != nullptr ? 1 : 0) - (existed ? 1 : 0);
  versions->push_back({transaction.id, 0, std::move(row)});
  transaction.writes.emplace_back(object_id, key);
  return {};
}

Outcome Database::truncate(int object_id, Transaction& transaction) {
  MutexLock lock(mutex_);
  Table* found = table(object_id);
  if (found == nullptr)
    return sql_error(4701, 16, "Cannot find the object because it does not exist or you do not have permissions.");
  found->truncated_by = transaction.id;
  for (auto& [id, versions] : found->changes) {
    if (versions.empty() || versions.back().row == nullptr) continue;
    versions.push_back({transaction.id, 0, nullptr});
    transaction.writes.emplace_back(object_id, id);
    if (found->base == nullptr || id >= found->base->count()) --found->live_changes;
  }
  found->identity = 0;
  return {};
}

std::int64_t Database::next_identity(int object_id) {
  MutexLock lock(mutex_);
  Table* found = table(object_id);
  return found != nullptr ? ++found->identity : 1;
}

void Database::note_identity(int object_id, std::int64_t used) {
  MutexLock lock(mutex_);
  Table* found = table(object_id);
  if (found != nullptr) found->identity = std::max(found->identity, used);
}

std::uint64_t Database::assign_rowversion(std::uint64_t transaction) {
  MutexLock lock(mutex_);
  std::uint64_t const assigned = ++rowversion_;
  active_rowversions_.try_emplace(transaction, assigned);
  return assigned;
}

std::uint64_t Database::last_rowversion() const {
  MutexLock lock(mutex_);
  return rowversion_;
}

std::uint64_t Database::min_active_rowversion() const {
  MutexLock lock(mutex_);
  std::uint64_t lowest = rowversion_ + 1;
  for (auto const& [transaction, assigned] : active_rowversions_) lowest = std::min(lowest, assigned);
  return lowest;
}

void Database::start_rowversions_at(std::uint64_t first) {
  MutexLock lock(mutex_);
  rowversion_ = std::max(rowversion_, first);
}

std::vector<Database::Change> Database::changes_since(int object_id, std::uint64_t version) const {
  MutexLock lock(mutex_);
  std::vector<Change> all;
  Table const* found = table(object_id);
  if (found == nullptr) return all;
  for (auto const& [id, versions] : found->changes) {
    RowPtr before, last;
    std::uint64_t newest = 0;
    bool const of_base = found->base != nullptr && id < found->base->count();
    bool existed = of_base, exists = of_base;
    for (Version const& one : versions) {
      if (one.sequence == 0) continue;
      exists = one.row != nullptr;
      if (one.row != nullptr) last = one.row;
      if (one.sequence <= version)
        existed = exists;
      else
        newest = one.sequence;
    }
    if (newest == 0 || (!existed && !exists)) continue;
    if (last == nullptr && of_base) {
      auto copy = std::make_shared<StoredRow>(found->def->slots);
      for (std::size_t slot = 0; slot < copy->size(); ++slot) {
        Value scratch;
        Value const* cell = found->base->cell(id, slot, scratch);
        if (cell != nullptr) (*copy)[slot] = *cell;
      }
      last = std::move(copy);
    }
    all.push_back({id, newest, !exists ? 'D' : existed ? 'U' : 'I', last});
  }
  return all;
}

std::uint64_t Database::min_valid_change_version(int object_id) const {
  MutexLock lock(mutex_);
  Table const* found = table(object_id);
  return found != nullptr ? std::max(found->truncated_at, found->altered_at) : 0;
}

}  // namespace weir::tds
