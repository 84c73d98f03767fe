// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/pages.hpp"

#include <charconv>
#include <string>

#include "runtime/http/message.hpp"

namespace weir::exchange {

namespace {

// Titles that differ from the registered phrase.
std::string_view title_of(std::uint16_t status) {
    switch (status) {
        case 302: return "Found";
        case 405: return "Not Allowed";
        case 408: return "Request Time-out";
        case 413: return "Request Entity Too Large";
        case 414: return "Request-URI Too Large";
        case 416: return "Requested Range Not Satisfiable";
        case 503: return "Service Temporarily Unavailable";
        case 504: return "Gateway Time-out";
        default: return http::reason_of(status);
    }
}

// Statuses of nginx's own that say why a request was a bad one.
std::string_view refusal(std::uint16_t status) {
    switch (status) {
        case 494: return "Request Header Or Cookie Too Large";
        case 495: return "The SSL certificate error";
        case 496: return "No required SSL certificate was sent";
        case 497: return "The plain HTTP request was sent to HTTPS port";
        default: return {};
    }
}

// nginx answers other statuses without a body.
bool has_nginx_page(std::uint16_t status) {
    switch (status) {
        case 301: case 302: case 303: case 307: case 308: case 421: case 429: case 507: return true;
        default:
            return (status >= 400 && status <= 416 && status != 407) ||
                   (status >= 494 && status <= 497) || (status >= 500 && status <= 505);
    }
}

}  // namespace

std::string_view nginx_reason(std::uint16_t status) {
    return status == 302 ? "Moved Temporarily" : title_of(status);
}

std::string_view nginx_page(std::uint16_t status, std::string_view server, Arena& arena) {
    if (!has_nginx_page(status)) return {};
    char digits[4];
    auto end = std::to_chars(digits, digits + sizeof digits, status).ptr;
    std::string_view code(digits, static_cast<std::size_t>(end - digits));
    if (auto why = refusal(status); !why.empty())
        return arena.join({"<html>\r\n<head><title>400 ", why, "</title></head>\r\n<body>\r\n"
                           "<center><h1>400 Bad Request</h1></center>\r\n<center>", why,
                           "</center>\r\n<hr><center>", server, "</center>\r\n</body>\r\n</html>\r\n"});
    auto title = title_of(status);
    auto head = title.empty() ? arena.copy(code) : arena.join({code, " ", title});
    return arena.join({"<html>\r\n<head><title>", head, "</title></head>\r\n<body>\r\n<center><h1>",
                       head, "</h1></center>\r\n<hr><center>", server,
                       "</center>\r\n</body>\r\n</html>\r\n"});
}

bool is_plain_success(std::uint16_t status) {
    switch (status) {
        case 200: case 201: case 204: case 206: case 301: case 302: case 303: case 304: case 307:
        case 308: return true;
        default: return false;
    }
}

std::string_view haproxy_page(std::uint16_t status) {
#define WEIR_PAGE(title, text) "<html><body><h1>" title "</h1>\n" text "\n</body></html>\n"
    switch (status) {
        case 200: return WEIR_PAGE("200 OK", "Service ready.");
        case 400: return WEIR_PAGE("400 Bad request", "Your browser sent an invalid request.");
        case 401: return WEIR_PAGE("401 Unauthorized", "You need a valid user and password to access this content.");
        case 403: return WEIR_PAGE("403 Forbidden", "Request forbidden by administrative rules.");
        case 404: return WEIR_PAGE("404 Not Found", "The resource could not be found.");
        case 405: return WEIR_PAGE("405 Method Not Allowed", "A request was made of a resource using a request method not supported by that resource");
        case 407: return WEIR_PAGE("407 Unauthorized", "You need a valid user and password to access this content.");
        case 408: return WEIR_PAGE("408 Request Time-out", "Your browser didn't send a complete request in time.");
        case 410: return WEIR_PAGE("410 Gone", "The resource is no longer available and will not be available again.");
        case 413: return WEIR_PAGE("413 Payload Too Large", "The request entity exceeds the maximum allowed.");
        case 414: return WEIR_PAGE("414 URI Too Long", "The request target is longer than this server accepts.");
        case 421: return WEIR_PAGE("421 Misdirected Request", "Request sent to a non-authoritative server.");
        case 422: return WEIR_PAGE("422 Unprocessable Content", "The server cannot process the contained instructions.");
        case 425: return WEIR_PAGE("425 Too Early", "Your browser sent early data.");
        case 429: return WEIR_PAGE("429 Too Many Requests", "You have sent too many requests in a given amount of time.");
        case 431: return WEIR_PAGE("431 Request Header Fields Too Large", "The request's header fields are larger than this server accepts.");
        case 500: return WEIR_PAGE("500 Internal Server Error", "An internal server error occurred.");
        case 501: return WEIR_PAGE("501 Not Implemented", "The server does not support the functionality required to fulfill the request.");
        case 502: return WEIR_PAGE("502 Bad Gateway", "The server returned an invalid or incomplete response.");
        case 503: return WEIR_PAGE("503 Service Unavailable", "No server is available to handle this request.");
        case 504: return WEIR_PAGE("504 Gateway Time-out", "The server didn't respond in time.");
        case 505: return WEIR_PAGE("505 HTTP Version Not Supported", "The protocol version of the request is not supported.");
        default: return {};
    }
#undef WEIR_PAGE
}

std::string_view default_type(const ir::ReplyStyle& style, std::string_view path) {
    auto slash = path.rfind('/');
    auto dot = path.rfind('.');
    // A name that begins with its only dot has no extension.
    if (dot == std::string_view::npos || (slash != std::string_view::npos && dot <= slash + 1))
        return style.default_type;
    auto extension = path.substr(dot + 1);
    char lower[16];
    if (extension.size() > sizeof lower) return style.default_type;
    for (std::size_t i = 0; i < extension.size(); ++i)
        lower[i] = extension[i] >= 'A' && extension[i] <= 'Z' ? static_cast<char>(extension[i] + 32)
                                                             : extension[i];
    std::string_view key(lower, extension.size());
    if (!style.types) {
        if (key == "html" || key == "htm") return "text/html";
        if (key == "gif") return "image/gif";
        if (key == "jpg") return "image/jpeg";
        return style.default_type;
    }
    auto found = style.types->by_extension.find(key);
    return found == style.types->by_extension.end() ? std::string_view(style.default_type)
                                                    : std::string_view(found->second);
}

}  // namespace weir::exchange
