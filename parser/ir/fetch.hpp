// SPDX-License-Identifier: Apache-2.0
// Every value that traffic can yield (Fetch) and every conversion (Converter), in neutral names.
// The front-ends map their words onto these; runtime/route/eval.cpp has one function for each.
// Comment: nginx spelling | HAProxy spelling.
#pragma once

#include <cstdint>

namespace weir::ir {

// The number of a fetch that can yield several values (request_header, cookie, query_argument, ...):
// n = the n-th, -n = the n-th from the end, and the names of ir::occurrence in expr.hpp. The same as
// occurrence::every there: inside a match any of them counts, elsewhere the last.
inline constexpr std::int64_t every_occurrence = INT64_MIN;

// What proxy_protocol_value takes of a value whose type it names: all of it, the verdict on the client's
// certificate, the id behind a vendor's own type (0xe0, 0xea, 0xee); else the type inside of `ssl`.
namespace proxy_value_part {
inline constexpr std::int64_t whole = 0, verify = 1, vendor_id = 2;
}

// is_local_address: which one. peer: of the connection itself, before a PROXY header or a rule.
enum class AddressOf : std::uint8_t { client, local, peer, peer_local };
// hello_list: the cipher suites, which are no extension.
inline constexpr std::int64_t hello_ciphers = -1;

// X(name, type, phase from which the value exists)
#define WEIR_FETCHES(X)                                                                       \
    /* constants and the process */                                                           \
    X(always_true, boolean, connect)          /* | always_true, TRUE */                       \
    X(always_false, boolean, connect)         /* | always_false, FALSE */                     \
    X(host_name, bytes, connect)              /* $hostname | hostname, %H */                  \
    X(process_id, integer, connect)           /* $pid | %pid */                               \
    X(version, bytes, connect)                /* $nginx_version */                            \
    X(environment, bytes, connect)            /* | env(name) */                               \
    X(random, integer, connect)               /* | rand(n) */                                 \
    X(unique_id, bytes, connect)              /* $request_id, 32 hex digits */                \
    X(uuid, bytes, connect)                   /* | uuid */                                    \
    X(unique_id_format, bytes, request)       /* | unique-id, %ID */                          \
    X(worker_count, integer, connect)         /* | nbproc, thread counts */                   \
    /* time */                                                                                \
    X(time_iso8601, bytes, connect)           /* $time_iso8601 */                             \
    X(date_local, bytes, connect)             /* $date_local */                                \
    X(date_gmt, bytes, connect)               /* $date_gmt */                                  \
    X(time_local, bytes, connect)             /* $time_local | %trl of now */                 \
    X(time_msec, bytes, connect)              /* $msec, seconds.milliseconds */               \
    X(date_seconds, integer, connect)         /* | date (number = offset) */                  \
    X(date_microseconds, integer, connect)    /* | date_us */                                 \
    /* client side connection */                                                              \
    X(client_address, address, connect)       /* $remote_addr | src, %ci */                   \
    X(client_address_binary, bytes, connect)  /* $binary_remote_addr */                       \
    X(client_port, integer, connect)          /* $remote_port | src_port, %cp */              \
    X(local_address, address, connect)        /* $server_addr | dst, %fi */                   \
    X(local_port, integer, connect)           /* $server_port | dst_port, %fp */              \
    X(peer_address, address, connect)         /* $realip_remote_addr | before PROXY header */ \
    X(peer_port, integer, connect)            /* $realip_remote_port */                       \
    X(proxy_protocol_address, bytes, connect) /* $proxy_protocol_addr */                      \
    X(proxy_protocol_port, bytes, connect)    /* $proxy_protocol_port */                      \
    X(proxy_protocol_server_address, bytes, connect)                                          \
    X(proxy_protocol_server_port, bytes, connect)                                             \
    /* $proxy_protocol_tlv_NAME | fc_pp_tlv: number = type + 256 * the part of it that is meant */\
    X(proxy_protocol_value, bytes, connect)                                                   \
    X(peer_local_address, address, connect)   /* | fc_dst */                                  \
    X(peer_local_port, integer, connect)      /* | fc_dst_port */                             \
    X(is_local_address, boolean, connect)     /* | src_is_local, ...: number = AddressOf */   \
    X(connection_serial, integer, connect)    /* $connection | fc_... */                      \
    X(connection_requests, integer, request)  /* $connection_requests */                      \
    X(connection_time, bytes, connect)        /* $connection_time */                          \
    X(protocol, bytes, connect)               /* $protocol (stream): TCP, UDP */              \
    X(listener_name, bytes, connect)          /* | so_name */                                 \
    X(listener_id, integer, connect)          /* | so_id */                                   \
    X(received_proxy_header, boolean, connect) /* | fc_rcvd_proxy */                          \
    X(http_major, integer, request)           /* | fc_http_major */                           \
    X(http2_name, bytes, request)             /* $http2: h2 over TLS, h2c; empty: HTTP/1 */   \
    X(client_glitches, integer, request)      /* | fc_glitches: violations of HTTP/2 so far */\
    /* TLS, client side */                                                                    \
    X(tls_used, boolean, connect)             /* $https (on) | ssl_fc */                      \
    X(tls_sni, bytes, handshake)              /* $ssl_server_name | ssl_fc_sni */             \
    X(tls_protocol, bytes, handshake)         /* $ssl_protocol | ssl_fc_protocol, %sslv */    \
    X(tls_cipher, bytes, handshake)           /* $ssl_cipher | ssl_fc_cipher, %sslc */        \
    X(tls_alpn, bytes, handshake)             /* $ssl_alpn_protocol | ssl_fc_alpn */          \
    X(tls_text, bytes, handshake)             /* number = ir::TlsFact, text = argument */     \
    X(tls_number, integer, handshake)         /* the same */                                  \
    X(client_fault, integer, connect)         /* | fc_err: what became of the connection */   \
    X(client_fault_text, bytes, connect)      /* | fc_err_str */                              \
    X(client_tls_fault, integer, connect)     /* | ssl_fc_err: OpenSSL's number */            \
    X(client_tls_fault_text, bytes, connect)  /* | ssl_fc_err_str */                          \
    X(hello_sni, bytes, handshake)            /* $ssl_preread_server_name | req.ssl_sni */    \
    X(hello_alpn, bytes, handshake)           /* $ssl_preread_alpn_protocols | req.ssl_alpn */\
    X(hello_protocol, bytes, handshake)       /* $ssl_preread_protocol | req.ssl_ver */       \
    X(hello_type, integer, handshake)         /* | req.ssl_hello_type */                      \
    X(hello_has_extension, boolean, handshake) /* | req.ssl_ec_ext: number = extension */      \
    X(hello_ticket, integer, handshake)       /* | req.ssl_st_ext: 0 none, 1 empty, 2 there */ \
    X(hello_list, bytes, handshake)           /* | req.ssl_cipherlist, ...: number = extension */ \
    X(payload_length, integer, handshake)     /* | req.len */                                 \
    X(payload, bytes, handshake)              /* | req.payload(number, text=length) */        \
    /* request */                                                                             \
    X(te_trailers, bytes, request)            /* $grpc_internal_trailers */                   \
    X(method, bytes, request)                 /* $request_method | method */                  \
    X(request_line, bytes, request)           /* $request | %r */                             \
    X(request_target, bytes, request)         /* $request_uri | url, %HU */                   \
    X(request_version, bytes, request)        /* $server_protocol ("HTTP/1.1") | %HV */       \
    X(request_version_number, bytes, request) /* | req.ver ("1.1") */                         \
    X(path, bytes, request)                   /* | path, %HPO: target without query, raw */   \
    X(path_and_query, bytes, request)         /* | pathq, %HP */                              \
    X(normalized_path, bytes, request)        /* $uri, $document_uri: decoded, rewritten */   \
    X(query, bytes, request)                  /* $args, $query_string | query, %HQ */         \
    X(has_query, bytes, request)              /* $is_args: "?" or "" */                       \
    X(query_argument, bytes, request)         /* $arg_NAME | url_param(NAME) */               \
    X(scheme, bytes, request)                 /* $scheme */                                   \
    X(host, bytes, request)                   /* $host: lower case, no port, site name last */\
    X(authority_port, bytes, request)         /* $request_port */                             \
    X(authority_has_port, bytes, request)     /* $is_request_port: ":" or empty */            \
    X(authority, bytes, request)              /* | host from Host or absolute form */         \
    X(base, bytes, request)                   /* | base: Host + path */                       \
    X(base32, integer, request)               /* | base32 */                                  \
    X(request_header, bytes, request)         /* $http_NAME (number 0 = joined by ", ") | req.hdr(NAME,occ): one comma-separated value, -1 = last */ \
    X(request_header_full, bytes, request)    /* | req.fhdr(NAME,occ): whole lines */         \
    X(request_header_count, integer, request) /* | req.hdr_cnt(NAME) */                       \
    X(request_header_full_count, integer, request) /* | req.fhdr_cnt(NAME) */                 \
    X(request_header_address, address, request)    /* | req.hdr_ip(NAME,occ) */               \
    X(request_header_names, bytes, request)   /* | req.hdr_names */                           \
    X(request_headers, bytes, request)        /* | req.hdrs */                                \
    X(request_header_bytes, integer, request) /* head size */                                 \
    X(cookie, bytes, request)                 /* $cookie_NAME | req.cook(NAME) */             \
    X(cookie_count, integer, request)         /* | req.cook_cnt(NAME) */                      \
    X(cookie_names, bytes, request)           /* | req.cook_names(delimiter) */               \
    X(content_length, bytes, request)         /* $content_length */                           \
    X(content_type, bytes, request)           /* $content_type */                             \
    X(forwarded_for, bytes, request)          /* $proxy_add_x_forwarded_for */                \
    X(request_body, bytes, request)           /* $request_body | req.body */                  \
    X(request_body_file, bytes, request)      /* $request_body_file */                        \
    X(request_body_length, integer, request)  /* | req.body_len */                            \
    X(request_body_size, integer, request)    /* | req.body_size */                           \
    X(request_length, integer, request)       /* $request_length: head and body so far */     \
    X(request_completion, bytes, log)         /* $request_completion */                       \
    X(remote_user, bytes, request)            /* $remote_user | %[http_auth...] */            \
    X(basic_auth_password, bytes, request)    /* */                                           \
    X(script_name, bytes, request)            /* $fastcgi_script_name */                      \
    X(path_info, bytes, request)              /* $fastcgi_path_info */                        \
    X(document_root, bytes, request)          /* $document_root */                            \
    X(request_filename, bytes, request)       /* $request_filename */                         \
    X(realpath_root, bytes, request)          /* $realpath_root */                            \
    X(limit_rate, bytes, request)             /* $limit_rate */                               \
    X(wait_end, boolean, request)             /* | WAIT_END */                                \
    X(http_valid, boolean, request)           /* | HTTP, req.proto_http */                    \
    X(first_request, boolean, request)        /* | http_first_req */                          \
    X(request_captured_header, bytes, request) /* | capture.req.hdr(number) */                \
    X(response_captured_header, bytes, response) /* | capture.res.hdr(number) */              \
    X(request_captures, bytes, request)       /* | %hr */                                     \
    X(response_captures, bytes, response)     /* | %hs */                                     \
    X(capture_group, bytes, request)          /* $1..$9 (number) */                           \
    X(named_capture, bytes, request)          /* (?<name>...) by slot (number) */             \
    X(variable, bytes, connect)               /* set $name (number = slot) | var(scope.name) */\
    /* where it goes */                                                                       \
    X(site_name, bytes, request)              /* $server_name */                              \
    X(frontend_name, bytes, connect)          /* | fe_name, %f */                             \
    X(frontend_id, integer, connect)          /* | fe_id */                                   \
    X(pool_name, bytes, forward)              /* | be_name, %b */                             \
    X(server_name, bytes, forward)            /* | srv_name, %s */                            \
    X(server_address, bytes, forward)         /* | bc_dst, %si */                             \
    X(server_port, integer, forward)          /* | bc_dst_port, %sp */                        \
    X(server_source_address, address, forward) /* | bc_src, %bi */                            \
    X(server_source_port, integer, forward)   /* | bc_src_port, %bp */                        \
    X(server_http_major, integer, response)   /* | bc_http_major */                           \
    X(server_id, integer, forward)            /* | srv_id */                                  \
    X(server_reused, boolean, forward)        /* | bc_reused: carried requests before */      \
    X(server_tls_text, bytes, forward)        /* | ssl_bc_*, ssl_s_*: number = ir::TlsFact */ \
    X(server_tls_number, integer, forward)    /* the same */                                  \
    X(forward_host, bytes, forward)           /* $proxy_host */                               \
    X(forward_port, bytes, forward)           /* $proxy_port */                               \
    /* load: text = pool (or pool/server), empty = the current one */                         \
    X(servers_up, integer, connect)           /* | nbsrv */                                   \
    X(pool_connections, integer, connect)     /* | be_conn */                                 \
    X(pool_free_connections, integer, connect) /* | be_conn_free */                           \
    X(pool_session_rate, integer, connect)    /* | be_sess_rate */                            \
    X(pool_average_queue, integer, connect)   /* | avg_queue */                               \
    X(pool_queue, integer, connect)           /* | queue */                                   \
    X(pool_slots, integer, connect)           /* | connslots */                               \
    X(site_connections, integer, connect)     /* | fe_conn, %fc */                            \
    X(site_request_rate, integer, connect)    /* | fe_req_rate */                             \
    X(site_session_rate, integer, connect)    /* | fe_sess_rate */                            \
    X(process_connections, integer, connect)  /* | act_conn, %ac */                           \
    X(server_connections, integer, connect)   /* | srv_conn */                                \
    X(server_queue, integer, connect)         /* | srv_queue */                               \
    X(server_is_up, boolean, connect)         /* | srv_is_up */                               \
    X(server_weight, integer, connect)        /* | srv_weight */                              \
    /* response as the server sent it, and what went out */                                   \
    X(status, integer, response)              /* $status | status, %ST */                     \
    X(response_header, bytes, response)       /* $upstream_http_NAME | res.hdr(NAME,occ) */   \
    X(response_header_full, bytes, response)  /* | res.fhdr */                                \
    X(response_header_count, integer, response)  /* | res.hdr_cnt */                          \
    X(response_header_full_count, integer, response) /* | res.fhdr_cnt */                     \
    X(response_header_names, bytes, response) /* | res.hdr_names */                           \
    X(response_headers, bytes, response)      /* | res.hdrs */                                \
    X(response_version, bytes, response)      /* | res.ver */                                 \
    X(response_cookie, bytes, response)       /* $upstream_cookie_NAME | res.cook */          \
    X(response_cookie_count, integer, response) /* | res.cook_cnt */                          \
    X(response_cookie_names, bytes, response) /* | res.cook_names */                          \
    X(response_payload, bytes, response)      /* | res.payload(number, text=length) */        \
    X(response_trailer, bytes, reply)         /* $upstream_trailer_NAME */                    \
    X(sent_header, bytes, reply)              /* $sent_http_NAME */                           \
    X(sent_trailer, bytes, reply)             /* $sent_trailer_NAME */                        \
    X(compression_ratio, bytes, log)          /* $gzip_ratio 0, $brotli_ratio 1, $zstd_ratio 2 */ \
    X(compressed, boolean, response)          /* | res.comp: here, not by the server */       \
    X(compression_name, bytes, response)      /* | res.comp_algo */                           \
    X(bytes_sent, integer, log)               /* $bytes_sent | %B */                          \
    X(body_bytes_sent, integer, log)          /* $body_bytes_sent */                          \
    X(bytes_received, integer, log)           /* $bytes_received (stream) | %U */             \
    X(upstream_address, bytes, response)      /* $upstream_addr, all tries */                 \
    X(upstream_status, bytes, response)       /* $upstream_status */                          \
    X(upstream_connect_time, bytes, response) /* $upstream_connect_time */                    \
    X(upstream_header_time, bytes, response)  /* $upstream_header_time */                     \
    X(upstream_response_time, bytes, log)     /* $upstream_response_time */                   \
    X(upstream_first_byte_time, bytes, log)   /* $upstream_first_byte_time (stream) */        \
    X(upstream_session_time, bytes, log)      /* $upstream_session_time (stream) */           \
    X(upstream_bytes_sent, bytes, log)        /* $upstream_bytes_sent */                      \
    X(upstream_bytes_received, bytes, log)    /* $upstream_bytes_received */                  \
    X(upstream_response_length, bytes, log)   /* $upstream_response_length */                 \
    X(cache_status, bytes, forward)           /* $upstream_cache_status */                    \
    X(cache_hit, boolean, response)           /* | res.cache_hit */                           \
    X(cache_name, bytes, response)            /* | res.cache_name: of the cache that answered */ \
    X(slice_range, bytes, forward)            /* $slice_range */                              \
    X(cache_key, bytes, forward)              /* $upstream_cache_key */                       \
    X(cache_etag, bytes, forward)             /* $upstream_cache_etag */                      \
    X(cache_modified, bytes, forward)         /* $upstream_cache_last_modified */             \
    X(request_time, bytes, request)           /* $request_time, seconds.milliseconds */       \
    X(session_time, bytes, log)               /* $session_time (stream) */                    \
    X(session_status, integer, log)           /* $status of a stream session */               \
    X(pipelined, bytes, request)              /* $pipe: "p" or "." */                         \
    X(tcp_info, bytes, connect)               /* $tcpinfo_* (text: rtt, rttvar, ...) */       \
    /* HAProxy's log fields */                                                                \
    X(log_accept_date, bytes, connect)        /* | %t */                                      \
    X(log_request_date, bytes, request)       /* | %tr */                                     \
    X(log_accept_date_gmt, bytes, connect)    /* | %T */                                      \
    X(log_accept_date_local, bytes, connect)  /* | %Tl */                                     \
    X(log_request_date_gmt, bytes, request)   /* | %trg */                                    \
    X(log_request_date_local, bytes, request) /* | %trl */                                    \
    X(log_timestamp_seconds, integer, connect) /* | %Ts */                                     \
    X(log_milliseconds, integer, connect)     /* | %ms */                                     \
    X(log_frontend_transport, bytes, connect) /* | %ft: name, ~ for TLS */                    \
    X(log_time_handshake, integer, request)   /* | %Th */                                     \
    X(log_time_idle, integer, request)        /* | %Ti */                                     \
    X(log_time_request, integer, request)     /* | %TR, %Tq with number 1 */                  \
    X(log_time_queue, integer, log)           /* | %Tw */                                     \
    X(log_time_connect, integer, log)         /* | %Tc */                                     \
    X(log_time_response, integer, log)        /* | %Tr */                                     \
    X(log_time_data, integer, log)            /* | %Td */                                     \
    X(log_time_active, integer, log)          /* | %Ta */                                     \
    X(log_time_total, integer, log)           /* | %Tt */                                     \
    X(log_time_user, integer, log)            /* | %Tu */                                     \
    X(log_termination_state, bytes, log)      /* | %ts (number 2) / %tsc (number 4) */        \
    X(log_captured_request_cookie, bytes, request) /* | %CC */                                  \
    X(log_captured_response_cookie, bytes, log)  /* | %CS */                                  \
    X(log_server_connections, integer, log)   /* | %sc */                                     \
    X(log_pool_connections, integer, log)     /* | %bc */                                     \
    X(log_server_queue, integer, log)         /* | %sq */                                     \
    X(log_pool_queue, integer, log)           /* | %bq */                                     \
    X(log_retries, integer, log)              /* | %rc, with + when redispatched */           \
    X(log_counter, integer, connect)          /* | %rt */                                     \
    /* tables: number = EntryQuery, text = a table other than the one it is followed in */    \
    X(request_limit, bytes, request)          /* $limit_req_status */                         \
    X(connection_limit, bytes, connect)       /* $limit_conn_status */                        \
    X(followed_entry, integer, connect)       /* | sc_http_req_rate(0) and its kin */         \
    X(followed_exists, boolean, connect)      /* | sc_tracked(0) */                           \
    X(followed_key, bytes, connect)           /* | sc_key(0) */                               \
    X(source_entry, integer, connect)         /* | src_http_req_rate(table) and its kin */    \
    X(table_used, integer, connect)           /* | table_cnt(table) */                        \
    X(table_free, integer, connect)           /* | table_avl(table) */

enum class Fetch : std::uint16_t {
#define X(name, type, phase) name,
    WEIR_FETCHES(X)
#undef X
    count_
};

// X(name, input type, output type)
#define WEIR_CONVERTERS(X)                                                                    \
    X(lower, bytes, bytes)                                                                    \
    X(upper, bytes, bytes)                                                                    \
    X(secure_link, bytes, bytes)      /* "hash,time" of text in[1]: 1, 0 (over), empty */     \
    X(length, bytes, integer)                                                                 \
    X(field, bytes, bytes)            /* number = index, text = delimiters */                 \
    X(word, bytes, bytes)                                                                     \
    X(bytes, bytes, bytes)            /* number = offset, in[1] = length */                   \
    X(regsub, bytes, bytes)           /* text = regex, in[1] = replacement, in[2] = flags */  \
    X(sub_string, bytes, bytes)                                                               \
    X(url_decode, bytes, bytes)                                                               \
    X(url_encode, bytes, bytes)                                                               \
    X(base64_encode, bytes, bytes)                                                            \
    X(base64_decode, bytes, bytes)                                                            \
    X(base64url_encode, bytes, bytes)                                                         \
    X(base64url_decode, bytes, bytes)                                                         \
    X(hex, bytes, bytes)                                                                      \
    X(json_escape, bytes, bytes)                                                              \
    X(host_only, bytes, bytes)                                                                \
    X(port_only, bytes, integer)                                                              \
    X(ip_mask, address, address)      /* number = IPv4 bits, in[1] = IPv6 bits */             \
    X(crc32, bytes, integer)                                                                  \
    X(djb2, bytes, integer)                                                                   \
    X(sdbm, bytes, integer)                                                                   \
    X(wt6, bytes, integer)                                                                    \
    X(xxh32, bytes, integer)                                                                  \
    X(xxh64, bytes, integer)                                                                  \
    X(md5, bytes, bytes)                                                                      \
    X(sha1, bytes, bytes)                                                                     \
    X(sha2, bytes, bytes)             /* number = bits */                                     \
    X(add, integer, integer)                                                                  \
    X(sub, integer, integer)                                                                  \
    X(mul, integer, integer)                                                                  \
    X(div, integer, integer)                                                                  \
    X(mod, integer, integer)                                                                  \
    X(neg, integer, integer)                                                                  \
    X(bit_and, integer, integer)                                                              \
    X(bit_or, integer, integer)                                                               \
    X(bit_xor, integer, integer)                                                              \
    X(bit_complement, integer, integer)                                                       \
    X(odd, integer, boolean)                                                                  \
    X(even, integer, boolean)                                                                 \
    X(truth, integer, boolean)        /* bool */                                              \
    X(not_truth, integer, boolean)    /* not */                                               \
    X(boolean_and, boolean, boolean)                                                          \
    X(to_integer, bytes, integer)                                                             \
    X(to_bytes, any, bytes)                                                                   \
    X(concat, bytes, bytes)                                                                   \
    X(add_item, bytes, bytes)         /* text = delimiter, in[1] = value, in[2] = suffix */   \
    X(uri_depth, bytes, bytes)        /* balance uri depth: up to slash number + 1 */         \
    X(main_domain, bytes, bytes)      /* balance hdr use_domain_only */                       \
    X(set_variable, any, any)         /* number = slot */                                     \
    X(iif, boolean, bytes)            /* text = true value, in[1] = false value */            \
    X(compare_string, bytes, integer) /* strcmp against a variable slot (number) */           \
    X(http_date, integer, bytes)                                                              \
    X(ltime, integer, bytes)          /* text = strftime format */                            \
    X(utime, integer, bytes)                                                                  \
    X(url_parameter, bytes, bytes)    /* urlp(text) */                                        \
    X(language, bytes, bytes)                                                                 \
    X(table_entry, any, integer)      /* table_http_req_rate(text) and its kin */             \
    X(in_table, any, boolean)         /* in_table(text) */                                    \
    X(trim_left, bytes, bytes)        /* ltrim(text) */                                       \
    X(trim_right, bytes, bytes)       /* rtrim(text) */                                       \
    X(cut_line, bytes, bytes)         /* cut_crlf */                                          \
    X(digest, bytes, bytes)           /* text = algorithm */                                  \
    X(hmac, bytes, bytes)             /* text = algorithm, in[1] = key */                     \
    X(grouped_hex, bytes, bytes)      /* be2hex: number = bytes of a group, text = separator, in[1] = whole groups only */\
    X(grouped_big, bytes, bytes)      /* be2dec: the same */                                  \
    X(grouped_little, bytes, bytes)   /* le2dec: the same */                                  \
    X(hex_integer, bytes, integer)    /* hex2i */                                             \
    X(reverse, bytes, bytes)                                                                  \
    X(reverse_labels, bytes, bytes)   /* reverse_dom */                                       \
    X(has_controls, bytes, boolean)   /* number = mask */                                     \
    X(json_query, bytes, any)         /* text = path, number = 1: an integer is wanted */     \
    X(parameter, bytes, bytes)        /* param(text), in[1] = delimiters */                   \
    X(same_bytes, bytes, boolean)     /* secure_memcmp: in[1] = the other one */              \
    X(crc32c, bytes, integer)                                                                 \
    X(xxh3, bytes, integer)                                                                   \
    X(forwarded_valid, bytes, boolean) /* rfc7239_is_valid */                                 \
    X(forwarded_field, bytes, bytes)  /* rfc7239_field(text) */                               \
    X(forwarded_name, bytes, bytes)   /* rfc7239_n2nn */                                      \
    X(forwarded_port, bytes, bytes)   /* rfc7239_n2np */                                      \
    X(certificate_error, integer, bytes) /* x509_v_err_str */

enum class Converter : std::uint8_t {
#define X(name, input, output) name,
    WEIR_CONVERTERS(X)
#undef X
    count_
};

}  // namespace weir::ir
