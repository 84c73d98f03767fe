// SPDX-License-Identifier: Apache-2.0
// Peers: instances, each of its own name, that tell each other what changes in tables. HAProxy: section peers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parser/ir/listener.hpp"

namespace weir::ir {

struct PeerGroup {
    std::string name;
    bool enabled = true;
    std::string local_name;              // of this instance, among the others
    std::optional<Listener> listener;    // where it hears the others; none: nowhere
    struct Peer {                        // another one
        std::string name;
        Endpoint endpoint;
        Span span;
    };
    std::vector<Peer> peers;
    Span span;
};

}  // namespace weir::ir
