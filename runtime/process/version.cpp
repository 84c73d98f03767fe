// SPDX-License-Identifier: Apache-2.0
// Version and help texts. Tools read them: certbot wants "nginx version: nginx/X", SNI, the SSL module
// and the OpenSSL version on stderr; HAProxy's Data Plane API and packages read "HAProxy version X"
// and the feature list. The numbers are those of the release whose behavior weir follows.
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <sys/utsname.h>

#include "runtime/process/personality.hpp"
#include "runtime/version.hpp"

namespace weir::process {

namespace {

constexpr char nginx_release[] = "1.29.8";
constexpr char haproxy_release[] = "3.4.0";

std::string system_name() {
    utsname name{};
    ::uname(&name);
    return fmt::format("{} {} {} {}", name.sysname, name.release, name.version, name.machine);
}

// "OpenSSL 3.0.15 3 Sep 2024", as both programs print it.
std::string openssl_running() { return OpenSSL_version(OPENSSL_VERSION); }

constexpr char nginx_help[] =
    R"(Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: /etc/nginx/)
  -e filename   : set error log file (default: stderr)
  -c filename   : set configuration file (default: /etc/nginx/nginx.conf)
  -g directives : set global directives out of configuration file

)";

constexpr char haproxy_help[] =
    R"(Usage : haproxy [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]
        [ -p <pidfile> ] [ -m <max megs> ] [ -C <dir> ] [-- <cfgfile>*]
        -v displays version ; -vv shows known build options.
        -V enters verbose mode (disables quiet mode)
        -D goes daemon ; -C changes to <dir> before loading files.
        -W, -Ws master-worker mode (weir always has a master; it tells systemd by itself).
        -q quiet mode : don't display messages
        -c check mode : only check config files and exit
        -cc check condition : evaluate a condition and exit
        -n sets the maximum total # of connections
        -m limits the usable amount of memory (in MB)
        -L set local peer name (default to hostname)
        -p writes the pid of the master to this file
        -db stays in the foreground ; -dr ignores server address resolution failures
        -dW fails if any warning is emitted ; -dD reports advice too
        -sf/-st [pid ]* finishes/terminates old pids.

)";

constexpr char weir_help[] =
    R"(Usage: weir [-c FILE]... [options]       run in the foreground (-D: in the background)
       weir -t [-c FILE] [--offline]      test a configuration; changes nothing, needs no root
       weir -s stop|quit|reload|reopen    talk to the running weir; reload waits for the outcome
       weir ir FILE                       print what a configuration means
       weir keywords [nginx|haproxy] --format man|json|bash
       weir demo                          run both languages over built-in servers
       weir warm [-n N] [--to HOST:PORT] FILE|-   ask for the URLs in FILE, N at a time, so that caches have them
       weir ping                          exit 0 when the running weir serves

Options:
  -c FILE            nginx or HAProxy configuration, told by its content; may be repeated
  --nginx FILE, --haproxy FILE           the same, language given
  -p PREFIX          folder that relative paths of an nginx configuration start from
  -g DIRECTIVES      further nginx directives of the main context
  -e FILE            error log where the configuration names none
  -t, -tt, -T        test; with advice; test and print every file read
  -q                 say nothing but errors
  --offline          test without names, certificates and other files
  --format text|json how a test reports
  --pid FILE         pid file where the configuration names none
  -D                 go to the background once everything runs
  -v, -V, -h         version, version with details, this text

As "nginx" or "haproxy" (the name it is started by) weir takes the command line of that program.
)";

}  // namespace

std::string version_text_of(Personality personality) {
    switch (personality) {
        case Personality::nginx: return fmt::format("nginx version: nginx/{} (weir {})\n", nginx_release, version_text);
        case Personality::haproxy:
            return fmt::format("HAProxy version {}-weir{} 2026/09/01 - https://haproxy.org/\n"
                               "Status: weir, running HAProxy configurations.\n"
                               "Running on: {}\n",
                               haproxy_release, version_text, system_name());
        case Personality::weir: break;
    }
    return fmt::format("weir {}\n", version_text);
}

std::string long_version_of(Personality personality) {
    if (personality == Personality::nginx)
        return version_text_of(personality) +
               fmt::format("built with {} (running with {})\n"
                           "TLS SNI support enabled\n"
                           "configure arguments: --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx"
                           " --conf-path=/etc/nginx/nginx.conf"
                           " --error-log-path=/var/log/nginx/error.log"
                           " --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid"
                           " --with-compat --with-threads --with-http_ssl_module"
                           " --with-http_v2_module --with-http_stub_status_module"
                           " --with-http_realip_module --with-http_addition_module"
                           " --with-http_auth_request_module --with-http_secure_link_module"
                           " --with-http_sub_module --with-http_gunzip_module"
                           " --with-http_gzip_static_module --with-http_slice_module"
                           " --with-http_random_index_module"
                           " --with-stream --with-stream_ssl_module"
                           " --with-stream_ssl_preread_module --with-stream_realip_module"
                           // What nginx has unless it is left out, and weir does not have.
                           " --without-http_browser_module"
                           " --without-http_memcached_module"
                           " --without-http_tunnel_module"
                           " --without-http_upstream_least_time_module"
                           " --without-http_userid_module"
                           " --without-stream_upstream_least_time_module\n",
                           OPENSSL_VERSION_TEXT, openssl_running());
    if (personality == Personality::haproxy)
        return version_text_of(personality) +
               fmt::format("Build options :\n  TARGET  = linux-glibc\n\n"
                           "Feature list : +ACCEPT4 +CPU_AFFINITY +EPOLL +GETADDRINFO"
                           " +LINUX_SPLICE +LINUX_TPROXY -LUA +OPENSSL +PCRE2 +PCRE2_JIT +POLL"
                           " +PRCTL -QUIC +SYSTEMD +TFO +THREAD +TPROXY +ZLIB\n\n"
                           "Built with multi-threading support (MAX_THREADS=32, default=1).\n"
                           "Built with OpenSSL version : {}\n"
                           "Running on OpenSSL version : {}\n"
                           "OpenSSL library supports TLS extensions : yes\n"
                           "OpenSSL library supports SNI : yes\n\n"
                           "Available polling systems :\n"
                           "      epoll : pref=300,  test result OK\n"
                           "Total: 1 (1 usable), will use epoll.\n",
                           OPENSSL_VERSION_TEXT, openssl_running());
    return version_text_of(personality) +
           fmt::format("follows nginx {} and HAProxy {}\nbuilt with {} (running with {})\n",
                       nginx_release, haproxy_release, OPENSSL_VERSION_TEXT, openssl_running());
}

std::string help_of(Personality personality) {
    switch (personality) {
        case Personality::nginx: return version_text_of(personality) + nginx_help;
        case Personality::haproxy: return version_text_of(personality) + haproxy_help;
        case Personality::weir: break;
    }
    return weir_help;
}

}  // namespace weir::process
