// SPDX-License-Identifier: Apache-2.0
// Script: the steps of a health check, compiled: regexes, status ranges, the bytes to send. Servers
// whose checks are the same share one. Evaluating an expectation is a pure function of what came back.
#pragma once

#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/ir/config.hpp"
#include "runtime/base/regex.hpp"
#include "runtime/http/message.hpp"
#include "runtime/warden/health.hpp"
#include "runtime/zone/check_code.hpp"

namespace weir::warden {

// How a check ended.
struct Outcome {
    Verdict verdict = Verdict::failed;
    zone::CheckCode code = zone::CheckCode::unknown;
    std::uint16_t status = 0;      // of the HTTP answer, if there was one
    std::uint32_t milliseconds = 0;
    std::string text;              // what the log says after `info:`; may be empty
    // The expectation that was not met, if that was the reason.
    std::optional<ir::HealthCheck::Step::Expect> unmet;
    bool aborted = false;          // the check was given up: no verdict
};

struct Step {
    const ir::HealthCheck::Step* source = nullptr;
    std::optional<Regex> regex;       // expect: pattern
    std::bitset<1000> statuses;       // expect status
    std::string bytes;                // send: ready to go; expect text, binary: looked for
    bool needs_body = false;          // expect: looks beyond the head
    std::uint32_t number = 0;         // of a tcp-check line, from 1; 0: a connect that nobody wrote
    std::string comment;              // its own, or that of a comment line before it
};

struct Script {
    std::shared_ptr<const ir::Config> config;   // the sources of the steps live there
    std::vector<Step> steps;                    // begins with a connect
    bool http = false;
    bool expects = false;                       // some step waits for an answer
    bool numbered = false;                      // HAProxy's tcp-check: reports name the step

    // `check` belongs to `config`. What the check leaves unsaid stands in the steps: the connect, and
    // with HTTP the request and a status of 2xx or 3xx. The error says what is wrong.
    static Expected<std::shared_ptr<const Script>, std::string> compile(
        const ir::HealthCheck& check, std::shared_ptr<const ir::Config> config);
};

// "200", "200-399", "200,301-302" (blanks and commas alike); false when it is no such list.
bool parse_statuses(std::string_view text, std::bitset<1000>& statuses);

// What an expectation says. undecided: more bytes may change it (never when `whole`).
struct Finding {
    enum class Kind : std::uint8_t { met, failed, undecided } kind = Kind::undecided;
    zone::CheckCode code = zone::CheckCode::l7_ok;
    std::string text{};
    std::uint16_t status = 0;   // of a service's answer; 0: none
};
// An HTTP answer: its head, as much of the body as came, and whether that is all of it.
Finding examine(const Step& step, const http::ResponseHead& head, std::string_view body,
                bool whole);
// Plain bytes of a server that does not speak HTTP.
Finding examine(const Step& step, std::string_view bytes, bool whole);
// " at step 2 of tcp-check (expect string 'x') comment: 'y'", as HAProxy's reports end.
std::string place_of(const Step& step);
// The code that the name of a configured status stands for (L7OK, L7TOUT, ...).
zone::CheckCode code_or(std::string_view name, zone::CheckCode fallback);

}  // namespace weir::warden
