// A notice whose texts are any bytes: it is kept whole, and in every channel's language it stays text.

#include <string>

#include <nlohmann/json.hpp>

#include "alert/render.h"
#include "alert/text.h"
#include "base/text.h"
#include "fuzz.h"

namespace {

using namespace weir::alert;
using Json = nlohmann::json;

// Between the texts of an input.
constexpr char kSeparator = '\xFF';

Notice notice_of(std::string const& input) {
  auto texts = weir::split(input, kSeparator);
  texts.resize(11);
  return {.id = texts[0],
          .incident = texts[1],
          .source = texts[2],
          .title = texts[3],
          .cause = texts[4],
          .impact = texts[5],
          .heals = texts[6],
          .next = texts[7],
          .links = {{.text = texts[8], .url = texts[9]}, {.text = texts[9], .command = texts[8]}},
          .data = texts[10]};
}

void check_slack(Notice const& notice) {
  auto const json = Json::parse(slack_message(notice, ""), nullptr, false);
  FUZZ_CHECK(json.is_object() && json["blocks"].size() <= 50);
  std::size_t const links = notice.links[0].url.empty() ? 0 : 1;
  for (auto const& block : json["blocks"]) {
    auto const& part = block["type"] == "context" ? block["elements"][0] : block["text"];
    auto const text = part["text"].get<std::string>();
    FUZZ_CHECK(!text.empty() && text.size() <= 3 * 3'000);
    std::size_t open = 0;
    for (char const c : text) open += c == '<' ? 1 : 0;
    FUZZ_CHECK(open <= std::max<std::size_t>(links, 1));  // the link, or the time
    FUZZ_CHECK(text.find("<!") == text.find("<!date^"));
  }
}

void check_mail(Notice const& notice) {
  auto const text = mail_message(notice, "weir@corp.example", {"data@corp.example"});
  std::size_t boundaries = 0;
  for (auto const& line : weir::split(weir::replace_all(text, "\r\n", "\n"), '\n')) {
    FUZZ_CHECK(line.size() <= 78);
    for (char const c : line) FUZZ_CHECK(c >= 0x20 && c < 0x7f);
    boundaries += line.starts_with("--") ? 1 : 0;
  }
  FUZZ_CHECK(boundaries == 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  auto const notice = notice_of(std::string(reinterpret_cast<char const*>(data), size));
  auto const kept = from_json(to_json(notice));
  FUZZ_CHECK(kept.ok() && to_json(*kept) == to_json(notice));
  auto const shown = presentable(notice);
  FUZZ_CHECK(to_json(presentable(shown)) == to_json(shown));
  check_slack(shown);
  check_mail(notice);
  FUZZ_CHECK(slack_message(notice, "") == slack_message(shown, ""));
  FUZZ_CHECK(Json::accept(cloud_event(notice)) && Json::accept(pagerduty_event(notice, "key")));
  auto const headers = signed_headers(notice, "", "key", {});
  FUZZ_CHECK(headers && headers->size() == 3);
  return 0;
}
