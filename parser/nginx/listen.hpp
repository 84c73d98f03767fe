// SPDX-License-Identifier: Apache-2.0
// Listeners and the sites behind them, for http and stream.
#pragma once

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// A listen directive: finds or makes the listener of each address and notes it in the server draft.
void read_listen(Block& block, const keyword::Call& call);

// $server_name: the first name as written.
std::string site_name_of(const ir::Site& site);

// Puts the finished site into the configuration and behind its listeners; reports names that another
// server of the same address has.
void add_site(Block& block, ir::Site site, const ServerDraft& draft);

}  // namespace weir::nginx
