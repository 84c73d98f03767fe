// SPDX-License-Identifier: Apache-2.0
// Asks OCSP responders (RFC 6960) over HTTP: for the warden, which staples what they say, and for
// workers that ask about a client's certificate.
#pragma once

#include <string>

#include "runtime/http/fetch.hpp"
#include "runtime/net/ocsp.hpp"

namespace weir::http {

struct OcspReply {
    std::string problem;         // empty: `answer` holds
    std::string response;        // DER, as it came
    net::OcspAnswer answer;
};
// Asks question.responder(), or `responder` where it is not empty. The arguments live until it is done.
net::Task<OcspReply> ask_responder(Fetch& fetch, const net::OcspQuestion& question, std::string_view responder,
                                   const ir::NameServers& names, net::Time deadline);

}  // namespace weir::http
