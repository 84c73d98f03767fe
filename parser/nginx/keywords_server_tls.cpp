// SPDX-License-Identifier: Apache-2.0
// Rows of proxy_ssl_*, the same in http and stream, and what they do. The files are read when the
// block is complete (finish_server_tls), for most blocks that inherit such lines never use them.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/server_tls.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Argument;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

// Relative to the folder of the main file, as nginx does for what belongs to the configuration.
std::string path_of(const Block& block, std::string_view text) {
    if (text.starts_with('/')) return std::string(text);
    return block.run.file_folder + std::string(text);
}

// A file by its name only; finish_server_tls() reads it.
ir::File name_file(const Block& block, const Argument& argument) {
    if (argument.text.empty()) return nullptr;
    auto file = std::make_shared<ir::FileContent>();
    file->path = path_of(block, argument.text);
    file->left_out = true;
    return file;
}

bool refuse_source(Block& block, const Call& call, const Argument& argument) {
    for (std::string_view scheme : {"engine:", "data:", "store:"}) {
        if (!argument.text.starts_with(scheme)) continue;
        block.error(
            argument.span, "not-supported",
            fmt::format("\"{}\" of \"{}\" is known to nginx, not yet in weir", scheme, call.name),
            "name a file");
        return true;
    }
    return false;
}

void read_file(Block& block, ir::File& file, Span span, std::string_view what) {
    if (!file) return;
    auto found = block.run.tls_files.read(block.run.set, file->path);
    if (found) {
        file = *found;
        return;
    }
    block.error(span, "cannot-load",
                fmt::format("cannot load {} \"{}\": {}", what, file->path, found.error().text));
}

void read_files(Block& block, ir::ServerTls& tls, std::string_view family) {
    auto& identity = tls.identity;
    bool certificate = identity.chain || !tls.computed_certificate.empty();
    bool key = identity.key || !tls.computed_key.empty();
    if (certificate && !key)
        block.error(identity.chain_span, "no-key",
                    fmt::format("no \"{}_ssl_certificate_key\" is defined for certificate \"{}\"",
                                family, identity.chain ? identity.chain->path : "with variables"),
                    fmt::format("add {}_ssl_certificate_key", family));
    bool verify = tls.rules.verify != ir::TlsRules::Verify::none;
    if (verify && !tls.rules.trusted)
        block.error(tls.span.known() ? tls.span : block.route->span, "no-authorities",
                    fmt::format("no {}_ssl_trusted_certificate for {}_ssl_verify", family, family),
                    "name the authorities by which certificates of servers are checked; Debian has "
                    "/etc/ssl/certs/ca-certificates.crt");
    if (!certificate) identity.key = nullptr;
    read_file(block, identity.chain, identity.chain_span, "certificate");
    read_file(block, identity.key, identity.key_span, "certificate key");
    read_file(block, tls.rules.trusted, tls.trusted_span, "trusted certificates");
    read_file(block, tls.rules.revoked, tls.revoked_span, "list of revoked certificates");
}

}  // namespace

void lower_tls_alpn(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.rules.alpn.clear();
    for (const auto& argument : call.args) {
        if (argument.text.empty() || argument.text.size() > 255)
            return invalid_parameter(block, call, argument,
                                     "a name of 1 to 255 letters, such as h2");
        tls.rules.alpn.emplace_back(argument.text);
    }
}

void lower_tls_certificate(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.computed_certificate = {};
    tls.identity.chain = nullptr;
    tls.identity.chain_span = call[0].span;
    if (refuse_source(block, call, call[0])) return;
    if (has_variables(call[0].text)) {
        tls.computed_certificate = block.text(call[0]);
        tls.computed_folder = block.run.file_folder;
        return;
    }
    tls.identity.chain = name_file(block, call[0]);
}

void lower_tls_certificate_key(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.computed_key = {};
    tls.identity.key = nullptr;
    tls.identity.key_span = call[0].span;
    if (refuse_source(block, call, call[0])) return;
    if (has_variables(call[0].text)) {
        tls.computed_key = block.text(call[0]);
        tls.computed_folder = block.run.file_folder;
        return;
    }
    tls.identity.key = name_file(block, call[0]);
}

bool read_certificate_cache(Scope& scope, const Call& call, CertificateCache& cache) {
    if (call.size() == 1 && call[0].text == "off") return true;
    for (const auto& argument : call.args) {
        std::string_view value;
        bool good = false;
        auto seconds = [&](std::chrono::seconds& into) {
            auto time = value::parse_nginx_duration(value, value::NginxTime::seconds);
            if (time) into = std::chrono::duration_cast<std::chrono::seconds>(*time);
            return time.has_value();
        };
        if (key_value(argument.text, "max=", value)) {
            auto number = value::parse_number(value);
            good = number && *number > 0 && *number <= UINT32_MAX;
            if (good) cache.most = static_cast<std::uint32_t>(*number);
        } else if (key_value(argument.text, "inactive=", value)) {
            good = seconds(cache.inactive);
        } else if (key_value(argument.text, "valid=", value)) {
            good = seconds(cache.valid);
        }
        if (good) continue;
        scope.error(argument.span, "invalid-parameter",
                    fmt::format("invalid parameter \"{}\" of \"{}\"", argument.text, call.name),
                    "off, or max=N [inactive=time] [valid=time], with N from 1");
        return false;
    }
    if (cache.most == 0)
        scope.error(call.span, "invalid-value",
                    fmt::format("\"{}\" must have the \"max\" parameter", call.name));
    return cache.most != 0;
}

