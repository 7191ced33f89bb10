#pragma once
// Who asks, and what he may. Values; any thread.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace weir::server {

// Each may what the ones before it may. Viewer: read. Operator: run, cancel and retry jobs, switch schedules, see to
// incidents. Admin: users, tokens, copies of the state. Nobody: has not said who he is.
enum class Role { Nobody, Viewer, Operator, Admin };
inline constexpr std::array kRoles = {Role::Viewer, Role::Operator, Role::Admin};

std::string_view role_name(Role role);  // "viewer"
std::optional<Role> role_named(std::string_view name);

struct Caller {
  Role role = Role::Nobody;
  std::string name;        // of the user; of the person, where this machine's own commands ask
  std::string token = {};  // its name, where a program asks with one
  std::string login = {};  // its id in the state, where a browser asks

  std::string actor() const;  // as events say it: ada, ada (token ci)
};

}  // namespace weir::server
