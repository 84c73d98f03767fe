// SPDX-License-Identifier: Apache-2.0
// PROXY headers of both versions: pieces end as the whole does, nothing outside of the header is
// taken, and what was read is read again from what is written of it.
#include "runtime/net/proxy_protocol.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using namespace weir::net;
    auto input = fuzz::split(data, size);
    ProxyHeader whole;
    auto result = parse_proxy_header(input.text, whole);

    ProxyHeader slow;
    ProxyResult piece;
    fuzz::Pieces pieces{input.seed};
    for (std::size_t have = 0; have < input.text.size() && piece.status == ProxyStatus::more;) {
        have += pieces.next();
        piece = parse_proxy_header(input.text.substr(0, have), slow);
    }
    FUZZ_CHECK(result.status == piece.status && result.bytes == piece.bytes);
    if (result.status != ProxyStatus::done) return 0;
    FUZZ_CHECK(result.bytes <= input.text.size());
    FUZZ_CHECK(whole.version == 2 || result.bytes <= 107);
    FUZZ_CHECK(whole.tlvs.empty() ||
               whole.tlvs.data() + whole.tlvs.size() == input.text.data() + result.bytes);
    for (int type = 0; type < 256; ++type) {
        auto value = find_tlv(whole.tlvs, static_cast<ProxyTlv>(type));
        FUZZ_CHECK(value.size() <= whole.tlvs.size());
    }

    ProxyHeader again;
    std::string text = write_proxy_header(whole);
    auto second = parse_proxy_header(text, again);
    FUZZ_CHECK(second.status == ProxyStatus::done && second.bytes == text.size());
    FUZZ_CHECK(again.source == whole.source && again.destination == whole.destination);
    bool is_unix_without_paths = whole.version == 2 && !whole.own && again.own;
    // A checksum is made anew: of the bytes received or of those written, which may differ (padding).
    bool summed = find_tlv(whole.tlvs, ProxyTlv::crc32c).data() != nullptr;
    FUZZ_CHECK(is_unix_without_paths ||
               (again.own == whole.own && again.tlvs.size() == whole.tlvs.size() &&
                (summed || again.tlvs == whole.tlvs)));
    return 0;
}
