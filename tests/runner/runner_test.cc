// The runner's own parts. That a case which should fail does fail is tested with real cases in a folder of its own.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "base/words.h"
#include "pg/private_cluster.h"
#include "runner/run.h"

namespace weir::cases {
namespace {

constexpr char const* kText =
    "# comment\nwhy: it matters\nroles: bi, ops\n\n== weir.yml\na: 1\n\n== run\nweir ls 'a b'\n== stdout\n\\== not a "
    "section\n\\\\x\n";

TEST(CaseFile, IsReadAndWrittenTheSame) {
  auto const file = parse_case("a/b", kText);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->why, "it matters");
  EXPECT_EQ(file->list_of("roles"), (std::vector<std::string>{"bi", "ops"}));
  ASSERT_EQ(file->sections.size(), 3u);
  EXPECT_EQ(file->sections[0].header, "weir.yml");
  EXPECT_EQ(file->sections[2].body, "== not a section\n\\x\n");
  EXPECT_EQ(file->sections[2].line, 10);
  EXPECT_EQ(write_case(*file), kText);
}

TEST(CaseFile, MistakesAreNamed) {
  EXPECT_NE(parse_case("a", "== run\nx\n").error().message().find("does not say why"), std::string::npos);
  EXPECT_NE(parse_case("a", "why: x\n").error().message().find("no section"), std::string::npos);
  auto const wrong = parse_case("a", "why: x\nrole: bi\n== run\n");
  EXPECT_EQ(wrong.error().message(), "there is no setting \"role\"");
  EXPECT_EQ(wrong.error().where(), "tests/cases/a.case:2");
}

TEST(CaseFile, WordsOfACommandLine) {
  EXPECT_EQ(split_words("a 'b c' \"d 'e\" f\\ g ''").value(),
            (std::vector<std::string>{"a", "b c", "d 'e", "f g", ""}));
  EXPECT_FALSE(split_words("a 'b").ok());
}

TEST(CaseFile, QueryAndItsRows) {
  auto const parts = split_expectation("SELECT 1;\n----\n1\n----\n");
  EXPECT_EQ(parts.input, "SELECT 1;\n");
  EXPECT_EQ(parts.expected, "1\n----\n");
  EXPECT_EQ(join_expectation(parts), "SELECT 1;\n----\n1\n----\n");
  EXPECT_FALSE(split_expectation("SELECT 1;\n").has_expected);
}

TEST(Diff, ShowsWhatChangedWithContext) {
  EXPECT_EQ(unified_diff("same\n", "same\n", "x"), "");
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "x"),
            "--- x (expected)\n+++ x (this run)\n@@ -2 +2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n+9\n");
  EXPECT_EQ(unified_diff("", "a", "x"), "--- x (expected)\n+++ x (this run)\n@@ -1 +1 @@\n+a\n\\ no line end\n");
}

TEST(Diff, AppliedToOneTextGivesTheOther) {
  std::srand(7);
  for (int round = 0; round < 300; ++round) {
    std::string a, b;
    for (int i = std::rand() % 30; i > 0; --i) {
      std::string const line = std::string(1, static_cast<char>('a' + std::rand() % 5)) + "\n";
      if (std::rand() % 5 != 0) a += line;
      if (std::rand() % 5 != 0) b += line;
    }
    std::string left, right;
    auto const diff = unified_diff(a, b, "x");
    // Kept and removed lines are in `a`, kept and added ones in `b`, in order.
    auto is_subsequence = [](std::string const& part, std::string const& whole) {
      std::size_t at = 0;
      for (char c : part) {
        at = whole.find(c, at);
        if (at++ == std::string::npos) return false;
      }
      return true;
    };
    std::size_t begin = 0;
    while (begin < diff.size()) {
      auto const end = diff.find('\n', begin) + 1;
      std::string const line = diff.substr(begin, end - begin);
      if (!line.starts_with("---") && !line.starts_with("+++") && !line.starts_with("@@")) {
        if (line[0] != '+') left += line.substr(1);
        if (line[0] != '-') right += line.substr(1);
      }
      begin = end;
    }
    EXPECT_EQ(diff.empty(), a == b);
    EXPECT_TRUE(is_subsequence(left, a)) << a << b << diff;
    EXPECT_TRUE(is_subsequence(right, b)) << a << b << diff;
  }
}

