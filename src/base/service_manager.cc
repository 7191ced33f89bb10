#include "base/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace weir {

Status tell_service_manager(std::string_view lines) {
  char const* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || *name == '\0') return {};
  std::string_view const socket_name = name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((socket_name[0] != '/' && socket_name[0] != '@') || socket_name.size() >= sizeof address.sun_path)
    return Error(ErrorKind::Config, fmt::format("NOTIFY_SOCKET is \"{}\": neither a path nor an abstract name", name))
        .state("the service manager was told nothing")
        .next("start weir as a service of Type=notify, or unset NOTIFY_SOCKET");
  socket_name.copy(address.sun_path, sizeof address.sun_path - 1);
  if (socket_name[0] == '@') address.sun_path[0] = '\0';
  auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_name.size());

  int const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool const sent =
      descriptor >= 0 && sendto(descriptor, lines.data(), lines.size(), MSG_NOSIGNAL,
                                reinterpret_cast<sockaddr const*>(&address),  // as sendto() takes each kind of address
                                length) == static_cast<ssize_t>(lines.size());
  int const why = errno;
  if (descriptor >= 0) close(descriptor);
  if (sent) return {};
  return Error(ErrorKind::Unavailable, fmt::format("could not tell the service manager at \"{}\"", name))
      .cause(std::strerror(why))
      .state("it does not know that weir is ready")
      .next("start the service again");
}

}  // namespace weir
