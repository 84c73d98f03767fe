// SPDX-License-Identifier: Apache-2.0
// Asks OCSP responders (RFC 6960) over HTTP: for the warden, which staples what they say, and for
// workers that ask about a client's certificate.
#pragma once

#include <string>

#include "runtime/http/fetch.hpp"
#include "runtime/net/ocsp.hpp"

namespace weir::http {

// How a question ended. The numbers are HAProxy's (show ssl ocsp-updates).
enum class OcspOutcome : std::uint8_t { unknown, good, no_answer, wrong_type, bad_answer, not_kept };

struct OcspReply {
    OcspOutcome outcome = OcspOutcome::unknown;
    std::string problem;         // empty: `answer` holds
    std::string response;        // DER, as it came
    net::OcspAnswer answer;
};
// Asks question.responder(), or `responder` where it is not empty; through an HTTP proxy ("host:port") where
// there is one. The arguments live until it is done.
net::Task<OcspReply> ask_responder(Fetch& fetch, const net::OcspQuestion& question, std::string_view responder,
                                   const ir::NameServers& names, net::Time deadline, std::string_view proxy = {});

}  // namespace weir::http
