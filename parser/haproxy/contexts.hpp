// SPDX-License-Identifier: Apache-2.0
// The places of HAProxy's language, one bit each: where a row of a keyword table may be used. A
// sub-language (options of bind and server, actions, sample fetches, log-format variables, ...) is
// a place like a section is, so that one Registry holds every row and `find(name, place)` is exact.
// A keyword of two words is one row named with one space: "option httplog", "timeout connect",
// "stats uri", "http-check send", "tcp-request content", "capture request header".
// The comment gives the kind column of the reference table where the name alone does not.
#pragma once

#include "parser/keyword/keyword.hpp"

namespace weir::haproxy::in {

using keyword::Contexts;

constexpr Contexts bit(unsigned n) { return Contexts(1) << n; }

// Sections. A named defaults section takes rules that an anonymous one does not: it has both bits.
inline constexpr Contexts global = bit(0);
inline constexpr Contexts defaults = bit(1);
inline constexpr Contexts named_defaults = bit(2);  // defaults(named)
inline constexpr Contexts frontend = bit(3);
inline constexpr Contexts listen = bit(4);
inline constexpr Contexts backend = bit(5);
inline constexpr Contexts peers = bit(6);
inline constexpr Contexts resolvers = bit(7);
inline constexpr Contexts cache = bit(8);
inline constexpr Contexts userlist = bit(9);
inline constexpr Contexts ring = bit(10);
inline constexpr Contexts mailers = bit(11);
inline constexpr Contexts program = bit(12);
inline constexpr Contexts http_errors = bit(13);
inline constexpr Contexts fcgi_app = bit(14);
inline constexpr Contexts healthcheck = bit(15);
inline constexpr Contexts crt_store = bit(16);
inline constexpr Contexts traces = bit(17);
inline constexpr Contexts log_forward = bit(18);
inline constexpr Contexts log_profile = bit(19);
inline constexpr Contexts acme = bit(20);
inline constexpr Contexts top = bit(21);  // words that open a section: kind "section"

// Options of one line.
inline constexpr Contexts bind = bit(22);               // bind option
inline constexpr Contexts server = bit(23);             // server option, also default-server
inline constexpr Contexts balance = bit(24);            // balance algorithm
inline constexpr Contexts hash_type = bit(25);          // hash-type value
inline constexpr Contexts cookie = bit(26);             // cookie option
inline constexpr Contexts redirect = bit(27);           // redirect option
inline constexpr Contexts compression = bit(28);        // compression option
inline constexpr Contexts filter = bit(29);             // filter NAME
inline constexpr Contexts stick_table = bit(30);        // stick-table option
inline constexpr Contexts stick_type = bit(31);         // stick-table type
inline constexpr Contexts stick_data = bit(32);         // stick-table data
inline constexpr Contexts http_check_expect = bit(33);  // http-check expect match
inline constexpr Contexts tcp_check_expect = bit(34);   // tcp-check expect match
inline constexpr Contexts http_reuse = bit(35);         // http-reuse value
inline constexpr Contexts retry_on = bit(36);           // retry-on value
inline constexpr Contexts mode = bit(37);               // mode value
inline constexpr Contexts log_name = bit(38);           // log ... format: log format name
inline constexpr Contexts crt_list = bit(39);           // crt-list option

// Actions of rules.
inline constexpr Contexts http_request = bit(40);
inline constexpr Contexts http_response = bit(41);
inline constexpr Contexts http_after_response = bit(42);
inline constexpr Contexts tcp_request_connection = bit(43);
inline constexpr Contexts tcp_request_session = bit(44);
inline constexpr Contexts tcp_request_content = bit(45);
inline constexpr Contexts tcp_response_content = bit(46);
inline constexpr Contexts quic_initial = bit(47);
inline constexpr Contexts service = bit(48);  // use-service NAME

// Expressions.
inline constexpr Contexts sample = bit(49);          // fetch
inline constexpr Contexts converter = bit(50);       // converter
inline constexpr Contexts log_format = bit(51);      // log-format variable, with its '%'
inline constexpr Contexts acl = bit(52);             // acl keyword alias (hdr_beg, path_reg, ...)
inline constexpr Contexts acl_predefined = bit(53);  // predefined acl
inline constexpr Contexts acl_method = bit(54);      // acl match method
inline constexpr Contexts acl_flag = bit(55);        // acl flag
inline constexpr Contexts acl_operator = bit(56);    // acl operator
inline constexpr Contexts crt_load = bit(57);        // load option of a crt-store

// Keywords that HAProxy itself has given up ("removed keyword"): rows refuse them and say what to
// use instead. They stand in the place where they once were allowed.

// Combinations that many rows need.
inline constexpr Contexts any_proxy = defaults | frontend | listen | backend;
inline constexpr Contexts front_side = defaults | frontend | listen;
inline constexpr Contexts back_side = defaults | listen | backend;
inline constexpr Contexts rules_anywhere = named_defaults | frontend | listen | backend;

}  // namespace weir::haproxy::in
