// SPDX-License-Identifier: Apache-2.0
// TLS towards servers, compiled: what OpenSSL needs, and the programs of names. Contexts are found
// again by their content: ten thousand servers with one set of rules have one, and a reload that
// changes nothing makes none.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "parser/ir/server_tls.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/plan/tls_files.hpp"
#include "runtime/route/eval.hpp"

namespace weir::plan {

struct ServerTls {
    const ir::ServerTls* source = nullptr;
    // Null where the certificate shown is computed: made for each.
    std::shared_ptr<const net::TlsContext> context;
    route::Template name, certificate, key;
    // The same without "h2" in what is offered, for WebSockets; null: there is no "h2", or nothing else.
    std::unique_ptr<ServerTls> apart;
    std::shared_ptr<const ir::ServerTls> own_source;   // of one that is apart
    mutable ReadIdentities read;   // where the certificate is computed
};

// The context for these rules with these certificates, a known one where the content is the same.
Expected<std::shared_ptr<const net::TlsContext>, net::TlsProblem> find_server_context(
    const ir::TlsRules& rules, const ir::TlsIdentity& identity);

// All of a plan, by what they were made from.
class ServerTlsTable {
public:
    // Null when it cannot be made (then `problems` says why), or with files that --offline left
    // out.
    const ServerTls* add(const ir::ServerTls& source, route::Library& library,
                         std::vector<route::Library::Problem>& problems);
    [[nodiscard]] const ServerTls* find(const ir::ServerTls& source) const;

private:
    std::unordered_map<const ir::ServerTls*, std::unique_ptr<ServerTls>> made_;
    // By rules and the files as objects: the bytes of a file are looked at once.
    std::unordered_map<std::string, std::shared_ptr<const net::TlsContext>> contexts_;
};

}  // namespace weir::plan
