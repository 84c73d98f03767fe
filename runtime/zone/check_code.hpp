// SPDX-License-Identifier: Apache-2.0
// CheckCode: how a health check ended, as ServerState::check_code holds it. The warden writes it; the
// stats page and the runtime API show it by the names that HAProxy's users know.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::zone {

enum class CheckCode : std::uint32_t {
    unknown,            // never checked
    socket_error,       // no socket could be made here
    l4_ok,
    l4_timeout,
    l4_failed,          // refused, unreachable
    l6_ok,              // TLS stands
    l6_timeout,
    l6_invalid,         // the handshake failed
    l7_ok,
    l7_conditional,     // 404 with disable-on-404
    l7_timeout,
    l7_invalid,         // no HTTP, or not the content expected
    l7_status,          // not the status expected
};

// "L4OK", as in the check_status column of the stats page.
constexpr std::string_view name_of(CheckCode code) {
    switch (code) {
        case CheckCode::unknown: return "UNK";
        case CheckCode::socket_error: return "SOCKERR";
        case CheckCode::l4_ok: return "L4OK";
        case CheckCode::l4_timeout: return "L4TOUT";
        case CheckCode::l4_failed: return "L4CON";
        case CheckCode::l6_ok: return "L6OK";
        case CheckCode::l6_timeout: return "L6TOUT";
        case CheckCode::l6_invalid: return "L6RSP";
        case CheckCode::l7_ok: return "L7OK";
        case CheckCode::l7_conditional: return "L7OKC";
        case CheckCode::l7_timeout: return "L7TOUT";
        case CheckCode::l7_invalid: return "L7RSP";
        case CheckCode::l7_status: return "L7STS";
    }
    return "UNK";
}

// "Layer4 check passed", as in logs.
constexpr std::string_view words_of(CheckCode code) {
    switch (code) {
        case CheckCode::unknown: return "Unknown";
        case CheckCode::socket_error: return "Socket error";
        case CheckCode::l4_ok: return "Layer4 check passed";
        case CheckCode::l4_timeout: return "Layer4 timeout";
        case CheckCode::l4_failed: return "Layer4 connection problem";
        case CheckCode::l6_ok: return "Layer6 check passed";
        case CheckCode::l6_timeout: return "Layer6 timeout";
        case CheckCode::l6_invalid: return "Layer6 invalid response";
        case CheckCode::l7_ok: return "Layer7 check passed";
        case CheckCode::l7_conditional: return "Layer7 check conditionally passed";
        case CheckCode::l7_timeout: return "Layer7 timeout";
        case CheckCode::l7_invalid: return "Layer7 invalid response";
        case CheckCode::l7_status: return "Layer7 wrong status";
    }
    return "Unknown";
}

// Whether the check got as far as an answer, so that check_status holds an HTTP status.
constexpr bool is_layer7(CheckCode code) { return code >= CheckCode::l7_ok; }

}  // namespace weir::zone
