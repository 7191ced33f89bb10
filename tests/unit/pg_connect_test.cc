// Connecting: parameters that weir adds, encryption, servers that do not answer, and the fault hooks of the
// environment.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "pg/faults.h"
#include "pg/settings.h"
#include "pg/state.h"
#include "unit/test_cluster.h"

namespace weir::pg {
namespace {

using test::cluster;
using test::must;

std::string parameter(std::vector<std::pair<std::string, std::string>> const& parameters, std::string const& keyword) {
  for (auto const& [key, value] : parameters)
    if (key == keyword) return value;
  return "";
}

std::string sslmode_for(std::vector<std::pair<std::string, std::string>> const& parameters) {
  return parameter(must(complete_parameters({.parameters = parameters})), "sslmode");
}

TEST(PgConnectParameters, verify_full_unless_the_server_is_here_or_the_user_says_otherwise) {
  unsetenv("PGSSLMODE");
  unsetenv("PGHOST");
  EXPECT_EQ(sslmode_for({{"host", "db.example"}}), "verify-full");
  EXPECT_EQ(sslmode_for({{"host", "10.0.0.7"}}), "verify-full");
  EXPECT_EQ(sslmode_for({{"host", "localhost"}, {"hostaddr", "10.0.0.7"}}), "verify-full");
  EXPECT_EQ(sslmode_for({{"host", "localhost,db.example"}}), "verify-full");
  EXPECT_EQ(sslmode_for({{"host", "db.example"}, {"sslmode", "require"}}), "require");
  EXPECT_EQ(sslmode_for({{"host", "localhost"}}), "");
  EXPECT_EQ(sslmode_for({{"host", "127.0.0.2,::1"}}), "");
  EXPECT_EQ(sslmode_for({{"host", "/var/run/postgresql"}}), "");
  EXPECT_EQ(sslmode_for({{"dbname", "x"}}), "");
  setenv("PGHOST", "db.example", 1);
  EXPECT_EQ(sslmode_for({{"dbname", "x"}}), "verify-full");
  setenv("PGSSLMODE", "require", 1);
  EXPECT_EQ(sslmode_for({{"dbname", "x"}}), "");
  unsetenv("PGSSLMODE");
  unsetenv("PGHOST");
}

TEST(PgConnectParameters, a_service_file_is_heard) {
  auto folder = must(TempFolder::create("weir-test-"));
  auto const file = (folder.path() / "services").string();
  must(write_file(file,
                  "[far]\nhost=192.0.2.1\nconnect_timeout=1\n[open]\nhost=192.0.2.1\nsslmode=require\n[near]\nhost=127."
                  "0.0.1\nport=1\n"));
  setenv("PGSERVICEFILE", file.c_str(), 1);
  EXPECT_EQ(sslmode_for({{"service", "far"}}), "verify-full");
  EXPECT_EQ(sslmode_for({{"service", "open"}}), "");
  EXPECT_EQ(sslmode_for({{"service", "near"}}), "");
  EXPECT_EQ(Session::connect({.parameters = {{"service", "nowhere"}}}).error().kind(), ErrorKind::Config);
  unsetenv("PGSERVICEFILE");
}

TEST(PgConnectParameters, from_the_words_of_endpoints) {
  auto const options = must(
      session_options({{"uri", "postgresql://me:secret-word@db.example:5433/wh?sslmode=require&application_name=x"},
                       {"database", "other"},
                       {"ca_file", "/ca.pem"},
                       {"login_timeout", "90s"},
                       {"protected", "true"}},
                      Secret()));
  EXPECT_EQ(parameter(options.parameters, "host"), "db.example");
  EXPECT_EQ(parameter(options.parameters, "port"), "5433");
  EXPECT_EQ(parameter(options.parameters, "dbname"), "other");
  EXPECT_EQ(parameter(options.parameters, "sslrootcert"), "/ca.pem");
  EXPECT_EQ(parameter(options.parameters, "password"), "");
  EXPECT_EQ(options.password.reveal(), "secret-word");
  EXPECT_EQ(options.connect_timeout_s, 90);
  EXPECT_EQ(options.text(), "db.example:5433/other as me");
  auto const wrong = session_options({{"uri", "postgresql://me:secret-word@[db/"}}, Secret());
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind(), ErrorKind::Config);
  EXPECT_EQ(wrong.error().to_text().find("secret-word"), std::string::npos);
  EXPECT_EQ(session_options({{"login_timeout", "soon"}}, Secret()).error().kind(), ErrorKind::Config);
}

TEST(PgConnectTls, certificates_are_checked) {
  auto folder = must(TempFolder::create("weir-tls-"));
  std::string const key = (folder.path() / "key.pem").string(), certificate = (folder.path() / "cert.pem").string();
  std::string const make = fmt::format(
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
      "-keyout {} -out {} 2>/dev/null",
      key, certificate);
  ASSERT_EQ(std::system(make.c_str()), 0) << "the program openssl is needed";
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(key, std::filesystem::perms(0600));
  if (geteuid() == 0) {
    passwd const* user = getpwnam("postgres");
    if (user == nullptr) user = getpwnam("nobody");
    ASSERT_EQ(chown(key.c_str(), user->pw_uid, user->pw_gid), 0);
  }
  auto server = must(PrivateCluster::start(
      {.tcp = true, .settings = {{"ssl", "on"}, {"ssl_key_file", key}, {"ssl_cert_file", certificate}}}));
  auto options = server.tcp_options();
  options.parameters[0] = {"host", "localhost"};
  options.parameters.emplace_back("hostaddr", "127.0.0.1");
  options.parameters.emplace_back("sslmode", "verify-full");

  auto const unknown = Session::connect(options);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind(), ErrorKind::Config) << unknown.error().to_text();
  EXPECT_NE(unknown.error().next().find("sslrootcert"), std::string::npos);

