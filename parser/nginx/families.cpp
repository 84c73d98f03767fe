// SPDX-License-Identifier: Apache-2.0
// The families of directives beside proxy_: what they begin with, where their words are kept while the
// configuration is read, and which of them count in the end.
#include <fmt/format.h>

#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/upstreams.hpp"

namespace weir::nginx {

using ir::ForwardSettings;
using keyword::Argument;
using keyword::Call;
using keyword::Scope;

namespace {

void begin_grpc(FamilyWords& words) {
    auto& settings = words.forward.edit();
    settings.http2 = true;
    settings.target_as_authority = true;
    settings.pass_te = true;
    settings.pass_trailers = true;
    settings.buffer_request = false;
}

void begin_gateway(FamilyWords& words, ForwardSettings::Protocol protocol) {
    auto& settings = words.forward.edit();
    settings.protocol = protocol;
    settings.params.push_back(default_host_param());
    settings.keep_server_connection = false;   // fastcgi_keep_conn; the others close each time
    auto& cache = words.cache.edit();
    cache.key = ir::Text();
    cache.convert_head = false;
}

const char* prefix_of(Family family) {
    switch (family) {
        case Family::proxy: return "proxy";
        case Family::grpc: return "grpc";
        case Family::fastcgi: return "fastcgi";
        case Family::scgi: return "scgi";
        case Family::uwsgi: return "uwsgi";
    }
    return "";
}

// Takes a scheme such as "grpc://", in any case, off the front; false when it is not there.
bool take_scheme(std::string_view& text, std::string_view scheme) {
    if (scheme.empty() || text.size() < scheme.size()) return false;
    for (std::size_t at = 0; at < scheme.size(); ++at) {
        char byte = text[at];
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
        if (byte != scheme[at]) return false;
    }
    text.remove_prefix(scheme.size());
    return true;
}

void report_target(const PassWords& words, Block& block, const Call& call, const std::string& message) {
    block.error(call[0].span, "invalid-url", message,
                fmt::format("write {0}host:port or {0}upstream", words.scheme));
}

void lower_plain_target(const PassWords& words, Block& block, const Call& call, ir::Forward& forward) {
    Argument argument = call[0];
    forward.tls = take_scheme(argument.text, words.tls_scheme);
    if (!forward.tls) take_scheme(argument.text, words.scheme);
    auto host = parse_host_port(argument.text, false);
    if (!host)
        return report_target(words, block, call, fmt::format("{} of \"{}\"", host.error(), call.name));
    bool is_unix = !host->path.empty();
    forward.host = is_unix ? "localhost" : std::string(argument.text);
    forward.port = host->has_port ? host->port : 0;
    forward.pool = pool_for_stream(block, *host, !is_unix && !host->has_port, call[0].span);
    if (forward.pool != ir::no_id) block.route->action = std::move(forward);
}

// The words of the family by which requests go on become the block's own.
void choose_family(Block& block) {
    if (block.passes == Family::proxy) return;
    const auto& words = block.words_of(block.passes);
    auto hints = block.own.forward->early_hints;
    block.own.forward = words.forward;
    if (!hints.empty()) block.own.forward.edit().early_hints = std::move(hints);
    auto& times = block.own.timeouts.edit();
    times.connect = words.connect;
    times.server_send = words.send;
    times.server_read = words.read;
    auto is_on = [](const ir::CacheSettings& cache) { return !cache.store.empty() || cache.computed_store; };
    if (!is_on(*words.cache) && !is_on(*block.own.cache)) return;
    auto slice = block.own.cache->slice;
    block.own.cache = words.cache;
    if (block.own.cache->slice != slice) block.own.cache.edit().slice = slice;
}

}  // namespace

void run_on_family(Family family, keyword::Apply lower, Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto swap = [&] {
        auto& words = block.words_of(family);
        std::swap(block.own.forward, words.forward);
        std::swap(block.own.cache, words.cache);
        std::swap(block.header_list, words.header_list);
    };
    swap();
    lower(scope, call);
    swap();
}

void lower_pass(const PassWords& words, Block& block, const Call& call) {
    block.passes = words.family;
    // "/x" is redirected to "/x/" when only the latter is a location.
    block.route->auto_redirect = !block.in(context::if_in_location) && block.route->pattern.ends_with('/');
    ir::Forward forward;
    auto target = call[0].text;
    if (target.empty()) return report_target(words, block, call, fmt::format("invalid URL in \"{}\"", call.name));
    if (!has_variables(target)) return lower_plain_target(words, block, call, forward);
    forward.tls = take_scheme(target, words.tls_scheme);
    forward.pool_or_host = make_text(block, call[0].text, call[0].span);
    block.route->action = std::move(forward);
}

void begin_families(Block& block) {
    using Protocol = ForwardSettings::Protocol;
    begin_grpc(block.words_of(Family::grpc));
    begin_gateway(block.words_of(Family::fastcgi), Protocol::fastcgi);
    begin_gateway(block.words_of(Family::scgi), Protocol::scgi);
    begin_gateway(block.words_of(Family::uwsgi), Protocol::uwsgi);
}

void finish_forwarding(Block& block) {
    choose_family(block);
    finish_server_tls(block, prefix_of(block.passes));
}

ir::Route inner_route(const Block& outer, Span span) {
    ir::Route route;
    route.match = ir::Route::Match::named;
    route.span = span;
    route.pattern = outer.route->pattern;
    route.action = outer.route->action;
    route.auto_redirect = outer.route->auto_redirect;
    route.internal = outer.route->internal;
    return route;
}

}  // namespace weir::nginx
