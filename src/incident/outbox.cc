#include "incident/outbox.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "incident/incidents.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Database;
using jobs::Rows;
using jobs::Value;
using Json = nlohmann::ordered_json;

constexpr Duration kFirstPause = std::chrono::seconds(10), kLongestPause = std::chrono::minutes(15);
constexpr Duration kExpires = std::chrono::hours(24);

constexpr std::string_view kMessageColumns =
    "id, channel, incident, notice, state, tries, created_at, sent_at, trouble";

std::vector<Message> messages_of_rows(Rows const& rows) {
  std::vector<Message> messages;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Message message;
    message.id = rows.number(i, 0);
    message.channel = rows.text(i, 1);
    message.incident = rows.maybe_number(i, 2);
    if (auto notice = alert::from_json(rows.text(i, 3)); notice.ok()) message.notice = std::move(*notice);
    message.state = rows.text(i, 4);
    message.tries = static_cast<int>(rows.number(i, 5));
    message.created_at = rows.instant(i, 6);
    message.sent_at = rows.maybe_instant(i, 7);
    message.trouble = rows.text(i, 8);
    messages.push_back(std::move(message));
  }
  return messages;
}

Duration pause_after(int tries) {
  Duration pause = kFirstPause;
  for (int i = 1; i < tries && pause < kLongestPause; ++i) pause *= 2;
  return std::min(pause, kLongestPause);
}

}  // namespace

Status post(Change& change, std::vector<std::string> const& channels, std::optional<std::int64_t> incident,
            alert::Notice const& notice) {
  for (auto const& channel : channels) {
    WEIR_TRY(auto const id, change.next("message"));
    WEIR_TRY(
        auto const done,
        change.database.query("INSERT INTO outbox (id, channel, dedupe_key, incident, notice, state, next_try, "
                              "created_at) VALUES ($1, $2, $3, $4, $5, 'pending', $6, $6) ON CONFLICT DO NOTHING",
                              {id, channel, channel + "\n" + notice.id, incident, alert::to_json(notice), change.now}));
  }
  return {};
}

Result<std::vector<Message>> take_due(Change& change, int most, Duration lease) {
  WEIR_TRY(auto const rows, change.database.query(
                                fmt::format("SELECT {} FROM outbox WHERE state = 'pending' AND next_try <= $1 ORDER BY "
                                            "next_try, id LIMIT $2",
                                            kMessageColumns),
                                {change.now, most}));
  auto messages = messages_of_rows(rows);
  for (auto const& message : messages) {
    WEIR_TRY(auto const taken, change.database.query("UPDATE outbox SET next_try = $2, tries = tries + 1 WHERE id = $1",
                                                     {message.id, change.now + lease}));
  }
  return messages;
}

Result<bool> nothing_to_try(Change& change) {
  // While one is sent, it has been tried and nothing is known of its trouble.
  WEIR_TRY(
      auto const rows,
      change.database.query("SELECT 1 FROM outbox WHERE state = 'pending' AND (tries = 0 OR trouble = '') LIMIT 1"));
  return rows.empty();
}

Status record(Change& change, Message const& message, Outcome outcome, std::string const& trouble,
              std::optional<Duration> wait) {
  int const tries = message.tries + 1;
  bool const is_old = change.now - message.created_at > kExpires;
  std::string const state = outcome == Outcome::Sent      ? "sent"
                            : outcome == Outcome::Refused ? "refused"
                            : is_old                      ? "expired"
                                                          : "pending";
  Instant const next = change.now + std::max(pause_after(tries), wait.value_or(Duration::zero()));
  WEIR_TRY(auto const done,
           change.database.query(
               "UPDATE outbox SET state = $2, next_try = $3, trouble = $4, sent_at = $5 WHERE id = $1 AND state = "
               "'pending'",
               {message.id, state, next, trouble, outcome == Outcome::Sent ? Value(change.now) : Value()}));
  if (state == "pending") return {};
  jobs::NewEvent event;
  event.kind = state == "sent" ? "weir.alert.sent" : "weir.alert.failed";
  event.object = message.incident ? object_of(*message.incident) : message.channel;
  Json data{
      {"channel", message.channel}, {"notice", message.notice.id}, {"title", message.notice.title}, {"tries", tries}};
  if (state != "sent") data["why"] = trouble;
  event.data = json_line(data);
  WEIR_DO(change.append(event, "weir"));
  return {};
}

Result<std::vector<Message>> messages_of(Database& database, std::int64_t incident) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM outbox WHERE incident = $1 ORDER BY id", kMessageColumns),
                          {incident}));
  return messages_of_rows(rows);
}

}  // namespace weir::incident
