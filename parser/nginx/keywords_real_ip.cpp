// SPDX-License-Identifier: Apache-2.0
// Rows that say whose word counts about the client's address: set_real_ip_from and its kin, in http
// (a field of the request, or the PROXY header) and in stream (the PROXY header).
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/addresses.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::RealAddress;
using ir::Settings;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;

void lower_set_real_ip_from(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& real = block.own.real_address.edit();
    if (block.first_use(*call.row)) {
        real.trusted.clear();
        real.trusts_unix = false;
    }
    auto text = call[0].text;
    if (text == "unix:") {
        real.trusts_unix = true;
        return;
    }
    if (auto cidr = value::parse_cidr(text)) {
        if (cidr->had_host_bits)
            block.sink.warning(call[0].span, "host-bits",
                               fmt::format("low address bits of {} are meaningless", text));
        real.trusted.push_back({cidr->address, cidr->bits});
        return;
    }
    if (text.find('/') != text.npos)
        return invalid_parameter(block, call, call[0], "write a network such as 10.0.0.0/8");
    auto found = addresses_of(block, std::string(text), call[0].span);
    for (const auto& ip : found)
        real.trusted.push_back(
            {ip, static_cast<std::uint8_t>(ip.family == IpAddress::Family::v4 ? 32 : 128)});
}

void lower_real_ip_header(Scope& scope, const Call& call) {
    auto& real = scope.settings().real_address.edit();
    real.from_proxy_header = call[0].text == "proxy_protocol";
    real.field = real.from_proxy_header ? std::string() : std::string(call[0].text);
}

constexpr std::string_view trusted = "Names trusted proxies that may tell the client's real address.";

// clang-format off
constexpr Keyword rows[] = {
    {.name = "real_ip_header", .where = http | server | location, .args = {keyword::word("field|proxy_protocol")},
     .apply = lower_real_ip_header, .fallback = "X-Real-IP",
     .summary = "Names the request field that holds the client's real address.", .once = true},
    {.name = "real_ip_recursive", .where = http | server | location, .args = {keyword::flag()},
     .apply = set<&Settings::real_address, &RealAddress::recursive>, .fallback = "off", .since = "1.3.0,1.2.1",
     .summary = "Looks for the client's address behind several trusted proxies.", .once = true},
    {.name = "set_real_ip_from", .where = http | server | location | stream | stream_server,
     .args = {keyword::word("address|network|unix:")}, .apply = lower_set_real_ip_from,
     .inherit = Inherit::replace_list, .summary = trusted},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table real_ip_keywords() { return rows; }

}  // namespace weir::nginx
