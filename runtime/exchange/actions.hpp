// SPDX-License-Identifier: Apache-2.0
// Actions of rules that need no HTTP message: the same for requests (rules.cpp), for sessions without
// HTTP (session.cpp) and for connections before either (early_rules.cpp).
#pragma once

#include "runtime/exchange/connection.hpp"

namespace weir::exchange {

void set_variable(const plan::Rule& rule, const ir::action::SetVariable& action,
                  route::Subject& subject);
// set-src and the like: the subject gets an address of its own, the connection keeps its.
void set_address(const plan::Rule& rule, route::Subject& subject, const ir::action::SetAddress& action);
void store_capture(const plan::Rule& rule, route::Subject& subject, const ir::action::Capture& action);
// access.cpp: allow and deny of a stream site.
bool is_refused(const route::Address& client, const ir::AccessSettings& access);
// set-mark, set-tos: of the packets to the client. Without the privilege nothing happens, as with
// HAProxy.
void set_mark(const ir::action::SetMark& action, int fd);

// early_rules.cpp: what a connection goes through before its first byte is looked at. Rules of
// HAProxy's tcp-request connection stand before a PROXY header, those of tcp-request session after
// it. False: the connection is to be closed without a word.
// Counts the session where its connection's followers point.
void count_session(const Connection& connection);
// What can be asked of a connection that has sent nothing yet.
void begin_early(route::Subject& subject, Arena& arena, Connection& connection, const plan::Site& site);
bool run_early_rules(Connection& connection, const plan::Site& site,
                     const std::vector<plan::Rule>& rules);

}  // namespace weir::exchange