std::string command_value(const Block& block, std::string_view name, std::string_view value) {
    // SSL_CONF_cmd(3): those whose value is a file or a folder.
    static constexpr std::string_view of_files[] = {
        "certificate", "privatekey", "serverinfofile", "dhparameters", "chaincafile", "chaincapath",
        "verifycafile", "verifycapath", "requestcafile", "clientcafile", "requestcapath", "clientcapath"};
    std::string lower(name);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool is_file = std::find(std::begin(of_files), std::end(of_files), lower) != std::end(of_files);
    return is_file ? path_of(block, value) : std::string(value);
}

void lower_tls_certificate_cache(Block& block, const Call& call, ir::ServerTls& tls) {
    CertificateCache cache;
    if (!read_certificate_cache(block, call, cache)) return;
    tls.kept_certificates = cache.most;
    tls.certificate_valid = cache.valid;
    tls.certificate_inactive = cache.inactive;
}

void lower_tls_certificate_follow(Block&, const Call& call, ir::ServerTls& tls) {
    tls.rules.follows = call[0].number != 0;
}

void lower_tls_ciphers(Block&, const Call& call, ir::ServerTls& tls) {
    tls.rules.ciphers = call[0].text;
}

void lower_tls_conf_command(Block& block, const Call& call, ir::ServerTls& tls) {
    if (block.first_use(*call.row)) tls.rules.commands.clear();
    tls.rules.commands.emplace_back(call[0].text, command_value(block, call[0].text, call[1].text));
}

void lower_tls_crl(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.rules.revoked = name_file(block, call[0]);
    tls.revoked_span = call[0].span;
}

void lower_tls_name(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.name = block.text(call[0]);
    tls.named_by_target = false;
}

void lower_tls_password_file(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.identity.passwords = name_file(block, call[0]);
    read_file(block, tls.identity.passwords, call[0].span, "file of passwords");
}

void lower_tls_protocols(Block& block, const Call& call, ir::ServerTls& tls) {
    static constexpr std::pair<std::string_view, ir::TlsVersion> known[] = {
        {"SSLv3", ir::TlsVersion::ssl3},
        {"TLSv1", ir::TlsVersion::tls1_0},
        {"TLSv1.1", ir::TlsVersion::tls1_1},
        {"TLSv1.2", ir::TlsVersion::tls1_2},
        {"TLSv1.3", ir::TlsVersion::tls1_3}};
    tls.rules.versions.reset();
    for (const auto& argument : call.args) {
        bool found = argument.text == "SSLv2";  // there is none any more
        for (const auto& [name, version] : known) {
            if (argument.text != name) continue;
            tls.rules.versions.set(static_cast<std::size_t>(version));
            found = true;
        }
        if (!found)
            return block.error(
                argument.span, "invalid-value",
                fmt::format("invalid value \"{}\" of \"{}\"", argument.text, call.name),
                "SSLv3, TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3");
    }
}

void lower_tls_server_name(Block&, const Call& call, ir::ServerTls& tls) {
    tls.send_name = call[0].number != 0;
}

void lower_tls_session_reuse(Block&, const Call& call, ir::ServerTls& tls) {
    tls.resume = call[0].number != 0;
}

void lower_tls_trusted_certificate(Block& block, const Call& call, ir::ServerTls& tls) {
    tls.rules.trusted = name_file(block, call[0]);
    tls.trusted_span = call[0].span;
}

void lower_tls_verify(Block&, const Call& call, ir::ServerTls& tls) {
    using Verify = ir::TlsRules::Verify;
    tls.rules.verify = call[0].number != 0 ? Verify::required : Verify::none;
    tls.span = call.span;
}

void lower_tls_verify_depth(Block&, const Call& call, ir::ServerTls& tls) {
    tls.rules.verify_depth = static_cast<int>(call[0].number);
}

void finish_server_tls(Block& block, std::string_view family) {
    const auto* forward = block.route ? std::get_if<ir::Forward>(&block.route->action) : nullptr;
    if (!forward) return;
    // A computed target may turn out to be https://.
    bool computed = forward->pool == ir::no_id && !block.in_stream();
    if (!forward->tls && !block.own.forward->over_tls && !computed) return;
    auto& done = block.run.finished_forward[block.own.forward.identity()];
    if (!done.first) {
        done.first = std::make_shared<ir::Shared<ir::ForwardSettings>>(block.own.forward);
        done.second = block.own.forward;
        ir::ServerTls tls = *done.second->tls;
        read_files(block, tls, family);
        // HTTP/2 over TLS is agreed on by ALPN (RFC 9113 section 3.2).
        if (done.second->http2) tls.rules.alpn = {"h2"};
        const auto& before = *block.own.forward->tls;
        bool changed = tls.identity.chain != before.identity.chain ||
                       tls.identity.key != before.identity.key ||
                       tls.rules.trusted != before.rules.trusted ||
                       tls.rules.revoked != before.rules.revoked ||
                       tls.rules.alpn != before.rules.alpn;
        if (changed) done.second.edit().tls.edit() = std::move(tls);
    }
    block.own.forward = done.second;
}

namespace {

void lower_proxy_ssl(Scope& scope, const Call& call) {
    scope.settings().forward.edit().over_tls = call[0].number != 0;
}

// The other rows of proxy_ssl_ are in keywords_families.cpp.
// clang-format off
constexpr Keyword rows[] = {
    {.name = "proxy_ssl", .where = stream | stream_server, .args = {keyword::flag()}, .apply = lower_proxy_ssl, .fallback = "off",
     .summary = "Uses TLS on connections to the servers.", .once = true},
    {.name = "proxy_ssl_alpn", .where = stream | stream_server, .args = {keyword::many(keyword::word("protocol"))},
     .apply = server_tls_row<lower_tls_alpn>, .since = "1.31.0",
     .summary = "Lists the protocols offered to the server in the TLS handshake.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table server_tls_keywords() { return rows; }

}  // namespace weir::nginx
