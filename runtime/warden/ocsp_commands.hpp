// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket about OCSP responders, and what HAProxy's log says of their answers.
#pragma once

#include <string>

#include "runtime/filter/command.hpp"
#include "runtime/warden/ocsp_updater.hpp"

namespace weir::warden {

filter::Commands ocsp_commands();
// Whose items they are about; null: there are none.
void ocsp_commands_about(OcspUpdater* updater);
// The line for HAProxy's log when a question has its outcome.
std::string ocsp_line(const OcspUpdater::Item& item);
// The newest response (DER) about that certificate, from a responder or beside it; empty: none.
std::string newest_response(const ir::TlsIdentity& identity);
// The response in words. No line of an answer of the socket is empty: that is its end.
void put_response(std::string& out, std::string_view der);

}  // namespace weir::warden
