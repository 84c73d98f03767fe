// SPDX-License-Identifier: Apache-2.0
// What expressions and logs ask about a TLS connection and its certificates. Belongs to the connection
// and stays true after its Stream is closed, for logs are written then.
#pragma once

#include <string>
#include <string_view>

#include "parser/ir/tls.hpp"
#include "runtime/base/arena.hpp"
#include "runtime/net/tls.hpp"

namespace weir::net {

class TlsFacts {
public:
    // When the handshake is done, and whenever a new one with the same connection were.
    explicit TlsFacts(const TlsSession& session);
    ~TlsFacts();
    TlsFacts(const TlsFacts&) = delete;
    TlsFacts& operator=(const TlsFacts&) = delete;

    [[nodiscard]] std::string_view protocol() const;
    [[nodiscard]] std::string_view cipher() const;
    [[nodiscard]] std::string_view server_name() const;
    [[nodiscard]] std::string_view alpn() const;
    [[nodiscard]] bool resumed() const;
    [[nodiscard]] int verify_error() const;
    [[nodiscard]] bool has_certificate() const;

    // data() == nullptr: there is no such thing. `argument`: for names what HAProxy's fetches take
    // ("", "CN", "CN,2", ",0,rfc2253").
    std::string_view text(ir::TlsFact what, std::string_view argument, Arena& arena) const;
    // A number, or truth as 0 and 1.
    [[nodiscard]] std::int64_t number(ir::TlsFact what) const;

private:
    std::string_view of_connection(ir::TlsFact what, Arena& arena) const;
    ssl_st* ssl_;              // a reference of our own; nothing is read or written through it
    TlsErrors errors_;
};

}  // namespace weir::net
