// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/ocsp_client.hpp"


#include <fmt/format.h>

#include "runtime/http/message.hpp"

namespace weir::http {

namespace {

constexpr std::size_t longest_get = 255;   // RFC 6960 appendix A.1: of the request, in its URL's form

}  // namespace

net::Task<OcspReply> ask_responder(Fetch& fetch, const net::OcspQuestion& question, std::string_view responder,
                                   const ir::NameServers& names, net::Time deadline) {
    OcspReply reply;
    auto where = responder.empty() ? std::string_view(question.responder()) : responder;
    auto url = parse_http_url(where);
    if (!url) {
        reply.problem = where.empty() ? std::string("no OCSP responder URL in the certificate")
                                      : fmt::format("\"{}\" is no http URL", where);
        co_return reply;
    }
    FetchRequest request;
    request.url = std::move(*url);
    request.names = &names;
    request.deadline = deadline;
    auto path = question.request_path();
    if (path.size() <= longest_get) {
        if (!request.url.path.ends_with('/')) request.url.path += '/';
        request.url.path += path;
    } else {
        request.type = "application/ocsp-request";
        request.body = question.request();
    }
    auto fetched = co_await fetch.run(request);
    if (!fetched.problem.empty()) {
        reply.problem = std::move(fetched.problem);
    } else if (fetched.status != 200) {
        reply.problem = fmt::format("OCSP responder answered with status {}", fetched.status);
    } else if (!equal_ignoring_case(fetched.type, "application/ocsp-response")) {
        reply.problem = fmt::format("OCSP responder sent invalid \"Content-Type\" header: \"{}\"", fetched.type);
    } else if (auto read = question.read(fetched.body); !read) {
        reply.problem = read.error();
    } else {
        reply.answer = *read;
        reply.response = std::move(fetched.body);
    }
    co_return reply;
}

}  // namespace weir::http