TEST(Normalize, TakesOutWhatDiffersFromRunToRun) {
  for (auto const& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"took 1.2 s, then 340 ms and 6 min 12 s", "took <duration>, then <duration> and <duration>"},
           {"at 2026-11-24 03:00:01.123+00 or 2026-11-24T03:00Z", "at <time> or <time>"},
           {"cause: pid 4211, role \"bi\"", "cause: pid <pid>, role \"bi\""},
           {"127.0.0.1:40123, port 40123", "127.0.0.1:<port>, port <port>"},
           {"12,345 rows/s, 3.1 MB/s", "<rate>, <rate>"},
           {"PostgreSQL 15.14 (Debian 15.14-0+deb12u1)", "PostgreSQL <version>"},
           {"weir 0.1.0", "weir <version>"},
           {"c0ffee00-1234-5678-9abc-def012345678", "<uuid>"},
           {"on socket \"/tmp/x/.s.PGSQL.5433\"", "on socket \"<socket>/.s.PGSQL.<port>\""},
       })
    EXPECT_EQ(normalize(text, {{"/tmp/x", "<socket>"}}), expected);
}

TEST(Normalize, LeavesDataAlone) {
  for (char const* text :
       {"249 rows in 10 tables", "2026-11-24", "numeric(18,4)", "5 streams", "3 months", "1.5 MB", "12 hello"})
    EXPECT_EQ(normalize(text, {}), text);
}

TEST(Normalize, ProgressOfSlowMachinesIsDropped) {
  EXPECT_EQ(without_progress("first\ncore: 0 of 1 table done, 1 running, 3,000 rows, 10.0 s\nlast"), "first\nlast");
  EXPECT_EQ(without_progress("core: 1 of 2 tables done\n\n"), "core: 1 of 2 tables done\n\n");
}

class RunningCases : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = pg::PrivateCluster::start();
    ASSERT_TRUE(started.ok()) << started.error().to_text();
    cluster_ = std::make_unique<pg::PrivateCluster>(std::move(started).value());
    temp_ = std::make_unique<TempFolder>(TempFolder::create("weir-runner-test-").value());
    site_.host = cluster_->folder();
    site_.port = cluster_->port();
    site_.superuser = "postgres";
    site_.temp = temp_->path();
    site_.bin = "/nonexistent";
    if (char const* options = std::getenv("ASAN_OPTIONS")) site_.environment["ASAN_OPTIONS"] = options;
    auto session = SqlSession::connect(site_.conninfo("postgres", "postgres"));
    ASSERT_TRUE(session.ok());
    ASSERT_FALSE(session->run("CREATE ROLE loader LOGIN", std::chrono::seconds(30))->failed);
  }
  static void TearDownTestSuite() {
    temp_.reset();
    cluster_.reset();
  }

  static Outcome run(std::string const& sections) {
    auto const file = parse_case("self", "why: test\n" + sections);
    EXPECT_TRUE(file.ok());
    return run_case(site_, *file, 2);
  }
  static void expect_passes(std::string const& sections) {
    auto const outcome = run(sections);
    EXPECT_EQ(outcome.verdict, Verdict::Passed)
        << outcome.problem
        << unified_diff(write_case(*parse_case("self", "why: test\n" + sections)), outcome.actual, "self");
  }
  static void expect_fails(std::string const& sections, std::string const& part, bool acceptable) {
    auto const outcome = run(sections);
    EXPECT_EQ(outcome.verdict, Verdict::Failed) << sections;
    EXPECT_EQ(outcome.acceptable, acceptable) << sections << outcome.problem;
    EXPECT_NE((outcome.problem + outcome.actual).find(part), std::string::npos) << outcome.problem << outcome.actual;
  }

  static std::unique_ptr<pg::PrivateCluster> cluster_;
  static std::unique_ptr<TempFolder> temp_;
  static Site site_;
};
std::unique_ptr<pg::PrivateCluster> RunningCases::cluster_;
std::unique_ptr<TempFolder> RunningCases::temp_;
Site RunningCases::site_;

