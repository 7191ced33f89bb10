#pragma once
// Whether somebody is who he says: by password (a login), by the cookie of a login, by a token. Times are the state's,
// those of back-off the clock's. Any thread; passwords are tried one after the other, so that many at once take neither
// more memory nor more tries than one after the other.

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "jobs/store.h"
#include "server/back_off.h"
#include "server/caller.h"

namespace weir::server {

class Access {
 public:
  // Both outlive it.
  Access(jobs::Store& store, Clock& clock);

  struct Login {
    Caller caller;
    std::string secret;  // for the cookie; shown this once
  };
  // `from`: the network that is counted where it fails; `before`: the login that this one takes the place of, or "".
  // Errors: Denied, in the same time and words whether there is such a user or not; Busy: nothing was tried, and is not
  // before `pause` is over; the state's.
  Result<Login> log_in(std::string const& user, std::string const& password, std::string const& from,
                       std::string const& before, Duration& pause);
  Status log_out(std::string const& login);

  // Nothing: it is none, or its time is over.
  Result<std::optional<Caller>> by_login(std::string const& secret);
  Result<std::optional<Caller>> by_token(std::string const& secret);

  // Whether there is any user.
  Result<bool> knows_anybody();

 private:
  Result<std::string> decoy() WEIR_REQUIRES(mutex_);
  Status failed(std::string const& user, bool exists, std::string const& from) WEIR_REQUIRES(mutex_);
  Result<Login> begin(std::string const& user, std::string const& kept, std::string const& renewed,
                      std::string const& before);

  jobs::Store& store_;
  Clock& clock_;
  Mutex mutex_;
  BackOff by_user_ WEIR_GUARDED_BY(mutex_), by_network_ WEIR_GUARDED_BY(mutex_);
  std::string decoy_ WEIR_GUARDED_BY(mutex_);  // what an unknown user's password is compared with
};

// A token as it is given to people: weir_ and 256 random bits.
std::string new_token();

}  // namespace weir::server
