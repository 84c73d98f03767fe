// SPDX-License-Identifier: Apache-2.0
// Certificates whose file names are computed (ssl_certificate and proxy_ssl_certificate with
// variables): no configuration lists them, so the worker reads them when one is wanted, as nginx
// does, with the rights of the worker. The master reads nothing that a client named.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "parser/ir/tls.hpp"
#include "runtime/net/time.hpp"

namespace weir::plan {

// The pairs of certificate and key that one place of the configuration read last.
class ReadIdentities {
public:
    struct Rules {
        std::string_view folder;   // with '/', where relative paths start
        std::uint32_t most_files;  // kept; 0: none. A pair is two.
        std::chrono::seconds valid, inactive;
    };
    // Reads both files into `identity` (an empty path of the key: it is there already), or takes them
    // from memory. False: `problem` says which cannot be read.
    bool read(const Rules& rules, std::string_view certificate, std::string_view key,
              ir::TlsIdentity& identity, std::string& problem);

private:
    struct Entry {
        std::string certificate, key;
        ir::TlsIdentity identity;
        net::Time read_at, used_at;
    };
    const ir::TlsIdentity* find(const Rules& rules, const std::string& certificate, const std::string& key);
    std::list<Entry> entries_;   // the one that was asked for last in front
};

}  // namespace weir::plan
