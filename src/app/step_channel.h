#pragma once
// How a command that is a step of a job tells the job what came of it: JSON lines on a socket that the job's runner
// holds the other end of (WEIR_STEP_FD). When the program that waits for the result goes away, the command stops as if
// it had been told to (SIGTERM). Its clock is that program's (WEIR_STEP_CLOCK: microseconds ahead of the machine's).
// Without such a socket nothing of this does anything.

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace weir::app {

// Takes over the socket that the environment names, if it does, and the attempt's token, by which the warehouse tells
// it from later ones (swap/fence.h); once, at the start of the program.
void open_step_channel();
bool is_step();
std::int64_t step_job();  // the job's number, 0 where this is no step
// One line. {"type": "sync" | "dbt" | "verify" | "error", ...}
void report_step(nlohmann::ordered_json const& line);
void report_step_error(Error const& error);

}  // namespace weir::app