  options.parameters.emplace_back("sslrootcert", certificate);
  auto session = must(Session::connect(options));
  EXPECT_TRUE(must(session.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).boolean(0, 0));
  // COPY and cancel go through TLS too.
  must(session.execute("CREATE TABLE public.t (i int CHECK (i > 0))"));
  auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
  std::string rows;
  for (int i = 0; i < 100000; ++i) rows += "7\n";
  must(copy.write(rows));
  EXPECT_EQ(must(std::move(copy).finish()), 100000U);
  auto failing = must(session.copy_in("COPY public.t FROM STDIN"));
  must(failing.write("-1\n"));
  Status status;
  for (int i = 0; status.ok() && i < 20000; ++i) status = failing.write(rows);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sqlstate(), "23514");

  options.parameters[0] = {"host", "elsewhere.example"};
  auto const other = Session::connect(options);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind(), ErrorKind::Config) << other.error().to_text();
}

// A port that takes connections and never says a word.
struct SilentPort {
  SilentPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
  }
  ~SilentPort() { close(socket_); }
  int const socket_;
  int port = 0;
};

TEST(PgConnectTimeout, a_server_that_does_not_answer_is_given_up) {
  SilentPort silent;
  SessionOptions options{.parameters = {{"host", "127.0.0.1"}, {"port", std::to_string(silent.port)}, {"dbname", "x"}}};
  options.connect_timeout_s = 1;
  auto const session = Session::connect(options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().kind(), ErrorKind::Unavailable);
  EXPECT_NE(session.error().message().find("no answer within 1 s"), std::string::npos) << session.error().to_text();
}

TEST(PgConnectTimeout, the_next_host_gets_its_turn) {
  auto options = cluster().tcp_options();
  options.parameters[0].second = "127.0.0.1,127.0.0.1";
  options.parameters[1].second = "1," + std::to_string(cluster().port());
  auto session = must(Session::connect(options));
  must(session.query("SELECT 1"));
}

#if defined(WEIR_TEST_HOOKS)
// Runs this program again with one test and the environment given: its exit status.
int run_again(std::string const& test, std::string const& environment) {
  std::string const program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string const server = fmt::format("PGHOST={} PGPORT={} PGUSER=postgres PGDATABASE=postgres",
                                         cluster().folder().string(), cluster().port());
  int const status =
      std::system(fmt::format("{} {} {} --gtest_also_run_disabled_tests --gtest_filter={} > /dev/null 2>&1", server,
                              environment, program, test)
                      .c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// Connecting sends two statements, this test two more.
TEST(PgFaultEnvironment, DISABLED_two_statements) {
  auto session = Session::connect({});
  if (!session.ok()) std::_Exit(10);
  auto first = session->execute("SELECT 1");
  if (!first.ok()) std::_Exit(first.error().sqlstate() == "53200" ? 21 : 20);
  if (!session->query("SELECT 2").ok()) std::_Exit(session->is_broken() ? 31 : 30);
}

TEST(PgFaultEnvironment, fails_the_statement_it_names_and_reports_how_many_there_were) {
  std::string const test = "PgFaultEnvironment.DISABLED_two_statements";
  auto folder = must(TempFolder::create("weir-test-"));
  auto const report = (folder.path() / "report").string();
  EXPECT_EQ(run_again(test, "WEIR_FAIL_REPORT=" + report), 0);
  EXPECT_EQ(must(read_file(report)), "4\n");
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=1:error"), 10);
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=2:error"), 10);
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=3:error:53200"), 21);
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=4:error"), 30);
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=4:disconnect"), 31);
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=4:lost"), 31);
  EXPECT_EQ(run_again(test, "WEIR_FAIL_AT=5:lost"), 0);
  EXPECT_NE(run_again(test, "WEIR_FAIL_AT=nonsense"), 0);
}
#endif

}  // namespace
}  // namespace weir::pg
