// Rows from a reader into a COPY: counts, flat memory, and the ways in which either side can end the other.
#include "sync/copy.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/bounded_queue.h"
#include "unit/memory_source.h"
#include "unit/test_cluster.h"

namespace weir::sync {
namespace {

using test::fresh_session;
using test::must;

constexpr char kCopy[] = "COPY pg_temp.t (id, name) FROM STDIN (FORMAT binary)";

struct Fixture {
  std::shared_ptr<test::MemoryDatabase> database = std::make_shared<test::MemoryDatabase>();
  test::MemorySource source{database};
  pg::Session session = fresh_session();

  explicit Fixture(int rows, std::string const& name = "a name") {
    std::vector<test::Row> all;
    for (int i = 1; i <= rows; ++i) all.push_back({std::to_string(i), name});
    database->put(
        test::table_of("t", {test::column("id", "integer", false), test::column("name", "text")}, std::move(all)));
    must(session.execute("CREATE TEMP TABLE t (id integer, name text)"));
  }
  std::unique_ptr<source::RowReader> reader() {
    source::ReadRequest request;
    request.table = database->tables["dbo.t"].table;
    return must(source.read(request));
  }
  std::int64_t stored() { return must(session.query("SELECT count(*) FROM pg_temp.t")).integer(0, 0); }
};

TEST(SyncCopyConcurrent, EveryRowArrivesAndIsCountedOnBothSides) {
  Fixture f(10'000);
  auto reader = f.reader();
  std::uint64_t seen = 0;
  CopyOptions options;
  options.buffer_bytes = 4096;
  options.on_progress = [&](std::uint64_t rows, std::uint64_t) {
    EXPECT_GT(rows, seen);
    seen = rows;
  };
  auto done = must(copy_rows(*reader, f.session, kCopy, options));
  EXPECT_EQ(done.rows_read, 10'000U);
  EXPECT_EQ(done.rows_taken, 10'000U);
  EXPECT_EQ(seen, 10'000U);
  EXPECT_EQ(must(f.session.query("SELECT count(*), sum(id), min(name) FROM pg_temp.t")).text(0, 1), "50005000");
}

TEST(SyncCopyConcurrent, AnEmptyTableIsAWholeCopy) {
  Fixture f(0);
  auto reader = f.reader();
  EXPECT_EQ(must(copy_rows(*reader, f.session, kCopy, {})).rows_taken, 0U);
}

TEST(SyncCopyConcurrent, AReadersErrorWinsAndNothingIsStored) {
  Fixture f(5'000);
  f.database->on_batch = [](std::string const&, int, std::uint64_t rows, auto const&) -> Status {
    if (rows >= 2'000) return Error(ErrorKind::Unavailable, "the source went away");
    return {};
  };
  auto reader = f.reader();
  auto done = copy_rows(*reader, f.session, kCopy, {});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message(), "the source went away");
  EXPECT_EQ(f.stored(), 0);
}

TEST(SyncCopyConcurrent, AWarehouseErrorStopsTheReader) {
  Fixture f(200'000);
  must(f.session.execute("ALTER TABLE pg_temp.t ADD CHECK (id < 1000)"));
  auto reader = f.reader();
  CopyOptions options;
  options.buffer_bytes = 4096;
  auto done = copy_rows(*reader, f.session, kCopy, options);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().sqlstate(), "23514");
  EXPECT_EQ(f.stored(), 0);
}

TEST(SyncCopyConcurrent, AStopEndsBothSides) {
  Fixture f(5'000);
  std::stop_source stop;
  f.database->on_batch = [&](std::string const&, int, std::uint64_t rows, auto const& cancelled) -> Status {
    if (rows < 1'000) return {};
    stop.request_stop();
    while (!cancelled()) std::this_thread::yield();
    return {};
  };
  auto reader = f.reader();
  CopyOptions options;
  options.stop = stop.get_token();
  auto done = copy_rows(*reader, f.session, kCopy, options);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::Cancelled);
  EXPECT_EQ(f.stored(), 0);
}

// Somebody's lock keeps the COPY from taking rows: the source is let go, and the error says why.
TEST(SyncCopyConcurrent, AWarehouseThatTakesNothingLetsTheSourceGo) {
  Fixture f(100'000, std::string(1000, 'x'));
  auto database = test::fresh_database();
  auto blocker = must(pg::Session::connect(database));
  must(blocker.execute(
      "CREATE TABLE public.gate (id integer); CREATE TABLE public.t (id integer, name text); "
      "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM public.gate; "
      "RETURN NEW; END'; CREATE TRIGGER wait BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION "
      "public.wait()"));
  auto session = must(pg::Session::connect(database));
  must(blocker.execute("BEGIN; LOCK TABLE public.gate"));
  auto reader = f.reader();
  CopyOptions options;
  options.stall_limit = std::chrono::milliseconds(50);
  options.buffer_bytes = 4096;
  auto done = copy_rows(*reader, session, "COPY public.t (id, name) FROM STDIN (FORMAT binary)", options);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::Unavailable);
  EXPECT_NE(done.error().message().find("took no rows"), std::string::npos) << done.error().to_text();
  must(blocker.execute("ROLLBACK"));
  EXPECT_EQ(must(session.query("SELECT count(*) FROM public.t")).integer(0, 0), 0);
}

TEST(BoundedQueueConcurrent, WeightsBoundWhatIsInside) {
  BoundedQueue<int> queue(10);
  ASSERT_TRUE(queue.push(1, 6));
  EXPECT_EQ(queue.push_for(2, std::chrono::milliseconds(1), 5), PushResult::TimedOut);
  EXPECT_EQ(queue.push_for(3, std::chrono::milliseconds(1), 4), PushResult::Pushed);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_EQ(queue.push_for(4, std::chrono::milliseconds(1), 1000), PushResult::Pushed) << "a heavy item passes alone";
  queue.close();
  EXPECT_EQ(queue.push_for(5, std::chrono::milliseconds(1), 1), PushResult::Closed);
}

}  // namespace
}  // namespace weir::sync
