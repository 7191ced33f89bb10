// weir serve: carries out jobs when they are due, until it is told to stop.
#include <optional>
#include <stop_token>

#include <fmt/format.h>

#include "app/api_port.h"
#include "app/commands/commands.h"
#include "app/health.h"
#include "app/service.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::app {

Result<int> run_serve(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto scheduler, jobs::Scheduler::make(config->jobs));
  ServiceOptions options;
  options.makes_copies = true;
  if (auto const text = context.arguments().value("workers"); !text.empty()) {
    auto const number = parse_int(text);
    if (!number || *number < 1 || *number > 1000)
      return Error(ErrorKind::Usage, fmt::format("\"--workers\" is a number from 1 to 1000, not \"{}\"", text));
    options.slots = static_cast<int>(*number);
  }
  bool const behind_proxy = context.arguments().has("behind-proxy");
  std::optional<ListenAddress> api_address;
  if (auto const text = context.arguments().value("api"); context.arguments().has("api")) {
    WEIR_TRY(api_address, parse_api_address(text, behind_proxy));
  } else if (behind_proxy) {
    return Error(ErrorKind::Usage, "\"--behind-proxy\" is said of no port")
        .state("nothing was started")
        .next("weir serve --api 0.0.0.0:7378 --behind-proxy");
  }
  WEIR_TRY(auto state, JobState::take(context, true));
  Health health(*state.store(), system_clock());
  options.pulse = [&health](bool well) { health.beat(well); };
  std::unique_ptr<http::Listening> listening;
  if (auto const address = context.arguments().value("listen"); !address.empty()) {
    WEIR_TRY(listening, listen_for_health(address, health));
  }
  std::unique_ptr<http::Listening> api;
  if (api_address) {
    WEIR_TRY(api, listen_for_api(*api_address, behind_proxy, *state.api()));
  }
  std::stop_callback const stopping(context.interrupt().token(), [&health] {
    health.drain();
    // It is heard as soon as the end is asked for; a manager that does not take it sees the process end.
    [[maybe_unused]] auto const told =
        tell_service_manager("STOPPING=1\nSTATUS=stopping; what is going on is taken up by the next start");
  });
  WEIR_DO(serve_jobs(state, scheduler, options, context.interrupt().token(), [&] {
    log_info("serving {} of {}; state in {}", plural(config->jobs.size(), "job"), config->root.string(),
             state.address());
    if (auto const next = scheduler.next()) log_info("the next one runs at {} UTC", utc_text(*next));
    return tell_service_manager(fmt::format("READY=1\nSTATUS=serving {}", plural(config->jobs.size(), "job")));
  }));
  log_info("stopped; what was going on is taken up by the next start");
  return 0;
}

}  // namespace weir::app
