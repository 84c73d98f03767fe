// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/ocsp_client.hpp"

#include <fmt/format.h>

#include "runtime/http/message.hpp"

namespace weir::http {

namespace {

constexpr std::size_t longest_get = 255;   // RFC 6960 appendix A.1: of the request, in its URL's form

// A proxy is asked for the whole URL (RFC 9112 section 3.2.2).
void put_proxy(Url& url, std::string_view proxy) {
    auto asked = parse_http_url(fmt::format("http://{}", proxy));
    if (!asked) return;   // the parser knows its form
    url.path = fmt::format("http://{}{}", url.authority, url.path);
    url.host = std::move(asked->host);
    url.port = asked->port;
}

}  // namespace

net::Task<OcspReply> ask_responder(Fetch& fetch, const net::OcspQuestion& question, std::string_view responder,
                                   const ir::NameServers& names, net::Time deadline, std::string_view proxy) {
    OcspReply reply;
    reply.outcome = OcspOutcome::no_answer;
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
    if (!proxy.empty()) put_proxy(request.url, proxy);
    auto fetched = co_await fetch.run(request);
    if (!fetched.problem.empty()) {
        reply.problem = std::move(fetched.problem);
    } else if (fetched.status != 200) {
        reply.problem = fmt::format("OCSP responder answered with status {}", fetched.status);
    } else if (!equal_ignoring_case(fetched.type, "application/ocsp-response")) {
        reply.outcome = OcspOutcome::wrong_type;
        reply.problem = fmt::format("OCSP responder sent invalid \"Content-Type\" header: \"{}\"", fetched.type);
    } else if (auto read = question.read(fetched.body); !read) {
        reply.outcome = OcspOutcome::bad_answer;
        reply.problem = read.error();
    } else {
        reply.outcome = OcspOutcome::good;
        reply.answer = *read;
        reply.response = std::move(fetched.body);
    }
    co_return reply;
}

}  // namespace weir::http
