#pragma once
// What the methods share while they publish: the transaction's frame, the locks, the proof, the bookkeeping.

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "swap/capture.h"
#include "swap/columns.h"
#include "swap/swap.h"
#include "warehouse/fingerprint.h"

namespace weir::swap {

// One publish, from its first try to its last. Belongs to the publishing thread.
struct Publication {
  pg::Session& session;
  Plan plan;                    // made anew from what stands there now, under the gentle lock
  sql::QualifiedName relation;  // the load
  std::int64_t generation = 0;  // its row in weir.generation
  std::uint64_t rows = 0;
  std::vector<std::string> relaxed;
  PublishOptions const& options;
  Report report;
  Duration started{}, locked_at{};
  std::vector<warehouse::Fact> before;
  bool has_facts = false;                       // `before` was taken ahead of the lock
  bool careful = false;                         // something differed in an earlier try: take the facts inside the lock
  Duration patience = std::chrono::seconds(3);  // how long NOWAIT is tried before the gentle lock is given back
  std::minstd_rand jitter{std::random_device{}()};
};

// Runs `statements` (one string, so that no network delay passes) with ACCESS EXCLUSIVE NOWAIT on `locks`, in a
// savepoint, again and again with a jittered pause for up to 3 seconds. `locks` empty: the statements lock for
// themselves. Busy (55P03) when they could not be had: the caller gives its other locks back.
Status with_exclusive_lock(Publication& p, std::string const& locks, std::string const& statements);

// SHARE UPDATE EXCLUSIVE: behind autovacuum and other DDL only; readers and writers go on.
Status queue_politely(Publication& p);
// Plans again with what stands there now: users may have added columns, indexes and views since the plan was made.
Status plan_again(Publication& p);

// A leaf that was finished for the table of then gets what the table got since.
Status complete_again(Publication& p);
// weir.generation says afterwards which table holds the rows.
Status keep_books(Publication& p);
// Tables that somebody dropped hold no rows of the target any more.
Status forget_gone(pg::Session& session, sql::QualifiedName const& target);
// weir.shadow: one shadow of the table, or all, are none any more.
Status forget_shadows(pg::Session& session, sql::QualifiedName const& target, std::string const& shadow = "");

// The methods: the part between "the fence is taken" and "the proof". Each leaves the transaction open.
Status swap_leaf(Publication& p);
Status create_shell(Publication& p);
Status adopt_table(Publication& p);
Status merge_rows(Publication& p);
Status columns_before(
    Publication& p);                   // in place: column DDL, in a short transaction of its own, before publish_once()
Status columns_after(Publication& p);  // in place: column DDL behind the rows, in their transaction
Status create_table_in_place(Publication& p);
Status truncate_and_fill(Publication& p);
Status repoint_view(Publication& p);

// Column DDL where views are rewritten on the way (policy upgrade).
Status swap_with_rewrite(Publication& p, std::string const& locks, std::string const& swap);
// The catalog facts of before, for verify().
Status take_facts(Publication& p);
// Says which columns gave up NOT NULL.
void note_relaxed(Publication& p);
// "ALTER TABLE <target> <ddl>; ..."
std::string altering(sql::QualifiedName const& target, std::vector<std::string> const& ddl);
// CREATE TABLE of the shell; DETACH, column DDL and ATTACH in one string.
std::string shell_ddl(Plan const& plan);
std::string swap_statements(Plan const& plan, sql::QualifiedName const& leaf, std::vector<std::string> const& relaxed);

// Compares the facts of now with `before`: Refused with the differing ones where the plan does not account for them.
Status verify(Publication& p);

// Adoption: a fact that differs because the table became a shell, and that is there in its new form.
bool adoption_accounts_for(Publication const& p, warehouse::Fact const& fact,
                           std::vector<warehouse::Fact> const& after);

inline constexpr std::string_view kFingerprintDiffers = "catalog fingerprint";  // Error::where() of verify()'s refusal

// Tries until it is done or the window has passed; then ANALYZE and the drop of what is older than the previous leaf.
Result<Report> publish_in_window(Publication& p);

// Drops a generation's table. Never CASCADE: 2BP01 comes back as the error. Does not wait for locks that readers hold.
Status drop_generation(pg::Session& session, std::int64_t id, sql::QualifiedName const& relation);

// Takes the outgoing foreign keys off the previous leaf of the table, or of every table ("" names): rows that nobody
// sees must not hold back what others delete. A rollback gives them back. Does not wait for locks that readers hold.
Status release_references(pg::Session& session, sql::QualifiedName const& target);

// True for an error that a later try may not meet: lock, deadlock, "tuple concurrently updated", a schema made twice.
bool may_pass(Error const& error);

}  // namespace weir::swap
