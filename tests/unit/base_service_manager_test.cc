// Datagrams to a manager that the test plays itself.
#include "base/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/file.h"

namespace weir {
namespace {

// A socket of that name, which takes datagrams while it lives.
class Manager {
 public:
  explicit Manager(std::string const& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(descriptor_, reinterpret_cast<sockaddr const*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
              0);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() {
    close(descriptor_);
    unsetenv("NOTIFY_SOCKET");
  }
  std::string received() {
    char bytes[200];
    ssize_t const size = recv(descriptor_, bytes, sizeof bytes, MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(size));
  }

 private:
  int descriptor_;
};

TEST(ServiceManager, takes_one_datagram_at_a_path_or_an_abstract_name) {
  auto const folder = TempFolder::create("weir-service-manager");
  ASSERT_TRUE(folder.ok());
  for (std::string const& name :
       {(folder->path() / "notify").string(), "@weir-service-manager-" + std::to_string(getpid())}) {
    Manager manager(name);
    auto const told = tell_service_manager("READY=1\nSTATUS=here");
    EXPECT_TRUE(told.ok()) << told.error().to_text();
    EXPECT_EQ(manager.received(), "READY=1\nSTATUS=here") << name;
    EXPECT_EQ(manager.received(), "nothing");
  }
}

TEST(ServiceManager, nothing_is_said_where_there_is_none) {
  unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(tell_service_manager("READY=1").ok());
}

TEST(ServiceManager, a_name_of_nobody_is_an_error) {
  setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  EXPECT_EQ(tell_service_manager("READY=1").error().kind(), ErrorKind::Unavailable);
  for (std::string const& name : {std::string("notify"), "/" + std::string(200, 'x')}) {
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_EQ(tell_service_manager("READY=1").error().kind(), ErrorKind::Config) << name;
  }
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace weir
