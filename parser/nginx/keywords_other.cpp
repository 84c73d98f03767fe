// SPDX-License-Identifier: Apache-2.0
// Directives that weir knows by name and does not run yet, from all their files.
#include "parser/nginx/keywords_other.hpp"

#include "parser/nginx/tables.hpp"

namespace weir::nginx {

std::span<const keyword::Table> other_keywords() {
    static const std::vector<keyword::Table> all = [] {
        std::vector<keyword::Table> tables;
        for (auto* part :
             {other::core_tables, other::http_tables, other::filters_tables, other::tls_tables,
              other::upstream_tables, other::proxy_tables, other::grpc_tables,
              other::fastcgi_tables, other::uwsgi_tables, other::scgi_tables,
              other::stream_tables, other::stream_proxy_tables, other::stream_ssl_tables,
              other::stream_plus_tables, other::mail_tables, other::js_tables,
              other::commercial_tables})
            for (auto table : part()) tables.push_back(table);
        return tables;
    }();
    return all;
}

}  // namespace weir::nginx