TEST_F(RunningCases, CommandsAreComparedExactly) {
  expect_passes("== a/b.txt\nhello\n== run\ncat a/b.txt\n== stdout\nhello\n");
  expect_passes("== run\nX=1 sh -c 'echo $X; echo two >&2; exit 3'\n== expect exit 3\n== stdout\n1\n== stderr\ntwo\n");
  expect_passes("== run\nsh -c 'echo b; echo a'\n== stdout sorted\na\nb\n");
  expect_passes("== run\ndate\n== stdout ignored\n");
  expect_fails("== run\necho 1\n", "== stdout\n1\n", true);
  expect_fails("== run\necho 1\n== stdout\n2\n", "== stdout\n1\n", true);
  expect_fails("== run\ntrue\n== stdout\n2\n", "== run\ntrue\n", true);
  expect_fails("== run\nfalse\n", "== expect exit 1", true);
  expect_fails("== run\ntrue\n== expect exit 1\n", "== run\ntrue\n", true);
  expect_fails("== run\nsh -c 'echo x >&2'\n", "== stderr\nx\n", true);
}

TEST_F(RunningCases, TheEnvironmentIsClean) {
  setenv("WEIR_SECRET_OF_THE_DEVELOPER", "x", 1);
  expect_passes(
      "== run\nsh -c 'echo $HOME-$WEIR_SECRET_OF_THE_DEVELOPER-$LC_ALL; pwd'\n"
      "== stdout\n<case>/home--C.UTF-8\n<work>\n");
}

TEST_F(RunningCases, WhatNoExpectationMayAccept) {
  expect_fails("== run\nsh -c 'kill -SEGV $$'\n", "crashed (signal 11", false);
  expect_fails("== run\nsh -c 'exit 99'\n== expect exit 99\n", "crashed", false);
  expect_fails("== run\nsh -c 'echo $SOURCE_PASSWORD'\n== stdout ignored\n", "shows a secret", false);
  expect_fails("== run\nno-such-program\n", "there is no program", false);
  expect_fails("== odd\n", "there is no section", false);
  expect_fails("== stdout\nx\n", "no command before it", false);
}

TEST_F(RunningCases, Sql) {
  expect_passes(
      "== sql\nCREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, NULL);\n"
      "== sql expect\nSELECT *, 'x' FROM t\n----\n1 | NULL | x\n"
      "== sql expect as loader\nSELECT * FROM t\n----\nERROR 42501: permission denied for table t\n");
  expect_fails("== sql expect\nSELECT 1\n----\n2\n", "----\n1\n", true);
  expect_fails("== sql\nSELEC 1\n", "42601", false);
}

TEST_F(RunningCases, SessionsThatWaitForEachOther) {
  expect_passes(
      "== sql\nCREATE TABLE t (a int);\n"
      "== session one\nBEGIN; LOCK t; SELECT 'locked';\n----\nlocked\n"
      "== session two\nSELECT count(*) FROM t;\n----\n<waiting>\n"
      "== session one\nINSERT INTO t VALUES (1); COMMIT;\n"
      "== finish two\n1\n");
}

