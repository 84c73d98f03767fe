// SPDX-License-Identifier: Apache-2.0
// The tables behind own_tables(), one function per file of rows, and what those files share.
#pragma once

#include "parser/haproxy/scope.hpp"

namespace weir::haproxy {

keyword::Table filter_table();   // filters.cpp
keyword::Table global_table();
keyword::Table http2_table();       // of global, bind and proxies
keyword::Table proxy_table();
keyword::Table option_table();  // "option ..." of proxies
keyword::Table rule_table();    // http-request, acl, use_backend, ... of proxies
keyword::Table check_table();   // http-check, tcp-check
keyword::Table bind_table();
keyword::Table bind_tls_table();
keyword::Table global_tls_table();
keyword::Table server_table();
keyword::Table server_tls_table();         // options of server lines about TLS
keyword::Table server_tls_default_table(); // of global
keyword::Table server_http2_table();  // proto, ws; tune.h2.be.*
keyword::Table action_table();
keyword::Table proxy_header_table();  // PROXY header of servers
keyword::Table sample_table();
keyword::Table first_bytes_table();  // fetches of PROXY header and ClientHello
keyword::Table tls_sample_table();
keyword::Table server_sample_table();  // of connections to servers
keyword::Table cookie_table();
keyword::Table service_check_table();  // option smtpchk and its kin
keyword::Table cache_table();
keyword::Table certificate_table();  // crt-store, load, ocsp-update
keyword::Table converter_table();
keyword::Table format_converter_table();
keyword::Table map_table();  // map_str and the like
keyword::Table acl_table();         // hdr_beg and the like
keyword::Table predefined_table();  // TRUE, METH_GET, ...
keyword::Table acl_word_table();    // flags, match methods, operators
keyword::Table variable_table();    // %ci
keyword::Table value_table();       // words of balance, hash-type, mode, http-reuse
keyword::Table retry_table();       // words of retry-on
keyword::Table match_table();       // words of http-check expect, tcp-check expect
keyword::Table bind_line_table();
keyword::Table server_line_table();
keyword::Table redirect_table();  // words of redirect
keyword::Table stick_table();         // stick-table and stick lines, options of stick-table
keyword::Table stick_word_table();    // its types and data
keyword::Table stick_action_table();
keyword::Table stick_fetch_table();
keyword::Table stick_converter_table();
keyword::Table peers_table();       // keywords_peers.cpp
keyword::Table section_table();   // frontend, backend, ...

// The type of a value of a PROXY header: "0xe0", "224", "AUTHORITY".
std::optional<std::uint8_t> proxy_value_type(std::string_view text);

// "proto NAME" of bind and server lines: whether it is HTTP/2; nothing after an error. `whose`: "listener".
std::optional<bool> reads_as_http2(keyword::Scope& scope, const Call& call, std::string_view whose);

// answers.cpp
void lower_return(keyword::Scope& scope, const Call& call);
void lower_deny(keyword::Scope& scope, const Call& call);
void lower_tarpit(keyword::Scope& scope, const Call& call);
void lower_auth(keyword::Scope& scope, const Call& call);
void lower_http_error(keyword::Scope& scope, const Call& call);
std::optional<std::uint16_t> read_status(keyword::Scope& scope, const Argument& word, int low, int high);

void complete_tables(ir::Config& config);
// Options of a stick-table behind its name: what `call` names is declared as `name`.
void lower_table(Scope& scope, const Call& call, Args options, std::string name);
// "name [address [options]]" of a line about a peer, into the servers of the draft.
void lower_peer(Scope& scope, const Call& call);
// What was said of the server at run time (set server ... addr) goes over its line.
void move_server(Scope& scope, std::string_view section, ServerWords& words);
Contexts places_of(ir::Fetch code);
void plain_converter(ir::Expr& expr, const Keyword& row, const Call& call);

}  // namespace weir::haproxy
