// SPDX-License-Identifier: Apache-2.0
// ClientHellos that pass through: pieces end as the whole does, everything told lies within the
// bytes received, and its parts are found without leaving them.
#include <string>

#include "runtime/net/client_hello.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

bool within(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using namespace weir::net;
    auto input = fuzz::split(data, size);
    ClientHello whole;
    auto status = parse_client_hello(input.text, whole);

    ClientHello slow;
    auto piece = HelloStatus::more;
    fuzz::Pieces pieces{input.seed};
    for (std::size_t have = 0; have < input.text.size() && piece == HelloStatus::more;) {
        have += pieces.next();
        piece = parse_client_hello(input.text.substr(0, have), slow);
    }
    FUZZ_CHECK(status == piece);
    FUZZ_CHECK(whole.type == slow.type && whole.server_name == slow.server_name &&
               whole.alpn == slow.alpn);
    for (auto part : {whole.server_name, whole.alpn, whole.ciphers, whole.extensions})
        FUZZ_CHECK(within(part, input.text));
    if (status != HelloStatus::done) return 0;
    for (std::uint16_t type = 0; type < 60; ++type) {
        auto extension = find_extension(whole, type);
        FUZZ_CHECK(within(extension, whole.extensions));
        std::string groups(extension.size(), '\0');
        FUZZ_CHECK(key_share_groups(extension, groups.data()) <= groups.size());
    }
    std::string names(whole.alpn.size(), '\0');
    FUZZ_CHECK(write_alpn(whole.alpn, names.data()) <= names.size());
    version_name(whole.highest_version);
    return 0;
}