TEST_F(RunningCases, ProgramsBesideEachOther) {
  expect_passes(
      "== sql\nCREATE TABLE t (a int);\n"
      "== start writer\nsh -c 'psql -X -q -c \"INSERT INTO t VALUES (7)\" \"host=$WAREHOUSE_HOST port=$WAREHOUSE_PORT "
      "dbname=$WAREHOUSE_DATABASE user=postgres\"'\n"
      "== sql until\nSELECT exists (SELECT FROM t)\n"
      "== finish writer\n");
  expect_passes("== start sleeper\nsleep 1000\n== signal sleeper KILL\n== finish sleeper\n== expect exit 137\n");
  expect_passes(
      "== start one\nsh -c 'kill -STOP $$; echo went on'\n== stopped one\n== signal one CONT\n"
      "== finish one\n== stdout\nwent on\n");
  expect_fails("== start one\necho one\n== stopped one\n", "ended and never stopped", false);
}

TEST_F(RunningCases, Permutations) {
  std::string const steps =
      "== sql\nCREATE TABLE t (a int);\n"
      "== step read session reader\nSELECT count(*) FROM t;\n== step write sql\nINSERT INTO t VALUES (1);\n";
  expect_passes(steps +
                "== permutation read write\nread: 0\nwrite: ok\n== permutation write read\nwrite: ok\nread: 1\n"
                "== sql expect\nSELECT count(*) FROM t\n----\n1\n");
  expect_fails(steps + "== permutation read write\nread: 1\nwrite: ok\n", "read: 0", true);
  expect_fails(steps + "== permutation read write\nread: 0\nwrite: ok\n== sql expect\nSELECT 1\n----\n2\n",
               "after == permutation read write", false);
  expect_fails(steps, "no permutation", false);
}

// A command that sends `total` statements and takes WEIR_FAIL_AT and WEIR_CRASH_AT as weir does.
constexpr char const* kCommand =
    "== work.sh\n"
    "total=3\n"
    "n=${WEIR_FAIL_AT%%:*}\n"
    "echo $total > \"$WEIR_FAIL_REPORT\"\n"
    "db=\"host=$WAREHOUSE_HOST port=$WAREHOUSE_PORT dbname=$WAREHOUSE_DATABASE user=postgres\"\n"
    "[ \"$WEIR_CRASH_AT\" = before ] && kill -KILL $$\n"
    "[ \"${n:-9}\" -gt 2 ] && psql -X -q -c \"$SQL\" \"$db\"\n"
    "[ \"$WEIR_CRASH_AT\" = after ] && kill -KILL $$\n"
    "[ \"${n:-9}\" -gt 3 ]\n";

TEST_F(RunningCases, FaultLoopsGoThroughEveryPoint) {
  std::string const setup = std::string("== sql\nCREATE TABLE t (a int);\n") + kCommand;
  std::string const rest =
      "== sql expect\nSELECT count(*) < 2 FROM t\n----\nt\n"
      "== run\nSQL='DELETE FROM t; INSERT INTO t VALUES (1)' WEIR_FAIL_REPORT=/dev/null sh work.sh\n"
      "== sql expect\nSELECT count(*) FROM t\n----\n1\n";
  std::string const faults = "== faults\nrun: env 'SQL=INSERT INTO t VALUES (1)' sh work.sh\n";
  auto const outcome = run(setup + faults + "crash: before after\nfail: error lost\n" + rest);
  EXPECT_EQ(outcome.verdict, Verdict::Passed) << outcome.problem << outcome.actual;
  EXPECT_EQ(outcome.variants, 2 + 3 + 3);
  EXPECT_EQ(run(setup + faults + "fail: error/lost\n" + rest).variants, 3);
  EXPECT_EQ(run(setup + faults + "fail: error/lost error\nevery: 2\n" + rest).variants, 2 + 2);
  expect_fails(setup + faults + "crash: never\n" + rest, "never came to this point", false);
  expect_fails(setup + faults + "crash: before after\n== sql expect\nSELECT count(*) FROM t\n----\n0\n",
               "with WEIR_CRASH_AT=after", false);
  expect_fails(setup + faults + "fail: error\n== sql expect\nSELECT count(*) FROM t\n----\n1\n",
               "with WEIR_FAIL_AT=1:error", false);
}

}  // namespace
}  // namespace weir::cases
