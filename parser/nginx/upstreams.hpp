// SPDX-License-Identifier: Apache-2.0
// Pools: the upstream blocks, and those that proxy_pass makes by naming a host.
#pragma once

#include "parser/nginx/addresses.hpp"
#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// The pool for the host of a proxy_pass: the upstream of that name, else one made of the host's
// addresses. no_id when there was an error, which is reported.
ir::PoolId pool_for(Block& block, const HostPort& host, std::uint16_t default_port, Span span);

// The same for stream, where a host that is no upstream needs a port.
ir::PoolId pool_for_stream(Block& block, const HostPort& host, bool needs_upstream, Span span);

// proxy_bind, the same in http and stream.
void lower_proxy_bind(keyword::Scope& scope, const keyword::Call& call);

}  // namespace weir::nginx
