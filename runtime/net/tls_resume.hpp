// SPDX-License-Identifier: Apache-2.0
// Resumption of clients' TLS sessions: by tickets and by ids, and what responders said about our
// certificates. Where these are kept is said by whoever starts a worker; without it there are none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ir/tls.hpp"

namespace weir::net {

struct TlsTicketKey {
    unsigned char name[16], hmac[32], aes[32];
    std::uint8_t hmac_bytes = 32, aes_bytes = 32;   // 16 in files of 48 bytes
};

struct TlsKeeper {
    void* self = nullptr;
    bool (*newest_key)(void* self, TlsTicketKey& key) = nullptr;
    bool (*find_key)(void* self, const unsigned char* name, TlsTicketKey& key, bool& newest) = nullptr;
    void (*put)(void* self, std::string_view id, std::string_view session) = nullptr;
    bool (*find)(void* self, std::string_view id, std::string& session) = nullptr;
    // Whether early data under this random of a client comes for the first time.
    bool (*is_first)(void* self, std::string_view client_random) = nullptr;
    // The OCSP response about the certificate of that place (ocsp_place()).
    bool (*find_status)(void* self, std::string_view place, std::string& response) = nullptr;
};
// For all contexts of this process, before the first connection.
void keep_sessions_by(const TlsKeeper& keeper);
[[nodiscard]] const TlsKeeper& session_keeper();

// The keys in files of a configuration: raw (nginx, one a file) or base64 lines (HAProxy). The one
// that makes tickets comes first. Empty: a file is broken.
std::vector<TlsTicketKey> read_ticket_keys(const std::vector<ir::File>& files);

}  // namespace weir::net
