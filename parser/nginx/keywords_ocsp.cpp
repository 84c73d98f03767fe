// SPDX-License-Identifier: Apache-2.0
// Rows about OCSP: answers of responders that go with our certificates (ssl_stapling), and what is
// asked about those of clients (ssl_ocsp). The same in http and stream.
#include <fmt/format.h>

#include <algorithm>

#include "parser/keyword/zones.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/tls.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::TlsProfile;
using keyword::Call;
using keyword::Keyword;
using keyword::Scope;

constexpr std::string_view purpose = "ssl_ocsp_cache";

void lower_stapling(Scope& scope, const Call& call) { block_of(scope).stapling.on = call[0].number != 0; }
void lower_stapling_verify(Scope& scope, const Call& call) { block_of(scope).stapling.verified = call[0].number != 0; }
void lower_stapling_file(Scope& scope, const Call& call) {
    block_of(scope).stapling.file = read_tls_file(scope, call[0], "OCSP response");
}

// True: "http://host". https is not asked by nginx either.
bool check_responder(Scope& scope, const Call& call) {
    constexpr std::string_view scheme = "http://";
    if (call[0].text.starts_with(scheme) && call[0].text.size() > scheme.size()) return true;
    scope.error(call[0].span, "invalid-value", fmt::format("invalid URL prefix in OCSP responder \"{}\"", call[0].text),
                "a URL such as http://ocsp.example.com/");
    return false;
}

void lower_stapling_responder(Scope& scope, const Call& call) {
    if (check_responder(scope, call)) block_of(scope).stapling.responder = std::string(call[0].text);
}

void lower_ocsp(Scope& scope, const Call& call) {
    using Of = TlsProfile::ClientStatus::Of;
    static constexpr Of kinds[] = {Of::none, Of::chain, Of::leaf};
    tls_profile_of(scope).client_status.edit().of = kinds[call[0].number];
}

void lower_ocsp_responder(Scope& scope, const Call& call) {
    if (check_responder(scope, call)) tls_profile_of(scope).client_status.edit().responder = std::string(call[0].text);
}

// off | shared:name:size. Blocks that name one zone share it.
void lower_ocsp_cache(Scope& scope, const Call& call) {
    auto& cache = tls_profile_of(scope).client_status.edit().cache;
    cache = ir::no_id;
    constexpr std::string_view shared = "shared:";
    if (call[0].text == "off") return;
    if (!call[0].text.starts_with(shared))
        return scope.error(call[0].span, "invalid-value", fmt::format("invalid OCSP cache \"{}\"", call[0].text),
                           "off or shared:NAME:SIZE, such as shared:ocsp:10m");
    auto words = keyword::parse_zone(scope, call[0], call[0].text.substr(shared.size()));
    if (!words) return;
    auto id = keyword::zone_of(scope, words->name, purpose, call.span);
    auto& zone = scope.config.zones[id];
    if (!zone.columns.empty() && zone.bytes != words->bytes)
        return scope.error(call[0].span, "duplicate-zone",
                           fmt::format("the size {} of the cache \"{}\" conflicts with {} above", words->bytes,
                                       words->name, zone.bytes),
                           "say the same size, or name another cache");
    cache = id;
    if (!zone.columns.empty()) return;
    zone.bytes = words->bytes;
    zone.key = ir::Zone::Key::binary;
    // What was said, and until when it holds.
    zone.columns.push_back({.what = ir::Zone::Column::What::record, .count = 2});
    zone.span = call.span;
}

constexpr Contexts both = http | context::server | stream | stream_server;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "ssl_ocsp", .where = both, .args = {keyword::choice("off|on|leaf")}, .apply = lower_ocsp, .fallback = "off", .since = "1.19.0",
     .summary = "Asks responders about certificates of clients: all of the chain, or the client's alone.", .once = true},
    {.name = "ssl_ocsp_cache", .where = both, .args = {keyword::word("off|shared:name:size")}, .apply = lower_ocsp_cache,
     .fallback = "off", .since = "1.19.0", .summary = "Declares the cache of what responders said about clients.", .once = true},
    {.name = "ssl_ocsp_responder", .where = both, .args = {keyword::word("url")}, .apply = lower_ocsp_responder, .since = "1.19.0",
     .summary = "Sets the OCSP responder for certificates of clients.", .once = true},
    {.name = "ssl_stapling", .where = both, .args = {keyword::flag()}, .apply = lower_stapling, .fallback = "off", .since = "1.3.7",
     .summary = "Sends OCSP answers with the certificate.", .once = true},
    {.name = "ssl_stapling_file", .where = both, .args = {keyword::path("file")}, .apply = lower_stapling_file, .since = "1.3.7",
     .summary = "Takes the OCSP answer from a file; nobody is asked then.", .once = true},
    {.name = "ssl_stapling_responder", .where = both, .args = {keyword::word("url")}, .apply = lower_stapling_responder, .since = "1.3.7",
     .summary = "Sets the OCSP responder for the server's certificate.", .once = true},
    {.name = "ssl_stapling_verify", .where = both, .args = {keyword::flag()}, .apply = lower_stapling_verify, .fallback = "off", .since = "1.3.7",
     .summary = "Checks who signed the OCSP answers that are sent.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

// nginx looks the names of responders up once, as the machine does, where no resolver is set.
ir::NameServers names_for_responders(const ir::NameServers& resolver) {
    auto names = resolver;
    names.of_system = names.list.empty();
    return names;
}

void finish_stapling(Block& block) {
    const auto& stapling = block.stapling;
    const auto& before = *block.own.tls;
    bool given = std::any_of(before.identities.begin(), before.identities.end(),
                             [](const auto& one) { return one.chain != nullptr; });
    bool had = std::any_of(before.identities.begin(), before.identities.end(),
                           [](const auto& one) { return one.ocsp || one.status->on; });
    if (!given || (!stapling.on && !had)) return;
    ir::Shared<ir::OcspRules> status;
    if (stapling.on && !stapling.file) {
        auto& rules = status.edit();
        rules.on = true;
        rules.responder = stapling.responder;
        rules.trusted = before.rules.trusted ? before.rules.trusted : before.announced;
        if (rules.trusted && rules.trusted->left_out) rules.trusted = nullptr;
        rules.checks_signer = stapling.verified;
        rules.names = names_for_responders(*block.own.name_servers);
    }
    for (auto& one : tls_profile_of(block).identities) {
        one.ocsp = stapling.on ? stapling.file : nullptr;
        one.status = status;
    }
}

}  // namespace

void finish_ocsp(Block& block) {
    finish_stapling(block);
    const auto& before = *block.own.tls;
    using Of = TlsProfile::ClientStatus::Of;
    if (before.client_status->of == Of::none) return;
    if (before.rules.verify == ir::TlsRules::Verify::optional_any_issuer)
        block.error(block.server->span, "clash",
                    "\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\"",
                    "nobody can be asked about a certificate whose issuer is not known");
    auto& status = tls_profile_of(block).client_status.edit();
    status.names = *block.own.name_servers;
    status.responder_names = names_for_responders(*block.own.name_servers);
}

keyword::Table ocsp_keywords() { return rows; }

}  // namespace weir::nginx
